"""What the org's objects look like to our user: described once, kept until told to forget.

A field without field-level access is absent from describe, as if it did not exist; queries ask only
for what is there, so that an org without state and country codes, say, works all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.core.types import Kind
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead_salesforce.client import Client
from fairlead_salesforce.mapping import AUDIT_FIELD, FEEDS, MARKER_FIELD, Feed


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """One object's describe: fields by their exact name, and what we may do with its rows."""

    name: str
    fields: Mapping[str, Mapping[str, Any]]
    createable: bool
    updateable: bool
    deletable: bool = False

    def may(self, field: str, right: str) -> bool:
        """Whether `field` exists and has the describe flag `right` (createable, updateable)."""
        return self.fields.get(field, {}).get(right) is True


class Schema:
    """Describes on demand. `wanted` are lead fields the policy reads, `writes` those it writes."""

    def __init__(self, client: Client, wanted: Sequence[str], writes: Sequence[str] = ()) -> None:
        self._client = client
        self.wanted = tuple(wanted)
        self.writes = tuple(writes)
        self._shapes: dict[str, ObjectShape] = {}

    def forget(self) -> None:
        """Describe anew next time: a field was added, or a query just failed for a missing one."""
        self._shapes.clear()

    def shape(self, obj: str) -> ObjectShape:
        """The object's shape; raises PermissionMissing when our user cannot see it."""
        if obj not in self._shapes:
            try:
                body = self._client.call("GET", f"sobjects/{obj}/describe").body
            except SchemaDrift as e:
                raise PermissionMissing(
                    f"the integration user cannot see {obj} ({e})",
                    remedy="assign the permission set to the integration user",
                ) from e
            if not isinstance(body, dict) or not isinstance(body.get("fields"), list):
                raise self._client.unreadable(f"is no describe of {obj}")
            self._shapes[obj] = ObjectShape(
                name=obj,
                fields={
                    f["name"]: f
                    for f in body["fields"]
                    if isinstance(f, dict) and isinstance(f.get("name"), str)
                },
                createable=body.get("createable") is True,
                updateable=body.get("updateable") is True,
                deletable=body.get("deletable") is True,
            )
        return self._shapes[obj]

    def known(self, obj: str) -> ObjectShape | None:
        """The shape if it was described already; makes no call."""
        return self._shapes.get(obj)

    def columns(self, kind: Kind) -> tuple[Feed, tuple[str, ...]]:
        """The feed of a kind and the fields to ask for.

        Raises SchemaDrift when a field that we or the policy cannot do without is not there.
        """
        feed = FEEDS[kind]
        if not feed.described:
            return feed, feed.fields
        there = self.shape(feed.object).fields
        wanted = self.wanted if kind is Kind.LEAD else ()
        missing = [name for name in (*feed.needed, *wanted) if name not in there]
        if missing:
            self.forget()
            raise SchemaDrift(
                f"{feed.object} has no field {', '.join(missing)} that our user can read",
                remedy="give the integration user read access, or correct the name in the policy",
            )
        wanted += self.writes if kind is Kind.LEAD else ()
        return feed, tuple(dict.fromkeys(f for f in (*feed.fields, *wanted) if f in there))

    def audit_length(self) -> int:
        """How much text the audit field on leads takes; 0 when there is none that we may write."""
        field = self.shape("Lead").fields.get(AUDIT_FIELD)
        if field is None or field.get("updateable") is not True:
            return 0
        length = field.get("length")
        return length if isinstance(length, int) and length > 0 else 255

    def has_marker(self) -> bool:
        """Whether tasks carry our unique external id, so that a second try finds the first."""
        field = self.shape("Task").fields.get(MARKER_FIELD)
        return (
            field is not None
            and field.get("externalId") is True
            and field.get("unique") is True
            and field.get("createable") is True
        )
