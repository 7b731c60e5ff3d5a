"""Reads `signals`: each says how it is seen, by a date, by a group or by an activity."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fairlead.core.activity import ActivityKind
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.policy_signals_shapes import SignalShape
from fairlead.core.policy_tables import ReadTable
from fairlead.core.schema import FieldType, Schema
from fairlead.core.signals import ByActivity, ByField, ByGroup, Signal

_MODIFIED = "modified_at"
_ID_FORMS = {
    "salesforce": (re.compile(r"701[A-Za-z0-9]{15}"), "campaign", "has 18 characters, from 701"),
    "hubspot": (re.compile(r"[1-9][0-9]{0,18}"), "list", "is a number"),
}
_MOVES = "moves with every change of the lead, also with ours; name the date of what was done"
_AT_ITSELF = "is what is being told here; a signal cannot depend on signals"


def read_signals(
    builder: Builder, schema: Schema, tables: Mapping[str, ReadTable]
) -> dict[str, Signal]:
    """The signals, in the order of the file."""
    early = builder.early_schema(schema, tables).hiding(
        {"signal": _AT_ITSELF, "arm": "is drawn by lot"}
    )
    return {n: _signal(builder, early, n, s) for n, s in builder.shape.signals.items()}


def _signal(builder: Builder, schema: Schema, name: str, shape: SignalShape) -> Signal:
    path: Path = ("signals", name)
    document = builder.document
    seen = shape.at or shape.salesforce or shape.hubspot or shape.activity
    if not seen and not document.lost(path):
        message = (
            f"signal {name!r} is never seen; say 'at:' a date of the lead, 'salesforce:' a"
            " campaign, 'hubspot:' a list or 'activity:'"
        )
        document.report(path, message, key=True)
    if shape.when is not None and shape.at is None:
        document.report((*path, "when"), "'when' belongs to a date; say which with 'at:'", key=True)
    if shape.incoming is not None and not shape.activity:
        message = "'incoming' is about activities; say which with 'activity:'"
        document.report((*path, "incoming"), message, key=True)
    when = builder.condition((*path, "when"), shape.when, schema)
    _date(builder, schema, shape.at, (*path, "at"))
    if shape.activity and not builder.shape.slas and not document.lost(("slas",)):
        message = (
            "activities are read while the clock of an SLA runs, and this policy has no 'slas'"
        )
        document.report((*path, "activity"), message, key=True)
    kinds = frozenset(ActivityKind(kind) for kind in shape.activity)
    return Signal(
        name,
        document.place(path),
        None if shape.at is None else ByField(shape.at, when),
        tuple(_groups(builder, shape, path)),
        ByActivity(kinds, shape.incoming) if kinds else None,
    )


def _date(builder: Builder, schema: Schema, name: str | None, path: Path) -> None:
    if name is None:
        return
    document, types = builder.document, schema.types
    dates = [n for n, t in types.items() if t is FieldType.INSTANT and n not in ("now", _MODIFIED)]
    if name == _MODIFIED:
        document.report(path, f"{name!r} {_MOVES}")
    elif name in types and name not in dates:
        document.report(path, f"{name!r} is no date of the lead but a {types[name]}")
    elif name in schema.hidden:
        document.report(path, f"{name!r} {schema.hidden[name]}")
    elif name not in types and name not in document.names("fields"):
        document.unknown(path, "date of a lead", name, dates)


def _groups(builder: Builder, shape: SignalShape, path: Path) -> list[ByGroup]:
    found = []
    if shape.salesforce is not None:
        ids = tuple(shape.salesforce.campaign)
        status = frozenset(s.casefold() for s in shape.salesforce.status)
        found.append(ByGroup("salesforce", ids, status))
    if shape.hubspot is not None:
        found.append(ByGroup("hubspot", tuple(shape.hubspot.list_)))
    read = {source.crm for source in builder.shape.sources.values()}
    for one in found:
        form, word, about = _ID_FORMS[one.crm]
        at: Path = (*path, one.crm, word)
        if one.crm not in read and not builder.document.lost(("sources",)):
            message = f"no source reads {one.crm}, so nobody would be seen in this {word}"
            builder.document.report((*path, one.crm), message, key=True)
        for id in one.groups:
            if not form.fullmatch(id):
                builder.document.report(at, f"the id of a {word} {about}, not {id!r}")
        if not one.groups:
            builder.document.report(at, f"name a {word} by its id", key=True)
    return found
