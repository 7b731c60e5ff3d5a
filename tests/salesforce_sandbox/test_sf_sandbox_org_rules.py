"""What the org does by itself: assignment rules, owners it accepts, duplicates, history, flows."""

from __future__ import annotations

import pytest
from salesforce_sandbox.sf_face import NO_RULES, Client


def history(sf: Client, id: str) -> list[tuple[str, str | None, str | None, str]]:
    rows = sf.rows(
        "SELECT Field, OldValue, NewValue, CreatedById FROM LeadHistory "  # noqa: S608
        f"WHERE LeadId = '{id}' AND Field != 'created'"
    )
    return [(r["Field"], r["OldValue"], r["NewValue"], r["CreatedById"]) for r in rows]


def queue_id(sf: Client, name: str = "Unmatched") -> str:
    row = sf.face.sb.find_owner(name)
    assert row is not None
    return row.id


def test_assignment_rules_run_on_create_and_update_unless_told_not_to(sf: Client, rep: str) -> None:
    body = {"LastName": "x", "Company": "c", "OwnerId": rep}
    id = sf.call("POST", "sobjects/Lead", body).json["id"]
    assert sf.get("Lead", id)["OwnerId"] == queue_id(sf)
    sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": rep}, {"Sforce-Auto-Assign": "false"})
    assert sf.get("Lead", id)["OwnerId"] == rep
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "CTO"})
    row = sf.get("Lead", id)
    assert row["OwnerId"] == queue_id(sf)
    assert row["LastModifiedById"] == sf.face.sb.integration.id


def test_the_rule_may_name_somebody_else_or_be_off(sf: Client, rep: str) -> None:
    sf.face.tune({"auto_assign_owner": "rita@example.com"})
    body = {"LastName": "x", "Company": "c"}
    id = sf.call("POST", "sobjects/Lead", body).json["id"]
    assert sf.get("Lead", id)["OwnerId"] == rep
    sf.face.tune({"auto_assign_owner": None})
    id = sf.call("POST", "sobjects/Lead", body).json["id"]
    assert sf.get("Lead", id)["OwnerId"] == sf.face.sb.integration.id


def test_an_odd_assignment_header_is_refused(sf: Client) -> None:
    odd = sf.call("POST", "sobjects/Lead", {}, {"Sforce-Auto-Assign": "no"})
    assert odd.code == "INVALID_HEADER"


def test_an_owner_change_leaves_two_history_rows_naming_the_actor(sf: Client, rep: str) -> None:
    id = sf.lead()
    me = sf.face.sb.integration.id
    sf.advance(2)
    sf.act("update", user="rita@example.com", id=id, fields={"OwnerId": rep})
    assert sorted(history(sf, id), key=str) == sorted(
        [("Owner", "Fairlead Integration", "Rita Rep", rep), ("Owner", me, rep, rep)], key=str
    )
    stamps = sf.values("SELECT CreatedDate FROM LeadHistory WHERE Field = 'Owner'", "CreatedDate")
    assert set(stamps) == {"2026-11-23T09:00:02.000+0000"}


def test_history_can_be_off_or_not_track_the_owner(sf: Client, rep: str) -> None:
    sf.face.tune({"history_fields": ["Status"]})
    id = sf.lead()
    sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": rep, "Status": "x"}, NO_RULES)
    assert [h[0] for h in history(sf, id)] == ["Status"]
    sf.face.tune({"history_tracking": False})
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Status": "y"}, NO_RULES)
    assert [h[2] for h in history(sf, id)] == ["x"]


def test_a_lead_turns_unread_with_a_new_owner_and_read_when_they_edit(sf: Client, rep: str) -> None:
    id = sf.lead()
    sf.act("update", id=id, fields={"OwnerId": rep})
    assert sf.get("Lead", id)["IsUnreadByOwner"] is True
    sf.act("update", user="rita@example.com", id=id, fields={"Title": "seen"})
    assert sf.get("Lead", id)["IsUnreadByOwner"] is False


def test_owners_who_may_not_own_are_refused(sf: Client, rep: str) -> None:
    sb, id = sf.face.sb, sf.lead()
    sf.act("seed_people", queues=[{"name": "Tasks only", "objects": ["Task"]}])
    plain = sf.act("create", object="Group", fields={"Name": "Group", "Type": "Regular"})["id"]

    def owner_code(owner: str | None) -> str:
        return sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": owner}, NO_RULES).code

    assert owner_code(queue_id(sf, "Tasks only")) == "INVALID_OPERATION"
    assert owner_code(plain) == "INVALID_CROSS_REFERENCE_KEY"
    assert owner_code(None) == "INVALID_CROSS_REFERENCE_KEY"
    assert owner_code(sb.robot.id) == "OP_WITH_INVALID_USER_TYPE_EXCEPTION"
    sf.face.tune({"users_without_read": [rep]})
    assert owner_code(rep) == "TRANSFER_REQUIRES_READ"
    sf.face.tune({"users_without_read": []})
    sf.act("deactivate_user", id="rita@example.com")
    assert owner_code(rep) == "INACTIVE_OWNER_OR_USER"
    sf.act("activate_user", id=rep)
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": rep}, NO_RULES).status == 204
    contact = {"LastName": "x", "OwnerId": queue_id(sf)}
    assert sf.call("POST", "sobjects/Contact", contact).code == "FIELD_INTEGRITY_EXCEPTION"


def test_the_duplicate_rule_blocks_with_the_vendors_misspelt_key(sf: Client) -> None:
    first = sf.lead(Email="twin@example.com")
    sf.face.tune({"duplicate_rule": "block"})
    body = {"LastName": "x", "Company": "c", "Email": "TWIN@example.com"}
    refused = sf.call("POST", "sobjects/Lead", body, NO_RULES)
    assert (refused.status, refused.code) == (400, "DUPLICATES_DETECTED")
    found = refused.json[0]["duplicateResut"]
    assert found["allowSave"] is False
    assert found["matchResults"][0]["matchRecords"][0]["record"]["Id"] == first


def test_an_alerting_duplicate_rule_yields_to_the_header(sf: Client) -> None:
    sf.lead(Email="twin@example.com")
    sf.face.tune({"duplicate_rule": "alert"})
    body = {"LastName": "x", "Company": "c", "Email": "twin@example.com"}
    allow = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false"}
    assert sf.call("POST", "sobjects/Lead", body, NO_RULES).code == "DUPLICATES_DETECTED"
    assert sf.call("POST", "sobjects/Lead", body, NO_RULES | allow).status == 201
    odd = {"Sforce-Duplicate-Rule-Header": "force=true"}
    assert sf.call("POST", "sobjects/Lead", body, odd).code == "INVALID_HEADER"


def test_a_refusal_of_the_knobs_strikes_the_rows_it_names_as_often_as_it_says(sf: Client) -> None:
    good, bad = sf.lead(), sf.lead()
    lock = {"ids": [bad], "code": "UNABLE_TO_LOCK_ROW", "message": "locked", "times": 2}
    sf.face.tune({"refusals": [lock]})
    patch = {"Title": "x"}
    assert sf.call("PATCH", f"sobjects/Lead/{good}", patch, NO_RULES).status == 204
    for _ in range(2):
        code = sf.call("PATCH", f"sobjects/Lead/{bad}", patch, NO_RULES).code
        assert code == "UNABLE_TO_LOCK_ROW"
    assert sf.call("PATCH", f"sobjects/Lead/{bad}", patch, NO_RULES).status == 204


def test_a_validation_rule_looks_at_what_changed_and_who_writes(sf: Client, rep: str) -> None:
    id = sf.lead()
    rule = {"changed": "OwnerId", "by": "integration", "message": "not you", "fields": ["OwnerId"]}
    sf.face.tune({"refusals": [rule]})
    refused = sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": rep}, NO_RULES)
    assert refused.json == [
        {
            "message": "not you",
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "fields": ["OwnerId"],
        }
    ]
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"}, NO_RULES).status == 204
    sf.act("update", id=id, fields={"OwnerId": rep})
    assert sf.get("Lead", id)["OwnerId"] == rep


def test_a_flow_overwrites_the_owner_in_the_same_transaction(sf: Client, rep: str) -> None:
    id = sf.lead()
    sf.face.tune({"automations": [{"changed": "OwnerId", "set": {"OwnerId": queue_id(sf)}}]})
    before = len(sf.face.org.writes)
    sf.call("PATCH", f"sobjects/Lead/{id}", {"OwnerId": rep}, NO_RULES)
    assert sf.get("Lead", id)["OwnerId"] == queue_id(sf)
    assert [w.op for w in sf.face.org.writes[before:] if w.table == "Lead"] == ["update"]
    assert rep not in [h[2] for h in history(sf, id)]


@pytest.mark.parametrize(
    "settings",
    [
        {"no_such_knob": 1},
        {"api_daily_limit": "many"},
        {"api_daily_limit": -1},
        {"duplicate_rule": "maybe"},
        {"refusals": [{"colour": "blue"}]},
        {"connected_apps": {"k": {"colour": "blue"}}},
        {"history_tracking": 1},
    ],
)
def test_a_wrong_setting_is_an_error_and_changes_nothing(
    sf: Client, settings: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sf.face.tune({"page_size": 7, **settings})
    assert sf.face.sb.knobs.page_size == 2000
