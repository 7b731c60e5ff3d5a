"""Methods in which more than one person has a part: a group of roles, and the claim queue."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from fairlead.core.claim import Claim, Claimant
from fairlead.core.decision import Companion, LedgerEntry, Passed
from fairlead.core.methods import Pick, Turn, by_turn
from fairlead.core.policy import Role
from fairlead.core.pools import role_pool
from fairlead.core.skills import preferred
from fairlead.core.types import Rep

CLAIMED = "claimed"
"""The reason of ledger lines that no decision wrote, but the rep who took the lead."""


class Group:
    """One person for each role, all of them free, or nobody; the first role owns the lead.

    Each role goes by turns, in a ledger of its own. Nobody has two roles.
    """

    name = "group"
    by_turns = True
    balances = "everybody's share of the leads, in each role"

    def pick(self, turn: Turn) -> Pick:
        roles = turn.team.options.roles
        seats = [tuple(r for r in turn.free if r.id in role.members) for role in roles]
        lacking = [role.name for role, seat in zip(roles, seats, strict=True) if not seat]
        if lacking:
            return Pick(f"group {turn.team.name}: nobody is free as {', '.join(lacking)}")
        if not _can_sit(seats, ()):
            return Pick(f"group {turn.team.name}: too few are free for all of its roles")
        taken: list[Rep] = []
        picks: list[Pick] = []
        passed: list[Passed] = []
        for number, role in enumerate(roles):
            rest = seats[number + 1 :]
            fit = [r for r in seats[number] if _fits(r, taken, rest)]
            wished, less = preferred(fit, turn.asks)
            pick = by_turn(turn, wished, "", role_pool(turn.pool, role.name))
            assert pick.rep is not None
            taken.append(pick.rep)
            picks.append(pick)
            passed.extend((*less, *pick.passed))
        return self._whole(turn, roles, taken, picks, passed)

    def _whole(
        self,
        turn: Turn,
        roles: Sequence[Role],
        taken: Sequence[Rep],
        picks: Sequence[Pick],
        passed: Sequence[Passed],
    ) -> Pick:
        seated = list(zip(roles, taken, strict=True))
        named = ", ".join(f"{role.name} {rep.id}" for role, rep in seated)
        return Pick(
            f"group {turn.team.name}: {named}",
            taken[0],
            tuple(entry for pick in picks for entry in pick.ledger),
            tuple(seen for pick in picks for seen in pick.balances),
            tuple(p for p in passed if all(p.rep_id != rep.id for rep in taken)),
            companions=tuple(
                Companion(role.name, rep.id, rep.crm_ids[turn.question.crm])
                for role, rep in seated[1:]
            ),
        )


def _fits(rep: Rep, taken: Sequence[Rep], rest: Sequence[Sequence[Rep]]) -> bool:
    """Whether the other roles can still be filled when this one is taken by `rep`."""
    return rep not in taken and _can_sit(rest, (*taken, rep))


def _can_sit(seats: Sequence[Sequence[Rep]], taken: Sequence[Rep]) -> bool:
    """Whether each seat can have somebody of its own: a matching by augmenting paths."""
    seated: dict[str, int] = {rep.id: -1 for rep in taken}

    def seat(number: int, tried: set[str]) -> bool:
        for rep in seats[number]:
            if rep.id in tried or seated.get(rep.id) == -1:
                continue
            tried.add(rep.id)
            if rep.id not in seated or seat(seated[rep.id], tried):
                seated[rep.id] = number
                return True
        return False

    return all(seat(number, set()) for number in range(len(seats)))


class Claiming:
    """Into a queue, for the first of the team to take it; also when nobody is free now.

    With `unclaimed_after` it is offered so long, then the team that backs this one up is next.
    """

    name = "claim"
    by_turns = False
    balances = "nothing: whoever is first takes it; balances show who took how many"

    def pick(self, turn: Turn) -> Pick:
        options, question = turn.team.options, turn.question
        name = turn.team.name
        queue = question.world.queue_named(question.crm, options.queue)
        if queue is None:
            return Pick(f"team {name}: {options.queue} names no queue in {question.crm}")
        if not queue.active or queue.id in question.case.excluded:
            return Pick(f"team {name}: queue {queue.name} cannot own leads now")
        claimants = _claimants(turn)
        if not claimants:
            return Pick(f"nobody in team {name} could take it from queue {queue.name}")
        since = next((o.at for o in question.case.offers if o.team == name), question.now)
        until = None if options.unclaimed_after is None else since + options.unclaimed_after
        if until is not None and question.now >= until:
            return Pick(f"nobody in team {name} took it from queue {queue.name} in time")
        return Pick(
            f"queue {queue.name}, for the first of team {name} to take it",
            queue_id=queue.id,
            claim=Claim(name, turn.pool, queue.id, until, claimants),
        )


def _claimants(turn: Turn) -> tuple[Claimant, ...]:
    """The members with an active user in the lead's CRM, free now or not."""
    crm, reps = turn.question.crm, turn.question.world.reps
    members = [reps[m] for m in sorted(set(turn.team.members)) if m in reps]
    return tuple(Claimant(r.id, r.crm_ids[crm], r.weight) for r in members if r.usable_in(crm))


def claim_entries(claim: Claim, taker: str) -> tuple[LedgerEntry, ...]:
    """What it costs the rep who takes the lead: a turn, of which each claimant has a share.

    Nothing when the taker is none of them.
    """
    if all(c.rep_id != taker for c in claim.claimants):
        return ()
    total = sum(c.weight for c in claim.claimants)
    shares = [LedgerEntry(claim.pool, c.rep_id, c.weight / total, CLAIMED) for c in claim.claimants]
    return (*shares, LedgerEntry(claim.pool, taker, Fraction(-1), CLAIMED))
