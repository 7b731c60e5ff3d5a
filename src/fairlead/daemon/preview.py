"""Preview: one lead read afresh and decided on as if it came now; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fairlead.clock import Clock
from fairlead.core.decide import decide
from fairlead.core.explain import explain, explain_json
from fairlead.core.identity import identity_keys
from fairlead.core.normalise import normalise
from fairlead.core.types import LeadState, Record, Ref
from fairlead.daemon.batch_plan import case_of
from fairlead.daemon.gone import why_gone
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.errors import BadRecord, ConfigError
from fairlead.spi.connector import Connector
from fairlead.spi.patience import patiently
from fairlead.store import leads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

UNKNOWN = "p-preview"


def preview(
    db: Db,
    ingests: Mapping[str, Ingest],
    connect: Callable[[str], Connector],
    clock: Clock,
    text: str,
    *,
    as_new: bool,
) -> list[dict[str, Any]]:
    """Every lead that `text` names: known ones, `crm:object:id`, or an id any CRM has.

    With `as_new` its owner and `pick_up` are not asked. Raises ConfigError when there is none.
    """
    found: list[dict[str, Any]] = []
    known = [r.ref for r in leads.find_leads(db, text)]
    for crm, ingest in ingests.items():
        connector = connect(crm)
        try:
            refs = [r for r in known if r.crm == crm] or _guessed(text, crm, known, connector)
            if not refs:
                continue
            answers = patiently(partial(connector.read, refs))
        finally:
            connector.close()
        for ref in refs:
            answer = answers[ref]
            gone = why_gone(ref, answer)
            if gone is None and isinstance(answer, Record):
                found.append(_one(db, ingest, clock, answer, as_new=as_new))
            elif known:
                found.append({"lead": str(ref), "gone": gone})
    if not found:
        raise ConfigError(f"no CRM has a lead {text!r}; give its id, or crm:object:id")
    return found


def _guessed(text: str, crm: str, known: list[Ref], connector: Connector) -> list[Ref]:
    """A lead never seen, by its address or bare id."""
    if known or "@" in text:
        return []
    parts = text.strip().split(":")
    if len(parts) == 3:
        return [Ref(*parts)] if parts[0] == crm else []
    objects = connector.capabilities.lead_objects
    return [Ref(crm, objects[0], parts[0])] if len(parts) == 1 and parts[0] else []


def _one(db: Db, ingest: Ingest, clock: Clock, record: Record, *, as_new: bool) -> dict[str, Any]:
    router, now = ingest.router(), clock.now()
    row = leads.get_lead(db, record.ref)
    with db.transaction():
        snap = router.snapshot(now)
    try:
        if row is None:
            if record.unreadable is not None:
                raise BadRecord(record.unreadable)
            lead = normalise(record, ingest.feed.sources, router.policy.fields, snap.world.owners)
            person, key = leads.find_person(db, identity_keys(lead)) or (UNKNOWN, None)
            row = LeadRow(
                record.ref, person, LeadState.HELD, "", record.owner_id, "", record.created_at,
                now, None, None, key, None,
            )  # fmt: skip
            state = "never seen"
        else:
            state = f"{row.state.value} ({row.reason})"
        case = case_of(db, router.policy, snap, record, row, ingest.feed, None)
    except (BadRecord, *ODD_DATA) as e:
        why = str(e) if isinstance(e, BadRecord) else type(e).__name__
        raise ConfigError(f"{record.ref} cannot be routed: {why}") from e
    case = replace(case, rerun=as_new)
    decision = decide(case, snap.world, router.policy, now, explain=True)
    return {
        "lead": str(record.ref),
        "now": state,
        "text": explain(case, decision, router.policy),
        **explain_json(case, decision, router.policy),
    }
