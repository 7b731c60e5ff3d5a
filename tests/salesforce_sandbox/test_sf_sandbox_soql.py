"""SOQL: what is understood is right, what is not is refused."""
# ruff: noqa: S608  (SOQL is meant to be built from text here)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesforce_sandbox.sf_face import NO_RULES, Client

from fairlead_salesforce.sandbox import soql
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.soql import Compare, Query, parse

_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"'}


def quoted(text: str) -> str:
    return "'" + "".join(_ESCAPED.get(c, c) for c in text) + "'"


@given(st.text(max_size=200))
def test_any_text_survives_the_way_through_a_literal(text: str) -> None:
    where = parse(f"SELECT Id FROM Lead WHERE LastName = {quoted(text)}").where
    assert isinstance(where, Compare)
    assert where.values[0].value == text


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_texts_survive_in_a_list(texts: list[str]) -> None:
    listed = ", ".join(map(quoted, texts))
    where = parse(f"SELECT Id FROM Lead WHERE LastName NOT IN ({listed})").where
    assert isinstance(where, Compare)
    assert [v.value for v in where.values] == texts


def outcome(statement: str) -> Query | str:
    try:
        return parse(statement)
    except Refused as refused:
        return str(refused)


@pytest.mark.parametrize(
    "head",
    [
        *("SELECT Id FROM Lead", "SELECT Id,Owner.Name FROM Task", "SELECT Id FROM Group"),
        *("SELECT Id FROM Where", "SELECT From FROM Lead", "SELECT Id, FROM Lead"),
        *(
            "SELECT 1 FROM Lead",
            "SELECT a..b FROM Lead",
            "SELECT Id FROM 2x",
            "select Id from Lead",
        ),
    ],
)
def test_a_beginning_that_was_seen_before_changes_nothing(
    head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree, the places in it and each complaint are those of the whole statement."""
    tails = (
        *("", "WHERE Id = 'x'", "l WHERE l.Id IN ('a', '%b')", "ORDER BY Id DESC", "LIMIT 1"),
        *("GROUP BY Id", "BY Id", ", Contact", "WHERE", "WHERE Id =", "FOR VIEW", "WHERE 'a"),
    )
    statements = [f"{head} {tail}".strip() for tail in tails]
    again = [outcome(s) for s in statements for _ in range(2)]
    monkeypatch.setattr(soql, "_plain_head", lambda text: None)
    assert again == [outcome(s) for s in statements for _ in range(2)]


@pytest.fixture
def leads(sf: Client) -> dict[str, str]:
    """Four leads by last name, one second apart."""
    out = {}
    rows = (
        {"LastName": "Alpha", "Email": "a@example.com", "NumberOfEmployees": 10, "Title": "CEO"},
        {"LastName": "beta", "NumberOfEmployees": 200, "AnnualRevenue": 1.5e6},
        {"LastName": "Gamma_x", "Title": "50% off", "HasOptedOutOfEmail": True},
        {"LastName": "Delta", "Email": "d@example.com", "Title": "ceo"},
    )
    for row in rows:
        out[str(row["LastName"])] = sf.lead(**row)
        sf.advance(1)
    return out


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("LastName = 'ALPHA'", ["Alpha"]),
        ("LastName != 'alpha'", ["beta", "Gamma_x", "Delta"]),
        ("LastName <> 'alpha' AND Email != null", ["Delta"]),
        ("Title = 'CEO'", ["Alpha", "Delta"]),
        ("Title != 'CEO'", ["beta", "Gamma_x"]),
        ("LastName IN ('beta', 'DELTA')", ["beta", "Delta"]),
        ("Email NOT IN ('a@example.com')", ["beta", "Gamma_x", "Delta"]),
        ("Email IN (null, 'a@example.com')", ["Alpha", "beta", "Gamma_x"]),
        ("LastName LIKE '%a'", ["Alpha", "beta", "Delta"]),
        ("LastName LIKE 'gamma\\_%'", ["Gamma_x"]),
        ("LastName LIKE '____'", ["beta"]),
        ("Title LIKE '50\\% %'", ["Gamma_x"]),
        ("LastName LIKE '.*'", []),
        ("NumberOfEmployees >= 10", ["Alpha", "beta"]),
        ("NumberOfEmployees < 10", []),
        ("AnnualRevenue = 1500000", ["beta"]),
        ("HasOptedOutOfEmail = true", ["Gamma_x"]),
        ("HasOptedOutOfEmail != TRUE", ["Alpha", "beta", "Delta"]),
        ("NOT Email = null", ["Alpha", "Delta"]),
        ("(NOT (Email = null)) AND NOT LastName = 'Delta'", ["Alpha"]),
        (
            "LastName = 'Alpha' OR (LastName = 'beta' AND NumberOfEmployees > 100)",
            ["Alpha", "beta"],
        ),
        ("SystemModstamp > 2026-11-23T09:00:01Z", ["Gamma_x", "Delta"]),
        ("SystemModstamp >= 2026-11-23T10:00:02+01:00", ["Gamma_x", "Delta"]),
        ("CreatedDate = TODAY", ["Alpha", "beta", "Gamma_x", "Delta"]),
        ("CreatedDate = YESTERDAY", []),
        ("CreatedDate = LAST_N_DAYS:3", ["Alpha", "beta", "Gamma_x", "Delta"]),
        ("CreatedDate < TODAY", []),
        ("Owner.Name = 'fairlead integration'", ["Alpha", "beta", "Gamma_x", "Delta"]),
        ("Owner.Type = 'Queue'", []),
        ("Lead.LastName = 'beta'", ["beta"]),
    ],
)
def test_conditions(sf: Client, leads: dict[str, str], where: str, names: list[str]) -> None:
    statement = f"select LastName from LEAD where {where} order by CreatedDate"
    assert sf.values(statement, "LastName") == names


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead garbage here", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Lead WHERE LastName = 'a' AND Title = 'b' OR Title = 'c'",
            "MALFORMED_QUERY",
        ),
        ("SELECT Id FROM Lead WHERE LastName ~ 'a'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE LastName = 'a", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE LastName = 'a\\x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead ALL ROWS", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead FOR UPDATE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead FOR VIEW", "MALFORMED_QUERY"),
        ("SELECT Id, (SELECT Id FROM Tasks) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT TYPEOF Owner WHEN User THEN Id END FROM Lead", "MALFORMED_QUERY"),
        ("SELECT toLabel(Status) FROM Lead", "MALFORMED_QUERY"),
        (
            "SELECT Status, COUNT(Id) FROM Lead GROUP BY Status HAVING COUNT(Id) > 1",
            "MALFORMED_QUERY",
        ),
        ("SELECT LastName, COUNT(Id) FROM Lead GROUP BY Status", "MALFORMED_QUERY"),
        ("SELECT Address FROM Lead GROUP BY Address", "INVALID_FIELD"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY CreatedDate", "INVALID_FIELD"),
        ("SELECT MAX(Address) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id) n, COUNT(Email) N FROM Lead", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY Status ORDER BY Email", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:99999999", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead LIMIT 201", "MALFORMED_QUERY"),
        ("SELECT Id, id FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE " + "(" * 5000, "MALFORMED_QUERY"),
        ("SELECT Id FROM Leads", "INVALID_TYPE"),
        ("SELECT Id FROM Name", "INVALID_TYPE"),
        ("SELECT Nonsense FROM Lead", "INVALID_FIELD"),
        ("SELECT Owner.Nonsense FROM Lead", "INVALID_FIELD"),
        ("SELECT Nobody.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM LeadHistory WHERE NewValue = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE ActivityDate > 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE IsDeleted = 'true'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Id = 'short'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Lead WHERE Id LIKE '00Q%'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_what_is_not_understood_is_refused(sf: Client, statement: str, code: str) -> None:
    answer = sf.soql(statement)
    assert (answer.status, answer.code) == (400, code)


def test_a_complaint_points_at_the_place(sf: Client) -> None:
    message = sf.soql("SELECT Id, Nonsense FROM Lead").json[0]["message"]
    assert "ERROR at Row:1:Column:12\nNo such column 'Nonsense' on entity 'Lead'." in message


def test_ids_compare_with_case_and_in_either_length(sf: Client) -> None:
    one, twin = sf.lead(), sf.lead()
    assert one[:15].lower() == twin[:15].lower()
    assert sf.values(f"SELECT Id FROM Lead WHERE Id = '{one[:15]}'") == [one]
    low, high = sorted((one, twin))
    assert sf.values(f"SELECT Id FROM Lead WHERE Id > '{low}'") == [high]


def test_the_keyset_of_a_poll_walks_every_row_once_over_one_stamp(sf: Client) -> None:
    made = {sf.lead() for _ in range(9)}
    at, last, seen = "2026-11-23T09:00:00Z", "000000000000000", []
    while True:
        page = sf.values(
            f"SELECT Id FROM Lead WHERE SystemModstamp >= {at} AND (SystemModstamp > {at} OR "
            f"(SystemModstamp = {at} AND Id > '{last}')) ORDER BY SystemModstamp, Id LIMIT 4"
        )
        if not page:
            break
        seen += page
        last = page[-1]
    assert len(seen) == 9
    assert set(seen) == made


def test_nulls_come_first_unless_told_otherwise(sf: Client, leads: dict[str, str]) -> None:
    query = "SELECT LastName FROM Lead ORDER BY Email {}, LastName"
    first = ["beta", "Gamma_x"]
    assert sf.values(query.format(""), "LastName") == [*first, "Alpha", "Delta"]
    assert sf.values(query.format("DESC"), "LastName") == [*first, "Delta", "Alpha"]
    last = sf.values(query.format("ASC NULLS LAST"), "LastName")
    assert last == ["Alpha", "Delta", *first]


def test_parents_are_shown_as_the_vendor_nests_them(sf: Client) -> None:
    queue = sf.face.sb.find_owner("Unmatched")
    assert queue is not None
    sf.lead(OwnerId=queue.id)
    [row] = sf.rows("SELECT Owner.Name, Owner.Type, CreatedBy.Email, MasterRecord.Name FROM Lead")
    assert row["Owner"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v67.0/sobjects/Group/{queue.id}"},
        "Name": "Unmatched",
        "Type": "Queue",
    }
    assert row["CreatedBy"]["attributes"]["type"] == "User"
    assert row["CreatedBy"]["Email"] == "fairlead@sandbox.example"
    assert row["MasterRecord"] is None


def test_counts_and_groups(sf: Client, leads: dict[str, str]) -> None:
    bare = sf.soql("SELECT COUNT() FROM Lead WHERE Email != null").json
    assert bare == {"totalSize": 2, "done": True, "records": []}
    grouped = sf.rows("SELECT Title, COUNT(Id) n FROM Lead GROUP BY Title ORDER BY COUNT(Id) DESC")
    assert [(r["Title"], r["n"]) for r in grouped][-1][1] == 1
    assert grouped[0]["attributes"] == {"type": "AggregateResult"}
    [sums] = sf.rows("SELECT SUM(NumberOfEmployees), MAX(LastName) FROM Lead")
    assert (sums["expr0"], sums["expr1"]) == (210.0, "Gamma_x")


def test_semi_joins(sf: Client, leads: dict[str, str]) -> None:
    sf.call("POST", "sobjects/Task", {"WhoId": leads["beta"]})
    joined = "SELECT Id FROM Lead WHERE Id {} (SELECT WhoId FROM Task) ORDER BY CreatedDate"
    assert sf.values(joined.format("IN")) == [leads["beta"]]
    assert len(sf.values(joined.format("NOT IN"))) == 3
    either = "SELECT Id FROM Lead WHERE Id IN (SELECT WhoId FROM Task) OR LastName = 'x'"
    assert sf.soql(either).code == "MALFORMED_QUERY"


def test_all_fields_need_a_small_limit(sf: Client, leads: dict[str, str]) -> None:
    [row] = sf.rows("SELECT FIELDS(ALL) FROM Lead LIMIT 1")
    assert {"Id", "Name", "Address", "Fairlead_Reason__c", "SystemModstamp"} <= row.keys()
    assert "Fairlead_Reason__c" not in sf.rows("SELECT FIELDS(STANDARD) FROM Lead")[0]


def test_pages_follow_the_locator_and_the_batch_size(sf: Client) -> None:
    for n in range(450):
        sf.face.act({"op": "create", "fields": {"LastName": str(n), "Company": "c"}})
    query = "SELECT Id FROM Lead ORDER BY Id"
    page = sf.soql(query, **{"Sforce-Query-Options": "batchSize=10"}).json
    assert (len(page["records"]), page["totalSize"], page["done"]) == (200, 450, False)
    seen = page["records"]
    while not page["done"]:
        page = sf.call("GET", page["nextRecordsUrl"]).json
        seen += page["records"]
    assert len({r["Id"] for r in seen}) == 450
    assert "nextRecordsUrl" not in page


def test_a_page_shows_rows_as_they_are_when_it_is_asked_for(sf: Client) -> None:
    sf.face.tune({"page_size": 1})
    ids = sorted(sf.lead() for _ in range(2))
    page = sf.soql("SELECT Id, Title FROM Lead ORDER BY Id").json
    sf.call("PATCH", f"sobjects/Lead/{ids[1]}", {"Title": "late"}, NO_RULES)
    assert sf.call("GET", page["nextRecordsUrl"]).json["records"][0]["Title"] == "late"


def test_locators_die_after_two_days_and_are_not_guessed(sf: Client) -> None:
    sf.face.tune({"page_size": 1})
    sf.lead()
    sf.lead()
    page = sf.soql("SELECT Id FROM Lead").json
    assert sf.call("GET", "query/01g000000000000-1").code == "INVALID_QUERY_LOCATOR"
    assert sf.call("GET", page["nextRecordsUrl"] + "0").code == "INVALID_QUERY_LOCATOR"
    sf.advance(2 * 86400 + 1)
    assert sf.call("GET", page["nextRecordsUrl"]).code == "INVALID_QUERY_LOCATOR"


def test_an_empty_page_may_have_a_next_one(sf: Client) -> None:
    sf.face.tune({"empty_first_page": True})
    id = sf.lead()
    page = sf.soql("SELECT Id FROM Lead").json
    assert (page["records"], page["done"]) == ([], False)
    assert [r["Id"] for r in sf.call("GET", page["nextRecordsUrl"]).json["records"]] == [id]


def test_two_long_texts_make_the_page_small(sf: Client) -> None:
    for n in range(201):
        sf.face.act({"op": "create", "object": "EmailMessage", "fields": {"Subject": str(n)}})
    page = sf.soql("SELECT Id, TextBody, HtmlBody FROM EmailMessage").json
    assert len(page["records"]) == 200


def test_a_query_address_that_is_too_long_is_refused(sf: Client) -> None:
    ids = ",".join(["'00Q000000000000'"] * 900)
    assert sf.soql(f"SELECT Id FROM Lead WHERE Id IN ({ids})").status == 414


def test_a_raw_plus_in_the_address_is_a_space(sf: Client) -> None:
    query = "q=SELECT+Id+FROM+Lead+WHERE+CreatedDate+>+2026-01-01T00:00:00+01:00"
    assert sf.call("GET", f"query?{query}").code == "MALFORMED_QUERY"


def test_unknown_query_options_and_parameters_are_refused(sf: Client) -> None:
    odd = sf.soql("SELECT Id FROM Lead", **{"Sforce-Query-Options": "colour=blue"})
    assert odd.code == "INVALID_QUERY_OPTIONS"
    assert sf.call("GET", "query", q="SELECT Id FROM Lead", explain="x").code == "MALFORMED_QUERY"
