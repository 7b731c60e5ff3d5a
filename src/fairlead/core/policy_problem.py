"""A mistake in the policy with its place, and the error that carries all of them at once."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from fairlead.core.carets import caret_lines
from fairlead.core.policy import Place
from fairlead.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake: where, what, the word that was probably meant, the source line with a caret."""

    place: Place
    message: str
    suggestion: str | None
    caret: str

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.message}", *(f"    {x}" for x in self.caret.split("\n"))]
        if self.suggestion is not None:
            lines.append(f"    did you mean '{self.suggestion}'?")
        return "\n".join(lines)


class PolicyError(ConfigError):
    """The policy cannot be used; `problems` are all mistakes found, in the order of the files."""

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        total = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([*(str(p) for p in self.problems), f"{total} in the policy"]))


_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class SourceText:
    """One file of the policy. Offsets count characters from 0, lines and columns from 1."""

    file: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = (0, *(found.end() for found in _LINE_BREAK.finditer(self.text)))
        object.__setattr__(self, "_starts", starts)

    def problem(
        self, start: int, end: int, message: str, suggestion: str | None = None
    ) -> PolicyProblem:
        """A problem at the characters from `start` to `end`, cut to the first line."""
        place = self.place(start)
        line = _LINE_BREAK.split(self.text[self._starts[place.line - 1] :], maxsplit=1)[0]
        caret = caret_lines(line, place.column, end - start)
        return PolicyProblem(place, message, suggestion, caret)

    def place(self, offset: int) -> Place:
        """Line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return Place(self.file, line, offset - self._starts[line - 1] + 1)
