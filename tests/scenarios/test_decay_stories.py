"""Every story of decay comes out as it says, in both CRMs."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios.story import STORIES, Played, read_story

FOLDER = STORIES.parent / "decay"
FILES = sorted(FOLDER.glob("*.yaml"))
ROWS = ("94", "95", "96")


def test_every_practice_has_its_story() -> None:
    assert {p.name[:2] for p in FILES} == set(ROWS)


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_story_comes_out_as_it_says(path: Path, crm: str) -> None:
    story = read_story(path)
    played = Played(story, crm, FOLDER)
    expect = story.expect
    try:
        assert expect.decays in (None, played.decays())
        assert expect.level in (None, played.level())
        assert {email: played.told(email) for email in expect.told} == expect.told
        assert expect.owner in (None, played.owner())
        assert expect.urgent in (None, played.urgent())
        assert expect.critical in (None, played.critical())
        for ref in played.refs:
            assert expect.decays in (None, played.decays(ref))
    finally:
        played.house.close()
