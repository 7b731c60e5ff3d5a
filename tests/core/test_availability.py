"""Laws of availability: no flood on return, the bound holds, nobody waits once somebody is free."""

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
from fairlead.core.decision import Load, World
from fairlead.core.fairness import after, bound
from fairlead.core.leave import Leave, Switch, read_leave, read_moment, time_off
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.types import Capacity, LeadState
from fairlead.core.worktime import Calendar, is_open

NAMES = ("anna", "ben", "carla", "dora")
HEAD = """version: 1
sources: {sf: {crm: salesforce}}
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-12:30", "13:30-18:00"]}, holidays: DE-BE}
  sydney: {timezone: Australia/Sydney, hours: {mon-fri: ["08:00-16:00"]}}
  nights: {timezone: America/New_York, hours: {mon-sun: ["22:00-06:00"]}}
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {}
  dora@example.com: {}
teams:
  a: {members: [anna@example.com, ben@example.com, carla@example.com, dora@example.com]}
"""  # noqa: E501
POLICY = policy(head=HEAD)
CALENDARS = st.sampled_from([None, "berlin", "sydney", "nights"])
BERLIN = POLICY.calendars["berlin"]


def route(seen: World, at: datetime, rules: Policy = POLICY) -> tuple[World, str | None]:
    """One lead at this instant; the world it leaves behind, and who got it."""
    decision = decide(case(lead()), seen, rules, at)
    pool = {e.pool for e in decision.ledger}
    moved = {p: after(seen.balances.get(p, {}), decision.ledger) for p in pool}
    loads = dict(seen.loads)
    if decision.rep_id is not None:
        loads[decision.rep_id] = loads.get(decision.rep_id, Load()).plus_one()
    return replace(seen, balances={**seen.balances, **moved}, loads=loads), decision.rep_id


@settings(max_examples=60, deadline=None)
@given(
    st.lists(CALENDARS, min_size=4, max_size=4),
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
    st.lists(st.integers(0, 600), min_size=20, max_size=120),
)
def test_the_bound_holds_with_calendars(
    calendars: list[str | None], weights: list[int], gaps: list[int]
) -> None:
    reps = [rep(n, weight=w, calendar=c) for n, w, c in zip(NAMES, weights, calendars, strict=True)]
    seen, at = world(*reps), NOW
    for gap in gaps:
        at += timedelta(minutes=gap)
        seen, got = route(seen, at)
        opened = [r.id for r in reps if not r.calendar or is_open(POLICY.calendars[r.calendar], at)]
        assert (got in opened) if opened else got is None
        assert all(abs(b) <= bound(4) for b in seen.balances.get("team:a", {}).values())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
    st.integers(0, 40),
    st.integers(1, 200),
    st.sampled_from(["away", "closed", "full"]),
)
def test_a_returning_rep_gets_no_flood(
    weights: list[int], before: int, missed: int, why: str
) -> None:
    """However long the absence and whatever its reason: a fair share from then on, and no more."""
    reps = [rep(n, weight=w) for n, w in zip(NAMES, weights, strict=True)]
    seen, anna = world(*reps), reps[0]
    for _ in range(before):
        seen, _ = route(seen, NOW)
    out = {
        "away": replace(anna, off=time_off([read_leave("2026-06-01")], None, None)),
        "closed": replace(anna, calendar="sydney"),
        "full": replace(anna, capacity=Capacity(open=1)),
    }[why]
    seen = replace(seen, reps={**seen.reps, anna.id: out}, loads={anna.id: Load(open=1)})
    owed = seen.balances.get("team:a", {}).get(anna.id, Fraction(0))
    for _ in range(missed):
        seen, got = route(seen, NOW)
        assert got != anna.id
    assert seen.balances["team:a"].get(anna.id, Fraction(0)) == owed
    seen = replace(seen, reps={**seen.reps, anna.id: anna})
    turns, share = 24, Fraction(weights[0], sum(weights))
    received = Counter[str | None]()
    for _ in range(turns):
        seen, got = route(seen, NOW)
        received[got] += 1
    assert abs(received[anna.id] - turns * share) <= 2 * bound(4)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(["berlin", "sydney", "nights"]), min_size=1, max_size=4),
    st.integers(0, 60 * 24 * 14),
    st.lists(st.none() | st.integers(0, 12), min_size=4, max_size=4),
    st.lists(st.sampled_from([0, 2]), min_size=4, max_size=4),
)
def test_nobody_waits_longer_than_until_somebody_is_free(
    calendars: list[str], minutes: int, leave: list[int | None], had: list[int]
) -> None:
    """A held lead names the very first minute at which one of the team can take it."""
    at = NOW + timedelta(minutes=minutes)
    reps = []
    for name, calendar, days in zip(NAMES, calendars, leave, strict=False):
        today = at.date()
        leaves = [] if days is None else [Leave(today, today + timedelta(days=days))]
        off = time_off(leaves, POLICY.calendars[calendar], None)
        limits = Capacity(per_day=2)
        reps.append(replace(rep(name, calendar=calendar, capacity=limits), off=off))
    loads = {r.id: Load(day=n) for r, n in zip(reps, had, strict=False)}
    seen = world(*reps, loads=loads)
    decision = decide(case(lead()), seen, POLICY, at)
    if decision.state is LeadState.ASSIGNED:
        return
    assert decision.retry_at is not None
    fresh = replace(seen, loads={})
    assert decide(case(lead()), fresh, POLICY, decision.retry_at).state is LeadState.ASSIGNED
    for early in (decision.retry_at - timedelta(minutes=1), at):
        if early >= at:
            held = decide(case(lead()), seen, POLICY, max(at, early))
            assert held.state is LeadState.HELD


def test_what_may_end_at_any_time_gives_no_instant() -> None:
    full = rep("anna", calendar="berlin", capacity=Capacity(open=1))
    seen = world(full, rep("ben", calendar="sydney"), loads={full.id: Load(open=1)})
    decision = decide(case(lead()), seen, POLICY, NOW)
    assert (decision.state, decision.retry_at) == (LeadState.HELD, None)
    refused = decide(case(lead(), excluded=("ben@example.com",)), world(rep("ben")), POLICY, NOW)
    assert (refused.state, refused.retry_at) == (LeadState.HELD, None)


def test_a_backup_of_a_backup_is_asked_and_charged_in_its_own_pool() -> None:
    rules = policy(
        otherwise="{team: a}",
        head=HEAD.replace("dora@example.com]}", "dora@example.com], backup: {team: b}}")
        + "  b: {members: [ben@example.com], backup: {team: c}}\n"
        + "  c: {members: [carla@example.com]}\n",
    )
    decision = decide(case(lead()), world(rep("carla", inactive=("salesforce",))), rules, NOW)
    assert decision.places == ("team:a", "team:b", "team:c")
    only = world(rep("carla"))
    only_c = replace(rules, teams={**rules.teams, "a": replace(rules.teams["a"], members=("x",))})
    taken = decide(case(lead()), only, only_c, NOW)
    assert taken.rep_id == "carla@example.com"
    assert {e.pool for e in taken.ledger} == {"team:c"}
    assert taken.reason == (
        "nobody in team a can take it; nobody in team b can take it; next in team c"
    )


# -- leave -----------------------------------------------------------------------------------------


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end", "words"),
    [
        ("2026-12-24", "2026-12-23T23:00", "2026-12-24T23:00", "2026-12-24"),
        ("2026-12-24..2027-01-02", "2026-12-23T23:00", "2027-01-02T23:00", "2027-01-02"),
        ("2026-12-24T12:00..2026-12-24T18:00", "2026-12-24T11:00", "2026-12-24T17:00",
         "2026-12-24 18:00 Europe/Berlin"),
        ("2026-12-24T12:00Z..2026-12-24T19:00+01:00", "2026-12-24T12:00", "2026-12-24T18:00",
         "2026-12-24 19:00 Europe/Berlin"),
    ],
)  # fmt: skip
def test_leave_is_by_the_clock_of_the_rep(text: str, start: str, end: str, words: str) -> None:
    [off] = time_off([read_leave(text)], BERLIN, None)
    assert (off.start, off.end, off.until) == (utc(start), utc(end), words)
    assert (off.quiet_from, off.quiet_until) == (off.start, off.end)


@pytest.mark.parametrize("text", ["", "..", "2026-13-01", "2026-12-24..", "24.12.2026", "2026-12"])
def test_what_is_no_leave_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected 2026-12-24, 2026-12-24"):
        read_leave(text)


def test_the_days_kept_free_are_working_days() -> None:
    calendar = replace(BERLIN, buffer_before=2, buffer_after=1)
    [off] = time_off([read_leave("2026-12-28..2027-01-01")], calendar, None)
    assert off.quiet_from == utc("2026-12-22T23:00")  # Wednesday 23: the 25th is a holiday
    assert off.quiet_until == utc("2027-01-04T23:00")  # the Monday after


def test_who_came_back_is_out_of_the_leave_of_that_hour_and_not_of_the_next() -> None:
    leaves = [read_leave("2026-06-01..2026-06-05"), read_leave("2026-07-01")]
    back = Switch("x", utc("2026-06-03T08:00"), None, None, "")
    assert [o.until for o in time_off(leaves, BERLIN, back)] == ["2026-07-01"]
    again = replace(back, away_since=utc("2026-06-04T08:00"), away_until="2026-06-04")
    assert [o.until for o in time_off(leaves, BERLIN, again)] == ["2026-06-04", "2026-07-01"]


def test_a_moment_is_a_day_or_an_instant() -> None:
    assert read_moment(" 2026-06-03 ") == date(2026, 6, 3)
    assert read_moment("2026-06-03T09:00+02:00") == utc("2026-06-03T07:00")
    assert read_moment("2026-06-03T09:00") == datetime.fromisoformat("2026-06-03T09:00")


def test_the_roster_file_takes_the_same_columns() -> None:
    text = HEAD.split("reps:")[0] + "roster: r.csv\notherwise: {to: {queue: x}}\n"
    line = 'anna@example.com,berlin,"2026-12-24..2027-01-02; 2027-02-01",open 40; per_day 10\n'
    files = {"p.yaml": text, "r.csv": f"email,calendar,away,capacity\n{line}ben@example.com,,,\n"}
    roster = load_policy(files, "p.yaml").roster
    anna, ben = roster["anna@example.com"], roster["ben@example.com"]
    assert (anna.calendar, anna.capacity) == ("berlin", Capacity(open=40, per_day=10))
    assert anna.away == (
        Leave(date(2026, 12, 24), date(2027, 1, 2)), Leave(date(2027, 2, 1), date(2027, 2, 1))
    )  # fmt: skip
    assert (ben.calendar, ben.away, ben.capacity) == (None, (), Capacity())


def test_a_calendar_without_a_working_day_left_is_told() -> None:
    never = Calendar("never", "UTC", ((), (), (), (), (), (), ()))
    rules = replace(POLICY, calendars={"never": never})
    decision = decide(case(lead()), world(rep("anna", calendar="never")), rules, NOW)
    assert decision.retry_at is None
    assert decision.trace.passed[0].reason.startswith("closed: no hours in calendar never")
