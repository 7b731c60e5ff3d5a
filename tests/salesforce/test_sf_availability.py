"""Out-of-office entries, presence and time zones become availability, and never an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from salesforce.wire_sf import ANNA, BEN, INBOUND, Wire, fixture, rows, soql_of

from fairlead.core.types import Availability

Connect = Callable[..., Any]
HIDDEN = (400, [{"errorCode": "INVALID_TYPE", "message": "sObject type is not supported"}])


def absence(user: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"UserId": user, "StartDate": start, "EndDate": end, "IsEnabled": True, **more}


def told(connect: Connect) -> dict[str, Availability | None]:
    return {owner.id: owner.availability for owner in connect().owners()}


def of(connect: Connect, user: str) -> Availability:
    found = told(connect)[user]
    assert found is not None
    return found


def test_everybody_and_their_availability_come_in_one_call(wire: Wire, connect: Connect) -> None:
    wire.people()
    found = told(connect)
    assert found[BEN] == Availability(timezone="America/New_York")
    assert found[INBOUND] is None
    [parts] = wire.composites
    assert [soql_of(p).partition(" FROM ")[2].split()[0] for p in parts[3:]] == [
        "OutOfOffice",
        "UserServicePresence",
    ]
    assert "IsEnabled =" not in soql_of(parts[3]), "it cannot be filtered on"


def test_an_absence_lasts_from_its_start_to_its_end(wire: Wire, connect: Connect) -> None:
    wire.people(
        absences=rows(absence(ANNA, "2026-03-02T08:30:00.000+0000", "2026-03-04T15:00:00.000+0000"))
    )
    start, end = datetime(2026, 3, 2, 8, 30, tzinfo=UTC), datetime(2026, 3, 4, 15, tzinfo=UTC)
    found = told(connect)
    assert found[ANNA].off == ((start, end),)  # type: ignore[union-attr]
    assert found[BEN].off == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "until"),
    [
        # Midnight where Ben lives, in winter and over the day on which summer time begins.
        ("2026-03-04T05:00:00.000+0000", datetime(2026, 3, 5, 5, tzinfo=UTC)),
        ("2026-03-08T05:00:00.000+0000", datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("2026-03-04T00:00:00.000+0000", datetime(2026, 3, 5, tzinfo=UTC)),
        ("2026-03-04T04:59:59.000+0000", datetime(2026, 3, 4, 4, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_end_at_midnight_is_a_date_and_that_day_is_off(
    wire: Wire, connect: Connect, end: str, until: datetime
) -> None:
    wire.people(absences=rows(absence(BEN, "2026-03-02T05:00:00.000+0000", end)))
    assert [stop for _, stop in of(connect, BEN).off] == [until]


def test_a_message_that_is_switched_off_is_no_absence(wire: Wire, connect: Connect) -> None:
    entry = absence(ANNA, "2026-03-02T08:00:00.000+0000", "2026-03-04T15:00:00.000+0000")
    wire.people(absences=rows({**entry, "IsEnabled": False}))
    assert of(connect, ANNA).off == ()


def test_presence_is_that_of_whoever_is_signed_in(wire: Wire, connect: Connect) -> None:
    away, there = {"UserId": ANNA, "IsAway": True}, {"UserId": ANNA, "IsAway": False}
    wire.people(presence=rows(away))
    found = told(connect)
    assert found[ANNA].present is False  # type: ignore[union-attr]
    assert found[BEN].present is None, "not signed in is not told"  # type: ignore[union-attr]
    wire.mock.remove("POST", wire.mock.calls[0].request.url or "")
    wire.people(presence=rows(away, there))
    assert of(connect, ANNA).present is True


def test_rows_that_cannot_be_read_are_named_and_cost_nothing_else(
    wire: Wire, connect: Connect
) -> None:
    users = fixture("users")
    users["records"][0]["TimeZoneSidKey"] = "Mars/Olympus"
    good = absence(ANNA, "2026-03-02T08:00:00.000+0000", "2026-03-04T15:00:00.000+0000")
    wire.people(
        users,
        absences=rows(good, {**good, "EndDate": "soon"}, {"UserId": None}, "nonsense"),
        presence=rows({"UserId": ANNA, "IsAway": "perhaps"}, {"UserId": "005000000000077AAA"}),
    )
    found = told(connect)
    odd, sound = found[users["records"][0]["Id"]], found[BEN]
    assert users["records"][0]["Id"] == ANNA
    assert odd is not None
    assert sound is not None
    assert odd.unreadable == ("OutOfOffice", "TimeZoneSidKey", "UserServicePresence")
    assert (len(odd.off), odd.present, odd.timezone) == (1, None, None)
    assert sound.unreadable == ()


def test_an_org_that_shows_neither_still_lists_its_people(wire: Wire, connect: Connect) -> None:
    everybody = fixture("users"), fixture("queues"), fixture("queue_sobjects")
    wire.composite(*everybody, HIDDEN, HIDDEN)
    found = told(connect)
    assert found[ANNA] is not None
    assert found[ANNA].off == ()
    assert found[ANNA].present is None
