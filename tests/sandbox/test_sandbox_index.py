"""An org's ways to few rows lead to all that are asked for, whichever way is the shortest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fairlead.sandbox.org import SYSTEM, Org, SandboxClock

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
Edits = list[tuple[int, str, str]]


def played(edits: Edits) -> Org:
    """One edit a minute: the number of a row, and the values of two fields."""
    org = Org(SandboxClock(lambda: START, frozen_at=START))
    for number, a, b in edits:
        id, fields = f"row{number}", {"a": a, "b": b}
        if org.get("rows", id) is None:
            org.create("rows", id, fields, SYSTEM)
        else:
            org.update("rows", id, fields, SYSTEM)
        org.clock.advance(timedelta(minutes=1))
    return org


edits = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("xyz"), st.sampled_from("uv")))


@given(edits, edits, st.sampled_from("xyz"), st.sampled_from("uv"), st.integers(0, 20))
def test_no_row_that_passes_is_left_out(
    before: Edits, after: Edits, a: str, b: str, minutes: int
) -> None:
    org, since = played(before), START + timedelta(minutes=minutes)
    org.few("rows", {"a": [a]}, None)  # an index that is there already is kept up by each write
    for number, *values in after:
        id, fields = f"row{number}", dict(zip("ab", values, strict=True))
        if org.get("rows", id) is None:
            org.create("rows", id, fields, SYSTEM)
        else:
            org.update("rows", id, fields, SYSTEM)
        org.clock.advance(timedelta(minutes=1))
    passing = [
        r
        for r in org.rows("rows")
        if r.fields["a"] == a and r.fields["b"] == b and r.modified_at >= since
    ]
    found = org.few("rows", {"a": [a, "none"], "b": [b]}, since)
    assert [r for r in found if r in passing] == passing, "all of them, in order of creation"


mixed = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["x", "X", "y"]), st.just("u")))


@given(mixed, mixed, st.sampled_from("xXyZ"))
def test_a_text_is_found_however_it_is_written(before: Edits, after: Edits, asked: str) -> None:
    first, both = played(before), [*before, *after]
    first.few("rows", {}, None, {"a": [asked]})
    for number, a, _ in after:
        if first.get("rows", f"row{number}") is None:
            first.create("rows", f"row{number}", {"a": a}, SYSTEM)
        else:
            first.update("rows", f"row{number}", {"a": a}, SYSTEM)
    for org in (first, played(both)):
        found = [r.id for r in org.few("rows", {}, None, {"a": [asked]})]
        passing = [r.id for r in org.rows("rows") if r.fields["a"].lower() == asked.lower()]
        assert [id for id in found if id in passing] == passing
        assert set(found) <= {f"row{n}" for n, a, _ in both if a.lower() == asked.lower()}


def test_the_shortest_way_is_taken() -> None:
    org = played([(n, "many", "many") for n in range(50)] + [(50, "few", "many")])
    assert [r.id for r in org.few("rows", {"a": ["few"], "b": ["many"]}, START)] == ["row50"]
    late = START + timedelta(minutes=49)
    assert [r.id for r in org.few("rows", {"b": ["many"]}, late)] == ["row49", "row50"]
    assert len(org.few("rows", {}, None)) == org.count("rows") == org.count_writes("rows") == 51
