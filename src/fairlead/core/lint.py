"""What is probably not meant in a policy that loads: `lint`, beside the reader's own checks.

The reader refuses what is wrong; this finds what is right and does nothing, or something else than
it seems to. One module per concern: lint_rules (reach, overlaps), lint_gaps,
lint_conditions (values and negations), lint_tables and lint_last_step (lines of tables),
lint_people (teams, reps, destinations), lint_methods (how teams share), lint_scoring (points),
lint_skills, lint_hours, lint_slas, lint_signals.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from fairlead.core.lint_conditions import lint_conditions
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_hours import lint_hours
from fairlead.core.lint_methods import lint_methods
from fairlead.core.lint_people import lint_people
from fairlead.core.lint_rules import lint_rules
from fairlead.core.lint_scoring import lint_scoring
from fairlead.core.lint_signals import lint_signals
from fairlead.core.lint_skills import lint_skills
from fairlead.core.lint_slas import lint_slas
from fairlead.core.lint_tables import lint_tables
from fairlead.core.policy import Policy
from fairlead.core.region_build import Space
from fairlead.core.regions import Work

__all__ = ["LintFinding", "Severity", "lint"]


def lint(policy: Policy, now: datetime) -> tuple[LintFinding, ...]:
    """All findings, in the order of the file, for calendars and reviews at `now`; pure.

    A rule called unreachable is reached by no lead that `normalise` can make, whatever it holds.
    Every example was tried on the compiled conditions; where none could be made, there is none.
    """
    space = Space(policy)
    found: list[LintFinding] = []
    parts: Iterable[Iterable[LintFinding]] = (
        lint_conditions(policy, space),
        lint_rules(policy, space),
        lint_tables(policy, space),
        lint_people(policy),
        lint_skills(policy, space, now),
        lint_hours(policy, now),
        lint_methods(policy),
        lint_scoring(policy, space),
        lint_slas(policy, now),
        lint_signals(policy),
    )
    for part in parts:
        space.work = Work()
        found.extend(part)
    order = list(Severity)
    return tuple(
        sorted(found, key=lambda f: (f.place.line, f.place.column, order.index(f.severity)))
    )
