"""`POST .../search`: filters match on the trailing index, values come from the live store.

So a record that has just changed may be found by its old value and show its new one. Archived
records are never found. Limits are those of HubSpot's search guide; what is malformed gets 400.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import bad_json, invalid
from fairlead_hubspot.sandbox.filters import Filter, parse, sort_value, words_match
from fairlead_hubspot.sandbox.index import Doc
from fairlead_hubspot.sandbox.objects import next_page
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.render import columns, record
from fairlead_hubspot.sandbox.types import ObjectType

MAX_BODY = 3_000
MAX_PAGE = 200
MAX_REACH = 10_000
MAX_GROUPS, MAX_GROUP_FILTERS, MAX_FILTERS = 5, 6, 18
UNSORTED_DISORDER = 0.16


@dataclass(frozen=True, slots=True)
class Search:
    """One checked search request."""

    groups: tuple[tuple[Filter, ...], ...]
    words: tuple[str, ...]
    sort: tuple[str, bool] | None
    names: tuple[str, ...]
    limit: int
    after: int


def search(portal: Portal, kind: ObjectType, request: Request) -> tuple[int, Any]:
    asking.query(request)
    if len(request.body.decode("utf-8", "replace")) > MAX_BODY:
        raise invalid(f"The request body must not be longer than {MAX_BODY} characters")
    wanted = _read(portal, kind, request)
    knobs = portal.knobs
    after = 0 if knobs.search_paging == "repeat" else wanted.after
    found = [] if knobs.search_blind else _match(portal, kind, wanted)
    page = found[after : after + wanted.limit]
    if wanted.sort is None and portal.org.rng.random() < UNSORTED_DISORDER:
        portal.org.rng.shuffle(page)
    more = after + wanted.limit < len(found)
    if knobs.search_paging == "empty_next":
        page, more = [], bool(found)
    rows = [portal.live(kind, str(doc.id)) for doc in page]
    shown = columns(portal, kind, wanted.names)
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [record(portal, kind, row, shown) for row in rows if row is not None],
    }
    if (more and knobs.search_paging != "no_next") or (knobs.search_paging == "repeat" and page):
        answer["paging"] = {"next": next_page(portal, request, str(after + wanted.limit))}
        del answer["paging"]["next"]["link"]
    return 200, answer


def _match(portal: Portal, kind: ObjectType, wanted: Search) -> list[Doc]:
    docs = [
        doc
        for doc in _candidates(portal, kind, wanted)
        if (not wanted.groups or any(all(f.holds(doc) for f in g) for g in wanted.groups))
        and words_match(kind, doc, wanted.words)
    ]
    if wanted.sort is None:
        return sorted(docs, key=lambda d: d.id)
    name, descending = wanted.sort
    value = sort_value(portal.schema, kind, name)
    present = [(v, d) for d in docs if (v := value(d)) is not None]
    absent = sorted((d for d in docs if value(d) is None), key=lambda d: d.id)
    present.sort(key=lambda p: (p[0], p[1].id), reverse=descending)
    return [d for _, d in present] + absent


def _candidates(portal: Portal, kind: ObjectType, wanted: Search) -> Iterable[Doc]:
    index = portal.index[kind.plural]
    floors = [max((f.floor for f in g if f.floor is not None), default=None) for g in wanted.groups]
    lowest = [f for f in floors if f is not None]
    if lowest and len(lowest) == len(floors):
        return index.since(min(lowest))
    return list(index.docs.values())


_KEYS = ("filterGroups", "filters", "sorts", "query", "properties", "limit", "after")


def _read(portal: Portal, kind: ObjectType, request: Request) -> Search:
    body = asking.body(request, *_KEYS)
    given = body.get("filterGroups") or []
    if not isinstance(given, list):
        raise bad_json("filterGroups must be a list")
    if body.get("filters"):
        given = [*given, {"filters": body["filters"]}]
    if len(given) > MAX_GROUPS:
        raise invalid(f"There must be at most {MAX_GROUPS} filterGroups, got {len(given)}")
    groups = tuple(_group(portal, kind, g) for g in given)
    if sum(map(len, groups)) > MAX_FILTERS:
        raise invalid(f"There must be at most {MAX_FILTERS} filters in total")
    limit, after = _number(body, "limit", 10), _number(body, "after", 0)
    if not 0 <= limit <= MAX_PAGE:
        raise invalid(f"limit must be between 0 and {MAX_PAGE}, was {limit}")
    if after + limit > MAX_REACH:
        raise invalid(f"Paging past {MAX_REACH} results is not possible: after {after}")
    query = body.get("query") or ""
    if not isinstance(query, str):
        raise bad_json("query must be a string")
    return Search(
        groups=groups,
        words=tuple(w for w in re.split(r"[^\w]+", query.lower()) if w),
        sort=_sort(portal, kind, body.get("sorts") or []),
        names=tuple(asking.strings(body.get("properties"), "properties")),
        limit=limit,
        after=after,
    )


def _group(portal: Portal, kind: ObjectType, given: Any) -> tuple[Filter, ...]:
    filters = asking.keys(given, "filters").get("filters")
    if not isinstance(filters, list) or not filters:
        raise invalid("A filterGroup must have at least one filter")
    if len(filters) > MAX_GROUP_FILTERS:
        raise invalid(
            f"A filterGroup must have at most {MAX_GROUP_FILTERS} filters, got {len(filters)}"
        )
    return tuple(parse(portal.schema, kind, f) for f in filters)


def _number(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, str) and name == "after" and (value == "" or value.isdigit()):
        return int(value or "0")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise bad_json(f"{name} must be a number: {value!r}")
    return value


def _sort(portal: Portal, kind: ObjectType, given: Any) -> tuple[str, bool] | None:
    if not isinstance(given, list):
        raise bad_json("sorts must be a list")
    if len(given) > 1:
        raise invalid(f"Only one sort is supported, got {len(given)}")
    if not given:
        return None
    one = given[0]
    if isinstance(one, str):
        name, descending = one.removeprefix("-"), one.startswith("-")
    else:
        asking.keys(one, "propertyName", "direction")
        name, direction = one.get("propertyName"), one.get("direction", "ASCENDING")
        if direction not in ("ASCENDING", "DESCENDING"):
            raise bad_json(f"Unknown sort direction {direction!r}")
        descending = direction == "DESCENDING"
    if not isinstance(name, str) or portal.schema.get(kind, name) is None:
        raise invalid(f"Cannot sort by unknown property {name}")
    return name, descending
