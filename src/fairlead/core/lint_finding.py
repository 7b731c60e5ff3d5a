"""One finding of `lint`, and how bad it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fairlead.core.policy import Place
from fairlead.core.types import Value


class Severity(StrEnum):
    """`error`: this part can never do anything. `warning`: probably not meant. `info`: to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """What, where, and what to do about it; `kind` is a stable word for programs.

    `example` are the values of a lead that shows it, tried on the real conditions; None where no
    lead can show it, or where the conditions could not be turned into one ("not analysed", then
    `analysed` is False). `outcome` says what becomes of the example.
    """

    kind: str
    severity: Severity
    place: Place
    message: str
    remedy: str
    example: Mapping[str, Value] | None = None
    outcome: str = ""
    analysed: bool = True

    def as_json(self) -> dict[str, Any]:
        """JSON-safe, instants as ISO 8601."""
        example = None if self.example is None else {n: plain(v) for n, v in self.example.items()}
        return {
            "kind": self.kind,
            "severity": self.severity.value,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "remedy": self.remedy,
            "example": example,
            "outcome": self.outcome,
            "analysed": self.analysed,
        }


def too_complex(place: Place, what: str) -> LintFinding:
    """What was given up before it took too long."""
    return LintFinding(
        "not-analysed",
        Severity.INFO,
        place,
        f"{what} not analysed: too complex",
        "nothing need be done; fewer and shorter 'or' and 'not' before it make it possible",
        analysed=False,
    )


def plain(value: Value) -> Any:
    """A value as JSON has it."""
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat is not None else value
