"""Every story comes out as it says, in both CRMs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from scenarios.played import Played
from scenarios.seen import SEEN, check
from scenarios.story import Look, Story, read_story, story_files

CRMS = ("salesforce", "hubspot")
FILES = story_files()


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_story_comes_out_as_it_says(path: Path, crm: str) -> None:
    story = read_story(path)
    played = Played(story, crm, path.parent)
    looked = 0
    try:
        for look in played.looks():
            check(played, look)
            looked += len(look.model_fields_set - {"at"})
    finally:
        played.house.close()
    assert looked, "a story that looks at nothing proves nothing"


def test_every_word_of_a_look_is_compared() -> None:
    """A word that nothing answers would be a promise that nobody checks."""
    asked_for = {"includes", "some", "task_says", "why_says", "away"}
    together = {"staffing", "indicators", "calibration", "calibrate_says", "more", "less"}
    assert set(Look.model_fields) == set(SEEN) | asked_for | together


@pytest.mark.parametrize("mistake", [{"colour": "red"}, {"looks": [{"at": "1h", "ownr": "x"}]}])
def test_an_unknown_word_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Story.model_validate({"name": "a lead", "policy": "p.yaml", **mistake})
