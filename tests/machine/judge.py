"""The verdict over a played world: from the CRMs' audit where it can tell, else from the state."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from daemon.house import REPS, the_policy
from machine.play import World

from fairlead.core.decide import decide
from fairlead.core.fairness import bound
from fairlead.core.snapshot import thaw_inputs
from fairlead.core.types import Actor, LeadState, OwnerKind, Ref
from fairlead.store import decisions, journal, leads, outbox
from fairlead.testing.fake_crm import Audit, FakeCrm


def always(world: World) -> None:
    """What holds at any moment, in the middle of trouble too."""
    world.check_pause()
    for crm in world.crms:
        for a in crm.our_writes():
            assert crm.row(a.ref).created_at >= world.baseline, f"I18: {a} is on an old lead"
        per_record = Counter(t.ref for t in crm.tasks.values())
        assert all(n == 1 for n in per_record.values()), f"I10: two tasks: {per_record}"
        _one_owner_of_ours(world, crm)
    _ledger(world)


def _one_owner_of_ours(world: World, crm: FakeCrm) -> None:
    given: defaultdict[Ref, set[str | None]] = defaultdict(set)
    restores = {
        r["key"] for r in world.house.db.rows("SELECT key FROM outbox WHERE kind = 'restore_owner'")
    }
    for a in crm.our_writes("owner"):
        if a.key not in restores:
            given[a.ref].add(a.new)
    for ref, owners in given.items():
        if len(owners) > 1:
            left = [
                j for j in journal.of_lead(world.house.db, ref) if j.event == "effect.bad_owner"
            ]
            assert len(owners) <= 1 + len(left), f"I3: {ref} was given to {owners}"


def _ledger(world: World) -> None:
    db = world.house.db
    sums: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for r in db.rows("SELECT pool, rep_id, delta FROM ledger"):
        sums[r["pool"], r["rep_id"]] += Fraction(r["delta"])
    for pool in {pool for pool, _ in sums}:
        assert sum(n for (p, _), n in sums.items() if p == pool) == 0, f"{pool} does not close"
    for pool, rep, balance, received in decisions.received(db):
        assert sums[pool, rep] == balance, f"the ledger of {pool} {rep} does not add up"
        assert received >= 0
        assert abs(balance) <= bound(len(REPS)), f"I7: {pool} {rep} {balance}"


def at_rest(world: World) -> None:
    """What holds once the trouble is over and the quiet periods are."""
    always(world)
    house = world.house
    assert not outbox.open_rows(house.db)
    assert house.commands.dead_letters() == [], "a retried dead letter came back without a fault"
    for crm, ref in world.leads:
        row = leads.get_lead(house.db, ref)
        assert row is not None or crm.row(ref).gone, f"I1: {ref} was never seen"
        if row is not None:
            _one_lead(world, crm, row)
    _recomputed(world)


def _one_lead(world: World, crm: FakeCrm, row: leads.LeadRow) -> None:
    truth = crm.row(row.ref)
    if truth.gone:
        assert row.state is LeadState.GONE, f"{row.ref} is gone but {row.state}"
        return
    if truth.created_at < world.baseline:
        assert row.state is LeadState.PRE_EXISTING
        return
    changes = [a for a in crm.audit if a.ref == row.ref and a.op in ("create", "owner")]
    events = [j.event for j in journal.of_lead(world.house.db, row.ref)]
    assert row.state in (LeadState.ASSIGNED, LeadState.LEFT, LeadState.TERMINAL), (
        f"{row.ref} rests in {row.state}: {row.reason}"
    )
    if row.state is not LeadState.TERMINAL:
        assert row.owner_id == truth.owner_id, f"{row.ref}: we believe {row.owner_id}"
        last = changes[-1]
        taken = last.actor in (Actor.PERSON, Actor.AUTOMATION) or "effect.restored" in events
        if not _person(crm, truth.owner_id):
            assert row.state is LeadState.LEFT, f"{row.ref} has no owner, yet {row.state}"
            assert taken, f"I1: {row.ref} was left without an owner: {row.reason}"
    _people_win(crm, row.ref, changes, events)
    _task(world, crm, row, changes, events)


def _people_win(crm: FakeCrm, ref: Ref, changes: list[Audit], events: list[str]) -> None:
    if "effect.refused" in events:
        return  # a put-back that the CRM refused is a person's work
    # Setting what is there already leaves no trace that anybody could see.
    people = [a for a in changes if a.actor is Actor.PERSON and a.old != a.new]
    if not people:
        return
    choice = people[-1]
    later = [a for a in changes if a.seq > choice.seq]
    if any(a.actor is Actor.AUTOMATION and a.old != a.new for a in later):
        return
    ours_before = any(a.actor is Actor.US and a.seq < choice.seq for a in changes)
    if _person(crm, choice.new) or ours_before:
        assert crm.owner_of(ref) == choice.new, f"I4: {choice} was overwritten"


def _task(
    world: World, crm: FakeCrm, row: leads.LeadRow, changes: list[Audit], events: list[str]
) -> None:
    """A lead that nobody but us has touched has its one task, with its owner."""
    if row.state is not LeadState.ASSIGNED or row.decision_id is None:
        return
    if any(a.actor in (Actor.PERSON, Actor.AUTOMATION) for a in changes):
        return
    if changes[0].new is not None or world.seen["merged"] or world.seen["dropped"]:
        return
    tasks = [t for t in crm.tasks.values() if t.ref == row.ref]
    assert [t.owner_id for t in tasks] == [crm.owner_of(row.ref)], f"{row.ref}: {tasks} {events}"


def _person(crm: FakeCrm, owner_id: str | None) -> bool:
    owner = crm.owner(owner_id) if owner_id else None
    return owner is not None and owner.kind is OwnerKind.REP


def _recomputed(world: World) -> None:
    """Every decision of the history comes out the same, under the policy it was taken under."""
    db = world.house.db
    for r in db.rows("SELECT id FROM decisions"):
        kept = decisions.get_decision(db, r["id"])
        assert kept is not None
        files, main = decisions.get_policy(db, kept.policy_hash)
        policy = the_policy(files[main]).policy
        assert kept.policy_hash == policy.hash
        case, people = thaw_inputs(kept.inputs, decisions.get_roster(db, kept.roster_hash))
        again = decide(case, people, policy, kept.at)
        assert (again.outcome.value, again.owner_id, again.rule, again.reason) == (
            kept.outcome, kept.owner_id, kept.rule, kept.reason,
        ), f"{kept.ref}: decided otherwise now"  # fmt: skip
    for _, ref in world.leads[:1]:
        if leads.get_lead(db, ref) is not None:
            [why] = world.house.commands.why(str(ref))
            assert why["decision"] is None or why["decision"]["recomputed_equal"]
