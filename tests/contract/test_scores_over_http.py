"""Scores go to both sandboxes over real HTTP: written, read back, refused where they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from contract.crm_hubspot import HubSpotUnderTest
from contract.crm_salesforce import SalesforceUnderTest
from contract.sandboxed import TOKEN

from fairlead.core.effects import Effect, SetOwner, SetScore
from fairlead.core.types import Kind, Record, Ref
from fairlead.spi.connector import Connector, Direction, Outcome, Wanted
from fairlead_hubspot.connector import FACTORY as HUBSPOT
from fairlead_salesforce.connector import FACTORY as SALESFORCE

Crm = SalesforceUnderTest | HubSpotUnderTest
FIELDS = {"salesforce": "Score__c", "hubspot": "lead_points"}


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> Iterator[Crm]:
    crm: Crm = SalesforceUnderTest() if request.param == "salesforce" else HubSpotUnderTest()
    if isinstance(crm, HubSpotUnderTest):
        made = requests.post(
            f"{crm.sandbox.url}/crm/v3/properties/contacts",
            json={
                "name": "lead_points",
                "label": "Points",
                "type": "number",
                "fieldType": "number",
                "groupName": "contactinformation",
            },
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
        assert made.status_code == 201, made.text
    yield crm
    crm.close()


def field_of(crm: Crm) -> str:
    return FIELDS["salesforce" if isinstance(crm, SalesforceUnderTest) else "hubspot"]


def connect(crm: Crm, *writes: str) -> Connector:
    secret = crm.sandbox.secret("token-for-scores", TOKEN)
    wanted = Wanted(writes=writes or (field_of(crm),))
    settings: dict[str, Any]
    if isinstance(crm, SalesforceUnderTest):
        settings = {"login": "token", "token_file": secret, "instance_url": crm.sandbox.url}
        model = SALESFORCE.settings_model(**settings)
        return SALESFORCE.build(model, Direction.WRITE, wanted)
    settings = {"token_file": secret, "base_url": crm.sandbox.url, "burst_per_10s": 10_000}
    return HUBSPOT.build(HUBSPOT.settings_model(**settings), Direction.WRITE, wanted)


def a_lead(crm: Crm, number: int = 0) -> Ref:
    return crm.create_lead({"email": f"jo{number}@acme.example", "last_name": "Jo", "company": "A"})


def held(connector: Connector, ref: Ref, field: str) -> float:
    record = connector.read([ref])[ref]
    assert isinstance(record, Record)
    return float(record.fields[field])


def finding(connector: Connector, field: str) -> Any:
    [found] = [f for f in connector.probe().findings if field in f.check]
    return found


def test_a_score_is_written_read_back_and_written_over(crm: Crm) -> None:
    connector, ref, field = connect(crm), a_lead(crm), field_of(crm)
    for value in (70, -5, -5, 0):
        [receipt] = connector.write([SetScore("s1", ref, field, value)]).receipts
        assert receipt.outcome is Outcome.APPLIED, receipt.detail
        assert held(connector, ref, field) == value
    connector.close()


def test_owner_and_score_of_many_leads_go_in_one_write(crm: Crm) -> None:
    connector, field = connect(crm), field_of(crm)
    anna = crm.add_user("anna@example.com")
    refs = [a_lead(crm, n) for n in range(5)]
    effects: list[Effect] = [SetScore(f"s{n}", r, field, n) for n, r in enumerate(refs)]
    effects += [SetOwner(f"o{n}", r, anna, None) for n, r in enumerate(refs)]
    receipts = connector.write(effects).receipts
    assert [r.key for r in receipts] == [e.key for e in effects]
    assert {r.outcome for r in receipts} == {Outcome.APPLIED}
    read = connector.read(refs)
    for number, ref in enumerate(refs):
        record = read[ref]
        assert isinstance(record, Record)
        assert float(record.fields[field]) == number
        assert record.owner_id == anna
    connector.close()


def test_the_change_feed_shows_the_score(crm: Crm) -> None:
    connector, ref, field = connect(crm), a_lead(crm), field_of(crm)
    connector.write([SetScore("s1", ref, field, 42)])
    crm.wait_visible(ref)
    cursor = connector.start_cursor(Kind.LEAD, since=None)
    [record] = connector.changes({Kind.LEAD: cursor})[Kind.LEAD].records
    assert float(record.fields[field]) == 42
    connector.close()


def test_a_field_that_does_not_exist_is_named_and_stops_nothing_else(crm: Crm) -> None:
    name = "Nowhere__c" if isinstance(crm, SalesforceUnderTest) else "nowhere"
    connector = connect(crm, name)
    anna = crm.add_user("anna@example.com")
    refs = [a_lead(crm, n) for n in range(4)]
    found = finding(connector, name)
    assert (found.ok, found.fatal) == (False, False)
    assert "leads are routed all the same" in found.detail
    effects: list[Effect] = [SetOwner(f"o{n}", r, anna, None) for n, r in enumerate(refs)]
    effects += [SetScore(f"s{n}", r, name, 1) for n, r in enumerate(refs)]
    outcomes = [r.outcome for r in connector.write(effects).receipts]
    assert outcomes == [Outcome.APPLIED] * 4 + [Outcome.REFUSED] * 4
    assert isinstance(connector.read(refs[:1])[refs[0]], Record)
    connector.close()


def test_a_field_that_takes_no_writes_is_named_and_stops_nothing_else(crm: Crm) -> None:
    name = field_of(crm)
    if isinstance(crm, SalesforceUnderTest):
        crm.sandbox.tune(fields_read_only=["Lead.Score__c"])
    else:
        name = "hs_latest_source"
    connector, ref = connect(crm, name), a_lead(crm)
    anna = crm.add_user("anna@example.com")
    found = finding(connector, name)
    assert (found.ok, found.fatal) == (False, False)
    written = connector.write([SetScore("s1", ref, name, 1), SetOwner("o1", ref, anna, None)])
    assert [r.outcome for r in written.receipts] == [Outcome.REFUSED, Outcome.APPLIED]
    connector.close()


def test_a_field_that_goes_away_while_we_run_stops_nothing_else(crm: Crm) -> None:
    connector, ref, field = connect(crm), a_lead(crm), field_of(crm)
    assert connector.write([SetScore("s1", ref, field, 1)]).receipts[0].outcome is Outcome.APPLIED
    table = "Lead" if isinstance(crm, SalesforceUnderTest) else "contacts"
    crm.sandbox.tune(fields_missing=[f"{table}.{field}"])
    assert [r.outcome for r in connector.write([SetScore("s2", ref, field, 2)]).receipts] == [
        Outcome.REFUSED
    ]
    anna = crm.add_user("anna@example.com")
    effects: list[Effect] = [SetOwner("o1", ref, anna, None), SetScore("s3", ref, field, 3)]
    outcomes = [r.outcome for r in connector.write(effects).receipts]
    assert outcomes == [Outcome.APPLIED, Outcome.REFUSED]
    connector.close()


def test_a_field_that_takes_the_score_is_said_to(crm: Crm) -> None:
    connector = connect(crm)
    assert finding(connector, field_of(crm)).ok
    connector.close()
