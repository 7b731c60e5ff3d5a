"""`fairlead init` writes a policy that is valid for any org, from what the org really has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.policy_file import load_policy
from fairlead.core.types import CrmOwner, OwnerKind
from fairlead.daemon.starter import Found, write
from fairlead.errors import ConfigError
from fairlead.spi.connector import RemoteField


def rep(email: str | None, *, crm: str = "salesforce", active: bool = True) -> CrmOwner:
    return CrmOwner(crm, f"u-{email}", OwnerKind.REP, "A Name: with #", email, active)


def queue(name: str) -> CrmOwner:
    return CrmOwner("salesforce", f"q-{name}", OwnerKind.QUEUE, name, None, True)


def test_it_names_the_active_reps_and_the_queues() -> None:
    text = write(
        {
            "salesforce": Found(
                "Lead",
                [rep("ann@example.com"), rep("gone@example.com", active=False), queue("Web Leads")],
                [RemoteField("Region__c", "Region", "text", True)],
            ),
            "hubspot": Found(
                "contacts",
                [rep("ann@example.com", crm="hubspot"), rep("bo@example.com", crm="hubspot")],
                [RemoteField("region", "Region", "text", True)],
            ),
        }
    )
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert set(policy.roster) == {"ann@example.com", "bo@example.com"}
    source = policy.source_of("salesforce")
    assert source is not None
    assert source.pick_up is not None
    assert source.pick_up.test({"owner.kind": "queue", "owner.name": "Web Leads"})
    assert policy.owner_authority == "salesforce"
    assert "#   region: {type: text, salesforce: Region__c, hubspot: region}" in text


def test_an_org_without_reps_is_told_so() -> None:
    with pytest.raises(ConfigError, match="add reps first"):
        write({"salesforce": Found("Lead", [queue("Inbound")], [])})


@given(
    names=st.lists(st.text(min_size=1, max_size=20), max_size=5),
    queues=st.lists(st.text(min_size=1, max_size=20), max_size=3, unique=True),
)
def test_whatever_things_are_called_the_policy_is_valid(
    names: list[str], queues: list[str]
) -> None:
    owners = [
        CrmOwner("salesforce", str(i), OwnerKind.REP, n, f"r{i}@example.com", True)
        for i, n in enumerate(["x", *names])
    ]
    text = write({"salesforce": Found("Lead", [*owners, *map(queue, queues)], [])})
    assert len(load_policy({"p.yaml": text}, "p.yaml").roster) == len(owners)
