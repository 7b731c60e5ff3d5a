"""What a decision was told, as bytes: so that it can be taken again, bit for bit, at any time.

Two parts, because one changes with every lead and the other with every hire: `freeze_inputs` (the
case, balances, loads) is stored per decision, `freeze_roster` (reps, users, queues) once per
`roster_hash`. Both are JSON with sorted keys; balances and weights are "n/d", instants are marked
so that a text that looks like one stays a text. Law: deciding on what was thawed equals deciding
on what was frozen. `now` and the policy are kept beside it by the store.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import orjson

from fairlead.core.decision import Case, Decision, Known, Load, Match, Order, World
from fairlead.core.pools import accounts_of
from fairlead.core.types import (
    Account,
    Capacity,
    CrmOwner,
    Lead,
    OwnerKind,
    Ref,
    Rep,
    TimeOff,
    Value,
)

FORMAT = 2
READABLE = (1, 2)
"""Format 1 knew no leave, capacity or calendars."""
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
_WIDEST = 2**63


def freeze_inputs(case: Case, world: World, decision: Decision | None = None) -> bytes:
    """The case, the balances and the loads it was decided on; equal inputs give equal bytes.

    With the decision only what it read is kept: the balances of its pool, the loads of those it
    looked at. Raises nothing for what `normalise` and the store can make.
    """
    lead, match = case.lead, case.match
    kept, loads = world.balances, world.loads
    if decision is not None:
        pool = decision.trace.pool
        read = () if pool is None else accounts_of(pool)
        kept = {p: world.balances[p] for p in read if p in world.balances}
        looked_at = {p.rep_id for p in decision.trace.passed} | set(decision.trace.balances_before)
        looked_at |= {k.rep_id for k in match.known if k.rep_id} | {decision.rep_id or ""}
        loads = {rep: load for rep, load in loads.items() if rep in looked_at}
    payload = {
        "format": FORMAT,
        "person": case.person_id,
        "generation": case.generation,
        "excluded": sorted(case.excluded),
        "rerun": case.rerun,
        "first_seen": case.first_seen_at,
        "lead": {
            "ref": _ref(lead.ref),
            "created": lead.created_at,
            "modified": lead.modified_at,
            "owner": lead.owner_id,
            "values": {n: _value(v) for n, v in lead.values.items()},
        },
        "account": _account(match.account),
        "account_reason": match.account_reason,
        "parents": [_account(parent) for parent in match.parents],
        "known": [[_ref(k.ref), k.owner_id, k.rep_id, k.key, k.decided_at] for k in match.known],
        "balances": {p: {r: str(b) for r, b in reps.items()} for p, reps in kept.items()},
        "loads": {r: [load.open, load.hour, load.day, load.week] for r, load in loads.items()},
        "time_data": world.time_data,
    }
    if case.order is not None:
        payload["order"] = _order(case.order)
    return orjson.dumps(payload, default=_instant, option=_OPTIONS)


def freeze_roster(world: World) -> bytes:
    """Everybody who could own a lead then; of users only what deciding looks at."""
    payload = {
        "format": FORMAT,
        "reps": [
            [
                r.id,
                r.name,
                str(r.weight),
                dict(r.crm_ids),
                dict(r.active),
                r.calendar,
                [[o.start, o.end, o.quiet_from, o.quiet_until, o.until] for o in r.off],
                [r.capacity.open, r.capacity.per_hour, r.capacity.per_day, r.capacity.per_week],
                {skill: list(values) for skill, values in r.skills.items()},
                {team: str(weight) for team, weight in r.weights.items()},
            ]
            for r in world.reps.values()
        ],
        "owners": [
            [o.crm, o.id, o.kind.value, o.name, o.email, o.active] for o in world.owners.values()
        ],
    }
    return orjson.dumps(payload, default=_instant, option=_OPTIONS)


def roster_hash(roster: bytes) -> str:
    """The name of a frozen roster: SHA-256 of its bytes, 64 hex characters."""
    return hashlib.sha256(roster).hexdigest()


def thaw_inputs(inputs: bytes, roster: bytes) -> tuple[Case, World]:
    """What `decide` was given; raises ValueError for bytes that are no snapshot of ours."""
    data, people = _load(inputs), _load(roster)
    seen = data["lead"]
    lead = Lead(
        _thaw_ref(seen["ref"]),
        _when(seen["created"]),
        _sure(seen["modified"]),
        seen["owner"],
        {n: _thaw_value(v) for n, v in seen["values"].items()},
    )
    known = tuple(
        Known(_thaw_ref(ref), owner, rep, key, _when(at))
        for ref, owner, rep, key, at in data["known"]
    )
    above = tuple(_sure_account(parts) for parts in data.get("parents", ()))
    match = Match(_thaw_account(data["account"]), data["account_reason"], known, above)
    case = Case(
        data["person"],
        data["generation"],
        lead,
        match,
        frozenset(data["excluded"]),
        data["rerun"],
        _when(data.get("first_seen")),
        _thaw_order(data.get("order")),
    )
    reps = {
        r[0]: Rep(
            r[0],
            r[1],
            Fraction(r[2]),
            MappingProxyType(r[3]),
            MappingProxyType(r[4]),
            *(_availability(r[5:8]) if people["format"] > 1 else (None, (), Capacity())),
            _skills(r[8:] if people["format"] > 1 else r[6:]),
            _weights(r[9:]),
        )
        for r in people["reps"]
    }
    owners = {
        (crm, id): CrmOwner(crm, id, OwnerKind(kind), name, email, active)
        for crm, id, kind, name, email, active in people["owners"]
    }
    balances = {
        pool: {rep: Fraction(b) for rep, b in held.items()}
        for pool, held in data["balances"].items()
    }
    loads = {rep: Load(*counts) for rep, counts in data.get("loads", {}).items()}
    return case, World(reps, owners, balances, loads, data.get("time_data", ""))


def order_in(inputs: bytes) -> Order | None:
    """The order that a decision carried out, from its frozen inputs; None for most of them."""
    return _thaw_order(_load(inputs).get("order")) if b'"order":{' in inputs else None


def values_in(inputs: bytes) -> Mapping[str, Value]:
    """What rules saw of the lead itself, from a decision's frozen inputs."""
    return {n: _thaw_value(v) for n, v in _load(inputs)["lead"]["values"].items()}


def _order(order: Order) -> dict[str, Any]:
    return {
        "kind": order.kind,
        "by": order.by,
        "reason": order.reason,
        "taken_from": order.taken_from,
        "leaving": sorted(order.leaving),
        "to": order.to,
        "team": order.team,
        "even_if_away": order.even_if_away,
    }


def _thaw_order(parts: dict[str, Any] | None) -> Order | None:
    return None if parts is None else Order(**{**parts, "leaving": frozenset(parts["leaving"])})


def _availability(parts: list[Any]) -> tuple[str | None, tuple[TimeOff, ...], Capacity]:
    calendar, off, limits = parts
    leave = tuple(
        TimeOff(_sure(start), _sure(end), _sure(quiet_from), _sure(quiet_until), until)
        for start, end, quiet_from, quiet_until, until in off
    )
    return calendar, leave, Capacity(*limits)


def _skills(rep: list[Any]) -> Mapping[str, tuple[str, ...]]:
    """What comes after the first parts of a rep; rosters before there were skills end there."""
    found = rep[0] if rep else {}
    return MappingProxyType({skill: tuple(values) for skill, values in found.items()})


def _weights(rep: list[Any]) -> Mapping[str, Fraction]:
    """The tenth part of a rep; rosters frozen before weights were measured have nine."""
    found = rep[0] if rep else {}
    return MappingProxyType({team: Fraction(weight) for team, weight in found.items()})


def _load(frozen: bytes) -> dict[str, Any]:
    data = orjson.loads(frozen)
    if not isinstance(data, dict) or data.get("format") not in READABLE:
        raise ValueError(f"not a snapshot of format {FORMAT}")
    return data


def _instant(value: object) -> Mapping[str, str]:
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")


def _value(value: Value) -> Any:
    """JSON has no infinity and orjson no wide integers: those two go as marked text."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if type(value) is int and not -_WIDEST <= value < _WIDEST:
        return {"int": str(value)}
    return value


def _thaw_value(value: Any) -> Value:
    if isinstance(value, dict):
        ((mark, text),) = value.items()
        return _MARKS[mark](text)
    if isinstance(value, list):
        return tuple(value)
    plain: Value = value
    return plain


_MARKS: Mapping[str, Callable[[str], Value]] = {
    "at": datetime.fromisoformat,
    "float": float,
    "int": int,
}


def _when(value: Any) -> datetime | None:
    return None if value is None else _sure(value)


def _sure(value: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(value["at"])


def _ref(ref: Ref) -> list[str]:
    return [ref.crm, ref.object, ref.id]


def _thaw_ref(parts: list[str]) -> Ref:
    return Ref(*parts)


def _account(account: Account | None) -> list[Any] | None:
    if account is None:
        return None
    a = account
    return [
        _ref(a.ref), a.name, a.domains, a.owner_id, a.type, a.industry, a.employees, a.parent_id
    ]  # fmt: skip


def _thaw_account(parts: list[Any] | None) -> Account | None:
    return None if parts is None else _sure_account(parts)


def _sure_account(parts: list[Any]) -> Account:
    ref, name, domains, *rest = parts
    return Account(_thaw_ref(ref), name, tuple(domains), *rest)
