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
from fairlead.core.distribute import METHODS, pool_of
from fairlead.core.eligibility import eligible, obstacle
from fairlead.core.fairness import after
from fairlead.core.policy import Destination, ToAccountOwner, ToQueue, ToRep, ToTeam
from fairlead.core.types import CrmOwner, OwnerKind, Rep


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


def resolve(to: Destination, question: Question) -> Answer:
    """Who gets the lead if it goes there; total, and it charges nothing when nobody does."""
    match to:
        case ToTeam(team, path):
            return _team(*_named(team, path, question), question)
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


def _team(name: str | None, path: str, question: Question, tried: Sequence[str] = ()) -> Answer:
    """The next of the team; while nobody in it can take the lead, of the team that backs it up."""
    team = _look_up(question.policy.teams, name)
    if team is None:
        return Answer(f"{path or name} names no team")
    able, passed = eligible(team.members, question)
    places = (f"team:{team.name}",)
    if not able:
        nobody = Answer(f"nobody in team {team.name} can take it", passed=passed, places=places)
        if team.backup is None or team.backup in tried:
            return nobody
        backup = _team(team.backup, "", question, (*tried, team.name))
        return replace(
            backup,
            reason=f"{nobody.reason}; {backup.reason}",
            passed=(*passed, *backup.passed),
            places=(*places, *backup.places),
        )
    pool = pool_of(team)
    balances = question.world.balances.get(pool, {})
    pick = METHODS[team.method].pick(pool, able, balances)
    before = {r.id: balances.get(r.id, Fraction(0)) for r in able}
    return Answer(
        f"next in team {team.name}",
        pick.rep.crm_ids[question.crm],
        pick.rep.id,
        pick.ledger,
        passed,
        pool,
        before,
        after(before, pick.ledger),
        places,
    )


def _rep(name: str | None, path: str, question: Question) -> Answer:
    rep = _look_up(question.world.reps, name)
    if rep is None:
        return Answer(f"{path or name} names nobody in the roster")
    return _one(rep, f"rep {rep.id}", question)


def _one(rep: Rep, reason: str, question: Question) -> Answer:
    places = (f"rep:{rep.id}",)
    blocked = obstacle(rep, question)
    if blocked is not None:
        why = f"rep {rep.id} cannot take it: {blocked.reason}"
        return Answer(why, passed=(Passed(rep.id, blocked.reason),), places=places)
    return Answer(reason, rep.crm_ids[question.crm], rep.id, places=places)


def _queue(name: str | None, path: str, question: Question) -> Answer:
    queue = None if name is None else question.world.queue_named(question.crm, name)
    if queue is None:
        return Answer(f"{path or name} names no queue in {question.crm}")
    if not queue.active or queue.id in question.case.excluded:
        return Answer(f"queue {queue.name} cannot own leads now")
    return Answer(f"queue {queue.name}", queue.id)


def _account_owner(_: ToAccountOwner, question: Question) -> Answer:
    account = question.case.match.account
    if account is None:
        return Answer(f"no account to ask for its owner: {question.case.match.account_reason}")
    if account.owner_id is None:
        return Answer("the account has no owner")
    world, home = question.world, account.ref.crm
    rep = world.rep_of(home, account.owner_id)
    if rep is not None:
        return _one(rep, f"owner of the account: {rep.id}", question)
    user = _same_user(world.owners.get((home, account.owner_id)), question)
    if user is None:
        return Answer(f"the account's owner has no {question.crm} user")
    if not user.active or user.id in question.case.excluded:
        return Answer(f"the account's owner cannot own leads in {question.crm}")
    return Answer("owner of the account, a person outside the roster", user.id)


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
