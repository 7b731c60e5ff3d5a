"""Pick lists over real HTTP: doctor finds beforehand what the CRM would refuse, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from contract.crm_hubspot import HubSpotUnderTest
from contract.crm_salesforce import SalesforceUnderTest
from contract.sandboxed import TOKEN

from fairlead.core.effects import SetField
from fairlead.spi.connector import Connector, Direction, Finding, Outcome, Wanted
from fairlead_hubspot.connector import FACTORY as HUBSPOT
from fairlead_salesforce.connector import FACTORY as SALESFORCE

Crm = SalesforceUnderTest | HubSpotUnderTest


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> Iterator[Crm]:
    crm: Crm = SalesforceUnderTest() if request.param == "salesforce" else HubSpotUnderTest()
    yield crm
    crm.close()


def connect(crm: Crm, field: str, *texts: str) -> Connector:
    secret = crm.sandbox.secret("token-for-options", TOKEN)
    wanted = Wanted(writes=(field,), texts={field: texts} if texts else {})
    settings: dict[str, Any]
    if isinstance(crm, SalesforceUnderTest):
        settings = {"login": "token", "token_file": secret, "instance_url": crm.sandbox.url}
        return SALESFORCE.build(SALESFORCE.settings_model(**settings), Direction.WRITE, wanted)
    settings = {"token_file": secret, "base_url": crm.sandbox.url, "burst_per_10s": 10_000}
    return HUBSPOT.build(HUBSPOT.settings_model(**settings), Direction.WRITE, wanted)


def looked_at(crm: Crm, field: str, *texts: str) -> Finding:
    connector = connect(crm, field, *texts)
    found = [f for f in connector.probe().findings if "to write" in f.check and field in f.check]
    connector.close()
    [finding] = found
    return finding


def written(crm: Crm, field: str, text: str) -> Outcome:
    connector = connect(crm, field, text)
    ref = crm.create_lead(
        {"email": f"jo{text}@acme.example".lower(), "last_name": "Jo", "company": "A"}
    )
    [receipt] = connector.write([SetField("f", ref, field, text, None)]).receipts
    connector.close()
    return receipt.outcome


def closed_list(crm: Crm) -> tuple[str, str, str]:
    """A field with a closed list of values, one that is in it, and one that is not."""
    if isinstance(crm, SalesforceUnderTest):
        return "CountryCode", "DE", "Germany"
    return "hs_lead_status", "OPEN", "Nurture"


def test_a_value_that_is_no_option_is_found_and_one_that_is_is_not(crm: Crm) -> None:
    field, good, bad = closed_list(crm)
    assert (written(crm, field, good), written(crm, field, bad)) == (
        Outcome.APPLIED,
        Outcome.REFUSED,
    )
    assert looked_at(crm, field, good, "").ok
    found = looked_at(crm, field, good, bad)
    assert (found.ok, found.fatal) == (False, False)
    assert repr(bad) in found.detail
    assert good not in found.detail.partition("only")[0]
    assert field in found.remedy
    assert "policy" in found.remedy


def test_a_list_that_takes_any_text_is_no_reason_to_complain() -> None:
    crm = SalesforceUnderTest()
    assert written(crm, "Rating", "Lukewarm") is Outcome.APPLIED
    assert looked_at(crm, "Rating", "Lukewarm").ok
    crm.close()


def test_a_field_that_must_not_be_empty_cannot_be_cleared() -> None:
    crm = SalesforceUnderTest()
    assert written(crm, "Company", "") is Outcome.REFUSED
    found = looked_at(crm, "Company", "")
    assert not found.ok
    assert "cannot be empty" in found.detail
    crm.close()


@pytest.mark.parametrize(("texts", "kind"), [((), "a number"), (("Nurture",), "a text")])
def test_a_field_that_is_missing_is_asked_for_by_what_it_must_take(
    crm: Crm, texts: tuple[str, ...], kind: str
) -> None:
    name = "Missing__c" if isinstance(crm, SalesforceUnderTest) else "missing"
    found = looked_at(crm, name, *texts)
    assert not found.ok
    assert f"({kind}" in found.remedy
