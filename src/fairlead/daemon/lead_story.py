"""What the next owner of a lead reads: who had it, what was tried, why it went and why it is back.

Made for the text of a task in the CRM and for nothing else: no log has any of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.decision import World
from fairlead.core.recycling import CONTACTS, SIGNAL
from fairlead.core.types import Actor, Ref, Value
from fairlead.store import decisions, journal, recyclings
from fairlead.store.db import Db
from fairlead.store.recyclings import Round

MOST = 40
"""Lines of what happened, the latest; a task's text has an end."""
_KINDS = (*CONTACTS, ActivityKind.NOTE, ActivityKind.TASK_DONE)


def story(
    db: Db,
    world: World,
    round_: Round,
    refs: Iterable[Ref],
    done: Mapping[Ref, Sequence[Activity]],
    values: Mapping[str, Value],
    dates: Iterable[str],
    why: str,
) -> str:
    """The lines, oldest first, for a lead that ends `round_` now.

    `done` is what was done with the person's records, `dates` the lead's own dates that are news.
    """

    def named(crm: str, owner_id: str | None, rep_id: str | None = None) -> str:
        owner = world.owners.get((crm, owner_id or ""))
        return rep_id or (None if owner is None else owner.email or owner.name) or "nobody"

    lines: list[tuple[datetime, str]] = []
    for ref in refs:
        for at, rep_id, owner_id in decisions.given(db, ref):
            lines.append((at, f"given to {named(ref.crm, owner_id, rep_id)}"))
        for j in journal.of_lead(db, ref):
            if j.event == "lead.owner_changed":
                lines.append((j.at, f"moved to {named(ref.crm, j.detail.get('owner_id'))}"))
        lines += [
            (one.at, _told(one, named(ref.crm, one.by)))
            for one in done.get(ref, ())
            if one.kind in _KINDS and not _ours(one)
        ]
    for r in recyclings.of_person(db, round_.person_id):
        if r.kind == recyclings.RECYCLED:
            had = named(r.ref.crm, r.owner_id, r.rep_id)
            lines.append((r.since, f"recycled, {r.reason}, cycle {r.cycle}; {had} had it"))
        if r.kind == recyclings.RECYCLED and r.ended_at is not None:
            lines.append((r.ended_at, f"back: {r.how}"))
    for name, value in values.items():
        news = name.startswith(SIGNAL) or name in dates
        if news and isinstance(value, datetime) and value > round_.since:
            lines.append((value, f"signal {name.removeprefix(SIGNAL)}"))
    lines.sort(key=lambda line: line[0])
    left = len(lines) - MOST
    shown = [f"{at:%Y-%m-%d %H:%M} UTC {text}" for at, text in lines[-MOST:]]
    head = [f"This lead comes back from recycling ({round_.reason}, cycle {round_.cycle}).",
            f"Why it is back: {why}", "What has been:"]  # fmt: skip
    more = [f"({left} earlier lines are left out)"] if left > 0 else []
    return "\n".join([*head, *more, *shown])


def _told(one: Activity, who: str) -> str:
    if one.incoming:
        return f"{one.kind.value} from the lead"
    by = "a tool" if one.actor is Actor.AUTOMATION else who
    return f"{one.kind.value} by {by}"


def _ours(one: Activity) -> bool:
    return one.actor is Actor.US and one.kind is not ActivityKind.TASK_DONE
