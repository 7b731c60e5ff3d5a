"""Every story of a clock comes out as it says, in both CRMs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from scenarios.story import STORIES, Played, read_story

FILES = sorted(STORIES.glob("*.yaml"))
ROWS = ("82", "83", "84", "85", "86", "87", "88", "89", "90", "93", "105", "106", "107")


def test_every_practice_has_its_story() -> None:
    assert {p.name.partition("-")[0] for p in FILES} == set(ROWS)


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_story_comes_out_as_it_says(path: Path, crm: str) -> None:
    story = read_story(path)
    played = Played(story, crm)
    expect = story.expect
    try:
        if expect.fires is not None:
            assert played.since() == expect.fires
        if expect.instants is not None:
            found = played.fired()[: len(expect.instants)] if expect.some else played.fired()
            wanted = [line.partition(" ")[::2] for line in expect.instants]
            assert found == [(datetime.fromisoformat(at), step) for at, step in wanted]
        assert set(expect.includes) <= set(played.since())
        assert {email: played.told(email) for email in expect.told} == expect.told
        assert expect.messages in (None, played.messages())
        assert expect.owner in (None, played.owner())
        assert expect.clocks in (None, played.clocks())
        assert played.away() == expect.away or any(e.away for e in story.story)
        assert expect.urgent in (None, played.urgent())
        assert expect.follow_ups in (None, played.follow_ups())
        assert expect.cadence in (None, played.cadence())
        assert len(played.open_follow_ups()) <= 1
        times = played.times()
        assert {name: times[name] for name in expect.times} == expect.times
        assert expect.tasks in (None, len(played.own_tasks()))
        for line in expect.task_says:
            assert line in played.own_tasks()[-1].body
        for ref in played.refs:
            steps = [step for _, step in played.fired(ref)]
            assert expect.fires is None or expect.some or len(steps) == len(expect.fires)
    finally:
        played.house.close()
