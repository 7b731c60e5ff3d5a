"""The README shows what the product says: its policy is read, its lead routed and explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import House
from docs.pages import ROOT, blocks

from fairlead.core.types import Kind
from fairlead.reports.human import human_why
from fairlead.testing.builders import LEAD_FIELDS
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

README = blocks(ROOT / "README.md")
[POLICY] = [b.text for b in README if b.kind == "yaml"]
[WHY] = [b.text for b in README if b.text.startswith("$ fairlead why ")]
USERS = {
    "anna@example.com": "0055e00000AnnaAAAA",
    "ben@example.com": "0055e00000BenAAAAA",
    "carla@example.com": "0055e00000CarlAAAA",
}
FIRST, SECOND = "00Q5e00000AbCdEFGH", "00Q5e00000AbCdEGGH"


@pytest.fixture
def house() -> Iterator[House]:
    """Ben is not active; two large companies from Germany have come through the queue."""
    clock = ManualClock()
    salesforce = FakeCrm(clock, name="salesforce", lead_object="Lead")
    for email, id in USERS.items():
        user = {"email": email, "name": email, "active": not email.startswith("ben")}
        salesforce.create(Kind.REP, user, id=id)
    inbound = salesforce.add_queue("Inbound")
    house = House(None, [salesforce], clock, POLICY)
    house.start()
    for email, id in (("x@acme.example", FIRST), ("y@globex.example", SECOND)):
        clock.advance(60)
        fields = {**LEAD_FIELDS, "email": email, "country": "Deutschland", "employees": 4000}
        salesforce.create(Kind.LEAD, fields, owner_id=inbound, id=id)
        clock.advance(1)
        house.round()
    yield house
    house.close()


def test_why_says_what_the_readme_shows(house: House) -> None:
    command, _, shown = WHY.partition("\n")
    said = "\n".join(human_why(house.commands.why(SECOND))) + "\n"
    assert command == f"$ fairlead why {SECOND}"
    assert shown == said, f"put this into README.md:\n{said}"


def test_the_text_around_it_is_so(house: House) -> None:
    first, second = (house.commands.why(id)[0] for id in (FIRST, SECOND))
    assert (first["owner"], second["owner"]) == ("anna@example.com", "carla@example.com")
    assert [p["rep"] for p in second["decision"]["passed"]] == ["ben@example.com"]
    assert second["decision"]["recomputed_equal"]
