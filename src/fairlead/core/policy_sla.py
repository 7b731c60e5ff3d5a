"""The SLAs of the policy: every person, team and share that they name makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.policy_sla_shapes import ActShape, SlaShape
from fairlead.core.policy_tables import ReadTable
from fairlead.core.policy_values import exact_share, rep_id
from fairlead.core.schema import Schema
from fairlead.core.sla_terms import (
    MANAGER,
    REP,
    Act,
    Escalate,
    Notify,
    RaisePriority,
    Reassign,
    SetAway,
    Sla,
    Tell,
    Tighter,
    short,
    stages_of,
)

KINDS = ("notify", "escalate", "tell", "raise", "reassign", "set_away")
_ZERO = timedelta(0)


def read_slas(builder: Builder, schema: Schema, tables: Mapping[str, ReadTable]) -> dict[str, Sla]:
    """The SLAs, in the order of the file."""
    early = builder.early_schema(schema, tables)
    given = builder.early_schema(schema, tables, scored=True)
    return {name: _sla(builder, early, given, name, s) for name, s in builder.shape.slas.items()}


def _sla(builder: Builder, schema: Schema, given: Schema, name: str, shape: SlaShape) -> Sla:
    """`given` is what is known when a lead is given to somebody, `schema` whenever it is read."""
    path: Path = ("slas", name)
    document = builder.document
    if shape.respond_within <= _ZERO:
        document.report((*path, "respond_within"), "give some time to answer, such as 5m")
    warnings = _warnings(builder, shape, (*path, "warn_at"))
    steps = []
    for index, step in enumerate(shape.on_breach):
        act = read_act(builder, step, (*path, "on_breach", index))
        if act is not None:
            steps.append((step.after, act))
    reassigns = any(isinstance(act, Reassign) for _, act in steps)
    if shape.override_people and not reassigns and not document.lost((*path, "on_breach")):
        message = "'override_people' is about reassigning; no step of 'on_breach' does"
        document.report((*path, "override_people"), message, key=True)
    return Sla(
        name,
        shape.respond_within,
        shape.hours,
        frozenset(shape.deduct),
        stages_of(shape.respond_within, warnings, tuple(steps)),
        builder.condition((*path, "when"), shape.when, given),
        builder.condition((*path, "paused_when"), shape.paused_when, schema),
        builder.condition((*path, "responded_when"), shape.responded_when, schema),
        shape.override_people,
        frozenset(ActivityKind(kind) for kind in shape.counts_as_response),
        document.place(path),
        _tighter(builder, shape, warnings, tuple(steps), (*path, "tighten")),
    )


def _tighter(
    builder: Builder,
    shape: SlaShape,
    warnings: tuple[Fraction | timedelta, ...],
    steps: tuple[tuple[timedelta, Act], ...],
    path: Path,
) -> tuple[Tighter, ...]:
    """The promises to come: later days, shorter times, and each warning still before the end."""
    found: list[Tighter] = []
    document, before = builder.document, shape.respond_within
    for index, one in enumerate(shape.tighten):
        at: Path = (*path, index)
        if found and one.from_ <= found[-1].begins:
            message = f"{one.from_} does not come after {found[-1].begins}; put the days in order"
            document.report((*at, "from"), message)
        if not _ZERO < one.respond_within < before:
            message = f"{short(one.respond_within)} is not shorter than {short(before)} before it"
            document.report((*at, "respond_within"), message)
        for warning in warnings:
            if isinstance(warning, timedelta) and warning >= one.respond_within > _ZERO:
                message = (
                    f"the warning {short(warning)} before the end would come at the start then"
                )
                document.report((*at, "respond_within"), message)
        stages = stages_of(one.respond_within, warnings, steps)
        found.append(Tighter(one.from_, one.respond_within, stages))
        before = one.respond_within
    return tuple(found)


def _warnings(builder: Builder, shape: SlaShape, path: Path) -> tuple[Fraction | timedelta, ...]:
    """Shares of the time, or how long before it is over; none twice."""
    found: list[Fraction | timedelta] = []
    for index, text in enumerate(shape.warn_at):
        at: Path = (*path, index)
        try:
            warning = exact_share(text) if "%" in text else parse_duration(text)
        except ValueError:
            message = "a warning is a share of the time (80%) or so long before its end (10m)"
            builder.document.report(at, message)
            continue
        late = warning >= 1 if isinstance(warning, Fraction) else warning <= _ZERO
        early = isinstance(warning, timedelta) and warning >= shape.respond_within
        if late or early:
            message = f"{text} is no warning: it comes {'too late' if late else 'at the start'}"
            builder.document.report(at, message)
        elif warning in found:
            builder.document.report(at, f"{text} is there twice")
        else:
            found.append(warning)
    return tuple(found)


def read_act(builder: Builder, step: ActShape, path: Path) -> Act | None:
    """What a step of an SLA, or a level of decay, does; None when that is broken."""
    document = builder.document
    given = [k for k in KINDS if k in {n.rstrip("_") for n in step.model_fields_set}]
    if len(given) != 1:
        if not document.lost(path):
            what = " and ".join(given) or "none"
            message = f"a step does exactly one of {', '.join(KINDS)}; found {what}"
            document.report(path, message, key=True)
        return None
    by = _by(builder, step, path)
    if step.notify is not None:
        return _notify(builder, step.notify, by, (*path, "notify"))
    if step.escalate is not None:
        return Escalate(step.escalate, by)
    if step.tell is not None:
        return Tell(step.tell)
    if step.raise_ is not None:
        if builder.shape.task is None:
            message = "there is no task to raise: the policy says 'task: none'"
            document.report((*path, "raise"), message)
        return RaisePriority()
    if step.set_away is not None:
        if step.set_away.for_ <= _ZERO:
            document.report((*path, "set_away", "for"), "say for how long, such as 4h")
        return SetAway(step.set_away.for_)
    if step.reassign is None:
        return Reassign()
    teams = document.names("teams")
    if step.reassign.team not in teams:
        document.unknown((*path, "reassign", "team"), "team", step.reassign.team, teams)
    return Reassign(step.reassign.team)


def _by(builder: Builder, step: ActShape, path: Path) -> tuple[str, ...]:
    """How a person is told; only steps that tell one may say it."""
    by = tuple(dict.fromkeys(step.by))
    if "by" in step.model_fields_set and step.notify is None and step.escalate is None:
        message = "'by' is about telling a person; only 'notify' and 'escalate' do"
        builder.document.report((*path, "by"), message, key=True)
    elif not by or len(by) < len(step.by):
        builder.document.report((*path, "by"), "say task, email or both, each once")
    return by


def _notify(builder: Builder, whom: str, by: tuple[str, ...], path: Path) -> Act | None:
    if whom in (REP, MANAGER):
        return Notify(whom, by)
    try:
        return Notify(rep_id(whom), by)
    except ValueError:
        builder.document.report(path, f"tell 'rep', 'manager' or an e-mail address, not {whom!r}")
        return None
