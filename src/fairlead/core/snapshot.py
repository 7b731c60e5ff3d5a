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
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import orjson

from fairlead.core.claim import Offer
from fairlead.core.decision import Case, Decision, Known, Load, Match, Order, World
from fairlead.core.load import Summed
from fairlead.core.pools import accounts_of
from fairlead.core.ramp import Ramp
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
from fairlead.core.worktime import Calendar

FORMAT = 2
READABLE = (1, 2)
"""Format 1 knew no leave, capacity or calendars."""
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
_WIDEST = 2**63


def freeze_inputs(case: Case, world: World, decision: Decision | None = None) -> bytes:
    """The case, the balances and the loads it was decided on; equal inputs give equal bytes.

    With the decision only what it read is kept: the balances of its pools, the loads of those it
    looked at. Raises nothing for what `normalise` and the store can make.
    """
    lead, match = case.lead, case.match
    kept, loads = world.balances, world.loads
    looked_at = set(world.reps)
    if decision is not None:
        read = (decision.trace.pool, *decision.trace.read)
        accounts = [a for pool in read if pool is not None for a in accounts_of(pool)]
        kept = {a: world.balances[a] for a in accounts if a in world.balances}
        looked_at = {p.rep_id for p in decision.trace.passed}
        looked_at |= set(decision.trace.balances_before) | {decision.rep_id or ""}
        looked_at |= {k.rep_id for k in match.known if k.rep_id}
        looked_at |= {rep for also in decision.trace.also for rep in also.before}
        looked_at |= {case.order.to} if case.order is not None and case.order.to else set()
        loads = {rep: load for rep, load in loads.items() if rep in looked_at}
    payload = {
        "format": FORMAT,
        "person": case.person_id,
        "generation": case.generation,
        "excluded": sorted(case.excluded),
        "rerun": case.rerun,
        "first_seen": case.first_seen_at,
        "offers": [[o.team, o.queue_id, o.at] for o in case.offers],
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
        "loads": {r: _load_parts(load) for r, load in loads.items()},
        "time_data": world.time_data,
        **_present_and_peaks(world, looked_at),
    }
    if case.order is not None:
        payload["order"] = _order(case.order)
    return orjson.dumps(payload, default=_instant, option=_OPTIONS)


def _present_and_peaks(world: World, looked_at: set[str]) -> dict[str, Any]:
    """Who is away by the CRM's word, and plans for peaks; nothing where there are none."""
    absent = {r: c for r, c in world.absent.items() if r in looked_at}
    parts = {"absent": absent, "waiting": dict(world.waiting), "peaks": sorted(world.peaks)}
    return {name: part for name, part in parts.items() if part}


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
                [_off(o) for o in r.off],
                [r.capacity.open, r.capacity.per_hour, r.capacity.per_day, r.capacity.per_week],
                {skill: list(values) for skill, values in r.skills.items()},
                *_more(r),
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
        tuple(Offer(team, queue, _sure(at)) for team, queue, at in data.get("offers", ())),
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
            *_thaw_more(r[9] if len(r) > 9 else {}),
            weights=_weights(r[9] if len(r) > 9 else {}),
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
    loads = {rep: _thaw_load(*parts) for rep, parts in data.get("loads", {}).items()}
    world = World(
        reps, owners, balances, loads, data.get("time_data", ""), data.get("absent", {}),
        data.get("waiting", {}), frozenset(data.get("peaks", ())),
    )  # fmt: skip
    return case, world


def order_in(inputs: bytes) -> Order | None:
    """The order that a decision carried out, from its frozen inputs; None for most of them."""
    return _thaw_order(_load(inputs).get("order")) if b'"order":{' in inputs else None


def values_in(inputs: bytes, names: Collection[str] | None = None) -> Mapping[str, Value]:
    """What rules saw of the lead itself, from a decision's frozen inputs; of all its fields, or of
    those with these names."""
    seen = _load(inputs)["lead"]["values"]
    return {n: _thaw_value(v) for n, v in seen.items() if names is None or n in names}


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
        **({"whole_person": True} if order.whole_person else {}),
    }


def _thaw_order(parts: dict[str, Any] | None) -> Order | None:
    return None if parts is None else Order(**{**parts, "leaving": frozenset(parts["leaving"])})


def _load_parts(load: Load) -> list[Any]:
    counts: list[Any] = [load.open, load.hour, load.day, load.week]
    if load.sums:
        counts.append({name: [str(s.total), s.missing] for name, s in load.sums.items()})
    return counts


def _thaw_load(
    open: int, hour: int, day: int, week: int, sums: Mapping[str, tuple[str, int]] | None = None
) -> Load:
    found = {
        name: Summed(Fraction(total), missing) for name, (total, missing) in (sums or {}).items()
    }
    return Load(open, hour, day, week, sums=MappingProxyType(found))


def _availability(parts: list[Any]) -> tuple[str | None, tuple[TimeOff, ...], Capacity]:
    calendar, off, limits = parts
    leave = tuple(
        TimeOff(_sure(start), _sure(end), _sure(quiet_from), _sure(quiet_until), *told)
        for start, end, quiet_from, quiet_until, *told in off
    )
    return calendar, leave, Capacity(*limits)


def _off(off: TimeOff) -> list[Any]:
    told = [off.cover, off.crm] if off.cover or off.crm else []
    return [off.start, off.end, off.quiet_from, off.quiet_until, off.until, *told]


def _more(rep: Rep) -> list[dict[str, Any]]:
    """What few reps have, by name; nothing at all for the others, as before there was any of it."""
    ramp, hours = rep.ramp, rep.crm_hours
    parts: dict[str, Any] = {
        "ramp": ramp and [ramp.begins.isoformat(), ramp.weeks, str(ramp.share)],
        "cover": rep.cover,
        "hours": hours and [hours.name, hours.timezone, hours.hours],
        "weights": {team: str(weight) for team, weight in rep.weights.items()},
    }
    found = {name: part for name, part in parts.items() if part}
    return [found] if found else []


def _weights(parts: dict[str, Any]) -> Mapping[str, Fraction]:
    return MappingProxyType({t: Fraction(w) for t, w in parts.get("weights", {}).items()})


def _thaw_more(parts: dict[str, Any]) -> tuple[Ramp | None, str, Calendar | None]:
    ramp, hours = parts.get("ramp"), parts.get("hours")
    return (
        ramp and Ramp(date.fromisoformat(ramp[0]), ramp[1], Fraction(ramp[2])),
        parts.get("cover", ""),
        hours and Calendar(hours[0], hours[1], tuple(tuple(map(tuple, day)) for day in hours[2])),
    )


def _skills(rep: list[Any]) -> Mapping[str, tuple[str, ...]]:
    """What comes after the first parts of a rep; rosters before there were skills end there."""
    found = rep[0] if rep else {}
    return MappingProxyType({skill: tuple(values) for skill, values in found.items()})


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
