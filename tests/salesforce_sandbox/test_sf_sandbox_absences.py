"""Out-of-office entries and Omni-Channel presence, as an org without and with them has them."""

from __future__ import annotations

import pytest
from salesforce_sandbox.sf_face import Client

AWAY = {"start": "2026-11-24T00:00:00Z", "end": "2026-11-26T00:00:00Z"}
PRESENCE = "SELECT UserId, IsAway, IsCurrentState, StatusEndDate FROM UserServicePresence"


def test_an_out_of_office_entry_is_found_by_its_dates(sf: Client, rep: str) -> None:
    sf.act("set_out_of_office", id=rep, **AWAY)
    [row] = sf.rows(
        "SELECT UserId, StartDate, EndDate, IsEnabled FROM OutOfOffice"
        " WHERE EndDate >= 2026-11-25T00:00:00Z"
    )
    assert (row["UserId"], row["IsEnabled"]) == (rep, True)
    assert row["StartDate"] == "2026-11-24T00:00:00.000+0000"
    assert row["EndDate"] == "2026-11-26T00:00:00.000+0000"
    assert sf.rows("SELECT Id FROM OutOfOffice WHERE EndDate >= 2026-11-27T00:00:00Z") == []


def test_whether_an_entry_is_enabled_cannot_be_filtered_on(sf: Client, rep: str) -> None:
    sf.act("set_out_of_office", id=rep, enabled=False, **AWAY)
    assert sf.soql("SELECT Id FROM OutOfOffice WHERE IsEnabled = true").code == "INVALID_FIELD"
    assert sf.values("SELECT IsEnabled FROM OutOfOffice", "IsEnabled") == [False]


def test_people_change_and_delete_entries_and_the_api_user_does_not(sf: Client, rep: str) -> None:
    id = sf.act("set_out_of_office", id=rep, **AWAY)["id"]
    sf.act("update", object="OutOfOffice", id=id, fields={"EndDate": "2026-11-30T00:00:00Z"})
    assert sf.values("SELECT EndDate FROM OutOfOffice", "EndDate")[0].startswith("2026-11-30")
    assert sf.call("DELETE", f"sobjects/OutOfOffice/{id}").status == 403
    sf.act("delete", object="OutOfOffice", id=id)
    assert sf.rows("SELECT Id FROM OutOfOffice") == []


def test_an_entry_needs_a_user_and_instants(sf: Client, rep: str) -> None:
    with pytest.raises(ValueError, match="start"):
        sf.act("set_out_of_office", id=rep, start="tomorrow", end=AWAY["end"])
    with pytest.raises(ValueError, match="no user"):
        sf.act("set_out_of_office", id="nobody@example.com", **AWAY)


def test_presence_does_not_exist_before_omni_channel_is_switched_on(sf: Client, rep: str) -> None:
    assert sf.soql(PRESENCE).code == "INVALID_TYPE"
    with pytest.raises(ValueError, match="no UserServicePresence"):
        sf.act("set_presence", id=rep, state="away")
    sf.face.tune({"omni_channel": True})
    assert sf.rows(PRESENCE) == []


def test_one_stretch_of_presence_is_current_and_the_others_have_ended(sf: Client, rep: str) -> None:
    sf.face.tune({"omni_channel": True})
    sf.act("set_presence", id=rep, state="available")
    sf.advance(60)
    sf.act("set_presence", id=rep, state="away")
    current = sf.rows(f"{PRESENCE} WHERE IsCurrentState = true")
    assert [(r["UserId"], r["IsAway"], r["StatusEndDate"]) for r in current] == [(rep, True, None)]
    [ended] = sf.rows(f"{PRESENCE} WHERE IsCurrentState = false")
    assert ended["StatusEndDate"] == "2026-11-23T09:01:00.000+0000"
    sf.act("set_presence", id=rep, state="offline")
    assert sf.rows(f"{PRESENCE} WHERE IsCurrentState = true") == []
    with pytest.raises(ValueError, match="state"):
        sf.act("set_presence", id=rep, state="lunch")


def test_presence_is_hidden_from_a_user_without_the_permission(sf: Client, rep: str) -> None:
    sf.face.tune({"omni_channel": True, "permissions": {"UserServicePresence": ""}})
    assert sf.soql(PRESENCE).code == "INVALID_TYPE"
