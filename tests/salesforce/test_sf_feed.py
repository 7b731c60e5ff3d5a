"""No row is lost between polls: ties, late commits, long catch-ups, unreadable rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from salesforce.wire_sf import Wire, lead, rows, soql_of

from fairlead.core.types import Kind
from fairlead.errors import Bug, RateLimited, SchemaDrift, Unavailable
from fairlead.spi.connector import Cursor
from fairlead_salesforce.feed import Position, advance

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
LOOKBACK = timedelta(minutes=10)
NINE_STAMP = "2026-03-02T09:00:00.000+0000"


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def step(
    pos: Position, last: tuple[datetime, str] | None, *, full: bool, now: datetime
) -> Position:
    return advance(pos, last, full=full, now=now, lookback=LOOKBACK)


def test_a_quiet_poll_starts_again_a_look_back_behind_the_servers_clock() -> None:
    after = step(Position.start(at(-60)), (at(-1), "00Q1"), full=False, now=TEN)
    assert (after.at, after.last_id, after.wide) == (at(-10), "", True)
    assert after.cursor().covered_until == at(-10)


def test_the_floor_never_moves_back() -> None:
    after = step(Position.start(TEN), None, full=False, now=at(1))
    assert after.at == after.floor == TEN


def test_a_full_page_goes_on_after_its_last_row_within_one_second() -> None:
    after = step(Position.start(None), (at(-60), "00Q7"), full=True, now=TEN)
    assert (after.at, after.last_id) == (at(-60), "00Q7")
    assert after.floor == at(-60), "rows that old are complete already"


def test_a_long_catch_up_re_reads_from_where_it_came_near_the_clock() -> None:
    first = step(Position.start(None), (at(-3), "00Q1"), full=True, now=TEN)
    end = step(first, (at(14), "00Q2"), full=False, now=at(15))
    assert end.floor == at(-10), "a row stamped at -9 and committed at -1 was passed over at 0"


def test_after_a_burst_polls_start_near_the_clock_and_a_wide_one_comes_each_minute() -> None:
    first = step(Position.start(at(-5)), (at(-2), "00Q1"), full=True, now=TEN)
    end = step(first, (at(-1), "00Q2"), full=False, now=TEN)
    assert not end.wide
    assert end.at == at(-1)
    assert end.floor == at(-5)
    near = step(end, None, full=False, now=at(0.5))
    assert not near.wide
    due = step(near, None, full=False, now=at(1))
    assert due.wide
    assert due.at == at(-5), "the wide chain starts at the floor, which near polls never moved"


class Org:
    """Rows with a stamp and the moment they can be seen, read page by page as the feed asks."""

    def __init__(self, commits: list[tuple[float, float]]) -> None:
        self.rows = [
            (at(stamp), f"00Q{i:03d}", at(stamp + delay))
            for i, (stamp, delay) in enumerate(commits)
        ]

    def page(
        self, pos: Position, now: datetime, size: int
    ) -> tuple[list[tuple[datetime, str]], bool]:
        seen = sorted(
            (stamp, row_id)
            for stamp, row_id, visible in self.rows
            if visible <= now and (stamp, row_id) > (pos.at, pos.last_id)
        )
        return seen[:size], len(seen) >= size


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40).map(lambda n: n / 2), st.integers(0, 19).map(lambda n: n / 2)),
        max_size=40,
    ),
    st.integers(2, 5),
    st.floats(0.05, 3.0),
)
def test_every_row_is_seen_however_late_within_the_look_back_it_commits(
    commits: list[tuple[float, float]], size: int, minutes_per_page: float
) -> None:
    org, pos, now, seen = Org(commits), Position.start(at(-1)), TEN, set()
    while now < at(240):  # two chains of 20 pages at 3 minutes each, and the wait between
        page, full = org.page(pos, now, size)
        seen |= {row_id for _, row_id in page}
        floor = pos.floor
        last = page[-1] if page else None
        pos = Position.of(step(pos, last, full=full, now=now).cursor())
        assert pos.floor >= floor
        now += timedelta(minutes=minutes_per_page)
    assert seen == {row_id for _, row_id, _ in org.rows}


def test_a_start_within_a_second_takes_in_that_whole_second() -> None:
    assert Position.start(TEN + timedelta(milliseconds=700)).at == TEN


def test_a_cursor_survives_json_and_a_foreign_one_is_refused() -> None:
    pos = step(Position.start(at(-5)), (at(-2), "00Q1"), full=True, now=TEN)
    stored = json.loads(json.dumps(dict(pos.cursor().position)))
    assert Position.of(Cursor(stored, TEN)) == pos
    with pytest.raises(Bug, match="cursor"):
        Position.of(Cursor({"after": "17"}, TEN))


def test_one_round_trip_polls_every_kind(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect()
    wire.composite(rows(lead(1)), rows())
    cursors = {k: connector.start_cursor(k, since=at(-30)) for k in (Kind.LEAD, Kind.ACCOUNT)}
    pages = connector.changes(cursors)
    [parts] = wire.composites
    assert [p["method"] for p in parts] == ["GET", "GET"]
    assert parts[0]["url"].startswith("/services/data/v67.0/queryAll?q=")
    text = soql_of(parts[0])
    assert text.startswith("SELECT Id,Email,")
    assert "CountryCode" not in text, "this org has no country codes"
    assert text.endswith(
        " FROM Lead WHERE SystemModstamp >= 2026-03-02T09:30:00Z "
        "ORDER BY SystemModstamp, Id LIMIT 2000"
    )
    assert " FROM Account WHERE " in soql_of(parts[1])
    page = pages[Kind.LEAD]
    assert [r.ref.id for r in page.records] == ["00Q000000000001AAA"]
    assert (page.more, page.server_now) == (False, TEN)
    assert pages[Kind.ACCOUNT].records == []


def test_a_tie_longer_than_a_page_is_read_by_id(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect(page_size=2)
    wire.composite(rows(lead(1), lead(2)))
    wire.composite(rows(lead(3)))
    cursor = connector.start_cursor(Kind.LEAD, since=None)
    first = connector.changes({Kind.LEAD: cursor})[Kind.LEAD]
    assert first.more
    second = connector.changes({Kind.LEAD: first.cursor})[Kind.LEAD]
    assert not second.more
    assert (
        "WHERE SystemModstamp >= 2026-03-02T09:00:00Z AND (SystemModstamp > 2026-03-02T09:00:00Z "
        "OR (SystemModstamp = 2026-03-02T09:00:00Z AND Id > '00Q000000000002AAA'))"
    ) in soql_of(wire.composites[1][0])


def test_a_page_that_salesforce_cut_itself_asks_for_more(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    wire.composite(rows(lead(1), more="/services/data/v67.0/query/01g1-200"))
    page = connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})[Kind.LEAD]
    assert page.more
    assert page.cursor.position["id"] == "00Q000000000001AAA"


def test_an_unreadable_row_neither_breaks_the_page_nor_stops_the_cursor(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect(page_size=3)
    broken, nameless = lead(2, SystemModstamp="?"), lead(3)
    del nameless["Id"]
    wire.composite(rows(lead(1), broken, nameless))
    page = connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})[Kind.LEAD]
    assert [(r.ref.id[-4], r.unreadable is None) for r in page.records] == [
        ("1", True),
        ("2", False),
    ]
    assert page.cursor.position["id"] == "00Q000000000001AAA"
    assert page.more


def test_a_full_page_without_any_stamp_stops_instead_of_turning_in_circles(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect(page_size=2)
    wire.composite(rows(lead(1, SystemModstamp=None), lead(2, SystemModstamp=None)))
    with pytest.raises(SchemaDrift, match="readable stamp"):
        connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})


def test_more_than_five_kinds_need_a_second_call_and_users_have_no_delete_flag(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    wire.describe(
        "Contact",
        {"fields": [{"name": n} for n in ("Id", "SystemModstamp", "OwnerId", "IsDeleted")]},
    )
    connector = connect()
    kinds = (Kind.LEAD, Kind.CONTACT, Kind.ACCOUNT, Kind.REP, Kind.QUEUE)
    wire.composite(*[rows()] * 5)
    pages = connector.changes({k: connector.start_cursor(k, since=TEN) for k in kinds})
    assert tuple(pages) == kinds
    texts = [soql_of(p) for p in wire.composites[0]]
    assert "IsDeleted" not in texts[3]
    assert "FROM Group WHERE Type = 'Queue' AND SystemModstamp >= " in texts[4]


def test_a_kind_without_a_feed_is_our_mistake(connect: Callable[..., Any]) -> None:
    with pytest.raises(Bug, match="activity"):
        connect().start_cursor(Kind.ACTIVITY, since=None)


def test_a_failed_part_fails_the_poll(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect()
    cursor = {Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)}
    wire.composite((403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}]))
    with pytest.raises(RateLimited):
        connector.changes(cursor)
    wire.composite(None)
    with pytest.raises(Unavailable, match="leaves out Lead"):
        connector.changes(cursor)
    wire.composite({"records": "none"})
    with pytest.raises(Unavailable, match="no rows"):
        connector.changes(cursor)
    wire.composite(rows(), headers={"Date": "some day"})
    with pytest.raises(Unavailable, match="Date"):
        connector.changes(cursor)


def test_a_field_that_vanishes_is_described_anew_and_heals(
    wire: Wire, connect: Callable[..., Any]
) -> None:
    connector = connect()
    cursor = {Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)}
    wire.composite((400, [{"errorCode": "INVALID_FIELD", "message": "No such column 'Rating'"}]))
    with pytest.raises(SchemaDrift, match="Rating"):
        connector.changes(cursor)
    wire.composite(rows())
    connector.changes(cursor)
    assert wire.paths().count("/services/data/v67.0/sobjects/Lead/describe") == 2


def test_a_field_the_policy_names_must_exist(wire: Wire, connect: Callable[..., Any]) -> None:
    connector = connect(wanted=("Product_Interest__c", "Budget__c"))
    with pytest.raises(SchemaDrift, match=r"Budget__c that our user can read") as caught:
        connector.changes({Kind.LEAD: connector.start_cursor(Kind.LEAD, since=None)})
    assert "Product_Interest__c" not in str(caught.value)
    assert "read access" in caught.value.remedy
