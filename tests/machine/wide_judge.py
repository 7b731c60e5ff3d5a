"""The verdict over a wide world: one owner, one task for each part, a ledger that closes."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from daemon.house import the_policy
from machine.wide import WideWorld

from fairlead.core.decide import decide
from fairlead.core.snapshot import freeze_inputs, thaw_inputs
from fairlead.core.types import Actor, LeadState, Ref
from fairlead.store import claims, decisions, journal, leads, ledger, outbox
from fairlead.testing.fake_crm import FakeCrm


def always(world: WideWorld) -> None:
    """What holds at any moment."""
    world.check_pause()
    for crm in world.crms:
        _one_write_each(world, crm)
    ledger_closes(world)


def _one_write_each(world: WideWorld, crm: FakeCrm) -> None:
    """Each owner that we wrote was decided on for that very record, and each task is one."""
    db = world.house.db
    rows = {r["key"]: r for r in db.rows("SELECT key, kind, decision_id FROM outbox")}
    for a in crm.our_writes("owner"):
        assert a.key in rows, f"{a} is in no outbox"
    parts = Counter((t.ref, t.marker) for t in crm.tasks.values())
    assert all(n == 1 for n in parts.values()), f"two tasks: {parts}"
    tasks = defaultdict(list)
    for t in crm.tasks.values():
        tasks[t.ref].append(t)
    for ref, found in tasks.items():
        row = leads.get_lead(db, ref)
        if row is None:
            continue
        # One for the owner in each generation, and one for each other role.
        generations = leads.generation_of(db, row.person_id)
        assert len(found) <= 2 * (generations + 1), f"{ref}: {len(found)} tasks"


def ledger_closes(world: WideWorld) -> None:
    db = world.house.db
    sums: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for r in db.rows("SELECT pool, rep_id, delta FROM ledger"):
        sums[r["pool"], r["rep_id"]] += Fraction(r["delta"])
    for pool in {pool for pool, _ in sums}:
        assert sum(n for (p, _), n in sums.items() if p == pool) == 0, f"{pool} does not close"
    for pool, held in decisions.balances(db).items():
        for rep, balance in held.items():
            assert sums[pool, rep] == balance, f"the ledger of {pool} {rep} does not add up"
    for pool, rep, _, received in decisions.received(db):
        assert received >= 0, f"{pool}: {rep} received {received}"
    # What was a claim queue until now begins its rotation with the next page.
    claimed = ledger.claimed_pools(db)
    for c in world.house.commands.fairness():
        assert c["holds"] or not c["certified"] or c["pool"] in claimed, f"I7: {c}"


def at_rest(world: WideWorld) -> None:
    """What holds once the trouble is over."""
    always(world)
    house = world.house
    assert not outbox.open_rows(house.db)
    for crm, ref in world.leads:
        row = leads.get_lead(house.db, ref)
        truth = crm.row(ref)
        assert row is not None or truth.gone, f"I1: {ref} was never seen"
        if row is not None:
            _one_lead(world, crm, row)
    recomputed(world)


def _one_lead(world: WideWorld, crm: FakeCrm, row: leads.LeadRow) -> None:
    truth, db = crm.row(row.ref), world.house.db
    if truth.gone:
        assert row.state is LeadState.GONE, f"{row.ref} is gone but {row.state}"
        return
    told = f"{row.ref} rests in {row.state}: {row.reason}"
    assert row.state in (
        LeadState.ASSIGNED, LeadState.LEFT, LeadState.TERMINAL, LeadState.PRE_EXISTING,
    ), told  # fmt: skip
    if row.state in (LeadState.TERMINAL, LeadState.PRE_EXISTING):
        return
    assert row.owner_id == truth.owner_id, f"{told}; the CRM has {truth.owner_id}"
    changes = [a for a in crm.audit if a.ref == row.ref and a.op in ("create", "owner")]
    last = changes[-1]
    events = [j.event for j in journal.of_lead(db, row.ref)]
    offered = claims.latest(db, row.ref)
    person = crm.owner(truth.owner_id) if truth.owner_id else None
    if row.state is LeadState.ASSIGNED and world.is_queue(crm, truth.owner_id):
        assert offered is not None or last.actor is not Actor.US, f"{told}, in a queue for nobody"
    if row.state is LeadState.LEFT and (person is None or world.is_queue(crm, truth.owner_id)):
        taken = last.actor in (Actor.PERSON, Actor.AUTOMATION) or "effect.restored" in events
        outside = row.reason.startswith("outside")
        assert taken or outside or last.op == "create", f"I1: {told}"
    if last.actor is Actor.US and row.state is LeadState.ASSIGNED and row.decision_id:
        kept = decisions.get_decision(db, row.decision_id)
        assert kept is not None
        restored = "effect.restored" in events or "effect.refused" in events
        same = kept.owner_id == truth.owner_id or kept.ref != row.ref or restored
        assert same, f"{told}: {truth.owner_id} has it, decided was {kept.owner_id}"
    people_win(crm, row.ref, changes, events)


def people_win(crm: FakeCrm, ref: Ref, changes: list, events: list[str]) -> None:  # type: ignore[type-arg]
    """A person's last choice stands, unless something was ordered or taken up afterwards."""
    if "effect.refused" in events or "lead.ordered" in events or "lead.rerouted" in events:
        return
    people = [a for a in changes if a.actor is Actor.PERSON and a.old != a.new]
    if not people:
        return
    choice = people[-1]
    later = [a for a in changes if a.seq > choice.seq]
    if any(a.actor is Actor.AUTOMATION and a.old != a.new for a in later):
        return
    owner = crm.owner(choice.new) if choice.new else None
    if owner is not None and owner.email is not None:
        assert crm.owner_of(ref) == choice.new, f"I4: {choice} was overwritten"


def recomputed(world: WideWorld) -> None:
    """Every decision comes out the same, ledger and all, under the policy it was taken under."""
    db = world.house.db
    for r in db.rows("SELECT id FROM decisions"):
        kept = decisions.get_decision(db, r["id"])
        assert kept is not None
        files, main = decisions.get_policy(db, kept.policy_hash)
        policy = the_policy(files[main]).policy
        assert kept.policy_hash == policy.hash
        case, people = thaw_inputs(kept.inputs, decisions.get_roster(db, kept.roster_hash))
        assert freeze_inputs(case, people) == kept.inputs, f"{kept.ref}: other inputs"
        again = decide(case, people, policy, kept.at)
        assert (
            again.outcome.value, again.state.value, again.owner_id, again.rep_id, again.rule,
            again.reason,
        ) == (
            kept.outcome, kept.state, kept.owner_id, kept.rep_id, kept.rule, kept.reason,
        ), f"{kept.ref}: decided otherwise now: {again}"  # fmt: skip
        was = [(e.pool, e.rep_id, e.delta, e.reason) for e in ledger.entries_of(db, kept.id)]
        now = [(e.pool, e.rep_id, e.delta, e.reason) for e in again.ledger]
        assert was == now, f"{kept.ref} {kept.id}: {was} was charged, now {now}"
