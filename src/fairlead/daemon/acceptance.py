"""What a policy must pass before it may decide: one answer for start, reload and `check`.

It must be read without a mistake, and `lint` may find no error in it (a part that can never do
anything). Warnings are told and do not stop it. A policy that is in force already is not asked
again: a newer version's lint must not stop a daemon that was routing well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fairlead.clock import SystemClock
from fairlead.core.lint import LintFinding, Severity, lint
from fairlead.core.policy_file import PolicyError
from fairlead.core.policy_problem import PolicyProblem
from fairlead.daemon.active_policy import ActivePolicy, Texts, load, read_texts
from fairlead.errors import ConfigError

CORRECT = "correct it; fairlead check shows the line"
REFUSING = frozenset({Severity.ERROR})
"""Findings of `lint` with which a policy may not decide; `check` ends with 78 on the same."""
MEND_FILE = "put a readable file there, or the last good one back"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a policy is refused, and where; a file that cannot be read has no line."""

    file: str
    line: int | None
    column: int | None
    message: str
    remedy: str

    def __str__(self) -> str:
        place = [self.file, *(str(n) for n in (self.line, self.column) if n is not None)]
        return f"{':'.join(place)}: {self.message}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class PolicyRefused(ConfigError):
    """The policy may not decide; `faults` are all reasons, in the order of the files."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [f"{f}\n    remedy: {f.remedy}" for f in self.faults]
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A policy that may decide, and what `lint` says of it that does not forbid it."""

    active: ActivePolicy
    findings: tuple[LintFinding, ...] = ()

    @property
    def warnings(self) -> int:
        return sum(f.severity is Severity.WARNING for f in self.findings)


def read_acceptable(path: Path, in_force: str | None = None) -> Accepted:
    """Read a policy that may decide; raises PolicyRefused, or PolicyError with carets.

    `in_force` is the hash of the policy that decides now, if one does.
    """
    return accept(read_texts(path), SystemClock().now(), in_force)


def accept(texts: Texts, now: datetime, in_force: str | None = None) -> Accepted:
    """The policy these texts make; raises PolicyError or PolicyRefused when it may not decide.

    `now` bears on warnings only: no policy is refused because time has passed.
    """
    active = load(texts)
    if active.policy.hash == in_force:
        return Accepted(active)
    findings = lint(active.policy, now)
    errors = [f for f in findings if f.severity in REFUSING]
    if errors:
        raise PolicyRefused(
            Fault(f.place.file or active.main, f.place.line, f.place.column, f.message, f.remedy)
            for f in errors
        )
    return Accepted(active, findings)


def faults_of(error: ConfigError, path: Path) -> tuple[Fault, ...]:
    """Any refusal as faults with their places."""
    if isinstance(error, PolicyRefused):
        return error.faults
    if isinstance(error, PolicyError):
        return tuple(_fault(p) for p in error.problems)
    return (Fault(path.name, None, None, str(error), MEND_FILE),)


def _fault(p: PolicyProblem) -> Fault:
    remedy = CORRECT if p.suggestion is None else f"did you mean '{p.suggestion}'?"
    return Fault(p.place.file, p.place.line, p.place.column, p.message, remedy)
