"""The guard and the verification of group memberships; beside `deliver` and `verify`.

A CRM takes a lead into a group once, however often it is asked, so a membership is sent without a
look; only one that was sent before is looked up, by key, and settled by what is so. A person who
takes the lead out again wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from fairlead.core.effects import SetMember
from fairlead.core.types import Ref
from fairlead.daemon.field_writes import superseded
from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector
from fairlead.store import journal, outbox
from fairlead.store.db import Db
from fairlead.store.outbox import OutboxRow, OutboxState
from fairlead.telemetry import get_logger

log = get_logger()

NOT_VISIBLE_YET = timedelta(seconds=3)
LOOKS = 8
"""HubSpot's lists were seen to show a record seconds after they had taken it."""

Shown = Mapping[tuple[Ref, str], bool]
"""By lead and group whether the lead is in it."""


def look(connector: Connector, rows: Iterable[OutboxRow]) -> Shown:
    """Read the memberships of the rows that may have been sent; calls nobody when there are none.

    Raises what any read raises.
    """
    asked = [
        (r.ref, r.effect.group)
        for r in rows
        if isinstance(r.effect, SetMember) and r.state is not OutboxState.NEW
    ]
    return connector.members_of(asked) if asked else {}


def may_go(
    db: Db, row: OutboxRow, effect: SetMember, shown: Shown, metrics: Metrics, now: datetime
) -> bool:
    """Whether this membership must be sent; one that is so already is settled."""
    if row.state is OutboxState.NEW:
        return True
    if row.state is OutboxState.SENT or shown[(row.ref, effect.group)] is effect.member:
        settle(db, row, effect, shown, metrics, now)
        return False
    return True


def settle(
    db: Db, row: OutboxRow, effect: SetMember, shown: Shown, metrics: Metrics, now: datetime
) -> None:
    """Settle a membership that the CRM said yes to, on what is so now."""
    if shown[(row.ref, effect.group)] is effect.member:
        outbox.settle(db, row.key, OutboxState.DONE, "", now)
        journal.close_dead_letter_of_effect(db, row.key, now)
        metrics.effects_total.labels(kind=row.kind.value, outcome="verified").inc()
        journal.write(
            db, now, "member.written", ref=row.ref, effect_key=row.key, group=effect.group,
            member=effect.member,
        )  # fmt: skip
        log.debug("effect.verified", crm=row.ref.crm, lead=str(row.ref), effect=row.key)
    elif row.looks < LOOKS:
        outbox.count_look(db, row.key)
        outbox.look_again(db, row.key, now + NOT_VISIBLE_YET, "not visible yet")
    else:
        why = "the lead is {} the group again: somebody else changed it".format(
            "out of" if effect.member else "in"
        )
        superseded(db, row, why, metrics, now)
