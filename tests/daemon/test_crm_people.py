"""What a CRM says of its users' availability is kept, and what cannot be read is said once."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from daemon.house import REPS, House
from daemon.test_pages_and_numbers import events

from fairlead.core.types import Availability, LeadState, Ref
from fairlead.store import directory, leads
from fairlead.testing.clock import START
from fairlead.testing.fake_crm import FakeCrm

AWAY = Availability(
    off=((datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 4, 12, 30, tzinfo=UTC)),),
    hours=((0, 540, 1020), (4, 540, 900)),
    timezone="Europe/Berlin",
    present=False,
)


def journal_of(house: House) -> list[str]:
    return [r["event"] for r in house.db.rows("SELECT event FROM journal ORDER BY seq")]


def id_of(sf: FakeCrm, house: House) -> str:
    owners = directory.get_owners(house.db, sf.name)
    return next(o.id for o in owners if o.email == REPS[0])


def a_held_row(house: House, ref: Ref, *, until: datetime) -> leads.LeadRow:
    person_id, _ = leads.person_for(house.db, ref, ())
    return leads.LeadRow(
        ref, person_id, LeadState.HELD, "nobody", None, "v1", START, START, None, None, None, until
    )


def refresh(house: House) -> bool:
    return house.ingests["salesforce"].refresh_owners()


def told(house: House, sf: FakeCrm) -> Availability | None:
    id = id_of(sf, house)
    return next(o for o in directory.get_owners(house.db, sf.name) if o.id == id).availability


def test_what_is_told_of_a_user_outlives_a_restart_to_the_minute(house: House, sf: FakeCrm) -> None:
    sf.tell_availability(id_of(sf, house), AWAY)
    refresh(house)
    assert told(house, sf) == AWAY
    house.restart()
    assert told(house, sf) == AWAY
    assert "availability.changed" in journal_of(house)


def test_a_user_of_whom_nothing_is_told_has_none(house: House, sf: FakeCrm) -> None:
    assert told(house, sf) is None
    sf.tell_availability(id_of(sf, house), AWAY)
    refresh(house)
    sf.tell_availability(id_of(sf, house), None)
    refresh(house)
    assert told(house, sf) is None


def test_the_journal_tells_availability_from_people(house: House, sf: FakeCrm) -> None:
    before = journal_of(house)
    sf.tell_availability(id_of(sf, house), AWAY)
    refresh(house)
    assert journal_of(house)[len(before) :] == ["availability.changed"]
    sf.deactivate(id_of(sf, house))
    refresh(house)
    assert journal_of(house)[len(before) :] == ["availability.changed", "owners.changed"]


def test_what_cannot_be_understood_is_said_once_for_each_user(
    house: House, sf: FakeCrm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="fairlead")
    odd = replace(AWAY, unreadable=("working_hours",))
    sf.tell_availability(id_of(sf, house), odd)
    refresh(house)
    for present in (True, False):
        sf.tell_availability(id_of(sf, house), replace(odd, present=present))
        refresh(house)
    house.restart()
    refresh(house)
    assert events(caplog).count("availability.unreadable") == 1
    sf.tell_availability(id_of(sf, house), replace(odd, unreadable=("working_hours", "timezone")))
    refresh(house)
    assert events(caplog).count("availability.unreadable") == 2


def test_held_leads_are_looked_at_again_unless_people_only_went_away(
    house: House, sf: FakeCrm
) -> None:
    lead = sf.create_lead(email="x@acme.test")
    with house.db.transaction():
        row = a_held_row(house, lead, until=house.clock.now() + timedelta(hours=1))
        leads.put_lead(house.db, row)

    def due() -> int:
        return len(leads.held_due(house.db, sf.name, house.clock.now(), 10))

    sf.tell_availability(id_of(sf, house), replace(AWAY, present=False))
    assert not refresh(house)
    assert due() == 0
    sf.tell_availability(id_of(sf, house), replace(AWAY, present=True))
    assert refresh(house)
    assert due() == 1
