"""Levels of decay that no lead reaches, that come in the wrong order, or that tell nobody."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core.decay_terms import Level, Measure
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.policy import Policy
from fairlead.core.sla import manager_of
from fairlead.core.sla_terms import MANAGER, Notify, short
from fairlead.core.worktime import HORIZON


def lint_decay(policy: Policy) -> Iterator[LintFinding]:
    """Findings about the levels of decay, in the order of the file."""
    for level in policy.decay:
        yield from _never(level, policy)
        yield from _order(level, policy)
        yield from _managers(level, policy)


def _never(level: Level, policy: Policy) -> Iterator[LintFinding]:
    card = policy.scoring
    if level.measure is Measure.BELOW:
        if card is None or any(p.half_life is not None or p.turns for p in card.lines):
            return
        why = "no points fade and no condition for points turns with time"
        remedy = "give points a 'half_life', or go by 'silence'"
    elif level.length > HORIZON:
        why, remedy = f"{short(level.length)} is more than two years", "give it less time"
    else:
        return
    message = f"no lead comes to level {level.name!r}: {why}"
    yield LintFinding("decay-never", Severity.WARNING, level.place, message, remedy)


def _order(level: Level, policy: Policy) -> Iterator[LintFinding]:
    lower = [
        other
        for other in policy.decay[: level.number]
        if other.measure is level.measure
        and (other.when is None or _text(other) == _text(level))
        and _comes(other, policy) >= _comes(level, policy)
    ]
    if lower:
        yield LintFinding(
            "decay-out-of-order",
            Severity.WARNING,
            level.place,
            f"level {level.name!r} stands above {lower[-1].name!r} and does not come after it",
            "order the levels of one kind from the first to the last that a lead reaches",
        )


def _comes(level: Level, policy: Policy) -> float:
    """How late a level comes, to be compared with others of its kind: the lowest band last."""
    if level.measure is not Measure.BELOW or policy.scoring is None:
        return level.length.total_seconds()
    return -next((float(b.at_least) for b in policy.scoring.bands if b.name == level.band), 0.0)


def _text(level: Level) -> str | None:
    return None if level.when is None else level.when.text


def _managers(level: Level, policy: Policy) -> Iterator[LintFinding]:
    without = sorted(
        t.name
        for t in policy.teams.values()
        if any(manager_of(policy, None, rep) is None for rep in t.members)
    )
    if without and Notify(MANAGER) in level.acts:
        yield LintFinding(
            "decay-without-manager",
            Severity.WARNING,
            level.place,
            f"level {level.name!r} tells the manager, and some of team {', '.join(without)}"
            " have none",
            "give the team a 'manager', or tell a person by e-mail",
        )
