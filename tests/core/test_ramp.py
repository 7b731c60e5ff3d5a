"""A new rep's share grows by the day, exactly, and neither turns nor limits ever fall under it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from core.deciding import NOW, case, lead, policy, rep, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.decide import decide
from fairlead.core.decision import Load
from fairlead.core.fairness import after, bound
from fairlead.core.policy_file import PolicyError, load_policy
from fairlead.core.ramp import Ramp, limited
from fairlead.core.types import Capacity, LeadState

RAMP = Ramp(date(2026, 6, 1), 4, Fraction(1, 4))
POLICY = policy()
HEAD = "version: 1\nsources: {sf: {crm: salesforce}}\notherwise: {to: {queue: x}}\n"
SHARES = st.fractions(Fraction(1, 100), 1, max_denominator=100)


@pytest.mark.parametrize(
    ("day", "share"),
    [
        (date(2026, 5, 1), Fraction(1, 4)),
        (date(2026, 6, 1), Fraction(1, 4)),
        (date(2026, 6, 2), Fraction(31, 112)),
        (date(2026, 6, 15), Fraction(5, 8)),
        (date(2026, 6, 28), Fraction(109, 112)),
        (date(2026, 6, 29), Fraction(1)),
        (date(2027, 6, 1), Fraction(1)),
    ],
)
def test_it_grows_linearly_from_the_first_day_to_the_last(day: date, share: Fraction) -> None:
    assert RAMP.on(day) == share


@given(SHARES, st.integers(1, 104), st.integers(-50, 800), st.integers(1, 1000))
def test_it_never_falls_and_a_limit_is_never_nothing(
    start: Fraction, weeks: int, days: int, limit: int
) -> None:
    ramp, day = Ramp(date(2026, 6, 1), weeks, start), date(2026, 6, 1) + timedelta(days=days)
    today, tomorrow = ramp.on(day), ramp.on(day + timedelta(days=1))
    assert start <= today <= tomorrow <= 1
    assert 1 <= limited(limit, today) <= limited(limit, tomorrow) <= limit
    assert (today == 1) is (days >= 7 * weeks or start == 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=30, max_size=150), SHARES)
def test_the_bound_holds_while_weights_grow(gaps: list[int], start: Fraction) -> None:
    anna = replace(rep("anna"), ramp=Ramp(date(2026, 6, 3), 2, start))
    seen, at = world(anna, rep("ben", weight=2), rep("carla")), NOW
    for gap in gaps:
        at += timedelta(minutes=gap)
        decision = decide(case(lead()), seen, POLICY, at)
        moved = after(seen.balances.get("team:a", {}), decision.ledger)
        seen = replace(seen, balances={"team:a": moved})
        assert all(abs(b) <= bound(2) for b in moved.values())


def test_the_share_of_the_turns_is_that_of_the_day() -> None:
    anna = replace(rep("anna", weight=2), ramp=RAMP)
    seen, got = world(anna, rep("ben")), Counter[str | None]()
    for _ in range(30):
        decision = decide(case(lead()), seen, POLICY, NOW)
        moved = after(seen.balances.get("team:a", {}), decision.ledger)
        seen, got = replace(seen, balances={"team:a": moved}), got + Counter([decision.rep_id])
    assert got == {"anna@example.com": 10, "ben@example.com": 20}  # 2 x 1/4 to 1


def test_the_day_begins_by_the_clock_of_the_rep() -> None:
    head = 'calendars: {k: {timezone: Pacific/Kiritimati, hours: {mon-sun: ["00:00-24:00"]}}}\n'
    rules = load_policy(
        {"p.yaml": HEAD.replace("{queue: x}", "{rep: anna@example.com}") + head
         + "reps: {anna@example.com: {calendar: k, capacity: {per_day: 8},"
         + " ramp: {from: 2026-06-01, weeks: 1, start: 50%}}}\n"}, "p.yaml"
    )  # fmt: skip
    entry = rules.roster["anna@example.com"]
    anna = replace(rep("anna", calendar="k", capacity=entry.capacity), ramp=entry.ramp)
    seen = world(anna, loads={anna.id: Load(day=4)})
    eve = datetime(2026, 6, 1, 9, 59, tzinfo=UTC)  # 23:59 of the first day there
    first = decide(case(lead()), seen, rules, eve)
    assert first.trace.passed[0].reason == "has had 4 of 4 today (50% of the full load)"
    assert first.retry_at == eve + timedelta(minutes=1)
    next_day = decide(case(lead()), replace(seen, loads={}), rules, eve + timedelta(minutes=1))
    assert next_day.state is LeadState.ASSIGNED


def test_open_leads_are_limited_by_the_share_too() -> None:
    anna = replace(rep("anna", capacity=Capacity(open=6)), ramp=RAMP)
    seen = world(anna, loads={anna.id: Load(open=1)})
    held = decide(case(lead()), seen, POLICY, NOW)
    assert held.trace.passed[0].reason == "has 1 open leads of 1 (25% of the full load)"
    later = decide(case(lead()), seen, POLICY, NOW + timedelta(days=14))
    assert later.rep_id == "anna@example.com"


def test_the_roster_file_has_a_column_for_it() -> None:
    def read(cell: str) -> Ramp | None:
        csv = f"email,ramp\nanna@example.com,{cell}\n"
        files = {"p.yaml": HEAD + "roster: r.csv\n", "r.csv": csv}
        return load_policy(files, "p.yaml").roster["anna@example.com"].ramp

    assert read("from 2026-06-01; weeks 4; start 25%") == RAMP
    assert read("weeks 4; from=2026-06-01") == RAMP
    assert read("") is None
    for wrong in ("2026-06-01", "from 2026-06-01", "from 2026-06-31; weeks 4", "from x; weeks 4",
                  "from 2026-06-01; weeks 0", "from 2026-06-01; weeks 4; start 0%"):  # fmt: skip
        with pytest.raises(PolicyError, match=r"ramp|day|weeks|share"):
            read(wrong)
