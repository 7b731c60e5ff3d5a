"""The audit of a simulation: the CRMs' own logs and what people did, against what the state says.

Each check compares two sides that share no code: rows, write logs and tasks as the sandboxes tell
them and the diaries of people on one side, the daemon's state and journal on the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fairlead.core.sla_terms import DUE
from fairlead.core.types import LeadState
from fairlead.simulation.audit_rounds import second_chances
from fairlead.simulation.counting import lost
from fairlead.simulation.crms import LEAD_TABLE, OWNER_FIELD, Crms, Key
from fairlead.simulation.findings import NEAR, Finding, finding
from fairlead.simulation.people import Answered, People
from fairlead.simulation.tasks import Task, tasks_of
from fairlead.store import clocks, totals
from fairlead.store.clocks import ClockRow
from fairlead.store.db import Db


def audit(db: Db, crms: Crms, people: People, now: datetime) -> list[Finding]:
    """Every check; `now` is the simulated end."""
    tasks = {crm: list(tasks_of(crm, face)) for crm, face in crms.faces.items()}
    every = totals.all_clocks(db)
    return [
        _none_lost(db, crms),
        _owners_agree(db, crms),
        _owner_writes_agree(db, crms),
        _others_untouched(crms),
        _tasks_agree(db, tasks),
        _no_step_told_twice(db, crms, tasks),
        _fired_once(db),
        _settled(db, every, now),
        _answers_are_true(every, people),
        _answers_are_seen(db, every, people),
        *second_chances(db, crms, people, tasks),
        _nothing_open(db),
    ]


# -- leads and owners ---------------------------------------------------------------------------


def _none_lost(db: Db, crms: Crms) -> Finding:
    return finding("no lead lost", lost(db, crms), f"{len(_routable(crms))} routable leads")


def _owners_agree(db: Db, crms: Crms) -> Finding:
    """The CRM shows the owner that the state says: a person of the company, or the queue of those
    who are recycled."""
    known = {(r.crm, r.id): said for r, said in totals.owners_of_leads(db).items()}
    bad = []
    for key in _routable(crms):
        there = crms.row(key).fields.get(OWNER_FIELD[key[0]])
        state, owner = known.get(key, ("", None))
        waits = state == LeadState.RECYCLED and there == crms.nurture
        if owner != there or not (waits or there in crms.emails[key[0]]):
            bad.append(key)
    return finding("each lead has the owner that the state says", bad, f"{len(_routable(crms))}")


def _owner_writes_agree(db: Db, crms: Crms) -> Finding:
    """The CRMs logged as many owner writes of ours for each lead as the state has done."""
    logged: Counter[Key] = Counter()
    for crm in crms.faces:
        for w in crms.writes(crm):
            ours = w.table == LEAD_TABLE[crm] and w.who.kind == "integration"
            if ours and w.op == "update" and OWNER_FIELD[crm] in w.changes:
                logged[crm, w.id] += 1
    done = totals.effects_done(db)
    ordered = Counter(
        (ref.crm, ref.id)
        for kind in ("set_owner", "restore_owner")
        for _, ref in done.get(kind, ())
    )
    bad = [key for key in {*logged, *ordered} if logged[key] != ordered[key]]
    return finding("owner writes agree", bad, f"{logged.total()} logged, {ordered.total()} done")


def _others_untouched(crms: Crms) -> Finding:
    ours = set(_routable(crms))
    bad = [
        (crm, w.id)
        for crm in crms.faces
        for w in crms.writes(crm)
        if w.table == LEAD_TABLE[crm] and w.who.kind == "integration" and (crm, w.id) not in ours
    ]
    others = len(crms.leads) - len(ours)
    return finding("nothing else was touched", bad, f"{others} records that are not ours")


def _routable(crms: Crms) -> list[Key]:
    return [key for key, a in crms.leads.items() if a.kind == "routable"]


# -- tasks --------------------------------------------------------------------------------------


def _tasks_agree(db: Db, tasks: Mapping[str, Sequence[Task]]) -> Finding:
    """Each task that the state has done is there once, and no other one bears our marker."""
    there = Counter((crm, t.marker) for crm, made in tasks.items() for t in made)
    done = totals.effects_done(db).get("upsert_task", ())
    ours = {(ref.crm, f"fl-{key}") for key, ref in done}
    bad = [m for m, n in there.items() if n > 1 or m not in ours]
    bad += [m for m in ours if m not in there]
    return finding("each task is there once", bad, f"{there.total()} in the CRMs, {len(ours)} done")


def _no_step_told_twice(db: Db, crms: Crms, tasks: Mapping[str, Sequence[Task]]) -> Finding:
    """Nobody reads the same thing of the same lead in two tasks, but for one whose person was
    recycled between them, in either CRM: the levels of decay begin anew. Follow-ups of two cadences
    may have the same words; they are counted by themselves."""
    rounds = Counter(crms.leads[r.ref.crm, r.ref.id].email for r in totals.all_rounds(db))
    told = Counter(
        (crm, t.lead, f"{t.owner} {t.subject} {t.text}")
        for crm, made in tasks.items()
        for t in made
        if not t.follow_up
    )
    return finding(
        "nobody is told the same twice",
        [k for k, n in told.items() if n > 1 + rounds[crms.leads[k[:2]].email]],
        f"{told.total()}",
    )


# -- clocks -------------------------------------------------------------------------------------


def _fired_once(db: Db) -> Finding:
    """No step twice in the journal, none before its time in the state."""
    fired = totals.fired(db)
    times = Counter((f.clock, f.step) for f in fired)
    bad = [k for k, n in times.items() if n > 1]
    for clock, steps in totals.steps_fired(db).items():
        bad += [(clock, s) for s, (due, at) in steps.items() if _at(at) < _at(due)]
    return finding("no step fired twice, none early", bad, f"{len(fired)} steps")


def _settled(db: Db, every: Sequence[ClockRow], now: datetime) -> Finding:
    """Each due clock fired, was answered or ended with a reason; none left a step behind."""
    to_come = totals.steps_to_come(db)
    bad = []
    for c in every:
        steps = to_come.get(c.id, ())
        left = c.ended_at is not None and (bool(steps) or not c.how)
        if left or any(due is not None and _at(due) <= now for _, due in steps):
            bad.append((c.ref.crm, c.ref.id))
    return finding("each due clock fired, was answered or ended", bad, f"{len(every)} clocks")


def _answers_are_true(every: Sequence[ClockRow], people: People) -> Finding:
    """Whatever stopped a clock stands in somebody's diary, in time or late as the clock says."""
    diary = _diary(people.answers)
    answered = [c for c in every if c.how == clocks.ANSWERED]
    bad = [
        (c.ref.crm, c.ref.id)
        for c in answered
        if not any(c.ended_at is not None and abs(a.at - c.ended_at) <= NEAR
                   for a in diary.get((c.ref.crm, c.ref.id), ()))
    ]  # fmt: skip
    return finding("each answer is one that a person gave", bad, f"{len(answered)} clocks")


def _answers_are_seen(db: Db, every: Sequence[ClockRow], people: People) -> Finding:
    """Who answered in time is never said to have breached; whose clock ran on breached first."""
    fired = totals.steps_fired(db)
    of_lead: defaultdict[Key, list[ClockRow]] = defaultdict(list)
    for c in every:
        of_lead[c.ref.crm, c.ref.id].append(c)
    bad: list[Key] = []
    for a in people.answers:
        for c in of_lead[a.key]:
            due = fired.get(c.id, {}).get(DUE)
            mine = c.owner_id == people.crms.owners[a.key[0]][a.who] and c.since <= a.at
            over = c.ended_at is not None and c.ended_at < a.at - NEAR
            if not mine or over or c.after is not None:
                continue
            unseen = due is None and c.how != clocks.ANSWERED and c.ended_at is None
            if unseen or (due is not None and a.at < _at(due[0]) - NEAR):
                bad.append(a.key)
    return finding("each answer is seen, and in time if it was", bad, f"{len(people.answers)}")


def _nothing_open(db: Db) -> Finding:
    states = totals.effects_by_state(db)
    waiting = {s: states[s] for s in ("new", "inflight", "sent", "refused") if states.get(s)}
    return Finding("every effect has reached its end", not waiting, str(waiting or states))


def _diary(answers: Iterable[Answered]) -> dict[Key, list[Answered]]:
    found: dict[Key, list[Answered]] = {}
    for a in answers:
        found.setdefault(a.key, []).append(a)
    return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
