"""Why something is done to a lead because time has passed: a step of a clock, a level of decay.

What `acting` and `sla_tell` need to know of either; made by `sweep` and `decay_round`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fairlead.core.decay_terms import Level
from fairlead.core.decision import DECAY, SLA, World
from fairlead.core.leave import local
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import calendar_of
from fairlead.core.sla_terms import DUE, Sla, Stage, short
from fairlead.core.types import Ref
from fairlead.store.clocks import ClockRow, StepRow
from fairlead.store.leads import LeadRow


@dataclass(frozen=True, slots=True)
class Cause:
    """One lead of one owner, and why something is done to it.

    `kind` is that of the order when the lead is given on (sla, decay), `of` the SLA or level,
    `step` what of it has come, `event` what messages call it; `name` who orders it (`SLA
    first_answer`), `reason` what an away rep and the next owner read. `key` tells tasks of it from
    all others, `line` is what they say. `theirs`: a person gave it to its owner, which stands.
    `late`: it comes so long after its instant that it is told together with others.
    """

    kind: str
    ref: Ref
    person_id: str
    decision_id: str
    owner_id: str
    rep_id: str | None
    team: str | None
    of: str
    step: str
    event: str
    name: str
    reason: str
    key: str
    line: str
    theirs: bool
    late: bool


def cause_of_step(
    clock: ClockRow,
    row: LeadRow | None,
    sla: Sla,
    stage: Stage,
    steps: Iterable[StepRow],
    policy: Policy,
    world: World,
    *,
    late: bool,
) -> Cause:
    """A stage of a clock has come. `row` is the clock's lead, `steps` are all stages it has."""
    due = next((s.due_at for s in steps if s.step == DUE), None)
    limit = due_in_words(clock, due, policy, world)
    allowed = short(sla.respond_within)
    line = f"Please answer it by {limit} ({allowed} allowed)."
    over = stage.worked >= sla.respond_within
    if over:
        line = f"{clock.rep_id or 'its owner'} has not answered it within {allowed} (due {limit})."
    return Cause(
        SLA, clock.ref, clock.person_id, clock.decision_id, clock.owner_id, clock.rep_id,
        clock.team, sla.name, stage.key, "sla.breached" if over else "sla.warned",
        f"SLA {sla.name}", f"not answered in {allowed}",
        f"sla {clock.id} {stage.key}", f"fairlead, SLA {sla.name}, {stage.key}: {line}",
        row is not None and row.by_person and not sla.override_people, late,
    )  # fmt: skip


def cause_of_level(row: LeadRow, cycle: int, level: Level, world: World, *, late: bool) -> Cause:
    """A lead has reached a level of decay. `row` is one that a person owns."""
    owner = row.owner_id or ""
    rep = world.rep_of(row.ref.crm, owner)
    rep_id = None if rep is None else rep.id
    urgent = " This is the critical level." if level.critical else ""
    who = rep_id or "its owner"
    return Cause(
        DECAY, row.ref, row.person_id, row.decision_id or "", owner, rep_id, None,
        level.name, level.name, "lead.decayed",
        f"decay {level.name}", level.reached_by, f"decay {row.ref} {cycle} {level.name}",
        f"fairlead, decay {level.name}: this lead of {who} goes cold, {level.reached_by}.{urgent}",
        row.by_person and not level.override_people, late,
    )  # fmt: skip


def due_in_words(clock: ClockRow, at: datetime | None, policy: Policy, world: World) -> str:
    """An instant by the clock of the rep whose lead it is."""
    if at is None:
        return "never"
    rep = world.reps.get(clock.rep_id or "")
    return local(at, None if rep is None else calendar_of(rep, policy.calendars))
