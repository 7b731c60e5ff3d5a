"""The cursor finds every change: through full pages, one-millisecond bursts and a stale index.

The index here is the least that shows the danger: it sorts and filters by the date it knows, and
shows the date the record has now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.core.types import Kind
from fairlead.errors import Bug
from fairlead.spi.connector import ChangePage, Cursor, Wanted
from fairlead_hubspot import polling
from fairlead_hubspot.connector import HubSpotConnector
from fairlead_hubspot.mapping import from_ms, to_ms

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
NOW_MS = to_ms(NOW)
LOOK_BACK = 60_000

Connect = Callable[..., HubSpotConnector]


@dataclass
class Index:
    """Rows as id -> [indexed ms, shown ms]; counts and checks the searches it answers."""

    rows: dict[int, list[int]] = field(default_factory=dict)
    now_ms: int = NOW_MS
    searches: int = 0

    def put(self, rid: int, at: int, shown: int | None = None) -> None:
        self.rows[rid] = [at, at if shown is None else shown]

    def search(self, body: Mapping[str, Any]) -> tuple[list[tuple[int, int]], bool]:
        self.searches += 1
        assert len(json.dumps(body)) <= 3000
        assert len(body["sorts"]) == 1
        assert "after" not in body, "offsets shift under a changing set"
        (group,) = body["filterGroups"]
        assert len(group["filters"]) <= 3
        found = [
            (rid, at, shown)
            for rid, (at, shown) in self.rows.items()
            if all(self._holds(f, rid, at) for f in group["filters"])
        ]
        by_id = body["sorts"][0]["propertyName"] == "hs_object_id"
        found.sort(key=lambda r: r[0] if by_id else r[1])
        page = found[: body["limit"]]
        return [(rid, shown) for rid, _, shown in page], len(found) > len(page)

    @staticmethod
    def _holds(test: Mapping[str, str], rid: int, at: int) -> bool:
        have = rid if test["propertyName"] == "hs_object_id" else at
        want = int(test["value"])
        return {"EQ": have == want, "GTE": have >= want, "LTE": have <= want, "GT": have > want}[
            test["operator"]
        ]


def walk_to_end(
    index: Index, position: polling.Position, *, between: Callable[[int], None] = lambda n: None
) -> tuple[set[int], polling.Position, int]:
    """One pass of the main walk: the ids it saw, where it left us, covered-until ms."""
    seen: set[int] = set()
    for n in range(2_000):
        rows, more = index.search(polling.query(position.walk, "lastmodifieddate", ("email",)))
        seen |= {rid for rid, _ in rows}
        position, again, covered = polling.follow(
            position, rows, more=more, now_ms=index.now_ms, look_back_ms=LOOK_BACK
        )
        assert covered <= index.now_ms - LOOK_BACK
        if not again:
            return seen, position, covered
        between(n)
    raise AssertionError("the walk does not end")


def start(ago: timedelta = timedelta(days=1)) -> polling.Position:
    return polling.start(NOW - ago)


def test_more_than_ten_thousand_rows_are_read_without_an_offset() -> None:
    index = Index()
    for i in range(12_345):
        index.put(100_000 - i, NOW_MS - 80_000_000 + i * 7)
    seen, position, _ = walk_to_end(index, start())
    assert len(seen) == 12_345
    assert index.searches <= 12_345 // 199 + 3
    assert position.walk.at == NOW_MS - LOOK_BACK


def test_more_than_ten_thousand_rows_of_one_millisecond_are_read_by_id() -> None:
    index = Index()
    burst = NOW_MS - 3_600_000
    for i in range(10_500):
        index.put(i * 3 + 1, burst)
    index.put(40_001, burst - 5)
    index.put(2, burst + 1)
    index.put(5, burst + 9_000)
    seen, _, _ = walk_to_end(index, start())
    assert seen == set(index.rows)


def test_the_id_walk_through_one_millisecond_goes_on_by_date() -> None:
    walk = polling.Walk(at=1_000, after_id=0, until=1_000)
    body = polling.query(walk, "lastmodifieddate", ())
    operators = [(f["propertyName"], f["operator"]) for f in body["filterGroups"][0]["filters"]]
    assert operators == [("lastmodifieddate", "EQ"), ("hs_object_id", "GT")]
    assert body["sorts"][0]["propertyName"] == "hs_object_id"
    following = polling.advance(walk, [(7, 1_000)], more=False, settled_ms=2_000)
    assert following == polling.Walk(at=1_001)


def test_a_burst_within_the_look_back_is_read_whole_in_each_pass() -> None:
    index = Index()
    for i in range(5_000):
        index.put((i * 7_919) % 5_003 + 1, NOW_MS - 30_000 + i)
    seen, position, covered = walk_to_end(index, start())
    assert len(seen) == 5_000
    again, _, _ = walk_to_end(index, position)
    assert again == seen, "rows of the look-back come again; the house folds them"
    assert covered == NOW_MS - LOOK_BACK


def test_rows_that_show_a_later_date_do_not_pull_the_walk_over_their_neighbours() -> None:
    """A batch of ours has just been written: the index still sorts it where it was."""
    index = Index()
    for i in range(1_000):
        index.put(i + 1, NOW_MS - 600_000 + i * 100)
    for i in range(150, 350):
        index.rows[i + 1][1] = NOW_MS - 500
    seen, _, _ = walk_to_end(index, start())
    assert seen == set(index.rows)


def test_rows_that_move_during_the_walk_hide_no_others() -> None:
    index = Index()
    for i in range(2_000):
        index.put(i + 1, NOW_MS - 600_000 + i * 10)

    def touch(page: int) -> None:
        for i in range(page * 100, page * 100 + 100):
            if i + 1 in index.rows:
                index.put(i + 1, NOW_MS - 400 + page)

    seen, _, _ = walk_to_end(index, start(), between=touch)
    assert seen == set(index.rows)


def test_a_row_that_the_index_shows_late_is_found_by_the_next_pass() -> None:
    index = Index()
    index.put(1, NOW_MS - 50_000)
    _, position, _ = walk_to_end(index, start())
    index.now_ms += 5_000
    index.put(2, NOW_MS - 20_000)
    seen, _, _ = walk_to_end(index, position)
    assert 2 in seen


def test_a_pass_never_begins_before_the_one_before_it() -> None:
    index = Index()
    _, position, _ = walk_to_end(index, start(timedelta(seconds=10)))
    assert position.walk.at == NOW_MS - 10_000


def test_a_position_survives_its_cursor_in_the_middle_of_a_walk() -> None:
    position = polling.Position(
        polling.Walk(5, after_id=9, until=5, began=11), polling.Walk(1, end=4), 11
    )
    stored = json.loads(json.dumps(position.as_json()))
    assert polling.Position.of_json(stored) == position


def test_the_slow_walk_finds_what_the_index_showed_minutes_late() -> None:
    index = Index()
    _, position, _ = walk_to_end(index, start())
    rules = {"look_back_ms": LOOK_BACK, "behind_ms": 3_600_000, "every_ms": 900_000}
    position = polling.slow_due(position, now_ms=index.now_ms, **rules)
    assert position.slow is None, "the first is due a period after the start"
    index.put(1, NOW_MS - 120_000)
    for i in range(500):
        index.put(10 + i, NOW_MS - 600_000)
    index.now_ms += 900_000
    position = polling.slow_due(position, now_ms=index.now_ms, **rules)
    seen: set[int] = set()
    for _ in range(20):
        if position.slow is None:
            break
        rows, more = index.search(polling.query(position.slow, "lastmodifieddate", ()))
        seen |= {rid for rid, _ in rows}
        position = polling.follow_slow(
            position, rows, more=more, now_ms=index.now_ms, look_back_ms=LOOK_BACK
        )
    assert position.slow is None
    assert seen == set(index.rows)
    assert polling.slow_due(position, now_ms=index.now_ms + 1, **rules).slow is None


def test_the_slow_walk_can_be_turned_off() -> None:
    position = polling.Position(polling.Walk(1), slow_began=0)
    for off in ({"behind_ms": 0, "every_ms": 1}, {"behind_ms": 3_600_000, "every_ms": 0}):
        found = polling.slow_due(position, now_ms=NOW_MS, look_back_ms=LOOK_BACK, **off)
        assert found.slow is None


def test_unreadable_dates_do_not_stop_a_walk() -> None:
    rows: list[polling.Key] = [(i + 1, None) for i in range(200)]
    going = polling.advance(polling.Walk(5), rows, more=True, settled_ms=NOW_MS)
    assert going == polling.Walk(5, after_id=0)
    assert polling.advance(polling.Walk(5, after_id=200), [], more=True, settled_ms=NOW_MS) is None


def test_what_was_shown_is_told_from_news_by_its_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = polling.Shown()
    shown.add([(1, 10), (2, None)], keep_from=0)
    assert (1, 10) in shown
    assert (1, 11) not in shown, "changed since"
    assert (2, None) not in shown, "unreadable rows are always news"
    monkeypatch.setattr(polling, "MOST_SHOWN", 2)
    shown.add([(3, 30), (4, 40)], keep_from=30)
    assert [(1, 10) in shown, (3, 30) in shown] == [False, True]


# -- through the connector, on the wire --------------------------------------------------------


def wired(index: Index, kind: str = "lastmodifieddate") -> Callable[[Any], tuple[int, Any]]:
    def respond(body: dict[str, Any]) -> tuple[int, Any]:
        rows, more = index.search(body)
        results = [
            {"id": str(rid), "properties": {kind: from_ms(at).isoformat()}} for rid, at in rows
        ]
        paging = {"paging": {"next": {"after": "200"}}} if more else {}
        return 200, {"total": len(index.rows), "results": results, **paging}

    return respond


def drain(connector: HubSpotConnector, cursor: Cursor) -> tuple[list[ChangePage], Cursor]:
    pages: list[ChangePage] = []
    while True:
        page = connector.changes({Kind.LEAD: cursor})[Kind.LEAD]
        pages.append(page)
        cursor = page.cursor
        if not page.more:
            return pages, cursor


def test_a_catch_up_over_the_cap_reaches_the_house_page_by_page(
    connect: Connect, wire: Any
) -> None:
    index = Index()
    for i in range(10_400):
        index.put(50_000 - i, NOW_MS - 40_000_000 + (i // 3) * 1_000)
    wire.answer("search", wired(index))
    connector = connect()
    began = connector.start_cursor(Kind.LEAD, since=NOW - timedelta(days=1))
    pages, end = drain(connector, began)
    assert {r.ref.id for p in pages for r in p.records} == {str(i) for i in index.rows}
    assert all(len(p.records) <= polling.PAGE for p in pages)
    instants = [p.cursor.covered_until for p in pages]
    assert instants == sorted(instants)
    assert timedelta(seconds=50) < NOW - end.covered_until <= timedelta(seconds=60)
    assert NOW <= pages[-1].server_now < NOW + timedelta(seconds=10)


def test_a_restart_in_the_middle_of_a_catch_up_loses_nothing(connect: Connect, wire: Any) -> None:
    index = Index()
    for i in range(900):
        index.put(i + 1, NOW_MS - 4_000_000)
    wire.answer("search", wired(index))
    first = connect()
    page = first.changes({Kind.LEAD: first.start_cursor(Kind.LEAD, since=None)})[Kind.LEAD]
    page = first.changes({Kind.LEAD: page.cursor})[Kind.LEAD]
    stored = Cursor(json.loads(json.dumps(page.cursor.position)), page.cursor.covered_until)
    pages, _ = drain(connect(), stored)
    seen = {r.ref.id for p in (page, *pages) for r in p.records}
    assert seen == {str(i) for i in index.rows}


def test_the_slow_walk_brings_late_rows_and_not_the_old_ones_again(
    connect: Connect, wire: Any
) -> None:
    index = Index()
    for i in range(300):
        index.put(i + 1, NOW_MS - 1_800_000)
    wire.answer("search", wired(index))
    connector = connect(reconcile_every_seconds=50)
    _, cursor = drain(connector, connector.start_cursor(Kind.LEAD, since=None))
    index.put(1_000, NOW_MS - 900_000)
    position = {**cursor.position, "slow_began": NOW_MS - 60_000}
    seen: list[str] = []
    for _ in range(6):
        pages, cursor = drain(connector, Cursor(position, cursor.covered_until))
        position = dict(cursor.position)
        seen += [r.ref.id for p in pages for r in p.records]
    assert seen == ["1000"]


def test_the_beginning_of_time_is_not_epoch_zero(connect: Connect, wire: Any) -> None:
    wire.on("search", {"results": []})
    connector = connect()
    connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})
    (test,) = wire.asked("search")[0]["filterGroups"][0]["filters"]
    assert test == {
        "propertyName": "lastmodifieddate",
        "operator": "GTE",
        "value": "1136073600000",
    }


def test_companies_are_searched_by_their_own_date(connect: Connect, wire: Any) -> None:
    wire.on("search", {"results": []}, kind="companies")
    connector = connect()
    connector.changes({Kind.ACCOUNT: connector.start_cursor(Kind.ACCOUNT, since=NOW)})
    (body,) = wire.asked("search", "companies")
    assert body["sorts"] == [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
    assert {"name", "domain", "hubspot_owner_id", "type"} <= set(body["properties"])


def test_a_kind_without_a_feed_is_a_bug_of_the_caller(connect: Connect) -> None:
    with pytest.raises(Bug):
        connect().start_cursor(Kind.OUTCOME, since=None)


def test_rows_come_oldest_first_and_a_broken_one_does_not_break_the_page(
    connect: Connect, wire: Any, payload: Any
) -> None:
    body = payload("search-contacts")
    body["results"].reverse()
    body["results"].append({"properties": {"email": "no id"}})
    wire.on("search", body)
    connector = connect()
    page = connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})[Kind.LEAD]
    assert [r.ref.id for r in page.records] == ["7301", "7299", "7305"]
    assert [bool(r.unreadable) for r in page.records] == [False, False, True]
    assert page.records[0].url == "https://app.hubspot.com/contacts/1234/record/0-1/7301"
    assert not page.more


def test_a_long_property_list_is_searched_short_and_read_by_id(connect: Connect, wire: Any) -> None:
    many = tuple(f"custom_property_with_a_long_name_{i}" for i in range(120))
    now = "2026-11-02T09:59:50Z"
    rows = [{"id": str(i), "properties": {"lastmodifieddate": now}} for i in range(1, 151)]
    wire.on("search", {"results": rows})

    def full(body: dict[str, Any]) -> tuple[int, Any]:
        assert len(body["inputs"]) <= 100
        results = [
            {"id": i["id"], "properties": {"lastmodifieddate": now, many[0]: "x"}}
            for i in reversed(body["inputs"])
            if i["id"] != "150"
        ]
        return 207, {"results": results, "errors": [{"context": {"ids": ["150"]}}]}

    wire.answer("read", full)
    connector = connect(wanted=Wanted(fields=many))
    page = connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=NOW)})[Kind.LEAD]
    (search,) = wire.asked("search")
    assert search["properties"] == ["hubspot_owner_id", "createdate", "lastmodifieddate"]
    assert {int(r.ref.id) for r in page.records} == set(range(1, 150))
    assert all(r.fields[many[0]] == "x" for r in page.records)


def test_a_custom_field_is_asked_for(connect: Connect, wire: Any) -> None:
    wire.on("search", {"results": []})
    connector = connect(wanted=Wanted(fields=("product_interest",)))
    connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=NOW)})
    assert "product_interest" in wire.asked("search")[0]["properties"]
