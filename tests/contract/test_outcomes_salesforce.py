"""What became of leads in Salesforce: converted, won, lost, over HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.crm_salesforce import SalesforceUnderTest

from fairlead.core.fate import OPEN, Fate
from fairlead.core.types import Ref
from fairlead.spi.connector import Direction
from fairlead_salesforce.fates import fate


@pytest.fixture
def crm() -> Iterator[SalesforceUnderTest]:
    crm = SalesforceUnderTest()
    yield crm
    crm.close()


def became(crm: SalesforceUnderTest, *refs: Ref) -> list[Fate]:
    reader = crm.connector(Direction.READ)
    try:
        found = reader.became(refs)
        return [found[r] for r in refs]
    finally:
        reader.close()


def converted(crm: SalesforceUnderTest, n: int, stage: str | None) -> Ref:
    ref = crm.create_lead({"email": f"x{n}@acme.example"})
    made = crm.sandbox.act(op="convert", id=ref.id, opportunity=stage is not None)
    if stage is not None:
        crm.update(Ref("salesforce", "Opportunity", made["opportunity"]), {"StageName": stage})
    return ref


def test_the_opportunity_says_whether_a_converted_lead_was_won(crm: SalesforceUnderTest) -> None:
    stages = ("Closed Won", "Closed Lost", "Prospecting", None)
    found = became(crm, *(converted(crm, n, stage) for n, stage in enumerate(stages)))
    assert [f.won for f in found] == [True, False, None, None]
    assert all(f.converted and not f.lost for f in found)


def test_a_closed_status_without_conversion_is_lost_and_an_open_one_is_open(
    crm: SalesforceUnderTest,
) -> None:
    lost, working = (crm.create_lead({"email": f"y{n}@acme.example"}) for n in range(2))
    crm.update(lost, {"Status": "Closed - Not Converted"})
    crm.update(working, {"Status": "Working - Contacted"})
    found = became(crm, lost, working)
    assert (found[0].lost, found[0].converted) == (True, False)
    assert found[1] == OPEN


def test_without_the_opportunity_the_conversion_alone_is_told() -> None:
    row = {"IsConverted": True, "ConvertedOpportunity": None, "Status": "Closed - Converted"}
    assert fate(row) == Fate(True, None, why="converted")
    assert fate({"Status": "Disqualified", "IsConverted": False}).lost
