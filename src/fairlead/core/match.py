"""Third step: what the lead belongs to. Accounts by domain, rows of the policy's tables by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fairlead.core.decision import Match
from fairlead.core.domains import is_free_mail
from fairlead.core.tables import Table
from fairlead.core.types import Account, CrmOwner, Lead, Value


def match_account(lead: Lead, candidates: Sequence[Account]) -> tuple[Account | None, str]:
    """The one account that has the lead's domain, and why it is that one or none.

    Accounts of the lead's own CRM count before those of another. Two hits are no hit: a guess
    between them would hand the lead to a stranger. The reason holds no lead data.
    """
    domain = lead.get("domain")
    if not isinstance(domain, str):
        return None, "the lead has no domain"
    if is_free_mail(domain):
        return None, "the lead's domain is a free-mail one"
    hits = {a.ref: a for a in candidates if domain in a.domains}
    own = [a for ref, a in sorted(hits.items()) if ref.crm == lead.ref.crm]
    found = own or list(hits.values())
    if not found:
        return None, "no account has this domain"
    if len(found) > 1:
        return None, f"{len(found)} accounts have this domain"
    return found[0], "the account has the lead's domain"


def with_match(lead: Lead, match: Match, owners: Mapping[tuple[str, str], CrmOwner]) -> Lead:
    """The lead with the `account` group as rules see it.

    `account.owner` is the owner's e-mail, or the name where there is none; `account.parent` is the
    parent's id in its CRM.
    """
    account = match.account
    if account is None:
        return replace(lead, values={**lead.values, "account": None})
    owner = None
    if account.owner_id is not None:
        owner = owners.get((account.ref.crm, account.owner_id))
    group: dict[str, Value] = {
        "account": True,
        "account.id": account.ref.id,
        "account.name": account.name or None,
        "account.type": account.type,
        "account.owner": None if owner is None else owner.email or owner.name,
        "account.parent": account.parent_id,
        "account.employees": account.employees,
        "account.industry": account.industry,
    }
    return replace(lead, values={**lead.values, **group})


def with_tables(lead: Lead, tables: Mapping[str, Table]) -> dict[str, Value]:
    """The lead's values with each table as a group, there when a row has the lead's key.

    A lead that lacks any part of the key has no row; an empty cell is a missing value.
    """
    found = dict(lead.values)
    for table in tables.values():
        row = table.find(lead.values)
        found[table.name] = None if row is None else True
        if row is not None:
            found.update({f"{table.name}.{c}": row.get(c) or None for c in table.columns})
    return found
