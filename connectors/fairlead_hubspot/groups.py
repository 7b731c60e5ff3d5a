"""Lists: who is in them, who joins them, and which of them take leads.

Only lists of the type MANUAL or SNAPSHOT take records by hand (`group_writes`). Who joined is read
in the order of joining. Tokens of pages may be positions, which shift when somebody leaves: so a
page is the place to go on from only when two passes met the same record at its beginning, and
everybody before it joined longer ago than reads may trail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.core.membership import Member
from fairlead.core.types import Cursor, Ref
from fairlead.errors import Bug, PermissionMissing
from fairlead.spi.connector import Finding, MemberPage
from fairlead_hubspot import mapping
from fairlead_hubspot.client import HubSpotClient, Json
from fairlead_hubspot.faults import RefusedCall
from fairlead_hubspot.names import CRM, ObjectType
from fairlead_hubspot.reading import BATCH, chunks
from fairlead_hubspot.seam import Portal

BY_HAND = ("MANUAL", "SNAPSHOT")
READ_SCOPE, WRITE_SCOPE = "crm.lists.read", "crm.lists.write"
ROW = "list_membership"


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a list: its token, None for the first, and the record at its beginning."""

    token: str | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Where one list is read next.

    `sure` is where each pass begins; `met` is the last page of the pass before whose beginning was
    settled, `seen` whether this pass has met it again, and `now` the last such page of this pass.
    `next` is the token of the next page of a pass that is under way.
    """

    sure: Place = Place()
    met: Place | None = None
    seen: bool = False
    now: Place | None = None
    next: str | None = None

    def as_json(self) -> Json:
        return asdict(self)

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Walk:
        """Read one back; raises Bug for one that this connector did not make."""
        try:
            met, now = data["met"], data["now"]
            return cls(
                Place(**data["sure"]),
                Place(**met) if met else None,
                data["seen"],
                Place(**now) if now else None,
                data["next"],
            )
        except (KeyError, TypeError) as e:
            raise Bug(f"not a HubSpot cursor: {e!r}") from e


def follow(
    walk: Walk, rows: Sequence[tuple[str, datetime]], following: str | None, settled: datetime
) -> tuple[Walk, bool]:
    """The walk after a page, and whether more of it is due at once.

    `rows` are record ids with the instants of joining; who joined before `settled` shows by now.
    """
    begins = walk.next is None
    place = Place(walk.sure.token if begins else walk.next, rows[0][0] if rows else None)
    if begins and walk.sure.token is not None and place != walk.sure:
        # Somebody before this page has left: the whole list is read again.
        return Walk(), True
    seen = walk.seen or place == walk.met
    now = place if rows and place.token is not None and rows[0][1] <= settled else walk.now
    if following is not None:
        return replace(walk, seen=seen, now=now, next=following), True
    sure = walk.met if seen and walk.met is not None else walk.sure
    return Walk(sure, now), False


class Groups:
    """The lists of one connector; `hidden` once the token was found not to see any."""

    def __init__(
        self,
        client: HubSpotClient,
        portal: Portal,
        lead: ObjectType,
        look_back: timedelta,
    ) -> None:
        self._client = client
        self._portal = portal
        self._lead = lead
        self._look_back = look_back
        self.hidden = False

    # -- reading -----------------------------------------------------------------------------

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> dict[tuple[Ref, str], bool]:
        """See the protocol. One call for 100 leads."""
        ids = [r.id for r, _ in asked if r.object == self._lead.name and r.id.isdigit()]
        lists: dict[str, set[str]] = {}
        try:
            for some in chunks(list(dict.fromkeys(ids)), BATCH):
                lists |= self._lists_of(some)
        except PermissionMissing:
            self.hidden = True
        return {(ref, group): group in lists.get(ref.id, ()) for ref, group in asked}

    def _lists_of(self, ids: Sequence[str]) -> dict[str, set[str]]:
        """The lists of each record; halves on refusal, so that one bad id hides no other."""
        try:
            rows = self._client.memberships(self._lead.type_id, ids)
        except RefusedCall:
            if len(ids) == 1:
                return {}
            half = len(ids) // 2
            return self._lists_of(ids[:half]) | self._lists_of(ids[half:])
        found: dict[str, set[str]] = {}
        for row in rows:
            if isinstance(row, Mapping) and isinstance(row.get("recordListMemberships"), list):
                lists = {str(m.get("listId")) for m in row["recordListMemberships"]}
                found[str(row.get("recordId"))] = lists
        return found

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        """See the protocol. One call for each list."""
        before = cursor.position["groups"] if cursor is not None else {}
        members: list[Member] = []
        going: dict[str, Json] = {}
        more = False
        for group in sorted(set(groups)):
            walk = Walk.of_json(before[group]) if group in before else Walk()
            page = self._page(group, walk.sure.token if walk.next is None else walk.next)
            if page is None:
                going[group] = Walk().as_json()
                continue
            rows, following = page
            settled = self._client.seam.server_now - self._look_back
            walk, again = follow(walk, [(r, at) for r, at in rows], following, settled)
            members += [self._member(group, r, at) for r, at in rows]
            going[group] = walk.as_json()
            more = more or again
        members.sort(key=lambda m: m.at)
        covered = cursor.covered_until if cursor is not None else mapping.from_ms(0)
        if groups and not more and not self.hidden:
            covered = max(covered, self._client.seam.server_now - self._look_back)
        return MemberPage(members, Cursor({"groups": going}, covered), more)

    def _page(
        self, group: str, token: str | None
    ) -> tuple[list[tuple[str, datetime]], str | None] | None:
        """One page of a list; None for one that nobody can be in as far as we see."""
        if not group.isdigit():
            return None
        try:
            found, following = self._client.joined_page(group, token)
        except PermissionMissing:
            # Nobody joins a list that our token may not see, and `probe` says why.
            self.hidden = True
            return None
        except RefusedCall:
            # No such list, or a token that HubSpot does not take any more: from the beginning.
            return None
        self.hidden = False
        rows = [r for r in map(_row, found) if r is not None]
        return rows, following

    def _member(self, group: str, record: str, at: datetime) -> Member:
        name = f"{group}-{record}-{mapping.to_ms(at)}"
        return Member(Ref(CRM, self._lead.name, record), group, "", at, Ref(CRM, ROW, name))

    # -- what a list takes -------------------------------------------------------------------

    def learn(self, groups: Sequence[str]) -> None:
        for some in chunks(groups, BATCH):
            for row in self._client.lists(some):
                if isinstance(row, Mapping):
                    self._portal.lists[str(row.get("listId"))] = dict(row)

    def fault(self, group: str) -> str:
        """What keeps leads out of a list, as far as is known; "" for nothing."""
        found = self._portal.lists.get(group)
        if not group.isdigit():
            return f"{group} is no id of a list"
        if found is None:
            return f"there is no list {group}, or our token may not see it"
        if str(found.get("objectTypeId")) != self._lead.type_id:
            return f"list {group} holds other records than {self._lead.name}"
        if found.get("processingType") not in BY_HAND:
            return f"list {group} is {found.get('processingType')}: only its own filters fill it"
        return ""

    def findings(self, groups: Sequence[str], watched: Sequence[str]) -> Iterator[Finding]:
        """Whether the lists that the policy names are there and take leads; reads only."""
        self.hidden = False
        self._portal.lists.clear()
        asked = list(dict.fromkeys((*groups, *watched)))
        if not asked:
            return
        try:
            self.learn([g for g in asked if g.isdigit()])
        except (PermissionMissing, RefusedCall) as e:
            self.hidden = True
            yield Finding(
                "lists are readable",
                False,
                f"nobody is seen to join a list: {e}",
                f"grant {READ_SCOPE}, and {WRITE_SCOPE} if leads should be put into lists",
                fatal=False,
            )
            return
        for group in asked:
            why = self.fault(group)
            found = self._portal.lists.get(group)
            named = f"list {group}" if found is None else f"list {group}, {found.get('name')},"
            if found is not None and group not in groups and "is DYNAMIC" in why:
                why = ""
            yield Finding(
                f"list {group}",
                not why,
                why or f"{named} can be used",
                "name a static list of this portal by its id (the number in its address)",
                fatal=False,
            )


def _row(row: object) -> tuple[str, datetime] | None:
    """Record id and instant of joining; None for a row that cannot be read."""
    if not isinstance(row, Mapping) or not str(row.get("recordId") or "").isdigit():
        return None
    try:
        return str(row["recordId"]), mapping.instant(row.get("membershipTimestamp"))
    except ValueError:
        return None
