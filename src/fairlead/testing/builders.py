"""Short ways to write the values of `core/types.py` in a test: say what matters, default the rest.

All sample data is of example.com; instants are those of `ManualClock`'s start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.core.types import (
    Account,
    Availability,
    CrmOwner,
    Kind,
    Lead,
    OwnerChange,
    OwnerKind,
    Record,
    Ref,
    Value,
)
from fairlead.testing.clock import START

LEAD_FIELDS: Mapping[str, Any] = {
    "email": "jo@acme.example",
    "first_name": "Jo",
    "last_name": "Doe",
    "company": "Acme",
    "country": "DE",
}
"""What a lead of `a_record` and `FakeCrm.create_lead` holds when the test does not say."""


def a_ref(id: str = "1", *, crm: str = "fake", object: str = "Lead") -> Ref:
    """The address of a lead; `id` is enough for most tests."""
    return Ref(crm, object, id)


def a_record(
    ref: Ref | str = "1",
    *,
    fields: Mapping[str, Any] | None = None,
    owner_id: str | None = None,
    at: datetime = START,
    created_at: datetime | None = None,
    kind: Kind = Kind.LEAD,
    unreadable: str | None = None,
    deleted: bool = False,
    merged_into: Ref | None = None,
    converted: bool = False,
    owner_history: tuple[OwnerChange, ...] | None = None,
) -> Record:
    """A raw row as a connector gives it; `fields` are laid over `LEAD_FIELDS`."""
    return Record(
        ref=ref if isinstance(ref, Ref) else a_ref(ref),
        kind=kind,
        modified_at=at,
        created_at=created_at or at,
        fields={**LEAD_FIELDS, **(fields or {})},
        owner_id=owner_id,
        deleted=deleted,
        merged_into=merged_into,
        converted=converted,
        unreadable=unreadable,
        owner_history=owner_history,
    )


def a_lead(
    ref: Ref | str = "1",
    *,
    owner_id: str | None = None,
    at: datetime = START,
    created_at: datetime | None = None,
    **values: Value,
) -> Lead:
    """A normalised lead; keyword arguments are values in our own names, over `LEAD_FIELDS`."""
    return Lead(
        ref=ref if isinstance(ref, Ref) else a_ref(ref),
        created_at=created_at or at,
        modified_at=at,
        owner_id=owner_id,
        values={**LEAD_FIELDS, **values},
    )


def an_owner(
    id: str,
    *,
    crm: str = "fake",
    kind: OwnerKind = OwnerKind.REP,
    name: str | None = None,
    email: str | None = None,
    active: bool = True,
    availability: Availability | None = None,
) -> CrmOwner:
    """A user, or a queue when `kind` says so; a user's e-mail defaults to `<id>@example.com`."""
    if email is None and kind is OwnerKind.REP:
        email = f"{id.lower()}@example.com"
    return CrmOwner(crm, id, kind, name or id, email, active, availability=availability)


def an_account(
    id: str = "acme",
    *,
    crm: str = "fake",
    name: str = "Acme",
    domains: tuple[str, ...] = ("acme.example",),
    owner_id: str | None = None,
    type: str | None = None,
    industry: str | None = None,
    employees: int | None = None,
    parent_id: str | None = None,
) -> Account:
    """A company for matching."""
    return Account(
        Ref(crm, "Account", id), name, domains, owner_id, type, industry, employees, parent_id
    )
