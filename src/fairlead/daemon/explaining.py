"""Commands that take a stored decision again: why-not, replay; and the fairness certificate.

Beside `commands`, whose table names them; all only read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fairlead.core.certificate import certificates
from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, LedgerEntry, World
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.snapshot import freeze_inputs, freeze_roster, roster_hash, thaw_inputs
from fairlead.core.why_not import why_not
from fairlead.errors import ConfigError
from fairlead.store import decisions, leads, ledger, weights
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow


@dataclass(frozen=True, slots=True)
class Stored:
    """A decision with all that it was given, thawed."""

    row: DecisionRow
    policy: Policy
    roster: bytes
    case: Case
    world: World

    def again(self) -> Decision:
        return decide(self.case, self.world, self.policy, self.row.at, explain=True)


def stored(db: Db, decision_id: str) -> Stored:
    """Read a decision back; raises ConfigError when this state file does not have it."""
    row = decisions.get_decision(db, decision_id)
    if row is None:
        raise ConfigError(f"decision {decision_id} is not in this state file")
    files, main = decisions.get_policy(db, row.policy_hash)
    roster = decisions.get_roster(db, row.roster_hash)
    case, world = thaw_inputs(row.inputs, roster)
    return Stored(row, load_policy(files, main), roster, case, world)


def explain_why_not(db: Db, lead: str, rep: str) -> list[dict[str, Any]]:
    """Why `rep` did not get a lead, for each of its records; raises ConfigError if unknown."""
    found = leads.find_leads(db, lead)
    if not found:
        raise ConfigError(
            f"no lead {lead!r} has been seen; give its CRM id, crm:object:id, or its e-mail"
        )
    answers = []
    for row in found:
        answer: dict[str, Any] = {"lead": str(row.ref), "state": row.state.value}
        if row.decision_id is None:
            answer["why_not"] = None
        else:
            kept = stored(db, row.decision_id)
            answer["decision"] = kept.row.id
            answer["at"] = kept.row.at.isoformat()
            named = _rep(rep, kept)
            told = why_not(kept.case, kept.world, kept.policy, kept.row.at, named)
            answer["why_not"] = told.as_json()
        answers.append(answer)
    return answers


def _rep(text: str, kept: Stored) -> str:
    """The rep meant: by e-mail, or by a name that only one has."""
    wanted = text.strip().casefold()
    known = {*kept.policy.roster, *kept.world.reps}
    if wanted in known:
        return wanted
    named = [r.id for r in kept.world.reps.values() if r.name.casefold() == wanted]
    if len(named) != 1:
        raise ConfigError(
            f"no rep {text!r} was in the roster of decision {kept.row.id}; give the e-mail address"
        )
    return named[0]


def replay_decision(db: Db, decision_id: str) -> dict[str, Any]:
    """Take a decision again and compare all that was stored of it, exactly.

    `equal` is true only if every part is: policy and roster by their hashes, the inputs byte for
    byte, outcome, state, reason, rule, rep, owner, and each line of the ledger.
    """
    kept = stored(db, decision_id)
    row, now = kept.row, kept.again()
    pools = {e.pool for e in now.ledger} | {p for p in (now.trace.pool,) if p is not None}
    parts = {
        "policy": (row.policy_hash, kept.policy.hash),
        "roster": (row.roster_hash, roster_hash(kept.roster)),
        "roster_bytes": (_name(kept.roster), _name(freeze_roster(kept.world))),
        "inputs": (_name(row.inputs), _name(freeze_inputs(kept.case, kept.world))),
        "outcome": (row.outcome, now.outcome.value),
        "state": (row.state, now.state.value),
        "reason": (row.reason, now.reason),
        "rule": (row.rule, now.rule),
        "rep": (row.rep_id, now.rep_id),
        "owner": (row.owner_id, now.owner_id),
        "ledger": (_lines(ledger.entries_of(db, decision_id)), _lines(now.ledger)),
    }
    return {
        "decision": row.id,
        "lead": str(row.ref),
        "at": row.at.isoformat(),
        "equal": all(was == again for was, again in parts.values()),
        "pools": sorted(pools),
        "parts": [
            {"part": name, "equal": was == again, "was": was, "again": again}
            for name, (was, again) in parts.items()
        ],
    }


def _name(content: bytes) -> str:
    return roster_hash(content)


def _lines(entries: Any) -> list[str]:
    def line(e: LedgerEntry) -> str:
        return f"{e.pool} {e.rep_id} {e.delta} {e.reason}"

    return [line(e) for e in entries]


def fairness(db: Db, policy: Policy | None) -> list[dict[str, Any]]:
    """The certificate of every pool, from the ledger as it is now."""
    found = certificates(policy, ledger.books(db), weights.factors(db))
    return [c.as_json() for c in found]
