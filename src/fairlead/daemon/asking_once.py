"""What one look of a reader asks its CRM: once for all parts of the look, each given its own.

The clocks, the follow-ups and the recycled leads of one look are mostly the same leads, and a CRM
takes as many calls for one of them as for a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Gone, Record, Ref
from fairlead.spi.connector import ActivitiesOf, Connector

EVERY_KIND = frozenset(ActivityKind)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one part asks: records by id, and since when what of `kinds` was done with leads."""

    refs: Sequence[Ref] = ()
    since: Mapping[Ref, datetime] | None = None
    kinds: frozenset[ActivityKind] = EVERY_KIND


@dataclass(frozen=True, slots=True)
class Told:
    """The answers to one part: every ref that it asked for, and no other kind, nor older."""

    records: Mapping[Ref, Record | Gone]
    done: Mapping[Ref, Sequence[Activity]]


def ask_once(connector: Connector, asks: Sequence[Ask]) -> list[Told]:
    """The answers to each part, read together; nobody is called when nothing is asked.

    Raises what reading from the CRM raises.
    """
    refs = list(dict.fromkeys(ref for ask in asks for ref in ask.refs))
    records = connector.read(refs) if refs else {}
    since: dict[Ref, datetime] = {}
    kinds: dict[Ref, frozenset[ActivityKind]] = {}
    for ask in asks:
        for ref, at in (ask.since or {}).items():
            since[ref] = min(at, since.get(ref, at))
            kinds[ref] = kinds.get(ref, frozenset()) | ask.kinds
    asked = [ActivitiesOf(r, at, thorough=True, kinds=kinds[r]) for r, at in since.items()]
    done = connector.activities(asked, frozenset().union(*kinds.values())) if asked else {}
    return [
        Told(
            {ref: records[ref] for ref in ask.refs},
            {r: _of(done.get(r, ()), at, ask.kinds) for r, at in (ask.since or {}).items()},
        )
        for ask in asks
    ]


def _of(
    done: Iterable[Activity], since: datetime, kinds: frozenset[ActivityKind]
) -> tuple[Activity, ...]:
    # Stamps may be cut down to the second.
    floor = since.replace(microsecond=0)
    return tuple(one for one in done if one.kind in kinds and one.at >= floor)
