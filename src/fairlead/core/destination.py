"""From a rule's destination to one owner in the lead's CRM, or the reason why there is none.

Called by `decide` only. Each kind of destination is one function; a reason names teams, reps and
queues, never what the lead holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from fairlead.core.decision import LedgerEntry, Passed, Question
from fairlead.core.eligibility import eligible, obstacle
from fairlead.core.policy import Destination, Team, ToAccountOwner, ToQueue, ToRep, ToTeam
from fairlead.core.skills import NOTHING, Wanted, needed, preferred, skilled
from fairlead.core.turns import charged, take_turn
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
    """The next of the team; while nobody in it can take the lead, of the team that backs it up."""
    team = _look_up(question.policy.teams, name)
    if team is None:
        return Answer(f"{path or name} names no team")
    able, passed = eligible(team.members, question)
    free, lacking = needed(able, asks)
    if not free:
        reason = f"nobody in team {team.name} can take it"
        if able:
            reason = f"nobody free in team {team.name} has what is needed: {asks.named}"
        return _backed_up(team, reason, passed, lacking, question, asks, tried)
    able, less = preferred(free, asks)
    passed = (*passed, *lacking, *less)
    turn = take_turn(team, able, question, asks)
    return Answer(
        turn.reason,
        turn.rep.crm_ids[question.crm],
        turn.rep.id,
        turn.ledger,
        (*passed, *turn.passed),
        turn.account,
        turn.before,
        turn.after,
        (f"team:{team.name}",),
    )


def _backed_up(
    team: Team,
    reason: str,
    busy: tuple[Passed, ...],
    lacking: tuple[Passed, ...],
    question: Question,
    asks: Wanted,
    tried: Sequence[str],
) -> Answer:
    """Nobody of the team: the answer of the team that backs it up, if there is one."""
    reps = question.world.reps
    waiting = tuple(p.rep_id for p in busy if p.rep_id in reps and skilled(reps[p.rep_id], asks))
    passed, places = (*busy, *lacking), (f"team:{team.name}",)
    if team.backup is None or team.backup in tried:
        return Answer(reason, passed=passed, places=places, waiting=waiting)
    answer = _team(team.backup, "", question, asks, (*tried, team.name))
    return replace(
        answer,
        reason=f"{reason}; {answer.reason}",
        passed=(*passed, *answer.passed),
        places=(*places, *answer.places),
        waiting=(*waiting, *answer.waiting),
    )


def _rep(name: str | None, path: str, question: Question) -> Answer:
    rep = _look_up(question.world.reps, name)
    if rep is None:
        return Answer(f"{path or name} names nobody in the roster")
    return _one(rep, f"rep {rep.id}", question, "named")


def _one(rep: Rep, reason: str, question: Question, kind: str) -> Answer:
    places = (f"rep:{rep.id}",)
    blocked = obstacle(rep, question)
    if blocked is not None:
        why = f"rep {rep.id} cannot take it: {blocked.reason}"
        passed = (Passed(rep.id, blocked.reason),)
        return Answer(why, passed=passed, places=places, waiting=(rep.id,))
    return past_rotation(rep, reason, question, kind)


def past_rotation(rep: Rep, reason: str, question: Question, kind: str = "by_hand") -> Answer:
    """This rep, whoever's turn it is; charged where a team counts leads of this kind."""
    places = (f"rep:{rep.id}",)
    cost = charged(kind, rep.id, question)
    return Answer(reason, rep.crm_ids[question.crm], rep.id, cost, places=places)


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
    same = [
        o
        for o in question.world.owners.values()
        if o.crm == question.crm and o.kind is OwnerKind.REP and o.email == user.email
    ]
    return same[0] if user.email is not None and len(same) == 1 else None
