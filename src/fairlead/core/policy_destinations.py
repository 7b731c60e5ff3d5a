"""Destinations of a policy: every team, rep and column that is named exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from fairlead.core.carets import nearest
from fairlead.core.policy import (
    Destination,
    Hold,
    ToAccountOwner,
    ToManager,
    ToQueue,
    ToRep,
    ToTeam,
)
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.policy_models import DestinationShape, IfAwayShape
from fairlead.core.policy_tables import ReadTable
from fairlead.core.policy_values import UNTIL_FREE
from fairlead.core.schema import FieldType, Schema

KINDS = ("team", "rep", "queue", "account_owner")


class Unknown(Protocol):
    """Notes, at the place of a name, that nothing is called so."""

    def __call__(
        self, what: str, word: str, known: Iterable[str], guess: str | None = None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Destinations:
    """Resolves destinations against all that they may name."""

    builder: Builder
    schema: Schema
    tables: Mapping[str, ReadTable]
    reps: frozenset[str] | None

    def read(self, shape: DestinationShape | None, path: Path) -> Destination | None:
        """The destination at a path; None when there is none or it is broken."""
        if shape is None:
            return None
        document = self.builder.document
        given = [kind for kind in KINDS if getattr(shape, kind) is not None]
        if len(given) != 1:
            if not document.lost(path):
                wanted = "exactly one of team, rep, queue, account_owner"
                found = " and ".join(given) or "none"
                message = f"a destination has {wanted}; found {found}"
                document.report(path, message, key=True)
            return None
        kind = given[0]
        if kind == "account_owner":
            return ToAccountOwner(parent=shape.parent is True)
        if shape.parent is not None:
            message = "'parent' belongs to 'account_owner': the owner of the account at the top"
            document.report((*path, "parent"), message, key=True)
        return self.named(kind, str(getattr(shape, kind)), partial(document.unknown, (*path, kind)))

    def if_away(
        self, shape: IfAwayShape | None, to: Destination | None, path: Path
    ) -> tuple[Destination | None, Hold | None]:
        """Where a lead goes that `to` cannot take, and how long it waits before."""
        if shape is None:
            return None, None
        hold = None
        if shape.hold is not None:
            hold = Hold(None if isinstance(shape.hold, str) else shape.hold)
        given = [kind for kind in (*KINDS, "manager") if getattr(shape, kind) is not None]
        if hold is not None and isinstance(to, ToQueue):
            message = "a queue is always free; 'hold' waits for a team, a rep or an account owner"
            self.builder.document.report((*path, "hold"), message, key=True)
        if not given and hold is not None:
            if shape.parent is not None:
                self.read(shape, path)
            return None, hold
        if hold == Hold() and given and not self.builder.document.lost(path):
            message = f"a lead held {UNTIL_FREE} never gets to {given[0]!r}; leave one of them out"
            self.builder.document.report((*path, "hold"), message)
        if given == ["manager"]:
            return self._manager(to, (*path, "manager")), hold
        if "manager" in given:
            message = f"a destination has exactly one of its kinds; found {' and '.join(given)}"
            self.builder.document.report(path, message, key=True)
            return None, hold
        return self.read(shape, path), hold

    def _manager(self, to: Destination | None, path: Path) -> Destination | None:
        """The manager of the team in `to`, who must be named in it."""
        document = self.builder.document
        if to is None:
            return None
        if not isinstance(to, ToTeam):
            message = "the manager is that of the team in 'to'; this rule names none"
            document.report(path, message, key=True)
            return None
        shape = self.builder.shape.teams.get(to.team or "")
        if to.path is None and shape is not None and shape.manager is None:
            message = f"team {to.team!r} has no manager; name one under 'teams'"
            document.report(path, message, key=True)
        return ToManager(to.team, to.path)

    def named(self, kind: str, text: str, unknown: Unknown) -> Destination | None:
        """A team, rep or queue by its name, or by the column or dotted field that holds it."""
        if self.schema.types.get(text) is FieldType.TEXT and "." in text:
            self._check_column(kind, text)
            return _by_path(kind, text)
        document = self.builder.document
        root, dot, _ = text.partition(".")
        if dot and root in document.names("tables"):
            if root in self.tables:
                columns = [f"{root}.{c}" for c in self.tables[root].table.columns]
                unknown("column", text, columns)
            return None
        if kind == "queue":
            return ToQueue(queue=text)
        dotted = [n for n, t in self.schema.types.items() if "." in n and t is FieldType.TEXT]
        if kind == "team":
            teams = document.names("teams")
            if text not in teams and "teams" not in document.root.lost:
                unknown("team", text, teams, nearest(text, [*teams, *(dotted if dot else ())]))
            return ToTeam(team=text)
        rep = text.lower()
        if self.reps is not None and rep not in self.reps:
            guess = nearest(rep, [*self.reps, *(dotted if dot and "@" not in rep else ())])
            unknown("rep", text, self.reps, guess)
        return ToRep(rep=rep)

    def _check_column(self, kind: str, text: str) -> None:
        """Every value in a column that names teams or reps is one of them."""
        root, _, column = text.partition(".")
        read = self.tables.get(root)
        known = self.builder.document.names("teams") if kind == "team" else self.reps
        if read is None or known is None or kind == "queue" or (kind, column) in read.checked:
            return
        read.checked.add((kind, column))
        for row in read.grid.rows:
            cell = row[column]
            if cell.value and cell.value not in known:
                message = f"unknown {kind} {cell.value!r}"
                problem = read.grid.problem(cell, message, nearest(cell.value, known))
                self.builder.document.problems.append(problem)


def _by_path(kind: str, text: str) -> Destination:
    if kind == "team":
        return ToTeam(path=text)
    return ToRep(path=text) if kind == "rep" else ToQueue(path=text)
