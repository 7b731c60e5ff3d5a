"""Working hours, absences and presence of users become the owners' availability."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.core.types import Availability, CrmOwner
from fairlead_hubspot.availability import of_user
from fairlead_hubspot.connector import HubSpotConnector

Connect = Callable[..., HubSpotConnector]
OWNERS = {
    "results": [
        {"id": "501", "email": "anna@example.com", "type": "PERSON", "userId": 9001},
        {"id": "502", "email": "ben@example.com", "type": "PERSON", "userId": 9002},
        {"id": "601", "type": "QUEUE", "firstName": "Inbound"},
    ]
}
NOBODY: dict[str, Any] = {"results": []}
MORNINGS = json.dumps([{"days": "MONDAY_TO_FRIDAY", "startMinute": 480, "endMinute": 720}])


def away(user_id: str, **more: Any) -> dict[str, Any]:
    return {"hs_internal_user_id": user_id, "hs_availability_status": "away", **more}


def owners(connector: HubSpotConnector) -> dict[str, CrmOwner]:
    return {o.id: o for o in connector.owners()}


@pytest.fixture
def portal(wire: Any) -> Any:
    """Two people and a queue, asked for as often as one likes."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        body = NOBODY if "archived=true" in request.url else OWNERS
        return 200, {"Date": "Mon, 02 Nov 2026 10:00:00 GMT"}, json.dumps(body)

    wire.mock.add_callback("GET", "https://api.hubapi.com/crm/owners/2026-09", callback=answer)
    return wire


def presence(connector: HubSpotConnector) -> dict[str, bool | None]:
    found = owners(connector)
    return {i: o.availability and o.availability.present for i, o in found.items()}


def test_users_are_joined_to_owners_by_the_user_s_id(connect: Connect, portal: Any) -> None:
    portal.users(away("9001", hubspot_owner_id="777"), {"hs_email": "nobody@example.com"})
    found = owners(connect())
    assert found["501"].availability == Availability(present=False)
    assert found["502"].availability is None
    assert found["601"].availability is None


def test_a_user_without_that_id_is_joined_by_the_owner_s(connect: Connect, portal: Any) -> None:
    portal.users({"hubspot_owner_id": "502", "hs_availability_status": "available"})
    assert presence(connect()) == {"501": None, "502": True, "601": None}


def test_all_of_it_is_asked_for_in_one_call_per_hundred(connect: Connect, portal: Any) -> None:
    portal.users(away("9001"), after="100")
    portal.users(away("9002"))
    assert presence(connect()) == {"501": False, "502": False, "601": None}
    urls = [c.request.url for c in portal.mock.calls if "/users" in c.request.url]
    assert len(urls) == 2
    assert "limit=100" in urls[0]
    for name in ("hs_working_hours", "hs_out_of_office_hours", "hs_standard_time_zone"):
        assert name in urls[0]
    assert "after=100" in urls[1]


def test_later_readings_take_one_page_each_and_come_round(connect: Connect, portal: Any) -> None:
    there = {"hs_availability_status": "available"}
    portal.users(away("9001"), after="100")
    portal.users(away("9002"))
    portal.users(away("9001", **there), after="100")
    portal.users(away("9002", **there))
    connector = connect()
    assert presence(connector) == {"501": False, "502": False, "601": None}
    assert presence(connector) == {"501": True, "502": False, "601": None}
    assert presence(connector) == {"501": True, "502": True, "601": None}
    assert len([c for c in portal.mock.calls if "/users" in c.request.url]) == 4


def test_a_user_who_is_gone_is_forgotten_with_the_round(connect: Connect, portal: Any) -> None:
    portal.users(away("9001"), away("9002"))
    portal.users(away("9002"))
    connector = connect()
    assert presence(connector)["501"] is False
    assert presence(connector)["501"] is None


def test_without_the_scope_people_are_listed_and_users_asked_for_rarely(
    connect: Connect, portal: Any
) -> None:
    portal.on("list", {"category": "MISSING_SCOPES"}, kind="users", status=403)
    connector = connect()
    for _ in range(3):
        assert presence(connector) == {"501": None, "502": None, "601": None}
    assert len([c for c in portal.mock.calls if "/users" in c.request.url]) == 1


def test_a_scope_that_is_taken_away_leaves_nobody_away(connect: Connect, portal: Any) -> None:
    portal.users(away("9001"))
    portal.on("list", {"category": "MISSING_SCOPES"}, kind="users", status=403)
    connector = connect()
    assert presence(connector)["501"] is False
    assert presence(connector)["501"] is None


def test_everything_a_user_says_is_understood() -> None:
    told = of_user(
        {
            "hs_availability_status": "available",
            "hs_standard_time_zone": "Europe/Berlin",
            "hs_working_hours": json.dumps(
                [
                    {"days": "SATURDAY", "startMinute": 0, "endMinute": 1440},
                    {"days": "MONDAY_TO_FRIDAY", "startMinute": 540, "endMinute": 1020},
                ]
            ),
            "hs_out_of_office_hours": json.dumps(
                [{"startTimestamp": 1_793_606_400_000, "endTimestamp": 1_793_692_800_000}]
            ),
        }
    )
    assert told == Availability(
        off=((datetime(2026, 11, 2, 8, tzinfo=UTC), datetime(2026, 11, 3, 8, tzinfo=UTC)),),
        hours=(*((day, 540, 1020) for day in range(5)), (5, 0, 1440)),
        timezone="Europe/Berlin",
        present=True,
    )


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_said_is_not_told(nothing: str | None) -> None:
    names = ("hs_availability_status", "hs_working_hours", "hs_out_of_office_hours")
    said = dict.fromkeys((*names, "hs_standard_time_zone"), nothing)
    assert of_user(said) == Availability()
    assert of_user({**said, "hs_working_hours": "[]"}) == Availability()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hs_availability_status", "lunch"),
        ("hs_standard_time_zone", "Mars/Olympus"),
        ("hs_standard_time_zone", "../etc/passwd"),
        ("hs_working_hours", "nine to five"),
        ("hs_working_hours", '{"days":"MONDAY"}'),
        ("hs_working_hours", '[{"days":"WEEKDAYS","startMinute":0,"endMinute":60}]'),
        ("hs_working_hours", '[{"days":"MONDAY","startMinute":1020,"endMinute":540}]'),
        ("hs_working_hours", '[{"days":"MONDAY","startMinute":"9","endMinute":1441}]'),
        ("hs_working_hours", MORNINGS),
        ("hs_out_of_office_hours", "[" * 100_000),
        ("hs_out_of_office_hours", '["tomorrow"]'),
        ("hs_out_of_office_hours", '[{"startTimestamp":2,"endTimestamp":1}]'),
        ("hs_out_of_office_hours", '[{"startTimestamp":"soon","endTimestamp":null}]'),
        ("hs_out_of_office_hours", '[{"startTimestamp":1,"endTimestamp":1e400}]'),
    ],
)
def test_what_cannot_be_understood_is_named_and_counts_as_not_said(name: str, value: str) -> None:
    assert of_user({name: value}) == Availability(unreadable=(name,))


def test_what_can_be_read_of_a_list_is_kept() -> None:
    spans = [
        {"startTimestamp": 1_793_606_400_000, "endTimestamp": 1_793_692_800_000},
        {"startTimestamp": "never"},
    ]
    told = of_user({"hs_out_of_office_hours": json.dumps(spans)})
    assert len(told.off) == 1
    assert told.unreadable == ("hs_out_of_office_hours",)
