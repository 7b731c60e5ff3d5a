"""Single records: list, get, create, patch, delete, merge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking, associations
from fairlead_hubspot.sandbox.associations import Tie
from fairlead_hubspot.sandbox.errors import Refusal, error, invalid, not_found
from fairlead_hubspot.sandbox.moments import to_ms
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.render import columns, record, written
from fairlead_hubspot.sandbox.types import ObjectType

_READ = ("properties", "propertiesWithHistory", "associations", "archived")
RESTORE_WINDOW = timedelta(days=90)
MAX_MERGED = 250


def listing(portal: Portal, kind: ObjectType, request: Request) -> tuple[int, Any]:
    """All live (or archived) records by id; `after` is the id the next page begins at."""
    params = asking.query(request, "limit", "after", *_READ)
    history = asking.names(params.get("propertiesWithHistory"))
    limit = asking.count(params, default=10, most=50 if history else 100)
    after, archived = asking.after(params), asking.flag(params, "archived")
    edge = portal.now() - RESTORE_WINDOW
    found = (
        r
        for r in portal.listed(kind, after)
        if r.deleted == archived
        and r.merged_into is None
        and (r.deleted_at is None or r.deleted_at > edge)
    )
    rows = list(islice(found, limit + 1))
    shown = columns(portal, kind, asking.names(params.get("properties")), history)
    links = asking.kinds(params.get("associations")) if rows else []
    answer: dict[str, Any] = {
        "results": [
            record(portal, kind, row, shown, links=links, by_id=True) for row in rows[:limit]
        ]
    }
    if len(rows) > limit:
        answer["paging"] = {"next": next_page(portal, request, rows[limit].id)}
    return 200, answer


def next_page(portal: Portal, request: Request, after: str) -> dict[str, str]:
    """The cursor and the address of the next page, on this server."""
    kept = [p for p in request.query.split("&") if p and not p.startswith("after=")]
    query = "&".join([f"after={after}", *kept])
    path = request.raw_path or request.path
    return {"after": after, "link": f"{own_address(portal, request)}{path}?{query}"}


def own_address(portal: Portal, request: Request) -> str:
    """This server as the caller reached it, else the address it was built with."""
    host = request.headers.get("host")
    scheme = portal.base_url.partition("://")[0] or "http"
    return f"{scheme}://{host}" if host else portal.base_url


def get(portal: Portal, kind: ObjectType, request: Request, id: str) -> tuple[int, Any]:
    """One record by id or unique value; a merged-away id answers with its survivor."""
    params = asking.query(request, "idProperty", *_READ)
    row: Row | None
    if asking.flag(params, "archived"):
        row = portal.org.get(kind.plural, id)
        if row is None or not row.deleted:
            raise not_found(id)
    else:
        row = portal.must_find(kind, id, params.get("idProperty"))
    names, history = (params.get(n) for n in ("properties", "propertiesWithHistory"))
    shown = columns(portal, kind, asking.names(names), asking.names(history))
    links = asking.kinds(params.get("associations"))
    return 200, record(portal, kind, row, shown, links=links, by_id=True)


def create(portal: Portal, kind: ObjectType, request: Request) -> tuple[int, Any]:
    asking.query(request)
    given = asking.body(request, "properties", "associations", "objectWriteTraceId")
    fields, ties = prepare(portal, kind, given)
    return 201, written(portal, kind, add(portal, kind, fields, ties, portal.api))


def prepare(
    portal: Portal, kind: ObjectType, given: Mapping[str, Any]
) -> tuple[dict[str, str], list[Tie]]:
    """Check a create completely, writing nothing."""
    if kind.plural == "users":
        raise Refusal(405, error("Users cannot be created through the objects API"))
    fields = portal.read_values(kind, given.get("properties"), None)
    lacking = [name for name in kind.required if not fields.get(name)]
    if lacking:
        raise Refusal(
            400,
            error(
                f"Error creating {kind.label}. Some required properties were not set.",
                "VALIDATION_ERROR",
                context={"properties": lacking},
            ),
        )
    ties = associations.inline(portal, kind, given.get("associations"))
    portal.check_unique(kind, fields, None)
    return fields, ties


def add(
    portal: Portal, kind: ObjectType, fields: Mapping[str, str], ties: list[Tie], who: Who
) -> Row:
    row = portal.create(kind, fields, who)
    associations.apply(portal, kind, row, ties)
    return row


def patch(portal: Portal, kind: ObjectType, request: Request, id: str) -> tuple[int, Any]:
    """Change one record; old ids of merged records work here."""
    params = asking.query(request, "idProperty")
    given = asking.body(request, "properties", "objectWriteTraceId")
    row = portal.must_find(kind, id, params.get("idProperty"))
    fields = portal.read_values(kind, given.get("properties"), row)
    portal.check_unique(kind, fields, row.id)
    done = portal.update(kind, row, fields, portal.api)
    asked = {str(n).lower() for n in given["properties"]}
    return 200, written(portal, kind, row, asked | set(done))


def delete(portal: Portal, kind: ObjectType, request: Request, id: str) -> tuple[int, Any]:
    """Archive one record; archiving twice is no error."""
    asking.query(request)
    row = portal.survivor(kind, id)
    if row is None:
        raise not_found(id)
    archive(portal, kind, row, portal.api)
    return 204, None


def archive(portal: Portal, kind: ObjectType, row: Row, who: Who) -> None:
    if kind.plural == "users":
        raise Refusal(405, error("Users cannot be archived through the objects API"))
    if not row.deleted:
        portal.org.delete(kind.plural, row.id, who)


def merge(portal: Portal, kind: ObjectType, request: Request) -> tuple[int, Any]:
    asking.query(request)
    given = asking.body(request, "primaryObjectId", "objectIdToMerge")
    ids = [asking.text(given.get(n), n) for n in ("primaryObjectId", "objectIdToMerge")]
    row = join(portal, kind, ids[0], ids[1], portal.api)
    return 200, written(portal, kind, row)


def join(portal: Portal, kind: ObjectType, primary_id: str, other_id: str, who: Who) -> Row:
    """Merge two records into a new one with a new id; the primary's values win."""
    if not kind.merges:
        raise Refusal(404, error("resource not found"))
    primary, other = portal.survivor(kind, primary_id), portal.survivor(kind, other_id)
    if primary is None or other is None or primary.deleted or other.deleted:
        missing = primary_id if primary is None or primary.deleted else other_id
        raise not_found(missing)
    if primary.id == other.id:
        raise invalid("A record cannot be merged with itself")
    merged = merged_ids(primary) + merged_ids(other)
    if len(merged) > MAX_MERGED:
        raise invalid(f"A record cannot have more than {MAX_MERGED} merged identities")
    fields = {
        n: primary.fields.get(n) or other.fields.get(n) or ""
        for n in sorted({*primary.fields, *other.fields} - {"hs_all_contact_vids"})
    }
    ties = [
        (to, to_id, set(types))
        for old in (other, primary)
        for name, ids in portal.links.get((kind.plural, old.id), {}).items()
        for to_id, types in ids.items()
        for to in [associations.kind_named(name)]
    ]
    inherited = [c for c in primary.history if fields.get(c.field)]
    inherited += [c for c in other.history if not primary.fields.get(c.field)]
    fields["hs_merged_object_ids"] = ";".join(merged)
    if kind.plural == "contacts":
        fields.update(_contact_identities(portal, primary, other, merged))
    row = portal.create(kind, fields, who)
    row.created_at = min(primary.created_at, other.created_at)
    for old in (primary, other):
        associations.drop_all(portal, kind, old.id)
        portal.org.delete(kind.plural, old.id, who, merged_into=row.id)
    own = {"hs_merged_object_ids", "hs_calculated_merged_vids", "hs_additional_emails"}
    inherited += [c for c in row.history if c.field in own]
    row.history = sorted(inherited, key=lambda c: c.at)
    associations.apply(portal, kind, row, ties)
    portal.reindex(row)
    return row


def merged_ids(row: Row) -> list[str]:
    """Every id that leads to a record: of those merged into it, and its own."""
    return [*filter(None, (row.fields.get("hs_merged_object_ids") or "").split(";")), row.id]


def _contact_identities(
    portal: Portal, primary: Row, other: Row, merged: list[str]
) -> dict[str, str]:
    at = to_ms(portal.now())
    before = [
        v
        for r in (primary, other)
        for v in (r.fields.get("hs_calculated_merged_vids") or "").split(";")
        if v
    ]
    emails = [
        e
        for r in (primary, other)
        for e in [r.fields.get("email"), *(r.fields.get("hs_additional_emails") or "").split(";")]
        if e and e != (primary.fields.get("email") or other.fields.get("email"))
    ]
    return {
        "hs_calculated_merged_vids": ";".join([*before, f"{primary.id}:{at}", f"{other.id}:{at}"]),
        "hs_additional_emails": ";".join(dict.fromkeys(emails)),
    }
