"""A user's availability, working hours and absences: what is kept and what is refused."""

from __future__ import annotations

import pytest
from hubspot_sandbox.calls import Account

HOURS = '[{"days":"MONDAY_TO_FRIDAY","startMinute":540,"endMinute":1020}]'
ABSENCE = '[{"startTimestamp":1767866400000,"endTimestamp":1767952800000}]'


def path_of(account: Account, email: str) -> str:
    users = account.get("/crm/v3/objects/users?properties=hs_email").body["results"]
    [id] = [u["id"] for u in users if u["properties"]["hs_email"] == email]
    return f"/crm/v3/objects/users/{id}"


@pytest.fixture
def ben(account: Account) -> str:
    account.owner("ben@example.com")
    return path_of(account, "ben@example.com")


def test_a_new_user_has_a_time_zone_and_says_nothing_else(account: Account, ben: str) -> None:
    names = "hs_availability_status,hs_working_hours,hs_out_of_office_hours,hs_standard_time_zone"
    properties = account.get(f"{ben}?properties={names}").body["properties"]
    assert properties["hs_standard_time_zone"] == "UTC"
    said = {n: properties[n] for n in names.split(",")[:3]}
    assert said == dict.fromkeys(said)


def test_hours_and_absences_come_back_as_they_were_written(account: Account, ben: str) -> None:
    written = account.patch(ben, hs_working_hours=HOURS, hs_out_of_office_hours=ABSENCE)
    assert written.status == 200
    back = account.get(f"{ben}?properties=hs_working_hours,hs_out_of_office_hours").body
    assert back["properties"]["hs_working_hours"] == HOURS
    assert back["properties"]["hs_out_of_office_hours"] == ABSENCE
    assert account.patch(ben, hs_working_hours="[]", hs_out_of_office_hours="").status == 200


@pytest.mark.parametrize(
    "hours",
    [
        "nine to five",
        "{}",
        '[{"days":"MONDAY"}]',
        '[{"days":"WEEKDAYS","startMinute":540,"endMinute":1020}]',
        '[{"days":"MONDAY","startMinute":"540","endMinute":1020}]',
        '[{"days":"MONDAY","startMinute":1020,"endMinute":540}]',
        '[{"days":"MONDAY","startMinute":540,"endMinute":1441}]',
        '[{"days":"EVERY_DAY","startMinute":0,"endMinute":600},'
        '{"days":"SUNDAY","startMinute":540,"endMinute":1020}]',
    ],
)
def test_hours_that_are_none_are_refused(account: Account, ben: str, hours: str) -> None:
    assert account.patch(ben, hs_working_hours=hours).status == 400


def test_hours_need_a_time_zone_that_is_set_already(account: Account, ben: str) -> None:
    assert account.patch(ben, hs_standard_time_zone="Mars/Olympus").status == 400
    assert account.patch(ben, hs_standard_time_zone="").status == 200
    both = account.patch(ben, hs_standard_time_zone="Europe/Berlin", hs_working_hours=HOURS)
    assert both.status == 400
    assert account.patch(ben, hs_standard_time_zone="Europe/Berlin").status == 200
    assert account.patch(ben, hs_working_hours=HOURS).status == 200


@pytest.mark.parametrize(
    "absence",
    [
        '[{"startTimestamp":1767952800000,"endTimestamp":1767866400000}]',
        '[{"startTimestamp":"2026-01-08","endTimestamp":"2026-01-09"}]',
        '[{"startTimestamp":1767866400000}]',
    ],
)
def test_absences_that_are_none_are_refused(account: Account, ben: str, absence: str) -> None:
    assert account.patch(ben, hs_out_of_office_hours=absence).status == 400


def test_users_are_hidden_from_a_token_without_their_scope(account: Account, ben: str) -> None:
    account.tune(missing_scopes=["crm.objects.users.read"])
    refused = account.get("/crm/v3/objects/users")
    assert refused.status == 403
    assert "crm.objects.users.read" in str(refused.body)


def test_what_stands_in_a_property_can_be_spoilt(account: Account, ben: str) -> None:
    account.act(
        op="corrupt", object="users", id="ben@example.com", property="hs_working_hours", value="{"
    )
    spoilt = account.get(f"{ben}?properties=hs_working_hours").body["properties"]
    assert spoilt["hs_working_hours"] == "{"
