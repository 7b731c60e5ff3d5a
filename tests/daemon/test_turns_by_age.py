"""Whoever came first has the first turn, whatever happened to their records since."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from daemon.house import House, an_org, owner_email

from fairlead.core.types import Ref
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

CRMS = ("salesforce", "hubspot")
EVENT = "lead.decided"


def a_house(crm: str) -> tuple[ManualClock, FakeCrm, House]:
    clock = ManualClock()
    fake = an_org(clock, crm)
    house = House(None, [fake], clock)
    house.start()
    clock.advance(60)
    return clock, fake, house


def owners_when_touched(crm: str, order: tuple[int, ...]) -> list[str | None]:
    """Three leads that come a second apart; before we look each is touched once, in this order."""
    clock, fake, house = a_house(crm)
    try:
        refs: list[Ref] = []
        for n in range(3):
            refs.append(fake.create_lead(email=f"x{n}@acme{n}.test"))
            clock.advance(1)
        for n in order:
            fake.update(refs[n], title="looked at by the CRM itself")
            clock.advance(1)
        house.round()
        return [owner_email(fake, r) for r in refs]
    finally:
        house.close()


@pytest.mark.parametrize("crm", CRMS)
def test_the_order_in_which_a_crm_touches_new_leads_changes_no_turn(crm: str) -> None:
    first = owners_when_touched(crm, (0, 1, 2))
    assert len(set(first)) > 1, "else any order would do"
    for order in permutations(range(3)):
        assert owners_when_touched(crm, order) == first


@pytest.mark.parametrize("crm", CRMS)
def test_leads_of_one_instant_have_their_turns_by_number(crm: str) -> None:
    _, fake, house = a_house(crm)
    try:
        refs = [fake.create_lead(email=f"x{n}@acme{n}.test") for n in range(12)]
        ingest = house.ingests[crm]
        asked = ingest.cursors()
        pages = ingest.connector.changes(asked)
        shuffled = {
            kind: replace(page, records=list(reversed(page.records)))
            for kind, page in pages.items()
        }
        ingest.take(shuffled, asked)
        house.deliver()
        numbered = sorted(refs, key=lambda r: (len(r.id), r.id))
        rows = house.db.rows("SELECT lead_id FROM journal WHERE event = ? ORDER BY seq", (EVENT,))
        decided = [r["lead_id"] for r in rows]
        assert decided == [r.id for r in numbered]
    finally:
        house.close()
