"""Whom and what the words of a command mean: a rep, the owners behind a name, one lead."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.core.carets import nearest
from fairlead.core.decision import World
from fairlead.core.types import OwnerKind, Rep
from fairlead.errors import ConfigError
from fairlead.store import leads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow


def one_lead(db: Db, text: str) -> LeadRow:
    """The only lead meant; raises ConfigError for none and for several."""
    found = leads.find_leads(db, text)
    if not found:
        raise ConfigError(
            f"no lead {text!r} has been seen; give its CRM id, crm:object:id, or its e-mail"
        )
    if len(found) > 1:
        raise ConfigError(f"which one: {', '.join(str(r.ref) for r in found)}?")
    return found[0]


def guessed(name: str, known: Iterable[str]) -> str:
    """The end of an error: whom of the known the name probably means."""
    guess = nearest(name, known)
    return f"; did you mean {guess}?" if guess else ""


def rep_meant(text: str, world: World) -> Rep:
    """The rep of the roster: by e-mail, or by a name that only one has."""
    wanted = text.strip().casefold()
    if wanted in world.reps:
        return world.reps[wanted]
    named = [r for r in world.reps.values() if r.name.casefold() == wanted]
    if len(named) != 1:
        raise ConfigError(f"{text!r} is not in the roster{guessed(wanted, world.reps)}")
    return named[0]


def owners_meant(text: str, world: World) -> tuple[dict[str, list[str]], Rep | None]:
    """Whose leads: the owner ids by CRM, and the rep if the roster still has them.

    By e-mail, owner id, or a name that only one person has; people outside the roster too.
    """
    wanted = text.strip().casefold()
    users = [o for o in world.owners.values() if o.kind is OwnerKind.REP]
    hits = [o for o in users if wanted in (o.email, o.id.casefold())]
    hits = hits or [o for o in users if o.name.casefold() == wanted]
    reps = {r.id: r for o in hits if (r := world.rep_of(o.crm, o.id)) is not None}
    if wanted in world.reps:
        reps[wanted] = world.reps[wanted]
    people = {o.email or o.id for o in hits}
    if len(reps) > 1 or (len(people) > 1 and not reps):
        raise ConfigError(f"{text!r} names more than one; give the e-mail address or owner id")
    rep = next(iter(reps.values()), None)
    found: dict[str, list[str]] = {}
    for crm, id in [(o.crm, o.id) for o in hits] + list(rep.crm_ids.items() if rep else ()):
        if id not in found.setdefault(crm, []):
            found[crm].append(id)
    if not found:
        known = {*world.reps, *(o.email for o in users if o.email)}
        raise ConfigError(f"nobody is {text!r}{guessed(wanted, known)}")
    return dict(sorted(found.items())), rep
