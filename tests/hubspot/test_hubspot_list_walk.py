"""Reading a list in pages that shift: whoever joined is told, whatever others do meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import Bug
from fairlead_hubspot.groups import Place, Walk, follow

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LOOK_BACK = timedelta(seconds=60)
SIZE = 3


class List:
    """Members in the order of joining; tokens are positions, as in the worst case."""

    def __init__(self) -> None:
        self.now = START
        self.members: list[tuple[str, datetime]] = []
        self.walk = Walk()
        self.told: set[str] = set()
        self.made = 0
        self.calls = 0

    def join(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.members.append((str(self.made), self.now))

    def leave(self, place: int) -> None:
        if self.members:
            del self.members[place % len(self.members)]

    def page(self) -> bool:
        """One call; whether more is due at once."""
        self.calls += 1
        self.walk = Walk.of_json(self.walk.as_json())
        token = self.walk.sure.token if self.walk.next is None else self.walk.next
        start = int(token or 0)
        rows = self.members[start : start + SIZE]
        behind = start + SIZE < len(self.members)
        self.told |= {r for r, _ in rows}
        following = str(start + SIZE) if behind else None
        self.walk, more = follow(self.walk, rows, following, self.now - LOOK_BACK)
        return more

    def poll(self) -> None:
        for _ in range(200):
            if not self.page():
                return
        raise AssertionError("the walk does not end")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(1, 7)),
        st.tuples(st.just("leave"), st.integers(0, 50)),
        st.tuples(st.just("page"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 200)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_everybody_who_is_still_in_is_told_in_the_end(steps: list[tuple[str, int]]) -> None:
    listed = List()
    for what, number in steps:
        if what == "join":
            listed.join(number)
        elif what == "leave":
            listed.leave(number)
        elif what == "page":
            listed.page()
        else:
            listed.now += timedelta(seconds=number)
    for _ in range(3):
        listed.poll()
    assert {r for r, _ in listed.members} <= listed.told


def test_a_long_list_is_read_from_its_end_once_it_is_sure() -> None:
    listed = List()
    listed.join(30)
    listed.now += timedelta(seconds=100)
    for _ in range(3):
        listed.poll()
    listed.calls = 0
    listed.poll()
    assert listed.calls == 1
    assert listed.walk.sure == Place("27", "28")


def test_who_joined_lately_is_read_again_until_reads_cannot_trail_any_more() -> None:
    listed = List()
    listed.join(30)
    for _ in range(3):
        listed.poll()
    assert listed.walk.sure == Place(), "all of them joined within the look-back"


def test_a_cursor_of_another_connector_is_a_bug() -> None:
    with pytest.raises(Bug):
        Walk.of_json({"since": None})
