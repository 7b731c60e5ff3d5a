"""The rules of a policy: destinations resolved, names unique, nothing unreachable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairlead.core.carets import nearest
from fairlead.core.policy import (
    Destination,
    Rule,
    ToAccountOwner,
    ToQueue,
    ToRep,
    ToTeam,
)
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.policy_models import DestinationShape, RuleShape
from fairlead.core.policy_tables import ReadTable
from fairlead.core.schema import FieldType, Schema

OTHERWISE = "otherwise"
_KINDS = ("team", "rep", "queue", "account_owner")


@dataclass(frozen=True, slots=True)
class RuleBuilder:
    """Builds the rules of one policy against all that they may name."""

    builder: Builder
    schema: Schema
    tables: Mapping[str, ReadTable]
    reps: frozenset[str] | None
    _names: dict[str, Path] = field(default_factory=dict)

    def rules(self, shapes: list[RuleShape], path: Path) -> tuple[Rule, ...]:
        """One level of rules, in order."""
        found: list[Rule] = []
        taker: Rule | None = None
        for index, shape in enumerate(shapes):
            at: Path = (*path, index)
            rule = self._rule(shape, at)
            if taker is not None:
                message = (
                    f"rule {rule.name!r} is never reached: "
                    f"{taker.name!r} (line {taker.place.line}) takes every lead before it"
                )
                self.builder.document.report((*at, "name"), message)
            elif self._takes_all(shape, at):
                taker = rule
            found.append(rule)
        return tuple(found)

    def _takes_all(self, shape: RuleShape, path: Path) -> bool:
        if shape.when is not None or self.builder.document.lost((*path, "when")):
            return False
        if shape.rules is None:
            return shape.to is not None
        return any(self._takes_all(r, (*path, "rules", i)) for i, r in enumerate(shape.rules))

    def _rule(self, shape: RuleShape, path: Path) -> Rule:
        document = self.builder.document
        name, folded = shape.name, shape.name.casefold()
        if folded == OTHERWISE:
            document.report((*path, "name"), f"the name {name!r} belongs to the last resort")
        elif folded in self._names:
            line = document.place(self._names[folded]).line
            message = f"duplicate rule name {name!r}; the first is in line {line}"
            document.report((*path, "name"), message)
        else:
            self._names[folded] = (*path, "name")
        when = self.builder.condition((*path, "when"), shape.when, self.schema)
        self._form(shape, path)
        to = self.destination(shape.to, (*path, "to"))
        if_away = self.destination(shape.if_away, (*path, "if_away"))
        children = self.rules(shape.rules or [], (*path, "rules"))
        high = shape.priority == "high"
        return Rule(name, when, to, if_away, children, high, document.place(path))

    def _form(self, shape: RuleShape, path: Path) -> None:
        """A rule has `to`, a group has `rules`; and neither has what belongs to the other."""
        document, lost = self.builder.document, self.builder.document.lost
        has_to = shape.to is not None or lost((*path, "to"))
        if shape.rules is None and not lost((*path, "rules")):
            if not has_to:
                message = f"rule {shape.name!r} needs 'to' (or 'rules', to be a group)"
                document.report((*path, "name"), message)
            return
        if shape.rules == [] and not lost((*path, "rules")):
            document.report((*path, "rules"), f"group {shape.name!r} has no rules", key=True)
        for key, given in (
            ("to", has_to),
            ("if_away", shape.if_away is not None),
            ("priority", "priority" in shape.model_fields_set),
        ):
            if given:
                message = f"a group has no {key!r}; it belongs to the rules inside"
                document.report((*path, key), message, key=True)

    def otherwise(self) -> Rule | None:
        """The last resort, whose destination is named outright."""
        shape, document = self.builder.shape.otherwise, self.builder.document
        if shape is None:
            return None
        path: Path = (OTHERWISE, "to")
        to = self.destination(shape.to, path)
        if to is None:
            return None
        if isinstance(to, ToAccountOwner) or to.path is not None:
            message = (
                "the last resort is a team, rep or queue named outright, so that it never fails"
            )
            document.report(path, message)
            return None
        return Rule(OTHERWISE, None, to, None, (), False, document.place((OTHERWISE,)))

    def destination(self, shape: DestinationShape | None, path: Path) -> Destination | None:
        """Resolve one destination; None when there is none or it is broken."""
        if shape is None:
            return None
        given = [kind for kind in _KINDS if getattr(shape, kind) is not None]
        if len(given) != 1:
            if not self.builder.document.lost(path):
                wanted = "exactly one of team, rep, queue, account_owner"
                found = " and ".join(given) or "none"
                message = f"a destination has {wanted}; found {found}"
                self.builder.document.report(path, message, key=True)
            return None
        kind = given[0]
        if kind == "account_owner":
            return ToAccountOwner()
        text = str(getattr(shape, kind))
        at: Path = (*path, kind)
        if self.schema.types.get(text) is FieldType.TEXT and "." in text:
            self._check_column(kind, text)
            return _by_path(kind, text)
        return self._named(kind, text, at)

    def _named(self, kind: str, text: str, at: Path) -> Destination | None:
        document = self.builder.document
        root, dot, _ = text.partition(".")
        if dot and root in self.builder.document.names("tables"):
            if root in self.tables:
                columns = [f"{root}.{c}" for c in self.tables[root].table.columns]
                document.unknown(at, "column", text, columns)
            return None
        if kind == "queue":
            return ToQueue(queue=text)
        dotted = [n for n, t in self.schema.types.items() if "." in n and t is FieldType.TEXT]
        if kind == "team":
            teams = document.names("teams")
            if text not in teams and "teams" not in document.root.lost:
                guess = nearest(text, [*teams, *(dotted if dot else ())])
                document.unknown(at, "team", text, teams, guess)
            return ToTeam(team=text)
        rep = text.lower()
        if self.reps is not None and rep not in self.reps:
            guess = nearest(rep, [*self.reps, *(dotted if dot and "@" not in rep else ())])
            document.unknown(at, "rep", text, self.reps, guess)
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
