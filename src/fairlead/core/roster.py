"""Join the policy's roster with the users the CRMs have: who is who, and who can own leads now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.crm_word import told_hours, told_off
from fairlead.core.leave import Switch, time_off
from fairlead.core.policy import Policy
from fairlead.core.types import CrmOwner, OwnerKind, Rep


def join_roster(
    policy: Policy,
    owners: Iterable[CrmOwner],
    switches: Iterable[Switch] = (),
    factors: Mapping[str, Mapping[str, Fraction]] = MappingProxyType({}),
) -> Mapping[str, Rep]:
    """Reps by id; a CRM id given in the roster wins over the e-mail.

    `switches` are what the command line said of leave; the policy's own comes on top, and what the
    CRMs say of it as far as the policy lets it count. `factors` of weights by team and rep count in
    the teams whose weights follow results.
    A rep with two active users of one e-mail in one CRM has none there (ambiguous): the policy must
    name the id. An inactive user next to an active one of the same e-mail is passed over.
    """
    by_id: dict[tuple[str, str], CrmOwner] = {}
    by_email: dict[tuple[str, str], list[CrmOwner]] = {}
    crms: set[str] = set()
    for o in owners:
        if o.kind is not OwnerKind.REP:
            continue
        crms.add(o.crm)
        by_id[o.crm, o.id] = o
        if o.email:
            by_email.setdefault((o.crm, o.email.lower()), []).append(o)
    reps: dict[str, Rep] = {}
    switched = {s.rep_id: s for s in switches}
    for entry in policy.roster.values():
        ids: dict[str, str] = {}
        users: list[CrmOwner] = []
        active: dict[str, bool] = {}
        name = entry.name or entry.id
        for crm in sorted(crms):
            given = entry.crm_ids.get(crm)
            if given is not None:
                user = by_id.get((crm, given))
            else:
                user = _only(by_email.get((crm, entry.id.lower()), []))
            if user is not None:
                ids[crm], active[crm] = user.id, user.active
                users.append(user)
                name = entry.name or user.name
        told = told_hours(policy, users) if entry.calendar is None else None
        calendar = policy.calendars.get(entry.calendar) if entry.calendar else told
        reps[entry.id] = Rep(
            entry.id,
            name,
            entry.weight,
            MappingProxyType(ids),
            MappingProxyType(active),
            entry.calendar,
            time_off(entry.away, calendar, switched.get(entry.id), told_off(policy, users)),
            entry.capacity,
            entry.skills,
            entry.ramp,
            entry.cover,
            told,
            MappingProxyType(
                {
                    team.name: entry.weight * factors[team.name][entry.id]
                    for team in policy.teams.values()
                    if team.weights is not None and entry.id in factors.get(team.name, {})
                }
            ),
        )
    return MappingProxyType(reps)


def _only(users: list[CrmOwner]) -> CrmOwner | None:
    active = [u for u in users if u.active]
    if len(active) == 1:
        return active[0]
    return users[0] if len(users) == 1 else None
