"""A subsidiary's lead goes to whoever owns the account at the top, as the CRM shows it now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.types import Kind, Ref
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {}
teams: {all: {members: [carla@example.com]}}
rules:
  - name: The group's owner
    when: account is not null
    to: {account_owner: true, parent: true}
otherwise: {to: {team: all}}
"""


@pytest.fixture
def crm(clock: ManualClock) -> FakeCrm:
    return an_org(clock)


@pytest.fixture
def started(clock: ManualClock, crm: FakeCrm) -> Iterator[House]:
    house = House(None, [crm], clock, POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def account(crm: FakeCrm, name: str, owner: str, parent: Ref | None = None) -> Ref:
    fields = {"account.name": name, "account.domain": f"{name}.test"}
    if parent is not None:
        fields["account.parent"] = parent.id
    return crm.create(Kind.ACCOUNT, fields, owner_id=user_id(crm, f"{owner}@example.com"))


def test_the_owner_at_the_top_gets_the_lead_and_why_recomputes_it(
    started: House, crm: FakeCrm
) -> None:
    group = account(crm, "group", "anna")
    account(crm, "branch", "ben", account(crm, "country", "carla", group))
    lead = crm.create_lead(email="x@branch.test")
    started.round()
    assert owner_email(crm, lead) == "anna@example.com"
    [why] = started.commands.why(str(lead))
    assert why["decision"]["recomputed_equal"]
    assert any("owner of its parent" in line for line in why["decision"]["text"])


def test_accounts_that_are_each_other_s_parents_are_decided_on_all_the_same(
    started: House, crm: FakeCrm
) -> None:
    one = account(crm, "one", "anna")
    two = account(crm, "two", "ben", one)
    crm.update(one, **{"account.parent": two.id})
    lead = crm.create_lead(email="x@one.test")
    started.round()
    assert owner_email(crm, lead) == "ben@example.com"
