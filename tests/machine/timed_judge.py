"""The verdict over a world in which time acts: nothing runs for a lead that nobody works on,
everything for one that somebody does, once; no lead goes in circles, and everything is explained.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from daemon.house import the_policy
from machine.play import all_rows
from machine.timed import TimedWorld
from machine.timed_policies import LATER, MAX_CYCLES
from machine.wide_judge import ledger_closes, recomputed

from fairlead.core.decision import DECAY, OVERRIDE, REROUTE, SLA
from fairlead.core.effects import SetOwner, UpsertTask
from fairlead.core.policy import Policy
from fairlead.core.sla import slas_for
from fairlead.core.snapshot import order_in, values_in
from fairlead.core.types import Actor, LeadState, Ref
from fairlead.daemon.follow_ups import ROLE
from fairlead.daemon.replaying import replay_period
from fairlead.store import (
    cadences,
    clocks,
    decays,
    decisions,
    journal,
    leads,
    outbox,
    recyclings,
)
from fairlead.store.leads import LeadRow
from fairlead.store.outbox import OutboxState
from fairlead.testing.fake_crm import FakeCrm

REST = (
    LeadState.ASSIGNED, LeadState.LEFT, LeadState.TERMINAL, LeadState.PRE_EXISTING,
    LeadState.RECYCLED,
)  # fmt: skip
OUT = {LeadState.RECYCLED: recyclings.RECYCLED, LeadState.TERMINAL: recyclings.TERMINAL}


def always(world: TimedWorld) -> None:
    """What holds at any moment, after each commit."""
    world.check_pause()
    ledger_closes(world)
    for crm in world.crms:
        for row in all_rows(world.house, crm.name):
            _runs(world, row)
            _once(world, row)


def _runs(world: TimedWorld, row: LeadRow) -> None:
    """What runs for a lead fits its state."""
    db, ref = world.house.db, row.ref
    told = f"{ref} ({row.state}, {row.reason}, closed={row.closed})"
    running = clocks.open_of(db, ref)
    follow_ups = cadences.open_of(db, ref)
    awake = [r for r in decays.awake_after(db, ("", "", ""), 10_000) if r.ref == ref]
    looks = [
        n.level for r in awake for n in decays.levels_of(db, ref, r.cycle)
        if n.reached_at is None and n.look_at is not None
    ]  # fmt: skip
    round_ = recyclings.open_of(db, ref)
    if row.state not in (LeadState.ASSIGNED, LeadState.HELD, LeadState.DEAD_LETTER) or row.closed:
        assert not running, f"clocks run: {told} {running}"
        assert not follow_ups, f"follow-ups run: {told} {follow_ups}"
        assert not looks, f"decay looks: {told} {looks}"
    assert (round_ is not None) == (row.state in OUT and _is_round(world, row)), (
        f"rounds: {told} {round_}"
    )
    if round_ is not None:
        assert round_.kind == OUT[row.state], f"{told} is in a round {round_.kind}"
    assert len(follow_ups) <= 1, f"two follow-ups: {told}"
    own = Counter(c.sla for c in running if c.after is None)
    assert all(n == 1 for n in own.values()), f"two clocks: {told} {own}"


def _is_round(world: TimedWorld, row: LeadRow) -> bool:
    """A lead is terminal for other reasons than the end of its rounds, too."""
    return row.state is LeadState.RECYCLED or bool(recyclings.of_lead(world.house.db, row.ref))


def _once(world: TimedWorld, row: LeadRow) -> None:
    """No step, level or follow-up comes twice; nobody goes round too often or in circles."""
    db, ref = world.house.db, row.ref
    steps: Counter[tuple[object, ...]] = Counter()
    levels: Counter[object] = Counter()
    for j in journal.of_lead(db, ref):
        if j.event == "clock.fired":
            steps["clock", j.detail["clock"], j.detail["step"]] += 1
        elif j.event == "cadence.task":
            steps["follow-up", j.detail["follow_up"], j.detail["step"]] += 1
        elif j.event == "lead.decayed":
            levels[j.detail["level"]] += 1
        elif j.event == "lead.recycled":
            assert int(str(j.detail["cycle"])) <= MAX_CYCLES, f"{ref} goes round for ever"
    assert all(n == 1 for n in steps.values()), f"{ref}: twice: {steps}"
    cycles = max((r.cycle for r in recyclings.of_person(db, row.person_id)), default=0)
    assert all(n <= 1 + cycles for n in levels.values()), f"{ref}: {levels} in {cycles} cycles"
    taken = _decisions(world, ref)
    to = Counter(rep for kind, rep in taken.values() if kind in (SLA, DECAY) and rep is not None)
    assert all(n == 1 for n in to.values()), f"{ref} came back to {to}"


def _decisions(world: TimedWorld, ref: Ref) -> dict[int, tuple[str, str | None]]:
    """Kind of order and rep of the last attempt of each generation's assignment of a lead."""
    rows = world.house.db.rows(
        "SELECT id FROM decisions WHERE crm = ? AND object = ? AND lead_id = ?"
        " AND outcome = 'assign' ORDER BY at, attempt",
        (ref.crm, ref.object, ref.id),
    )
    found = {}
    for r in rows:
        kept = decisions.get_decision(world.house.db, r["id"])
        assert kept is not None
        order = order_in(kept.inputs)
        found[kept.generation] = ("" if order is None else order.kind, kept.rep_id)
    return found


def at_rest(world: TimedWorld) -> None:
    """What holds once the trouble is over."""
    always(world)
    db = world.house.db
    assert not outbox.open_rows(db)
    assert world.house.commands.dead_letters() == [], "a dead letter came back without a fault"
    for crm, ref in world.leads:
        row = leads.get_lead(db, ref)
        truth = crm.find(ref)
        assert row is not None or truth is None or truth.gone, f"I1: {ref} was never seen"
        if row is not None:
            _one_lead(world, crm, row)
            _told(world, ref)
    _one_open_task(world)
    _reports(world)
    recomputed(world)
    if world.alone:
        shadow = world.house.commands.shadow("")
        assert shadow["changed"] == [], f"the same policy disagrees: {shadow['changed']}"
        _replayed(world)


def _replayed(world: TimedWorld) -> None:
    """The policy that was in force all the time gives each lead to whom it gave it then."""
    now = world.ours.now() + timedelta(seconds=1)
    policy = the_policy(world.first_policy).policy
    told = replay_period(world.house.db, policy, now - timedelta(days=400), now)
    assert told["changed"] == [], f"replay: the same policy disagrees: {told['changed']}"
    assert told["not_replayed"] == {}, f"replay: {told['not_replayed']}"
    assert told["not_reproduced"] == [], f"replay: otherwise than it was: {told['not_reproduced']}"


def _one_lead(world: TimedWorld, crm: FakeCrm, row: LeadRow) -> None:
    truth, db, ref = crm.row(row.ref), world.house.db, row.ref
    told = f"{ref} rests in {row.state}: {row.reason}"
    round_ = recyclings.open_of(db, ref)
    if truth.gone:
        assert row.state is LeadState.GONE, f"{ref} is gone but {row.state}"
        return
    assert row.state in REST, told
    if ref not in world.meddled:
        inside = crm.groups.has(ref, LATER[crm.name])
        member = round_ is not None and round_.member_of is not None
        assert inside is member, f"{told}; in the list: {inside}, {round_}"
    if row.state is LeadState.PRE_EXISTING:
        return
    assert row.owner_id == truth.owner_id, f"{told}; the CRM has {truth.owner_id}"
    _people_win(world, crm, row)
    for clock in clocks.open_of(db, ref):
        late = [
            s for s in clocks.steps_of(db, clock.id)
            if s.fired_at is None and s.due_at is not None and s.due_at <= world.ours.now()
        ]  # fmt: skip
        assert not late, f"I5: due and not fired: {told} {late}"
        mine = clock.owner_id == row.owner_id
        assert mine or clock.after is not None, f"a clock of {clock.owner_id}: {told}"
    for row_ in cadences.open_of(db, ref):
        assert row_.owner_id == row.owner_id, f"follow-ups of {row_.owner_id}: {told}"
    if row.state is LeadState.ASSIGNED and not row.closed and row.decision_id is not None:
        _promised(world, crm, row)


def _promised(world: TimedWorld, crm: FakeCrm, row: LeadRow) -> None:
    """Whoever has the lead from us has had a clock for each SLA that was promised then."""
    db = world.house.db
    kept = decisions.get_decision(db, row.decision_id or "")
    person = crm.owner(row.owner_id) if row.owner_id else None
    if kept is None or kept.outcome != "assign" or person is None or person.email is None:
        return
    if kept.owner_id != row.owner_id or kept.ref != row.ref:
        return
    if any(o.ref != row.ref for o in leads.leads_of_person(db, row.person_id)):
        return  # another record of theirs may have it
    if values_in(kept.inputs).get("status") == "Junk":
        return  # closed then
    order = order_in(kept.inputs)
    files, main = decisions.get_policy(db, kept.policy_hash)
    policy = the_policy(files[main]).policy
    had = clocks.of_lead(db, row.ref)
    since = [c.sla for c in had if c.since >= kept.at and c.owner_id == row.owner_id]
    values = {**values_in(kept.inputs), "now": kept.at}
    names = slas_for(_without_tiers(policy), kept.rule, values)
    if order is not None and order.kind in (SLA, OVERRIDE):
        assert since or not names, f"{row.ref}: no clock after a reassignment"
        return
    assert set(names) <= set(since), f"{row.ref}: promised {names}, had {since}"


def _without_tiers(policy: Policy) -> Policy:
    """Tiers ask for a score that the inputs do not hold as such."""
    from dataclasses import replace

    plain = {n: replace(s, when=None) for n, s in policy.slas.items()}
    return replace(policy, slas=plain)


def _people_win(world: TimedWorld, crm: FakeCrm, row: LeadRow) -> None:
    """A person's last choice stands, but for what was ordered, recycled, or said to override."""
    db, ref = world.house.db, row.ref
    changes = [a for a in crm.audit if a.ref == ref and a.op in ("create", "owner")]
    people = [a for a in changes if a.actor is Actor.PERSON and a.old != a.new]
    events = {j.event for j in journal.of_lead(db, ref)}
    if not people or "effect.refused" in events:
        return
    choice = people[-1]
    owner = crm.owner(choice.new) if choice.new else None
    offered = world.offered[crm.name]
    # Two moves of people between two looks are one to whoever looks: out of the queue, to them.
    claimed = choice.old == offered or (
        any(a.old == offered for a in people)
        and any(
            j.event == "lead.claimed" and j.detail["owner_id"] == choice.new
            for j in journal.of_lead(db, ref)
        )
    )
    if owner is None or owner.email is None or claimed:
        return
    for a in (a for a in changes if a.seq > choice.seq and a.old != a.new):
        if a.actor is not Actor.US:
            return
        write = outbox.get(db, a.key)
        assert write is not None, f"{a} is in no outbox"
        if write.state is OutboxState.SUPERSEDED:
            continue  # it ran over their choice, which was put back
        if write.kind == "restore_owner" or write.decision_id.startswith("r"):
            return
        kept = decisions.get_decision(db, write.decision_id)
        assert kept is not None
        assert isinstance(write.effect, SetOwner)
        order = order_in(kept.inputs)
        kind = "" if order is None else order.kind
        files, main = decisions.get_policy(db, kept.policy_hash)
        overrides = "override_people: true" in files[main]
        fine = bool(kind) and kind != REROUTE and (kind not in (SLA, DECAY) or overrides)
        assert fine, f"I4: {choice} was overwritten by {kind or 'a decision'}: {a}"
        return


def _one_open_task(world: TimedWorld) -> None:
    """No rep has two open follow-ups of one lead by one cadence."""
    db = world.house.db
    for crm in world.crms:
        open_: defaultdict[str, set[str]] = defaultdict(set)
        for r in db.rows("SELECT key FROM outbox WHERE kind = 'upsert_task'"):
            row = outbox.get(db, r["key"])
            assert row is not None
            effect = row.effect
            if isinstance(effect, UpsertTask) and effect.role == ROLE:
                task = crm.tasks.get(effect.marker)
                if task is not None and task.open:
                    open_[f"{row.ref} {row.decision_id}"].add(effect.marker)
        assert all(len(n) == 1 for n in open_.values()), f"two open follow-ups: {open_}"


def _told(world: TimedWorld, ref: Ref) -> None:
    """`why` tells of every lead, and its decision comes out the same."""
    for why in world.house.commands.why(str(ref)):
        assert why["decision"] is None or why["decision"]["recomputed_equal"], f"{ref}: {why}"


def _reports(world: TimedWorld) -> None:
    routes = world.house.commands.routes()
    for name in ("sla", "times", "recycling", "status", "messages", "sla-indicators"):
        routes[name]({})
