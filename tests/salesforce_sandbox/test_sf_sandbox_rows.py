"""One row at a time: what a create, a read, an edit and a delete mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesforce_sandbox.sf_face import NO_RULES, Client, new_client

from fairlead_salesforce.sandbox.ids import DIGITS, canonical, suffix

NAMED = {"LastName": "x", "Company": "c"}
ID15 = st.text(DIGITS, min_size=15, max_size=15)


@given(ID15)
def test_an_id_of_18_characters_survives_the_loss_of_its_case(id15: str) -> None:
    long = id15 + suffix(id15)
    assert canonical(id15) == long
    assert canonical(long) == long
    assert canonical(long.lower()) == long
    assert canonical(long.upper()) == long


def test_the_suffix_is_the_vendors() -> None:
    # Capitals: 001D0 at 3 (8: I), 00000 none (A), IqhSL at 0, 3 and 4 (25: Z).
    assert suffix("001D000000IqhSL") == "IAZ"


def test_ids_are_not_in_order_of_creation_and_have_case_twins(sf: Client) -> None:
    ids = [sf.lead() for _ in range(20)]
    assert ids != sorted(ids)
    assert all(i.startswith("00Q") and len(i) == 18 for i in ids)
    assert len(set(ids)) == 20
    assert len({i[:15].lower() for i in ids}) == 10


def test_a_row_is_reached_by_15_or_18_characters_and_answers_18(sf: Client) -> None:
    id = sf.lead()
    assert sf.call("GET", f"sobjects/lead/{id[:15]}/", fields="id,LASTNAME").json == {
        "attributes": {"type": "Lead", "url": f"/services/data/v67.0/sobjects/Lead/{id}"},
        "Id": id,
        "LastName": "Lovelace",
    }


def test_any_api_version_is_taken_and_answered_in_kind(sf: Client) -> None:
    id = sf.lead()
    answer = sf.call("GET", f"/services/data/v42.0/sobjects/Lead/{id}")
    assert answer.json["attributes"]["url"].startswith("/services/data/v42.0/")
    assert sf.call("GET", "/services/data/v42/sobjects").status == 404


def test_stamps_are_whole_seconds(sf: Client) -> None:
    row = sf.get("Lead", sf.lead())
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        assert row[name] == "2026-11-23T09:00:00.000+0000"


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({"LastName": "x"}, "REQUIRED_FIELD_MISSING", ["Company"]),
        ({"LastName": " ", "Company": "c"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ({"Nonsense": "x"}, "INVALID_FIELD", None),
        ({"Id": "00Q000000000000"}, "INVALID_FIELD", None),
        (
            {"CreatedDate": "2020-01-01T00:00:00Z"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            ["CreatedDate"],
        ),
        ({"IsConverted": True}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["IsConverted"]),
        ({"LastName": "x" * 81, "Company": "c"}, "STRING_TOO_LONG", ["LastName"]),
        ({"Email": "nobody"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ({"LastName": 5}, "JSON_PARSER_ERROR", None),
        ({"HasOptedOutOfEmail": "perhaps"}, "JSON_PARSER_ERROR", None),
        ({"NumberOfEmployees": 10**9}, "NUMBER_OUTSIDE_VALID_RANGE", ["NumberOfEmployees"]),
        ({"OwnerId": "somebody"}, "MALFORMED_ID", ["OwnerId"]),
        ({"OwnerId": "001000000000000"}, "FIELD_INTEGRITY_EXCEPTION", ["OwnerId"]),
        ({"OwnerId": "005000000000000"}, "INVALID_CROSS_REFERENCE_KEY", []),
        (NAMED | {"CountryCode": "ZZ"}, "FIELD_INTEGRITY_EXCEPTION", ["Country"]),
        (NAMED | {"CountryCode": "FR", "StateCode": "BE"}, "FIELD_INTEGRITY_EXCEPTION", ["State"]),
    ],
)
def test_a_wrong_body_is_refused_and_nothing_is_written(
    sf: Client, body: dict[str, object], code: str, fields: list[str] | None
) -> None:
    refused = sf.call("POST", "sobjects/Lead", body)
    assert (refused.status, refused.code) == (400, code)
    assert refused.json[0].get("fields") == fields
    assert sf.rows("SELECT Id FROM Lead") == []


def test_what_is_not_json_is_refused(sf: Client) -> None:
    text = sf.call("POST", "sobjects/Lead", {}, {"Content-Type": "text/plain"})
    assert (text.status, text.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert sf.call("POST", "sobjects/Lead", [1]).code == "JSON_PARSER_ERROR"


def test_countries_and_states_keep_text_and_code_in_step(sf: Client) -> None:
    id = sf.lead(CountryCode="de", StateCode="be")
    row = sf.get("Lead", id)
    assert (row["Country"], row["State"]) == ("Germany", "Berlin")
    assert row["Address"]["countryCode"] == "DE"
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Country": "Austria"}, NO_RULES)
    row = sf.get("Lead", id)
    assert (row["CountryCode"], row["StateCode"], row["State"]) == ("AT", None, None)


def test_without_the_picklists_country_is_free_text_and_codes_are_no_fields(sf: Client) -> None:
    sf.face.tune({"state_country_picklists": False})
    assert sf.get("Lead", sf.lead(Country="Atlantis"))["Country"] == "Atlantis"
    assert sf.soql("SELECT CountryCode FROM Lead").code == "INVALID_FIELD"


def test_a_lone_surrogate_and_a_nul_are_stored_as_something_that_can_be_sent(sf: Client) -> None:
    assert sf.get("Lead", sf.lead(LastName="a\ud800b\x00c"))["LastName"] == "a?b\x00c"


def test_unknown_addresses_objects_and_methods_are_refused(sf: Client) -> None:
    assert sf.call("GET", "sobjects/Nonsense").code == "NOT_FOUND"
    assert sf.call("GET", "sobjects/Lead/00Q000000000000").code == "NOT_FOUND"
    assert sf.call("GET", "tooling/query", q="SELECT Id FROM ApexClass").status == 404
    assert sf.call("POST", "composite/graph", {"graphs": []}).status == 404
    put = sf.call("PUT", "sobjects/Lead", {})
    assert (put.status, put.code) == (405, "METHOD_NOT_ALLOWED")


def test_an_edit_moves_the_stamps_even_when_nothing_differs(sf: Client) -> None:
    id = sf.lead()
    sf.advance(5)
    same = sf.call("PATCH", f"sobjects/Lead/{id}", {"LastName": "Lovelace"}, NO_RULES)
    assert (same.status, same.raw) == (204, b"")
    row = sf.get("Lead", id)
    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2026-11-23T09:00:05.000+0000"


def test_a_system_change_moves_systemmodstamp_alone(sf: Client) -> None:
    id = sf.lead()
    sf.advance(7)
    sf.act("touch", who="system", id=id)
    row = sf.get("Lead", id)
    assert row["SystemModstamp"] == "2026-11-23T09:00:07.000+0000"
    assert row["LastModifiedDate"] == "2026-11-23T09:00:00.000+0000"
    assert row["LastModifiedById"] == sf.face.sb.integration.id


def test_a_dated_task_moves_its_leads_last_activity_as_a_system_change(sf: Client) -> None:
    id = sf.lead()
    sf.advance(3)
    sf.call("POST", "sobjects/Task", {"WhoId": id, "ActivityDate": "2026-12-24"})
    row = sf.get("Lead", id)
    assert row["LastActivityDate"] == "2026-12-24"
    assert row["SystemModstamp"] > row["LastModifiedDate"]


def test_a_deleted_row_is_gone_but_for_queryall(sf: Client) -> None:
    id = sf.lead()
    task = sf.call("POST", "sobjects/Task", {"WhoId": id}).json["id"]
    sf.advance(2)
    assert sf.call("DELETE", f"sobjects/Lead/{id}").status == 204
    for method in ("GET", "DELETE"):
        gone = sf.call(method, f"sobjects/Lead/{id}")
        assert (gone.status, gone.code) == (404, "ENTITY_IS_DELETED")
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {}).code == "ENTITY_IS_DELETED"
    assert sf.call("GET", f"sobjects/Task/{task}").code == "ENTITY_IS_DELETED"
    assert sf.rows("SELECT Id FROM Lead") == []
    [row] = sf.rows("SELECT Id, IsDeleted, SystemModstamp FROM Lead", all_rows=True)
    assert row["IsDeleted"] is True
    assert row["SystemModstamp"] == "2026-11-23T09:00:02.000+0000"


def test_a_conditional_edit_fails_with_412_when_the_row_moved_since(sf: Client) -> None:
    id = sf.lead()
    sf.advance(10)
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "CTO"}, NO_RULES)
    early = NO_RULES | {"If-Unmodified-Since": "Mon, 23 Nov 2026 09:00:05 GMT"}
    late = NO_RULES | {"If-Unmodified-Since": "Mon, 23 Nov 2026 09:00:10 GMT"}
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "x"}, early).status == 412
    assert sf.get("Lead", id)["Title"] == "CTO"
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "y"}, late).status == 204


def test_a_conditional_read_answers_304(sf: Client) -> None:
    id = sf.lead()
    since = {"If-Modified-Since": "Mon, 23 Nov 2026 09:00:00 GMT"}
    unchanged = sf.call("GET", f"sobjects/Lead/{id}", headers=since)
    assert (unchanged.status, unchanged.raw) == (304, b"")
    sf.advance(1)
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "CTO"}, NO_RULES)
    assert sf.call("GET", f"sobjects/Lead/{id}", headers=since).status == 200


def test_entity_tags_and_bad_dates_are_refused_and_not_ignored(sf: Client) -> None:
    id = sf.lead()
    for headers in ({"If-Match": '"x"'}, {"If-Unmodified-Since": "yesterday"}):
        assert sf.call("PATCH", f"sobjects/Lead/{id}", {}, headers).code == "INVALID_HEADER"


def test_an_upsert_by_key_creates_once(sf: Client) -> None:
    address = "sobjects/Task/Fairlead_Key__c/lead%2F1%3F"
    first = sf.call("PATCH", address, {"Subject": "Call"})
    again = sf.call("PATCH", address.upper().replace("SOBJECTS", "sobjects"), {"Subject": "Again"})
    assert (first.status, first.json["created"]) == (201, True)
    assert (again.status, again.json["created"]) == (200, False)
    assert first.json["id"] == again.json["id"]
    assert sf.call("GET", address).json["Subject"] == "Again"
    assert sf.values("SELECT Fairlead_Key__c FROM Task", "Fairlead_Key__c") == ["lead/1?"]


def test_a_unique_key_is_one_over_tasks_and_events(sf: Client) -> None:
    sf.call("POST", "sobjects/Task", {"Fairlead_Key__c": "k"})
    twin = sf.call("POST", "sobjects/Task", {"Fairlead_Key__c": "K"})
    event = {
        "Fairlead_Key__c": "k",
        "StartDateTime": "2026-11-24T09:00:00Z",
        "DurationInMinutes": 30,
    }
    assert twin.code == "DUPLICATE_VALUE"
    assert sf.call("POST", "sobjects/Event", event).code == "DUPLICATE_VALUE"


def test_a_key_in_the_body_or_a_field_that_is_no_key_is_refused(sf: Client) -> None:
    both = sf.call("PATCH", "sobjects/Task/Fairlead_Key__c/a", {"Fairlead_Key__c": "a"})
    assert both.code == "INVALID_FIELD"
    assert sf.call("PATCH", "sobjects/Task/Subject/a", {}).status == 404


def test_a_key_that_several_rows_have_answers_300_with_their_addresses(sf: Client) -> None:
    sf.face.tune({"keys_unique": False})
    ids = [sf.call("POST", "sobjects/Task", {"Fairlead_Key__c": "k"}).json["id"] for _ in "ab"]
    address = "sobjects/Task/Fairlead_Key__c/K"
    for answer in (sf.call("GET", address), sf.call("PATCH", address, {"Subject": "x"})):
        assert answer.status == 300
        assert answer.json == [f"/services/data/v67.0/sobjects/Task/{i}" for i in ids]
    record = {"attributes": {"type": "Task"}, "Fairlead_Key__c": "k"}
    many = sf.call("PATCH", "composite/sobjects/Task/Fairlead_Key__c", {"records": [record]})
    assert many.json[0]["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    assert sf.values("SELECT Subject FROM Task", "Subject") == [None, None]


def test_a_task_knows_when_it_was_closed(sf: Client) -> None:
    id = sf.call("POST", "sobjects/Task", {"Subject": "Call"}).json["id"]
    row = sf.get("Task", id)
    assert (row["Status"], row["IsClosed"], row["CompletedDateTime"]) == (
        "Not Started",
        False,
        None,
    )
    sf.advance(60)
    sf.call("PATCH", f"sobjects/Task/{id}", {"Status": "Completed"})
    row = sf.get("Task", id)
    assert (row["IsClosed"], row["CompletedDateTime"]) == (True, "2026-11-23T09:01:00.000+0000")
    fixed = sf.call("PATCH", f"sobjects/Task/{id}", {"TaskSubtype": "Call"})
    assert fixed.code == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_leads_task_takes_no_related_record(sf: Client) -> None:
    account = sf.call("POST", "sobjects/Account", {"Name": "Acme"}).json["id"]
    both = sf.call("POST", "sobjects/Task", {"WhoId": sf.lead(), "WhatId": account})
    assert both.code == "FIELD_INTEGRITY_EXCEPTION"


def test_the_api_user_cannot_write_users_or_histories(sf: Client) -> None:
    user = {"LastName": "x", "Username": "x@example.com", "Email": "x@example.com"}
    refused = sf.call("POST", "sobjects/User", user)
    assert (refused.status, refused.code) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert (
        sf.call("POST", "sobjects/LeadHistory", {}).code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    )


def test_permissions_can_be_taken_away(sf: Client) -> None:
    id = sf.lead()
    sf.face.tune({"permissions": {"Lead": "r", "Task": ""}})
    assert sf.call("PATCH", f"sobjects/Lead/{id}", {}).code == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert sf.soql("SELECT Id FROM Task").code == "INVALID_TYPE"
    assert sf.call("GET", "sobjects/Task/describe").status == 404


def test_an_org_may_lack_the_shipped_fields(sf: Client) -> None:
    sf.face.tune({"fields_missing": ["Activity.Fairlead_Key__c", "Lead.Fairlead_Reason__c"]})
    assert sf.soql("SELECT Fairlead_Key__c FROM Event").code == "INVALID_FIELD"
    assert sf.call("PATCH", "sobjects/Task/Fairlead_Key__c/k", {}).status == 404
    body = {"LastName": "x", "Company": "c", "Fairlead_Reason__c": "r"}
    assert sf.call("POST", "sobjects/Lead", body).code == "INVALID_FIELD"
    names = [f["name"] for f in sf.call("GET", "sobjects/Task/describe").json["fields"]]
    assert "Subject" in names
    assert "Fairlead_Key__c" not in names


def test_hidden_rows_are_silently_absent(sf: Client) -> None:
    seen, hidden = sf.lead(), sf.lead()
    sf.face.tune({"hidden_ids": [hidden[:15]]})
    assert sf.values("SELECT Id FROM Lead") == [seen]
    assert sf.call("GET", f"sobjects/Lead/{hidden}").code == "NOT_FOUND"
    sf.face.tune({"hidden_ids": [], "hidden_share": 1.0})
    assert sf.values("SELECT Id FROM Lead") == []


def test_the_same_seed_gives_the_same_ids() -> None:
    assert new_client(4).lead() == new_client(4).lead()
    assert new_client(4).lead() != new_client(5).lead()
