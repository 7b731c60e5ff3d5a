"""SLAs and cadences that nothing uses, steps that never come, a manager who is not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_pools import all_rules, named
from fairlead.core.policy import Policy, Rule, Team, ToTeam
from fairlead.core.sla import Hours
from fairlead.core.sla_terms import ALWAYS, HOLIDAYS, MANAGER, Notify, Sla, short
from fairlead.core.worktime import HORIZON


def lint_slas(policy: Policy, now: datetime) -> Iterator[LintFinding]:
    """Findings about the SLAs, in the order of the file."""
    rules = list(all_rules(policy))
    for sla in policy.slas.values():
        using = [r for r in rules if sla.when is not None or sla.name in r.slas]
        if not using:
            yield LintFinding(
                "unused-sla",
                Severity.WARNING,
                sla.place,
                f"no rule names SLA {sla.name!r}, and it has no 'when'",
                "name it in a rule ('sla: ...'), say 'when' it holds, or remove it",
            )
        yield from _tightened(sla, now)
        yield from _never(sla, policy, now)
        yield from _managers(sla, using, policy)
    yield from _unused_cadences(policy, rules)


def _unused_cadences(policy: Policy, rules: list[Rule]) -> Iterator[LintFinding]:
    used = {r.cadence for r in rules}
    for cadence in policy.cadences.values():
        if cadence.name not in used:
            yield LintFinding(
                "unused-cadence",
                Severity.WARNING,
                cadence.place,
                f"no rule names cadence {cadence.name!r}",
                "name it in a rule ('cadence: ...'), or remove it",
            )


def _tightened(sla: Sla, now: datetime) -> Iterator[LintFinding]:
    past = [t for t in sla.tighter if t.begins < now.date()]
    if past:
        last = past[-1]
        yield LintFinding(
            "tightened-already",
            Severity.INFO,
            sla.place,
            f"SLA {sla.name!r} is {short(last.respond_within)} since {last.begins}",
            f"write 'respond_within: {short(last.respond_within)}' and remove the days gone by",
        )


def _never(sla: Sla, policy: Policy, now: datetime) -> Iterator[LintFinding]:
    last = sla.stages[-1]
    calendars = [] if sla.hours == ALWAYS else list(policy.calendars.values())
    holidays = HOLIDAYS in sla.deduct
    names = [
        c.name for c in calendars if holidays and Hours(((c, ()),)).after(now, last.worked) is None
    ]
    if names or last.worked > HORIZON:
        where = f" in calendar {', '.join(names)}" if names else ""
        yield LintFinding(
            "step-never-comes",
            Severity.WARNING,
            sla.place,
            f"SLA {sla.name!r}: {last.key} comes after more than two years{where}",
            "time counts in working hours: 5 working days are 40h, not 5d; or use 'hours: always'",
        )


def _managers(sla: Sla, using: list[Rule], policy: Policy) -> Iterator[LintFinding]:
    if not any(isinstance(s.act, Notify) and s.act.whom == MANAGER for s in sla.stages):
        return
    without = sorted({t.name for r in using for t in _teams(r, policy) if t.manager is None})
    if without:
        yield LintFinding(
            "sla-without-manager",
            Severity.WARNING,
            sla.place,
            f"SLA {sla.name!r} tells the manager, and there is none of team {', '.join(without)}",
            "give the team a 'manager', or tell a person by e-mail",
        )


def _teams(rule: Rule, policy: Policy) -> Iterator[Team]:
    for to in (rule.to, rule.if_away):
        if isinstance(to, ToTeam):
            names, _ = named(to.team, to.path, policy)
            yield from (t for n, t in policy.teams.items() if n.casefold() in names)
