"""Users behind the owners, for their availability: read a page at a time, round and round.

The first reading takes every page; each later one takes the next page only, so that it costs one
call however many users there are, and each user is as fresh as there are pages before them. The
list is read from the records and not searched: the search index trails, and nothing says that a
change of status moves the modified date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fairlead.core.types import Availability, CrmOwner, OwnerKind
from fairlead.errors import PermissionMissing
from fairlead_hubspot.availability import OWNER_ID, PROPERTIES, USER_ID, of_user
from fairlead_hubspot.client import HubSpotClient
from fairlead_hubspot.faults import RefusedCall

USERS = "users"
ASK_AGAIN = timedelta(minutes=10)
"""How long after a refusal we ask again: a scope may be granted meanwhile."""


@dataclass(slots=True)
class _Known:
    """Availability by the two ids an owner may share with a user."""

    by_user: dict[str, Availability] = field(default_factory=dict)
    by_owner: dict[str, Availability] = field(default_factory=dict)

    def take(self, row: object) -> None:
        properties = row.get("properties") if isinstance(row, Mapping) else None
        if not isinstance(properties, Mapping):
            return
        told = of_user(properties)
        for by, name in ((self.by_user, USER_ID), (self.by_owner, OWNER_ID)):
            if properties.get(name) not in (None, ""):
                by[str(properties[name])] = told

    def of(self, owner: CrmOwner) -> Availability | None:
        user_id = owner.fields.get("userId")
        found = self.by_user.get(str(user_id)) if user_id is not None else None
        return found or self.by_owner.get(owner.id)


class Users:
    """What is known of the users of one portal."""

    def __init__(self, client: HubSpotClient) -> None:
        self._client = client
        self._known: _Known | None = None
        self._round = _Known()
        self._after: str | None = None
        self._refused_at: datetime | None = None

    def read(self) -> None:
        """The first time everybody, then the next page; nothing for a while after a refusal.

        A missing scope empties what is known, so that nobody stays away for ever; other failures
        raise as those of any read do.
        """
        if self._refused_at is not None:
            if self._client.seam.server_now - self._refused_at < ASK_AGAIN:
                return
            self._refused_at = None
        try:
            while self._page() and self._known is None:
                pass
        except (PermissionMissing, RefusedCall):
            self._known, self._round, self._after = None, _Known(), None
            self._refused_at = self._client.seam.server_now

    def _page(self) -> bool:
        """Read the next page; whether there are more in this round."""
        rows, following = self._client.users_page(PROPERTIES, after=self._after)
        for row in rows:
            self._round.take(row)
            if self._known is not None:
                self._known.take(row)
        if following is None or following == self._after:
            # A round is over: who was not in it is gone.
            self._known, self._round, self._after = self._round, _Known(), None
            return False
        self._after = following
        return True

    def of(self, owner: CrmOwner) -> Availability | None:
        """What HubSpot tells of this owner; None for queues and for whom it tells nothing."""
        if self._known is None or owner.kind is not OwnerKind.REP:
            return None
        return self._known.of(owner)
