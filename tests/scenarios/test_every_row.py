"""Every capability and practice of a named company that follows assignment has a story of its own.

The list is that of the capabilities and of the companies that the seeds name, as far as they speak
of answer times, points, signals, decay and second chances. A story's file begins with the number of
its row or the name of its company; `test_stories` plays each in both CRMs.
"""

from __future__ import annotations

import re

import pytest
from scenarios.story import Look, Story, read_story, story_files
from scenarios.test_stories import CRMS

ROWS: dict[int, tuple[str, ...]] = {
    9: ("signals",),
    25: ("score", "points"),
    26: ("points",),
    27: ("points", "score"),
    28: ("grade",),
    29: ("grade", "owner"),
    30: ("calibration", "owners"),
    31: ("grade", "points"),
    32: ("calibration",),
    33: ("why_says",),
    80: ("staffing",),
    82: ("clocks", "times", "instants"),
    83: ("fires",),
    84: ("instants", "fires"),
    85: ("fires", "instants", "includes"),
    86: ("told", "messages"),
    87: ("owner",),
    88: ("fires", "includes", "owner"),
    89: ("away",),
    90: ("follow_ups", "cadence"),
    91: ("indicators",),
    93: ("fires", "instants"),
    94: ("decays",),
    95: ("decays", "owner", "urgent"),
    96: ("critical", "decays"),
    97: ("state", "reason"),
    98: ("member_of", "fields"),
    99: ("state", "fields"),
    100: ("owner", "state"),
    101: ("owner",),
    102: ("state", "cycle", "reason"),
    103: ("waits", "back_at"),
    104: ("comes_back", "back_at"),
    105: ("task_says",),
    106: ("messages",),
    107: ("tasks", "task_says"),
    111: ("alerts",),
}
"""By the row's number the words in which it is told: its stories look at one of them at least."""
COMPANIES: dict[str, set[str]] = {
    "hubspot": {"score", "fires", "owner"},
    "marketo": {"score", "points", "state", "member_of"},
    "adobe": {"calibration", "more", "less"},
    "insidesales": {"fires", "clocks"},
    "drift": {"fires", "clocks"},
    "oracle": {"state", "comes_back", "back_at"},
    "salesforce": {"states", "member_of"},
}
"""By the company's name all that its stories together look at."""
SHIFTS = {
    "a night shift when clocks go forward": r"night.*(forward|easter)",
    "a night shift when clocks go back": r"night.*back",
    "the southern half of the world": r"southern",
    "half a day and a holiday": r"half-day-and-holiday",
}
FILES = story_files()


def begin(name: str) -> str:
    return name.partition("-")[0]


def words(story: Story) -> set[str]:
    looks: list[Look] = [*story.looks, *([] if story.expect is None else [story.expect])]
    return {word for look in looks for word in look.model_fields_set}


def test_a_story_belongs_to_a_row_or_a_company() -> None:
    known = {*map(str, ROWS), *COMPANIES}
    assert {begin(p.stem) for p in FILES} == known


@pytest.mark.parametrize("row", ROWS)
def test_the_row_has_its_story_in_its_words(row: int) -> None:
    stories = [p for p in FILES if begin(p.stem) == str(row)]
    assert stories
    told = {word for p in stories for word in words(read_story(p))}
    assert told & set(ROWS[row])


@pytest.mark.parametrize("company", COMPANIES)
def test_the_company_s_practice_is_told(company: str) -> None:
    stories = [read_story(p) for p in FILES if begin(p.stem) == company]
    assert stories
    assert {word for s in stories for word in words(s)} >= COMPANIES[company]
    for story in stories:
        named = re.match(r"(\w+)(?:'s|') practice, ", story.name)
        assert named is not None, story.name
        assert named[1].lower() == company


@pytest.mark.parametrize(
    ("topic", "row", "shift"),
    [
        ("clocks", 84, "a night shift when clocks go forward"),
        ("clocks", 84, "a night shift when clocks go back"),
        ("clocks", 84, "the southern half of the world"),
        ("clocks", 84, "half a day and a holiday"),
        ("clocks", 90, "a night shift when clocks go forward"),
        ("clocks", 90, "a night shift when clocks go back"),
        ("clocks", 90, "the southern half of the world"),
        ("clocks", 90, "half a day and a holiday"),
        ("decay", 94, "a night shift when clocks go forward"),
        ("decay", 94, "a night shift when clocks go back"),
        ("decay", 94, "the southern half of the world"),
        ("decay", 94, "half a day and a holiday"),
    ],
)
def test_shifts_holidays_and_summer_time_are_among_the_stories(
    topic: str, row: int, shift: str
) -> None:
    names = [p.stem for p in FILES if p.parent.name == topic and begin(p.stem) == str(row)]
    assert [n for n in names if re.search(SHIFTS[shift], n)]


def test_both_crms_play_them() -> None:
    assert set(CRMS) == {"salesforce", "hubspot"}
