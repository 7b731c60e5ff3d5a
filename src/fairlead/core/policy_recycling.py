"""Reads `recycling`: every field, date, team and CRM that it names makes sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from fairlead.core.condition_parser import parse
from fairlead.core.policy import Condition
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.policy_recycling_shapes import RecyclingShape, TrackShape, Values
from fairlead.core.policy_scoring import leaves, reads_of, turn_of
from fairlead.core.recycling_terms import ContactCap, Disqualified, Recycling, Track
from fairlead.core.schema import FieldType, Schema
from fairlead.core.scorecard import Scorecard, Turn

_AT: Path = ("recycling",)
_ZERO = timedelta(0)
_CAMPAIGN = re.compile(r"701[A-Za-z0-9]{12}([A-Za-z0-9]{3})?")
_LIST = re.compile(r"[1-9][0-9]{0,18}")


def read_recycling(builder: Builder, schema: Schema, card: Scorecard | None) -> Recycling | None:
    """The terms; None when the policy recycles nothing."""
    shape, document = builder.shape.recycling, builder.document
    if shape is None:
        return None
    apart = schema.hiding({"arm": "is drawn by lot; it recycles nothing"})
    if shape.contact_cap is not None and shape.contact_cap.within <= _ZERO:
        document.report((*_AT, "contact_cap", "within"), "say within how long, such as 30d")
    if not shape.tracks and not shape.disqualified and not document.lost(_AT):
        message = "say which leads: 'tracks:' for another try, 'disqualified:' for the end"
        document.report(_AT, message, key=True)
    turns: list[Turn] = []
    gone = _disqualified(builder, apart, shape, turns)
    tracks = {}
    for name, track in shape.tracks.items():
        found = _track(builder, apart, name, track)
        if found is not None:
            tracks[name] = found
            turns += _turns(builder, found.when, (*_AT, "tracks", name, "when"))
    cap = shape.contact_cap
    dates = {n for n, f in builder.shape.fields.items() if f.type == "instant"}
    return Recycling(
        shape.max_cycles,
        shape.cool_down,
        None if cap is None else ContactCap(cap.at_most, cap.within),
        gone,
        MappingProxyType(tracks),
        frozenset(dates),
        tuple(dict.fromkeys(turns)),
        card,
    )


def _disqualified(
    builder: Builder, schema: Schema, shape: RecyclingShape, turns: list[Turn]
) -> tuple[Disqualified, ...]:
    found = []
    for index, out in enumerate(shape.disqualified):
        path: Path = (*_AT, "disqualified", index)
        if out.reason in shape.tracks:
            message = f"{out.reason!r} is a track already; a reason is the one or the other"
            builder.document.report((*path, "reason"), message)
        when = builder.condition((*path, "when"), out.when, schema)
        if when is not None:
            found.append(Disqualified(out.reason, when, builder.document.place(path)))
            turns += _turns(builder, when, (*path, "when"))
    return tuple(found)


def _track(builder: Builder, schema: Schema, name: str, shape: TrackShape) -> Track | None:
    path: Path = (*_AT, "tracks", name)
    document = builder.document
    ways = (shape.until, shape.after, shape.reenter_when)
    if all(way is None for way in ways) and not document.lost(path):
        message = "nothing brings these leads back; say 'until', 'after' or 'reenter_when'"
        document.report(path, message, key=True)
    if shape.after is not None and shape.after <= _ZERO:
        document.report((*path, "after"), "say after how long, such as 180d")
    if shape.until is not None:
        _date(builder, schema, shape.until, (*path, "until"))
    if shape.to is not None and shape.to.team not in document.names("teams"):
        teams = document.names("teams")
        document.unknown((*path, "to", "team"), "team", shape.to.team, teams)
    _groups(builder, shape.join, (*path, "join"))
    when = builder.condition((*path, "when"), shape.when, schema)
    again = builder.condition((*path, "reenter_when"), shape.reenter_when, schema)
    again_turns = () if again is None else _turns(builder, again, (*path, "reenter_when"))
    written = _values(builder, shape.set, (*path, "set"))
    back = _values(builder, shape.set_back, (*path, "set_back"))
    if when is None:
        return None
    return Track(
        name,
        when,
        written,
        back,
        MappingProxyType({crm: g for crm, g in shape.join.items() if crm in builder.crms}),
        None if shape.owner is None else shape.owner.queue,
        shape.until,
        shape.after,
        again,
        None if shape.to is None else shape.to.team,
        document.place(path),
        again_turns,
    )


def _groups(builder: Builder, join: Mapping[str, str], path: Path) -> None:
    """What leads are put into can be a campaign or a list, by the form of its id."""
    document = builder.document
    for crm, group in join.items():
        if crm not in builder.crms:
            document.unknown_key((*path, crm), crm, builder.crms)
        elif crm == "salesforce" and not _CAMPAIGN.fullmatch(group):
            message = (
                f"{group!r} is no id of a campaign, which has 15 or 18 characters and begins with"
                " 701; copy it from the campaign's address"
            )
            document.report((*path, crm), message)
        elif crm == "hubspot" and not _LIST.fullmatch(group):
            message = (
                f"{group!r} is no id of a list, which is a number; copy it from the list's address"
            )
            document.report((*path, crm), message)


def _turns(builder: Builder, condition: Condition, path: Path) -> tuple[Turn, ...]:
    """When a condition on dates changes its answer with no news of the lead."""
    if "now" not in condition.names:
        return ()
    found: list[Turn] = []
    for node in leaves(parse(condition.text)):
        if "now" in reads_of(node):
            turns = turn_of(node)
            if turns is None:
                message = (
                    "recycling can depend on time by age() or days_since() of a date compared"
                    " with a constant, or by a date compared with now"
                )
                builder.document.report(path, message)
                return ()
            found += turns
    return tuple(dict.fromkeys(found))


def _date(builder: Builder, schema: Schema, name: str, path: Path) -> None:
    """The date on which a lead comes back is one of its own."""
    types, document = schema.types, builder.document
    dates = [n for n, t in types.items() if t is FieldType.INSTANT and n != "now"]
    if name in types and name not in dates:
        document.report(path, f"{name!r} is no date of the lead but a {types[name]}")
    elif name in schema.hidden:
        document.report(path, f"{name!r} {schema.hidden[name]}")
    elif name not in types and name not in document.names("fields"):
        document.unknown(path, "date of a lead", name, dates)


def _values(builder: Builder, shape: Values, path: Path) -> Mapping[str, Mapping[str, str]]:
    for crm in shape:
        if crm not in builder.crms:
            builder.document.unknown_key((*path, crm), crm, builder.crms)
    known = {crm: MappingProxyType(dict(v)) for crm, v in shape.items() if crm in builder.crms}
    return MappingProxyType(known)
