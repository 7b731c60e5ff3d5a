"""Collections, composite and batch: many rows in one call, each with its own fate."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_sandbox.sf_face import DATA, NO_RULES, Client

LEAD = {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "c"}
BAD = {"attributes": {"type": "Lead"}, "LastName": "x"}


def part(name: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    out: dict[str, Any] = {"method": method, "url": f"{DATA}/{path}", "referenceId": name}
    if body is not None:
        out["body"] = body
    if headers:
        out["httpHeaders"] = {k.replace("_", "-"): v for k, v in headers.items()}
    return out


def composite(sf: Client, *parts: dict[str, Any], all_or_none: bool = False) -> list[Any]:
    body = {"allOrNone": all_or_none, "compositeRequest": list(parts)}
    answer = sf.call("POST", "composite", body)
    assert answer.status == 200, answer.raw
    return list(answer.json["compositeResponse"])


def test_a_collection_answers_row_by_row_in_order(sf: Client) -> None:
    answer = sf.call("POST", "composite/sobjects", {"records": [LEAD, BAD, LEAD]}, NO_RULES)
    assert answer.status == 200
    assert [r["success"] for r in answer.json] == [True, False, True]
    error = answer.json[1]["errors"][0]
    assert error["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert error["fields"] == ["Company"]
    assert "errorCode" not in error
    assert len(sf.rows("SELECT Id FROM Lead")) == 2


def test_all_or_none_takes_everything_back_even_from_the_audit(sf: Client) -> None:
    writes = len(sf.face.org.writes)
    body = {"allOrNone": True, "records": [LEAD, BAD]}
    answer = sf.call("POST", "composite/sobjects", body, NO_RULES)
    codes = [r["errors"][0]["statusCode"] for r in answer.json]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert sf.rows("SELECT Id FROM Lead", all_rows=True) == []
    assert sf.rows("SELECT Id FROM LeadHistory") == []
    assert len(sf.face.org.writes) == writes


def test_a_rolled_back_edit_restores_values_stamps_and_keys(sf: Client) -> None:
    id = sf.lead()
    sf.act("touch", who="system", id=id)
    task = sf.call("PATCH", "sobjects/Task/Fairlead_Key__c/old", {}).json["id"]
    before = (sf.get("Lead", id), sf.get("Task", task))
    sf.advance(5)
    records = [
        {"attributes": {"type": "Lead"}, "id": id, "Title": "new"},
        {"attributes": {"type": "Task"}, "id": task, "Fairlead_Key__c": "new"},
        {"attributes": {"type": "Task"}, "id": task, "Subject": "twice"},
    ]
    body = {"allOrNone": True, "records": records}
    answer = sf.call("PATCH", "composite/sobjects", body, NO_RULES)
    assert [r["success"] for r in answer.json] == [False] * 3
    assert (sf.get("Lead", id), sf.get("Task", task)) == before
    assert sf.call("GET", "sobjects/Task/Fairlead_Key__c/old").status == 200
    assert sf.call("GET", "sobjects/Task/Fairlead_Key__c/new").status == 404


def test_rows_that_cannot_be_changed_say_why(sf: Client) -> None:
    gone = sf.lead()
    sf.act("delete", id=gone)
    converted = sf.lead()
    sf.act("convert", id=converted)
    ids = ["00Q000000000000EAA", gone, converted, "short", None]
    records = [{"attributes": {"type": "Lead"}, "Id": i, "Title": "x"} for i in ids]
    answer = sf.call("PATCH", "composite/sobjects", {"records": records}, NO_RULES)
    assert [r["errors"][0]["statusCode"] for r in answer.json] == [
        "INVALID_CROSS_REFERENCE_KEY",
        "ENTITY_IS_DELETED",
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
    ]


def test_collections_obey_the_assignment_header_of_the_call(sf: Client) -> None:
    sf.call("POST", "composite/sobjects", {"records": [LEAD]})
    sf.call("POST", "composite/sobjects", {"records": [LEAD]}, NO_RULES)
    owners = sf.values("SELECT Owner.Name FROM Lead ORDER BY Owner.Name", "Owner")
    assert [o["Name"] for o in owners] == ["Fairlead Integration", "Unmatched"]


def test_more_than_200_rows_or_ten_chunks_refuse_the_call(sf: Client) -> None:
    many = sf.call("POST", "composite/sobjects", {"records": [LEAD] * 201}, NO_RULES)
    assert (many.status, many.code) == (400, "EXCEEDED_ID_LIMIT")
    task = {"attributes": {"type": "Task"}}
    mixed = sf.call("POST", "composite/sobjects", {"records": [LEAD, task] * 6}, NO_RULES)
    assert (mixed.status, mixed.code) == (400, "LIMIT_EXCEEDED")
    ten = sf.call("POST", "composite/sobjects", {"records": [LEAD, task] * 5}, NO_RULES)
    assert all(r["success"] for r in ten.json)


@pytest.mark.parametrize(
    "body",
    [{"records": []}, {"records": "x"}, {"records": [1]}, {"records": [LEAD], "colour": "blue"}],
)
def test_a_malformed_collection_is_refused(sf: Client, body: dict[str, Any]) -> None:
    assert sf.call("POST", "composite/sobjects", body).code == "JSON_PARSER_ERROR"


def test_rows_are_deleted_by_address(sf: Client) -> None:
    ids = [sf.lead(), "00Q000000000000EAA"]
    answer = sf.call("DELETE", "composite/sobjects", ids=",".join(ids), allOrNone="true")
    assert [r["success"] for r in answer.json] == [False, False]
    answer = sf.call("DELETE", "composite/sobjects", ids=",".join(ids), allOrNone="false")
    assert [r["success"] for r in answer.json] == [True, False]


def test_upserts_by_key_say_which_were_created_and_refuse_twins(sf: Client) -> None:
    def record(key: str) -> dict[str, Any]:
        return {"attributes": {"type": "Task"}, "Fairlead_Key__c": key, "Subject": "s"}

    address = "composite/sobjects/Task/Fairlead_Key__c"
    first = sf.call("PATCH", address, {"records": [record("a")]})
    assert first.json[0]["created"] is True
    both = sf.call("PATCH", address, {"records": [record("a"), record("b")]})
    assert [r["created"] for r in both.json] == [False, True]
    twins = sf.call("PATCH", address, {"records": [record("c"), record("C")]})
    codes = [r["errors"][0]["statusCode"] for r in twins.json]
    assert codes == ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]


def test_retrieve_keeps_order_and_gives_null_for_the_unseen(sf: Client) -> None:
    one, two, gone = sf.lead(Title="1"), sf.lead(Title="2"), sf.lead()
    sf.act("delete", id=gone)
    body = {"ids": [two, gone, one, "00Q000000000000EAA"], "fields": ["title"]}
    rows = sf.call("POST", "composite/sobjects/Lead", body).json
    assert [r and r["Title"] for r in rows] == ["2", None, "1", None]
    assert rows[0]["Id"] == two
    got = sf.call("GET", "composite/sobjects/Lead", ids=f"{one},{two}", fields="Id,Title").json
    assert [r["Title"] for r in got] == ["1", "2"]
    many = {"ids": [one] * 2001, "fields": ["Id"]}
    assert sf.call("POST", "composite/sobjects/Lead", many).code == "EXCEEDED_ID_LIMIT"
    bad = {"ids": [one], "fields": ["Nonsense"]}
    assert sf.call("POST", "composite/sobjects/Lead", bad).code == "INVALID_FIELD"


def test_a_composite_refers_to_earlier_parts(sf: Client) -> None:
    lead = {"LastName": "x", "Company": "c"}
    results = composite(
        sf,
        part("lead", "POST", "sobjects/Lead", lead, Sforce_Auto_Assign="FALSE"),
        part("task", "POST", "sobjects/Task", {"WhoId": "@{lead.id}", "Subject": "for @{lead.id}"}),
        part("read", "GET", "sobjects/Task/@{task.id}?fields=Subject,WhoId"),
        part("find", "GET", "query?q=SELECT+Id+FROM+Lead+WHERE+Id='@{lead.id}'"),
        part("edit", "PATCH", "sobjects/Lead/@{find.records[0].Id}", {"Title": "CTO"}),
    )
    assert [r["httpStatusCode"] for r in results] == [201, 201, 200, 200, 204]
    assert [r["referenceId"] for r in results] == ["lead", "task", "read", "find", "edit"]
    id = results[0]["body"]["id"]
    assert results[0]["httpHeaders"]["Location"].endswith(f"/sobjects/Lead/{id}")
    assert results[2]["body"]["Subject"] == f"for {id}"
    assert results[4]["body"] is None


def test_parts_do_not_inherit_the_assignment_header(sf: Client, rep: str) -> None:
    lead = {"LastName": "x", "Company": "c", "OwnerId": rep}
    body = {
        "compositeRequest": [
            part("plain", "POST", "sobjects/Lead", lead),
            part("told", "POST", "sobjects/Lead", lead, Sforce_Auto_Assign="FALSE"),
        ]
    }
    results = sf.call("POST", "composite", body, NO_RULES).json["compositeResponse"]
    owners = [sf.get("Lead", r["body"]["id"])["OwnerId"] for r in results]
    assert owners[0].startswith("00G")
    assert owners[1] == rep


def test_a_part_carries_its_own_condition(sf: Client) -> None:
    id = sf.lead()
    sf.advance(5)
    sf.call("PATCH", f"sobjects/Lead/{id}", {"Title": "theirs"}, NO_RULES)
    old = "Mon, 23 Nov 2026 09:00:00 GMT"
    edit = part("edit", "PATCH", f"sobjects/Lead/{id}", {"Title": "o"}, If_Unmodified_Since=old)
    assert composite(sf, edit)[0]["httpStatusCode"] == 412


def test_a_reference_to_a_failed_part_halts(sf: Client) -> None:
    results = composite(
        sf,
        part("lead", "POST", "sobjects/Lead", {"LastName": "x"}),
        part("task", "POST", "sobjects/Task", {"WhoId": "@{lead.id}"}),
        part("free", "POST", "sobjects/Task", {"Subject": "free"}),
    )
    assert [r["httpStatusCode"] for r in results] == [400, 400, 201]
    assert results[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_a_composite_of_all_or_none_takes_all_back(sf: Client) -> None:
    results = composite(
        sf,
        part("good", "POST", "sobjects/Lead", {"LastName": "x", "Company": "c"}),
        part("bad", "POST", "sobjects/Lead", {"LastName": "x"}),
        part("never", "GET", "sobjects"),
        all_or_none=True,
    )
    codes = [r["body"][0]["errorCode"] for r in results]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert sf.rows("SELECT Id FROM Lead", all_rows=True) == []


def test_a_composite_has_limits(sf: Client) -> None:
    def refused(*parts: dict[str, Any]) -> str:
        return sf.call("POST", "composite", {"compositeRequest": list(parts)}).code

    many = [part(f"p{n}", "GET", "sobjects") for n in range(26)]
    assert refused(*many) == "LIMIT_EXCEEDED"
    queries = [part(f"q{n}", "GET", "query?q=SELECT+Id+FROM+Lead") for n in range(6)]
    assert refused(*queries) == "LIMIT_EXCEEDED"
    assert len(composite(sf, *queries[:5])) == 5
    assert refused(many[0], many[0]) == "DUPLICATE_VALUE"
    assert refused(part("not-a-name", "GET", "sobjects")) == "INVALID_INPUT"
    assert refused(part("a", "GET", "sobjects", Authorization="x")) == "INVALID_HEADER"
    assert refused(many[0] | {"colour": "blue"}) == "JSON_PARSER_ERROR"
    nested = composite(sf, part("n", "POST", "composite", {"compositeRequest": []}))
    assert nested[0]["body"][0]["errorCode"] == "INVALID_INPUT"


def test_a_composite_is_one_call_and_a_batch_one_for_each_part(sf: Client) -> None:
    sb = sf.face.sb
    composite(sf, *[part(f"p{n}", "GET", "sobjects") for n in range(4)])
    assert sb.calls_used() == 1
    requests = [{"method": "GET", "url": f"v60.0/sobjects/{o}/describe"} for o in ("Lead", "Task")]
    answer = sf.call("POST", "composite/batch", {"batchRequests": requests})
    assert sb.calls_used() == 3
    assert answer.json["hasErrors"] is False
    assert [r["result"]["name"] for r in answer.json["results"]] == ["Lead", "Task"]


def test_a_batch_may_halt_on_an_error(sf: Client) -> None:
    requests = [
        {"method": "GET", "url": "v60.0/sobjects/Nonsense"},
        {"method": "POST", "url": "v60.0/sobjects/Lead", "richInput": LEAD},
    ]
    body = {"batchRequests": requests, "haltOnError": True}
    answer = sf.call("POST", "composite/batch", body).json
    assert answer["hasErrors"] is True
    assert [r["statusCode"] for r in answer["results"]] == [404, 412]
    assert sf.rows("SELECT Id FROM Lead") == []
