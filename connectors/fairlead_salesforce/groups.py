"""Campaigns: who is in them, and who joins them.

Who joined is read like the change feed of leads, with its look-back; campaigns at the same point
share a query. `group_writes` puts leads in and takes them out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fairlead.core.membership import Member
from fairlead.core.types import Cursor, Ref
from fairlead.errors import PermissionMissing, SchemaDrift, Unavailable
from fairlead.spi.connector import Finding, MemberPage
from fairlead_salesforce import feed, soql
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import PARTS, Answer, Part, query_all, rows_of, send
from fairlead_salesforce.mapping import CRM, NEVER, Feed, stamp, to_18
from fairlead_salesforce.schema import Schema

MEMBER = "CampaignMember"
COLUMNS = (
    *("Id", "CampaignId", "LeadId", "Status", "CreatedDate", "LastModifiedDate"),
    "SystemModstamp",
)
RIGHTS = (
    "give the integration user Read on Campaigns and Read, Create and Delete on Campaign Members"
)
T = TypeVar("T")

Pair = tuple[str, str]
"""A lead's id and a campaign's, of 18 characters each."""


class Groups:
    """The campaigns of one connector; `hidden` once our user was found not to see any."""

    def __init__(self, client: Client, schema: Schema, lookback: timedelta) -> None:
        self._client = client
        self._schema = schema
        self._version = client.settings.api_version
        self._page_size = client.settings.page_size
        self._lookback = lookback
        self.hidden = False

    # -- reading -----------------------------------------------------------------------------

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> dict[tuple[Ref, str], bool]:
        """See the protocol. One call for 1,000 leads."""
        pairs = {one: pair for one in asked if (pair := pair_of(*one)) is not None}
        try:
            rows = self.memberships(list(pairs.values())) if pairs else {}
        except (PermissionMissing, SchemaDrift):
            self.hidden, rows = True, {}
        return {one: pairs.get(one) in rows for one in asked}

    def memberships(self, pairs: Sequence[Pair]) -> dict[Pair, str]:
        """The ids of the memberships that are there; raises what a read raises."""
        leads = list(dict.fromkeys(lead for lead, _ in pairs))
        campaigns = list(dict.fromkeys(campaign for _, campaign in pairs))
        urls = [
            soql.url(
                self._version,
                soql.select(
                    ("Id", "LeadId", "CampaignId"),
                    MEMBER,
                    where=soql.both(soql.one_of("LeadId", some), soql.one_of("CampaignId", these)),
                ),
                deleted_too=False,
            )
            for some in soql.in_lists(leads)
            for these in soql.in_lists(campaigns)
        ]
        found: dict[Pair, str] = {}
        for rows in query_all(self._client, urls, MEMBER):
            for row in rows:
                try:
                    pair = to_18(row["LeadId"]), to_18(row["CampaignId"])
                    found[pair] = to_18(row["Id"])
                except (KeyError, TypeError, ValueError):
                    continue
        return found

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        """See the protocol. One call for five campaigns at different points, or for all at one."""
        before = cursor.position["groups"] if cursor is not None else {}
        names: dict[str, str] = {to_18(g): g for g in sorted(set(groups)) if _is_id(g)}
        asked: dict[feed.Position, list[str]] = {}
        for campaign, group in names.items():
            at = before.get(group)
            pos = feed.Position.start(None) if at is None else feed.Position.of(Cursor(at, NEVER))
            asked.setdefault(pos, []).append(campaign)
        queries = [(pos, ids) for pos, all_ in asked.items() for ids in chunks(all_, soql.IN_LIST)]
        members: list[Member] = []
        going: dict[str, Any] = {}
        floors: list[datetime] = []
        more = False
        for some in chunks(queries, PARTS):
            parts = [self._part(pos, ids) for pos, ids in some]
            answers, now = send(self._client, parts, writing=False)
            if now is None:
                raise Unavailable("the answer has no readable Date header")
            for (pos, ids), answer in zip(some, answers, strict=True):
                found = self._rows(answer)
                if found is None:
                    # The same again once our user may see them.
                    going |= {names[i]: pos.cursor().position for i in ids}
                    continue
                rows, cut = found
                full = cut or len(rows) >= self._page_size
                last = feed.last_of(rows)
                if full and (last is None or last == (pos.at, pos.last_id)):
                    text = f"{MEMBER}: no row of a full page has a readable stamp and id"
                    raise SchemaDrift(text)
                after = feed.advance(pos, last, full=full, now=now, lookback=self._lookback)
                members += [m for row in rows if (m := _member(row, names)) is not None]
                floors.append(after.floor)
                going |= {names[i]: after.cursor().position for i in ids}
                more = more or full
        members.sort(key=lambda m: m.at)
        covered = min(floors, default=NEVER)
        return MemberPage(members, Cursor({"groups": going}, covered), more)

    def _part(self, pos: feed.Position, ids: Sequence[str]) -> Part:
        where = soql.both(soql.one_of("CampaignId", ids), "LeadId != null")
        source = Feed(MEMBER, COLUMNS, COLUMNS, where=where, described=False)
        query = feed.statement(source, COLUMNS, pos, self._page_size)
        return Part("GET", soql.url(self._version, query, deleted_too=False))

    def _rows(self, answer: Answer) -> tuple[list[Any], bool] | None:
        """The rows of a page and whether there are more; None while our user sees no campaigns."""
        try:
            rows, more = rows_of(self._client, answer, MEMBER)
        except (PermissionMissing, SchemaDrift):
            self.hidden = True
            return None
        self.hidden = False
        return rows, more is not None

    # -- doctor ------------------------------------------------------------------------------

    def findings(self, groups: Sequence[str], watched: Sequence[str]) -> Iterator[Finding]:
        """Whether the campaigns that the policy names are there and take leads; reads only."""
        self.hidden = False
        asked = list(dict.fromkeys((*groups, *watched)))
        if not asked:
            return
        try:
            shape = self._schema.shape(MEMBER)
            found = self._campaigns([to_18(g) for g in asked if _is_id(g)])
        except (PermissionMissing, SchemaDrift):
            self.hidden = True
            hidden = "Campaign or CampaignMember is hidden from our user, or missing: nobody is "
            hidden += "seen to join a campaign, and nobody is put in or taken out"
            yield Finding("campaigns", False, hidden, RIGHTS, fatal=False)
            return
        may = not groups or (shape.createable and shape.deletable)
        yield Finding(
            "campaign members",
            may,
            "leads can be put into campaigns and taken out"
            if may and groups
            else "who joins a campaign is read"
            if may
            else "our user may not create and delete campaign members: who joins is read, nobody is"
            " put in or taken out",
            "" if may else RIGHTS,
            fatal=False,
        )
        for group in asked:
            name = found.get(to_18(group)) if _is_id(group) else None
            yield Finding(
                f"campaign {group}",
                name is not None,
                f"it is there: {name}"
                if name is not None
                else "it is not there, or our user may not see it",
                ""
                if name is not None
                else "correct the id in the policy (it begins with 701), or share the campaign with"
                " the integration user",
                fatal=False,
            )

    def _campaigns(self, ids: Sequence[str]) -> dict[str, str]:
        urls = [
            soql.url(
                self._version,
                soql.select(("Id", "Name"), "Campaign", where=soql.one_of("Id", some)),
                deleted_too=False,
            )
            for some in soql.in_lists(list(dict.fromkeys(ids)))
        ]
        rows = [row for some in query_all(self._client, urls, "Campaign") for row in some]
        return {to_18(row["Id"]): str(row.get("Name")) for row in rows if _is_id(row.get("Id"))}


def _member(row: Any, groups: Mapping[str, str]) -> Member | None:
    """A row as a `Member`; None for one that nobody can address."""
    try:
        lead, campaign, row_id = to_18(row["LeadId"]), to_18(row["CampaignId"]), to_18(row["Id"])
        # Moved by people's and tools' edits only; the other stamp also by the platform's own.
        at = stamp(row.get("LastModifiedDate") or row.get("SystemModstamp"))
    except (KeyError, TypeError, ValueError):
        return None
    status = row.get("Status")
    return Member(
        ref=Ref(CRM, "Lead", lead),
        group=groups.get(campaign, campaign),
        status=status if isinstance(status, str) else "",
        at=at,
        row=Ref(CRM, MEMBER, row_id),
    )


def pair_of(ref: Ref, group: str) -> Pair | None:
    if ref.object != "Lead" or not _is_id(ref.id) or not _is_id(group):
        return None
    return to_18(ref.id), to_18(group)


def _is_id(text: Any) -> bool:
    try:
        to_18(text)
    except (TypeError, ValueError):
        return False
    return True


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
