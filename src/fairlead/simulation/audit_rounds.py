"""The audit of second chances: recycled and finished leads, signals, levels of decay, follow-ups.

Beside `audit`, in the same way: what the CRMs' logs and people's diaries tell, against the state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from fairlead.core.types import LeadState
from fairlead.simulation.crms import LEAD_TABLE, REPLY_FIELD, Crms, Key
from fairlead.simulation.findings import NEAR, Finding, finding
from fairlead.simulation.people import People
from fairlead.simulation.tasks import Span, Task, spans_of
from fairlead.store import recyclings, totals
from fairlead.store.db import Db
from fairlead.store.recyclings import Round

SOON = timedelta(minutes=90)
"""Within which the daemon has seen what somebody did: three looks."""
BY_PEOPLE = {"Budget": "no_budget", "Timing": "later"}
DISQUALIFIED = "no_fit"


def second_chances(
    db: Db, crms: Crms, people: People, tasks: Mapping[str, Sequence[Task]]
) -> list[Finding]:
    """Every check of this kind."""
    rounds: defaultdict[Key, list[Round]] = defaultdict(list)
    for r in totals.all_rounds(db):
        rounds[r.ref.crm, r.ref.id].append(r)
    states = {(r.crm, r.id): state for r, (state, _) in totals.owners_of_leads(db).items()}
    spans = {crm: spans_of(crm, face) for crm, face in crms.faces.items()}
    return [
        _in_their_place(crms, rounds, states),
        _said_by_people(people, rounds),
        _ends_are_ends(crms, rounds, states, tasks, spans),
        _signals_seen(db, crms, people),
        _decayed_once(db),
        _silent(db, people),
        _one_follow_up(tasks, spans),
        _made_once(db),
    ]


# -- recycled and finished leads ----------------------------------------------------------------


def _in_their_place(
    crms: Crms, rounds: Mapping[Key, Sequence[Round]], states: Mapping[Key, str]
) -> Finding:
    """A recycled lead is in its list, has its field set, and is its queue's where there is one;
    every other one has left the list, and shows nothing of it when it is back."""
    bad, out = [], 0
    members = {(crm, id) for crm in crms.faces for id in crms.members(crm, "nurture")}
    for key, arrival in crms.leads.items():
        if arrival.kind != "routable":
            continue
        row, state = crms.row(key), states.get(key)
        reply = row.fields.get(REPLY_FIELD[key[0]]) or ""
        right = key not in members and (not reply or state == LeadState.TERMINAL)
        if state == LeadState.RECYCLED:
            out += 1
            now = [r.reason for r in rounds[key] if r.ended_at is None]
            right = key in members and now == [reply]
            if key[0] == "salesforce":
                right = right and row.fields["OwnerId"] == crms.nurture
        if not right:
            bad.append(key)
    return finding("recycled leads are in their list, others are not", bad, f"{out} recycled")


def _said_by_people(people: People, rounds: Mapping[Key, Sequence[Round]]) -> Finding:
    """What people recycled or disqualified is so soon after, and nothing else is; but for what was
    out of their hands by then."""
    bad, looked = [], 0
    said = [(key, at) for key, times in people.recycled.items() for at in times]
    for key, at in [*said, *people.disqualified.items()]:
        looked += 1
        each = rounds.get(key, ())
        out = any(r.since <= at and (r.ended_at is None or at < r.ended_at) for r in each)
        if not out and not any(at - NEAR <= r.since <= at + SOON for r in each):
            bad.append(key)
    for key, each in rounds.items():
        for r in each:
            times = people.recycled.get(key, [])
            if r.reason == DISQUALIFIED:
                times = [people.disqualified[key]] if key in people.disqualified else []
            elif r.reason not in BY_PEOPLE.values():
                continue
            if not any(at - NEAR <= r.since <= at + SOON for at in times):
                bad.append(key)
    return finding("who is recycled or disqualified is so by a person's word", bad, f"{looked}")


def _ends_are_ends(
    crms: Crms,
    rounds: Mapping[Key, Sequence[Round]],
    states: Mapping[Key, str],
    tasks: Mapping[str, Sequence[Task]],
    spans: Mapping[str, Mapping[str, Span]],
) -> Finding:
    """After a lead has come to its end nothing of ours is written to it, and nobody gets a task."""
    ended = {
        key: r.since + NEAR
        for key, each in rounds.items()
        if states.get(key) == LeadState.TERMINAL
        for r in each
        if r.kind == recyclings.TERMINAL and r.ended_at is None
    }
    bad: list[tuple[str, ...]] = []
    for crm in crms.faces:
        for w in crms.writes(crm):
            key = (crm, w.id)
            ours = w.table == LEAD_TABLE[crm] and w.who.kind == "integration"
            if ours and key in ended and w.at > ended[key]:
                bad.append(key)
        for t in tasks[crm]:
            key = (crm, t.lead)
            if key in ended and spans[crm][t.marker].made > ended[key]:
                bad.append(key)
    there = sum(state == LeadState.TERMINAL for state in states.values())
    if there != len(ended):
        bad.append(("terminal", str(there), "rounds", str(len(ended))))
    return finding("leads at their end are left alone", bad, f"{len(ended)} at their end")


# -- signals and decay --------------------------------------------------------------------------


def _signals_seen(db: Db, crms: Crms, people: People) -> Finding:
    """Each guest of the webinar and the last demo of each buyer are known, and no others."""
    there = {(crm, id) for crm in crms.faces for id in crms.members(crm, "webinar")}
    guests, demos = set[Key](), dict[Key, datetime]()
    for ref, name, at in totals.all_signals(db):
        key = (ref.crm, ref.id)
        if name == "webinar_attended":
            guests.add(key)
        else:
            demos[key] = max(at, demos.get(key, at))
    bad = [*(there ^ guests)]
    bad += [k for k in {*demos, *people.demos} if demos.get(k) != people.demos.get(k)]
    return finding(
        "each signal was seen", bad, f"{len(there)} guests, {len(people.demos)} asked for a demo"
    )


def _decayed_once(db: Db) -> Finding:
    """Each level that was reached is told once, and none was before its time."""
    told = Counter((ref, level) for ref, level, _ in totals.decayed(db))
    bad: list[tuple[str, ...]] = []
    reached: Counter[tuple[object, str]] = Counter()
    for ref, level, due, at in totals.levels_reached(db):
        reached[ref, level] += 1
        if at < due:
            bad.append((ref.crm, ref.id, level))
    bad += [
        (ref.crm, ref.id, level) for ref, level in told if told[ref, level] != reached[ref, level]
    ]
    if told.total() != reached.total():
        bad.append(("told", str(told.total()), "reached", str(reached.total())))
    return finding("no level reached twice, none early", bad, f"{told.total()} levels")


def _silent(db: Db, people: People) -> Finding:
    """No lead is said to be silent with which a person did something meanwhile."""
    bad, looked = [], 0
    for ref, reason, at in _silences(db):
        looked += 1
        since = at - reason
        times = people.touched.get((ref[0], ref[1]), ())
        if any(since + NEAR < t < at - NEAR for t in times):
            bad.append(ref)
    return finding("who is said to be silent was", bad, f"{looked} levels")


def _silences(db: Db) -> Iterator[tuple[Key, timedelta, datetime]]:
    for ref, level, at in totals.decayed(db):
        if level in SILENCE:
            yield (ref.crm, ref.id), SILENCE[level], at


SILENCE = {
    "cooling": timedelta(days=2), "critical": timedelta(days=4), "lost": timedelta(days=6),
}  # fmt: skip
"""The levels of the simulation's policy that go by silence."""

# -- follow-ups ---------------------------------------------------------------------------------


def _one_follow_up(
    tasks: Mapping[str, Sequence[Task]], spans: Mapping[str, Mapping[str, Span]]
) -> Finding:
    """Nobody had two open follow-ups of one lead at any time."""
    bad, count = [], 0
    for crm, made in tasks.items():
        theirs: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
        for t in made:
            if t.follow_up:
                count += 1
                theirs[t.lead, t.owner].append(spans[crm][t.marker])
        for (lead, _), open_ in theirs.items():
            in_order = sorted(open_, key=lambda s: s.made)
            for one, other in pairwise(in_order):
                if one.done is None or one.done > other.made:
                    bad.append((crm, lead))
    return finding("nobody has two open follow-ups of one lead", bad, f"{count} tasks")


def _made_once(db: Db) -> Finding:
    made = Counter(totals.follow_ups_made(db))
    bad = [k for k, n in made.items() if n > 1]
    return finding("no follow-up made twice", bad, f"{made.total()}")
