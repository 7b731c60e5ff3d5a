"""The service around the data: headers, quota, describe, limits, and its answers in trouble."""

from __future__ import annotations

import json
from typing import Any

import pytest
from salesforce_sandbox.sf_face import Client

from fairlead_salesforce.sandbox.app import FACE
from fairlead_salesforce.sandbox.faults import FAULTS


def test_every_answer_carries_usage_date_and_type(sf: Client) -> None:
    answer = sf.call("GET", "sobjects")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 09:00:00 GMT"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    sf.advance(65)
    refused = sf.call("GET", "sobjects/Nonsense")
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=2/100000"
    assert refused.headers["Date"] == "Mon, 23 Nov 2026 09:01:05 GMT"


def test_a_spent_day_refuses_until_24_hours_have_passed(sf: Client) -> None:
    sf.face.tune({"api_daily_limit": 3})
    for _ in range(3):
        assert sf.call("GET", "limits").status == 200
    refused = sf.call("GET", "limits")
    assert (refused.status, refused.code) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=3/3"
    assert "Retry-After" not in refused.headers
    sf.advance(24 * 3600 + 60)
    assert sf.call("GET", "limits").json["DailyApiRequests"] == {"Max": 3, "Remaining": 2}


def test_versions_are_open_to_all_and_the_map_is_not(sf: Client) -> None:
    versions = Client(sf.face, "wrong").call("GET", "/services/data/").json
    assert versions[-1] == {
        "label": "Summer '26",
        "url": "/services/data/v67.0",
        "version": "67.0",
    }
    resources = sf.call("GET", "/services/data/v60.0/").json
    assert resources["query"] == "/services/data/v60.0/query"
    assert sf.face.sb.org_id in resources["identity"]


def test_describe_tells_what_may_be_written_and_found(sf: Client) -> None:
    described = sf.call("GET", "sobjects/task/describe/").json
    fields = {f["name"]: f for f in described["fields"]}
    key = fields["Fairlead_Key__c"]
    assert (key["externalId"], key["unique"], key["idLookup"], key["custom"]) == (True,) * 4
    assert fields["WhoId"]["referenceTo"] == ["Contact", "Lead"]
    assert fields["WhoId"]["relationshipName"] == "Who"
    assert fields["Description"]["filterable"] is False
    assert fields["TaskSubtype"]["updateable"] is False
    assert fields["SystemModstamp"]["createable"] is False
    default = [v["value"] for v in fields["Status"]["picklistValues"] if v["defaultValue"]]
    assert default == ["Not Started"]
    history = sf.call("GET", "sobjects/LeadHistory/describe").json
    assert (history["createable"], history["keyPrefix"]) == (False, "017")


def test_describe_and_soql_agree_on_every_field(sf: Client) -> None:
    for known in sf.call("GET", "sobjects").json["sobjects"]:
        name = known["name"]
        fields = sf.call("GET", f"sobjects/{name}/describe").json["fields"]
        listed = ",".join(f["name"] for f in fields)
        answer = sf.soql(f"SELECT {listed} FROM {name} LIMIT 1")  # noqa: S608
        assert answer.status == 200, (name, answer.raw)


def test_the_org_has_its_people_statuses_and_queue(sf: Client) -> None:
    assert len(sf.rows("SELECT Id FROM Organization")) == 1
    users = sf.values("SELECT Name FROM User WHERE UserType = 'Standard' ORDER BY Name", "Name")
    assert users == ["Ada Admin", "Fairlead Integration", "Other Integration"]
    closed = sf.values("SELECT ApiName FROM TaskStatus WHERE IsClosed = true", "ApiName")
    assert closed == ["Completed"]
    converted = sf.values("SELECT ApiName FROM LeadStatus WHERE IsConverted = true", "ApiName")
    assert converted == ["Closed - Converted"]
    assert sf.values("SELECT Name FROM Group WHERE Type = 'Queue'", "Name") == ["Unmatched"]
    assert len(sf.rows("SELECT IsFrozen FROM UserLogin")) == 4


def test_counts_and_recent_rows(sf: Client) -> None:
    id = sf.lead()
    counted = sf.call("GET", "limits/recordCount", sObjects="Lead").json
    assert counted == {"sObjects": [{"count": 1, "name": "Lead"}]}
    assert [r["Id"] for r in sf.call("GET", "recent", limit="5").json] == [id]


def test_a_method_in_the_address_overrides_post(sf: Client) -> None:
    id = sf.lead()
    answer = sf.call("POST", f"sobjects/Lead/{id}?_HttpMethod=PATCH", {"Title": "CTO"})
    assert answer.status == 204
    assert sf.get("Lead", id)["Title"] == "CTO"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("expired_session", 401, "INVALID_SESSION_ID"),
        ("session_not_for_rest", 401, "INVALID_SESSION_ID"),
        ("request_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("concurrent_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("unable_to_lock_row", 400, "UNABLE_TO_LOCK_ROW"),
        ("query_timeout", 400, "QUERY_TIMEOUT"),
        ("validation_rule", 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("server_unavailable", 503, "SERVER_UNAVAILABLE"),
        ("internal_error", 500, "UNKNOWN_EXCEPTION"),
        ("version_retired", 410, "ERROR_HTTP_410"),
    ],
)
def test_faults_with_a_code(sf: Client, kind: str, status: int, code: str) -> None:
    response = sf.face.fault(kind, {})
    assert response.status == status
    assert json.loads(response.body or b"")[0]["errorCode"] == code


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("server_unavailable_503_html", 503),
        ("bad_gateway_502_html", 502),
        ("edge_420_html", 420),
        ("login_page_200_html", 200),
        ("truncated_json_200", 200),
        ("empty_200", 200),
        ("bad_oauth_token_text", 403),
    ],
)
def test_faults_that_no_json_parser_survives(sf: Client, kind: str, status: int) -> None:
    response = sf.face.fault(kind, {})
    assert response.status == status
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.body or b"")


def test_faults_take_a_message_and_a_wait_and_nothing_else(sf: Client) -> None:
    response = sf.face.fault("validation_rule", {"message": "no", "retry_after": 7})
    assert json.loads(response.body or b"")[0]["message"] == "no"
    assert response.headers["Retry-After"] == "7"
    bad: list[tuple[str, dict[str, Any]]] = [
        ("explode", {}),
        ("request_limit", {"colour": "blue"}),
        ("edge_420_html", {"message": "x"}),
    ]
    for kind, params in bad:
        with pytest.raises(ValueError, match=r".+"):
            sf.face.fault(kind, params)


def test_every_fault_knob_op_and_object_is_documented() -> None:
    from dataclasses import fields
    from pathlib import Path

    from fairlead_salesforce.sandbox.acts import OPS
    from fairlead_salesforce.sandbox.knobs import Knobs
    from fairlead_salesforce.sandbox.objects import OBJECTS

    page = (Path(__file__).parents[2] / "docs/sandbox-salesforce.md").read_text()
    names = [*FAULTS, *(f.name for f in fields(Knobs)), *OPS]
    names += [o.name for o in OBJECTS if o.prefix]
    assert [n for n in names if f"`{n}`" not in page] == []


def test_the_factory_is_what_the_entry_point_names() -> None:
    assert FACE.name == "salesforce"
