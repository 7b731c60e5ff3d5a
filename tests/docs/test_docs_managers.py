"""The examples on the pages for managers come true when they are played, in both CRMs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from docs.pages import ROOT, Block, blocks, text_of
from scenarios.played import Played
from scenarios.seen import check
from scenarios.story import Story
from scenarios.test_stories import CRMS

from fairlead.core.policy_file import load_policy

HEAD = """\
version: 1
sources: {sf: {crm: salesforce}, hs: {crm: hubspot, object: contacts}}
reps: {anna@example.com: {}, ben@example.com: {}, carla@example.com: {}}
teams:
  inbound: {members: [anna@example.com, ben@example.com], manager: mona@example.com}
  inside: {members: [anna@example.com]}
  senior: {members: [ben@example.com]}
  specialists: {members: [carla@example.com]}
  second_chance: {members: [carla@example.com], manager: mona@example.com}
"""
END = "otherwise: {to: {team: inbound}}\n"
PAGES = ("sla", "scoring", "recycling", "decay", "signals")
KEPT = {
    "sla": {"slas:", "cadences:", "inbound: 5m for"},
    "scoring": {"fields:\n", "rules:", "  score: 62", "fields: {written", "$ fairlead calibrate"},
    "recycling": {"fields:", "This lead comes back"},
    "decay": {"decay:", "rules:"},
    "signals": {"fields:"},
}
"""How each block of a page begins that is held true here or in the page's own test."""


def parts(page: str) -> list[Block]:
    return [b for b in blocks(ROOT / "docs" / f"{page}.md") if b.kind == "yaml"]


@pytest.fixture(params=CRMS)
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tell(folder: Path, crm: str, text: str, **story: Any) -> Played:
    """Play a story under this policy; what it looks at has been checked."""
    load_policy({"p.yaml": text}, "p.yaml")
    (folder / "page.yaml").write_text(text, encoding="utf-8")
    told = Story.model_validate({"name": "a page", "policy": "page.yaml", **story})
    played = Played(told, crm, folder)
    try:
        for look in played.looks():
            check(played, look)
    finally:
        played.house.close()
    return played


@pytest.mark.parametrize("page", PAGES)
def test_no_block_of_a_page_is_left_out(page: str) -> None:
    """A new block fails here until a test holds it."""
    for block in blocks(ROOT / "docs" / f"{page}.md"):
        [_] = [begin for begin in KEPT[page] if block.text.startswith(begin)]
    assert len(KEPT[page]) == len(blocks(ROOT / "docs" / f"{page}.md"))


SLAS, CADENCES = (b.text for b in parts("sla"))
ANSWER = HEAD + SLAS + CADENCES + END


def test_the_path_of_the_page_goes_as_told(tmp_path: Path, crm: str) -> None:
    tell(
        tmp_path, crm, ANSWER,
        looks=[
            {"at": "14m", "owner": "anna@example.com", "told": {"mona@example.com": 1}},
            {"at": "16m", "owner": "ben@example.com", "told": {"dana@example.com": 0}},
            {
                "at": "36m",
                "includes": ["150s warning 50%", "5m due", "5m step 1", "15m step 2", "35m step 3"],
                "told": {"dana@example.com": 1},
            },
        ],
    )  # fmt: skip


def test_the_clock_of_the_page_stands_while_the_buyer_is_waited_for(
    tmp_path: Path, crm: str
) -> None:
    [waiting] = re.findall(r'paused_when: status == "(.*)"', SLAS)
    waits = [
        {"at": "2m", "change": {"status": waiting}},
        {"at": "1h", "change": {"status": "New"}},
    ]
    looks = [
        {"at": "62m", "includes": ["3630s warning 50%"], "some": True},
        {"at": "64m", "includes": ["63m due"], "told": {"mona@example.com": 1}},
    ]
    tell(tmp_path, crm, ANSWER, story=waits, looks=looks)


def test_the_follow_ups_of_the_page_come_after_the_answer(tmp_path: Path, crm: str) -> None:
    played = tell(
        tmp_path, crm, ANSWER,
        story=[{"at": "1m", "logs": "call"}],
        looks=[
            {"at": "25h", "follow_ups": ["2027-01-05T10:01:00+00:00 task 1"]},
            {"at": "4d", "clocks": ["answered"], "owner": "anna@example.com"},
        ],
    )  # fmt: skip
    assert "Send the price list" in {t.subject for t in played.fake.tasks.values()}


@pytest.mark.parametrize(
    ("day", "hours"), [("2027-01-31", "4h"), ("2027-02-01", "2h"), ("2027-04-01", "1h")]
)
def test_the_promise_of_the_page_grows_tighter(
    tmp_path: Path, crm: str, day: str, hours: str
) -> None:
    [tighten] = re.findall(r"`(tighten: \[.*?\])`", text_of("docs/sla.md"))
    slas = f"slas:\n  hot:\n    respond_within: 4h\n    hours: always\n    {tighten}\n"
    rules = "rules: [{name: All, to: {team: inbound}, sla: hot}]\n"
    text = HEAD + slas + rules + END
    begins = f"{day}T10:00:00+00:00"
    tell(tmp_path, crm, text, now=begins, looks=[{"at": "5h", "fires": [f"{hours} due"]}])
    assert "makes four hours two from February and one from April" in text_of("docs/sla.md")


def test_the_lead_of_the_page_goes_cold_as_told(tmp_path: Path, crm: str) -> None:
    text = HEAD + "".join(b.text for b in parts("decay")) + END
    tell(
        tmp_path, crm, text, now="2027-01-04T10:00:00+00:00",
        looks=[
            {"at": "71h", "urgent": False, "decays": []},
            {"at": "73h", "urgent": True, "told": {"mona@example.com": 0}},
            {"at": "8d", "told": {"mona@example.com": 1}, "critical": 1, "level": "critical"},
            {"at": "31d", "owner": "carla@example.com", "decays": ["3d cooling", "7d critical",
                                                                   "30d lost"]},
        ],
    )  # fmt: skip
    page = " ".join(text_of("docs/decay.md").split())
    assert "has an urgent task on Thursday at ten; a week after it came the manager is told" in page


[SIGNALS] = (b.text for b in parts("signals"))


def test_a_webinar_guest_of_the_page_talks_to_a_specialist_for_two_days(
    tmp_path: Path, crm: str
) -> None:
    text = HEAD + SIGNALS + END
    guest = {"signals": ["webinar_attended -47h"], "owner": "carla@example.com"}
    late = {"signals": ["webinar_attended -49h"], "owner": "anna@example.com"}
    tell(tmp_path, crm, text, attended="47h", looks=[{"at": "1m", **guest}])
    tell(tmp_path, crm, text, attended="49h", looks=[{"at": "1m", **late}])


def test_the_points_of_the_page_fade_or_end(tmp_path: Path, crm: str) -> None:
    tell(
        tmp_path, crm, HEAD + SIGNALS + END, attended="336h",
        story=[{"at": "1h", "dated": "last_click"}],
        looks=[
            # Twenty points for the webinar of 14 days ago are ten.
            {"at": "1m", "score": 10, "grade": "warm"},
            {"at": "61m", "score": 20, "signals": ["webinar_attended -14d", "email_clicked 1h"]},
            {"at": "8d", "grade": "poor"},
        ],
    )  # fmt: skip


def test_a_demo_of_the_page_is_a_signal_of_the_day_the_lead_was_made(
    tmp_path: Path, crm: str
) -> None:
    told = {"signals": ["demo_requested 0s"]}
    text = HEAD + SIGNALS + END
    tell(tmp_path, crm, text, lead={"form": "Book a demo"}, looks=[{"at": "1m", **told}])


def test_a_lead_of_the_page_that_warms_up_reaches_sales(tmp_path: Path, crm: str) -> None:
    whole = {b.name: b.text for b in parts("scoring")}
    moving = re.fullmatch(r"fields: \{(.*)\}\n(.*\n)", whole["moving"])
    assert moving is not None
    fields = whole[""].replace("fields:\n", f"fields:\n  {moving[1]}\n", 1)
    text = HEAD + fields + moving[2] + whole["rules"]
    looks = [
        {"at": "1h", "grade": "cold", "owner": "Marketing"},
        {"at": "3h", "grade": "sql", "owner": "ben@example.com"},
    ]
    warm = [
        {"at": "2h", "change": {"web_visits": 4}, "dated": "last_visit_at"},
        {"at": "2h", "change": {"downloads": 1}, "dated": "last_download_at"},
    ]
    tell(tmp_path, crm, text, lead={"employees": 300}, story=warm, looks=looks)
