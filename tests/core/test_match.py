"""Accounts by their domain, table rows by their key; a doubtful match is none."""

from __future__ import annotations

import pytest
from core.deciding import HS, NOW, SF, lead, policy, user, world

from fairlead.core.decision import Match
from fairlead.core.match import match_account, with_match, with_tables
from fairlead.core.types import Account, Ref


def account(id: str = "1", crm: str = SF, domain: str = "acme.example", **more: object) -> Account:
    return Account(Ref(crm, "Account", id), "Acme", (domain,), more.pop("owner_id", None), **more)  # type: ignore[arg-type]


ACME = lead(domain="acme.example")


def test_the_only_account_of_the_domain_is_the_match() -> None:
    others = [account("2", domain="other.example"), account("1")]
    assert match_account(ACME, others) == (account("1"), "the account has the lead's domain")


def test_the_same_account_named_twice_is_one() -> None:
    assert match_account(ACME, [account(), account()])[0] == account()


def test_an_account_of_the_lead_s_own_crm_counts_first() -> None:
    assert match_account(ACME, [account(crm=HS), account(crm=SF)])[0] == account(crm=SF)
    assert match_account(ACME, [account(crm=HS)])[0] == account(crm=HS)


@pytest.mark.parametrize(
    ("domain", "candidates", "reason"),
    [
        (None, [account()], "the lead has no domain"),
        ("gmail.com", [account(domain="gmail.com")], "the lead's domain is a free-mail one"),
        ("acme.example", [], "no account has this domain"),
        ("acme.example", [account("1"), account("2")], "2 accounts have this domain"),
    ],
)
def test_every_no_has_its_reason_and_shows_no_lead_data(
    domain: str | None, candidates: list[Account], reason: str
) -> None:
    assert match_account(lead(domain=domain), candidates) == (None, reason)


def test_without_an_account_the_group_is_missing() -> None:
    assert with_match(ACME, Match(), {}).values["account"] is None


@pytest.mark.parametrize(
    ("owner_id", "owner"),
    [(None, None), ("salesforce-zoe", "zoe@example.com"), ("gone", None)],
)
def test_rules_see_the_account_as_a_group(owner_id: str | None, owner: str | None) -> None:
    found = account(owner_id=owner_id, type="customer", employees=7, parent_id="p")
    owners = world(others=(user("zoe"),)).owners
    values = with_match(ACME, Match(found), owners).values
    assert {n: v for n, v in values.items() if n.startswith("account")} == {
        "account": True,
        "account.id": "1",
        "account.name": "Acme",
        "account.type": "customer",
        "account.owner": owner,
        "account.parent": "p",
        "account.employees": 7,
        "account.industry": None,
    }


def test_an_owner_without_an_address_is_named() -> None:
    found = account(owner_id="salesforce-q-inbound")
    assert with_match(ACME, Match(found), world().owners).get("account.owner") == "Inbound"


TABLES = policy(
    head="""version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}}
teams: {a: {members: [anna@example.com]}}
tables: {territory: {csv: t.csv, key: [country, state]}}
""",
    t="country,state,team,region\nUS, ca ,a,\n",
).tables


def test_a_table_is_there_when_a_row_has_the_key_whatever_its_case() -> None:
    values = with_tables(lead(country="us", state="CA"), TABLES)
    assert values["territory"] is True
    assert values["territory.team"] == "a"
    assert values["territory.region"] is None


@pytest.mark.parametrize("place", [{"country": "US"}, {"country": "US", "state": "TX"}, {}])
def test_a_lead_without_the_whole_key_has_no_row(place: dict[str, str]) -> None:
    values = with_tables(lead(**place), TABLES)
    assert values["territory"] is None
    assert "territory.team" not in values


def test_the_lead_itself_is_left_as_it_was() -> None:
    before = dict(ACME.values)
    with_tables(with_match(ACME, Match(account()), {}), TABLES)
    assert ACME.values == before


def test_now_is_not_the_tables_business() -> None:
    assert "now" not in with_tables(lead(created_at=NOW), TABLES)
