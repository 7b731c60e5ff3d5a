"""From a rule's destination to one owner in the lead's CRM, or the reason why there is none.

Called by `decide` only. Each kind of destination is one function; a reason names teams, reps and
queues, never what the lead holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import TypeVar

from fairlead.core.candidates import gather, stand_in
from fairlead.core.claim import Claim
from fairlead.core.decision import Balances, Companion, LedgerEntry, Passed, Question
from fairlead.core.distribute import METHODS
from fairlead.core.methods import Pick, Turn
from fairlead.core.policy import (
    Destination,
    ToAccountOwner,
    ToManager,
    ToQueue,
    ToRep,
    ToTeam,
)
from fairlead.core.pools import pool_of
from fairlead.core.skills import NOTHING, Wanted, needed, preferred, skilled
from fairlead.core.turns import charged
from fairlead.core.types import Account, CrmOwner, OwnerKind, Rep


@dataclass(frozen=True, slots=True)
class Answer:
    """The owner found (`owner_id` in the lead's CRM), or None; `reason` says why either way."""

    reason: str
    owner_id: str | None = None
    rep_id: str | None = None
    ledger: tuple[LedgerEntry, ...] = ()
    passed: tuple[Passed, ...] = ()
    pool: str | None = None
    before: Mapping[str, Fraction] | None = None
    after: Mapping[str, Fraction] | None = None
    places: tuple[str, ...] = ()
    """The teams and reps that were asked, the one that takes it last."""
    waiting: tuple[str, ...] = ()
    """The reps who cannot take it now and would do, should what is in their way end."""
    notes: tuple[str, ...] = ()
    """Who joined the candidates, and why."""
    also: tuple[Balances, ...] = ()
    read: tuple[str, ...] = ()
    """Every pool whose balances had a part in the answer."""
    companions: tuple[Companion, ...] = ()
    claim: Claim | None = None
    holds: bool = False
    """The lead waits for one of `waiting`, until `until` or for as long as it takes."""
    until: datetime | None = None


def resolve(to: Destination, question: Question, asks: Wanted = NOTHING) -> Answer:
    """Who gets the lead if it goes there; total, and it charges nothing when nobody does.

    `asks` are the skills asked of a team; other destinations are named and not asked.
    """
    match to:
        case ToTeam(team, path):
            return _team(*_named(team, path, question), question, asks)
        case ToRep(rep, path):
            return _rep(*_named(rep, path, question), question)
        case ToQueue(queue, path):
            return _queue(*_named(queue, path, question), question)
        case ToManager(team, path):
            return _manager(*_named(team, path, question), question)
    return _account_owner(to, question)


def _named(name: str | None, path: str | None, question: Question) -> tuple[str | None, str]:
    """The name meant, and where it was read: a reason shows the path, never what the lead holds."""
    if path is None:
        return name, ""
    found = question.values.get(path)
    return found.strip() if isinstance(found, str) else None, path


T = TypeVar("T")


def _look_up(named: Mapping[str, T], name: str | None) -> T | None:
    """By the exact name, else by the same letters: tables are written by hand."""
    if name is None or name in named:
        return named.get(name or "")
    folded = name.casefold()
    return next((thing for known, thing in named.items() if known.casefold() == folded), None)


def _team(
    name: str | None, path: str, question: Question, asks: Wanted, tried: Sequence[str] = ()
) -> Answer:
    """Whom the team's method picks; while that is nobody, the answer of the team that backs it up.

    Somebody who is there only later gets the lead when nobody of the backup is there now.
    """
    team = _look_up(question.policy.teams, name)
    if team is None:
        return Answer(f"{path or name} names no team")
    found = gather(team, question, asks)
    busy = found.passed
    free, lacking = needed(found.able, asks)
    able, less = preferred(free, asks)
    ids = tuple(p.rep_id for p in busy)
    turn = Turn(team, pool_of(team, question.rule), free, able, ids, asks, question)
    pick = METHODS[team.method].pick(turn)
    passed = (*busy, *lacking, *(() if pick.companions else less), *pick.passed)
    answer = replace(_picked(pick, turn, passed), notes=found.notes)
    if answer.owner_id is not None and not pick.later:
        return answer
    if pick.holds or team.backup is None or team.backup in tried:
        return answer
    second = _team(team.backup, "", question, asks, (*tried, team.name))
    if pick.later and second.owner_id is None:
        return replace(answer, read=(*answer.read, *second.read))
    return replace(
        second,
        reason=f"{_nobody_now(pick, turn)}; {second.reason}",
        passed=(*passed, *second.passed),
        places=(*answer.places, *second.places),
        waiting=(*answer.waiting, *second.waiting),
        read=(*answer.read, *second.read),
        notes=(*answer.notes, *second.notes),
    )


def _picked(pick: Pick, turn: Turn, passed: tuple[Passed, ...]) -> Answer:
    """What a pick means for the lead: an owner, a queue, a wait, or nobody for now."""
    seen = pick.balances[0] if pick.balances else None
    answer = Answer(
        pick.reason,
        passed=passed,
        places=(f"team:{turn.team.name}",),
        read=tuple(b.pool for b in pick.balances),
    )
    if seen is not None:
        answer = replace(answer, pool=seen.pool, before=seen.before, after=seen.after)
    if pick.queue_id is not None:
        return replace(answer, owner_id=pick.queue_id, claim=pick.claim)
    if pick.rep is not None:
        return replace(
            answer,
            owner_id=pick.rep.crm_ids[turn.question.crm],
            rep_id=pick.rep.id,
            ledger=pick.ledger,
            also=pick.balances[1:],
            companions=pick.companions,
        )
    if pick.holds:
        return replace(answer, waiting=pick.waiting, holds=True, until=pick.until)
    reps = turn.question.world.reps
    waiting = tuple(r for r in turn.busy if r in reps and skilled(reps[r], turn.asks))
    return replace(answer, waiting=waiting)


def _nobody_now(pick: Pick, turn: Turn) -> str:
    return f"nobody in team {turn.team.name} is free now" if pick.later else pick.reason


def _rep(name: str | None, path: str, question: Question) -> Answer:
    rep = _look_up(question.world.reps, name)
    if rep is None:
        return Answer(f"{path or name} names nobody in the roster")
    return _one(rep, f"rep {rep.id}", question, "named")


def _one(rep: Rep, reason: str, question: Question, kind: str) -> Answer:
    """One rep by name, or who covers in a leave."""
    found = stand_in(rep, question)
    places = tuple(f"rep:{name}" for name in found.asked)
    passed = tuple(Passed(name, blocked.reason) for name, blocked in found.blocked)
    if found.rep is None:
        last, blocked = found.blocked[-1]
        why = f"rep {last} cannot take it: {blocked.reason}"
        if found.told:
            why = f"{found.told}; {why}"
        return Answer(why, passed=passed, places=places, waiting=found.asked)
    if found.told:
        reason = f"{reason}; {found.told}"
    answer = past_rotation(found.rep, reason, question, kind)
    return replace(answer, passed=passed, places=places)


def past_rotation(rep: Rep, reason: str, question: Question, kind: str = "by_hand") -> Answer:
    """This rep, whoever's turn it is; charged where a team counts leads of this kind."""
    cost = charged(kind, rep.id, question)
    places = (f"rep:{rep.id}",)
    return Answer(reason, rep.crm_ids[question.crm], rep.id, cost, places=places)


def _manager(name: str | None, path: str, question: Question) -> Answer:
    """The manager of a team: a rep as any other, or a user outside the roster."""
    team = _look_up(question.policy.teams, name)
    if team is None:
        return Answer(f"{path or name} names no team")
    if team.manager is None:
        return Answer(f"team {team.name} has no manager")
    what, world = f"manager of team {team.name}", question.world
    rep = world.reps.get(team.manager)
    if rep is not None:
        return _one(rep, what, question, "named")
    user = _by_email(team.manager, question)
    if user is None:
        return Answer(f"the {what} has no {question.crm} user")
    if not user.active or user.id in question.case.excluded:
        return Answer(f"the {what} cannot own leads in {question.crm}")
    return Answer(what, user.id)


def _queue(name: str | None, path: str, question: Question) -> Answer:
    queue = None if name is None else question.world.queue_named(question.crm, name)
    if queue is None:
        return Answer(f"{path or name} names no queue in {question.crm}")
    if not queue.active or queue.id in question.case.excluded:
        return Answer(f"queue {queue.name} cannot own leads now")
    return Answer(f"queue {queue.name}", queue.id)


def _account_owner(to: ToAccountOwner, question: Question) -> Answer:
    match = question.case.match
    if match.account is None:
        return Answer(f"no account to ask for its owner: {match.account_reason}")
    asked = (*reversed(match.parents), match.account) if to.parent else (match.account,)
    owned = next((account for account in asked if account.owner_id is not None), None)
    if owned is None:
        above = " and none above it has one" if to.parent and match.parents else ""
        return Answer(f"the account has no owner{above}")
    return _owner_of(owned, "the account" if owned is match.account else "its parent", question)


def _owner_of(account: Account, what: str, question: Question) -> Answer:
    world, home, owner_id = question.world, account.ref.crm, account.owner_id or ""
    rep = world.rep_of(home, owner_id)
    if rep is not None:
        return _one(rep, f"owner of {what}: {rep.id}", question, "account_owner")
    user = _same_user(world.owners.get((home, owner_id)), question)
    whose = "the account's" if what == "the account" else "its parent's"
    if user is None:
        return Answer(f"{whose} owner has no {question.crm} user")
    if not user.active or user.id in question.case.excluded:
        return Answer(f"{whose} owner cannot own leads in {question.crm}")
    return Answer(f"owner of {what}, a person outside the roster", user.id)


def _same_user(user: CrmOwner | None, question: Question) -> CrmOwner | None:
    """This person as a user of the lead's CRM: the same one, or the only one of that e-mail."""
    if user is None or user.kind is not OwnerKind.REP:
        return None
    if user.crm == question.crm:
        return user
    return None if user.email is None else _by_email(user.email, question)


def _by_email(email: str, question: Question) -> CrmOwner | None:
    """The only user of that e-mail in the lead's CRM; of several the only active one."""
    same = [
        o
        for o in question.world.owners.values()
        if o.crm == question.crm and o.kind is OwnerKind.REP and o.email == email
    ]
    active = [o for o in same if o.active]
    if len(active) == 1:
        return active[0]
    return same[0] if len(same) == 1 else None
