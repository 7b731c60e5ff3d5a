"""Signals that nothing asks about."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.policy import Condition, Policy
from fairlead.core.region_terms import conditions_of
from fairlead.core.signals import PREFIX


def _beside(policy: Policy) -> Iterator[Condition]:
    """The conditions that rules, sources and points do not hold."""
    given = [policy.closed_when, policy.won_when]
    given.append(None if policy.credit_back is None else policy.credit_back.when)
    for sla in policy.slas.values():
        given += [sla.when, sla.paused_when, sla.responded_when]
    yield from (condition for condition in given if condition is not None)


def lint_signals(policy: Policy) -> Iterator[LintFinding]:
    """A finding for each signal that no condition, date or `reroute_on` names."""
    if not policy.signals:
        return
    used = {name for condition in conditions_of(policy) for name in condition.names}
    used |= {name for condition in _beside(policy) for name in condition.names}
    used |= set(policy.reroute_on)
    used |= set() if policy.scoring is None else {line.at or "" for line in policy.scoring.lines}
    for signal in policy.signals.values():
        if f"{PREFIX}{signal.name}" not in used:
            yield LintFinding(
                "unused-signal",
                Severity.WARNING,
                signal.place,
                f"nothing asks about signal {signal.name!r}",
                f'use it, such as signal("{signal.name}", within: 2d) in a rule, or remove it',
            )
