"""Every story of a signal comes out as it says, in both CRMs."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios.signal_story import STORIES, PlayedSignals, read_signal_story

FILES = sorted(STORIES.glob("*.yaml"))
ROWS = {"9", "100"}


def test_every_practice_has_its_story() -> None:
    assert {p.name.partition("-")[0] for p in FILES} == ROWS


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_story_comes_out_as_it_says(path: Path, crm: str) -> None:
    played = PlayedSignals(read_signal_story(path), crm)
    expect = played.story.expect
    try:
        assert played.owner() == expect.owner
        assert played.signals() == expect.signals
        assert [played.rerouted(ref) for ref in played.refs] == [expect.rerouted] * len(played.refs)
        if expect.score is not None:
            assert played.score() == (expect.score, expect.grade)
    finally:
        played.house.close()
