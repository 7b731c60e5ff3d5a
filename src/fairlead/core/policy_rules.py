"""The rules of a policy: names unique, nothing unreachable, from YAML and from decision tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from fairlead.core.policy import Destination, Place, Rule, ToAccountOwner, ToTeam
from fairlead.core.policy_asks import Asks
from fairlead.core.policy_build import Builder
from fairlead.core.policy_decision_table import DecisionTable, TableRule
from fairlead.core.policy_destinations import Destinations
from fairlead.core.policy_document import Path
from fairlead.core.policy_models import RuleShape
from fairlead.core.schema import Schema

OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class _Written:
    """A rule, whether it takes every lead that reaches it, and how to tell of its name's place."""

    rule: Rule
    takes_all: bool
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RuleBuilder:
    """Builds the rules of one policy against all that they may name."""

    builder: Builder
    schema: Schema
    destinations: Destinations
    asks: Asks
    _names: dict[str, Place] = field(default_factory=dict)

    def rules(self, shapes: list[RuleShape], path: Path) -> tuple[Rule, ...]:
        """One level of rules, in order; an entry with `csv` stands for the lines of its file."""
        found: list[Rule] = []
        taker: Rule | None = None
        for index, shape in enumerate(shapes):
            told = False
            for written in self._entry(shape, (*path, index)):
                rule = written.rule
                if taker is not None and not told:
                    # Of a whole file behind it the first line is told, not all.
                    told = True
                    written.report(
                        f"rule {rule.name!r} is never reached: {taker.name!r}"
                        f" ({self._where(taker.place)}) takes every lead before it"
                    )
                elif taker is None and written.takes_all:
                    taker = rule
                found.append(rule)
        return tuple(found)

    def _entry(self, shape: RuleShape, path: Path) -> Iterator[_Written]:
        document = self.builder.document
        if shape.csv is not None:
            for key in sorted(shape.model_fields_set - {"csv"}):
                message = f"an entry with 'csv' has no {key!r}; its lines have their own"
                document.report((*path, key), message, key=True)
            grid = self.builder.files.grid((*path, "csv"), shape.csv)
            if grid is not None:
                table = DecisionTable(document, grid, self.destinations)
                for line in table.rules():
                    yield self._line(table, line)
        elif shape.name is not None:
            report = partial(document.report, (*path, "name"))
            rule = self._rule(shape, shape.name, path)
            yield _Written(rule, self._takes_all(shape, path), report)
        elif not document.lost((*path, "name")) and not document.lost((*path, "csv")):
            document.report(path, "missing key 'name'", key=True)

    def _line(self, table: DecisionTable, line: TableRule) -> _Written:
        rule = line.rule

        def report(message: str) -> None:
            table.document.problems.append(table.grid.problem(line.cell, message))

        if rule.name:
            self._check_name(rule.name, rule.place, report)
        return _Written(rule, line.sound and rule.when is None, report)

    def _takes_all(self, shape: RuleShape, path: Path) -> bool:
        if shape.when is not None or self.builder.document.lost((*path, "when")):
            return False
        if shape.rules is None:
            return shape.to is not None
        return any(self._takes_all(r, (*path, "rules", i)) for i, r in enumerate(shape.rules))

    def _rule(self, shape: RuleShape, name: str, path: Path) -> Rule:
        document = self.builder.document
        at: Path = (*path, "name")
        self._check_name(name, document.place(at), partial(document.report, at))
        when = self.builder.condition((*path, "when"), shape.when, self.schema)
        self._form(shape, name, path)
        to = self.destinations.read(shape.to, (*path, "to"))
        if_away, hold = self.destinations.if_away(shape.if_away, to, (*path, "if_away"))
        self._check_skills(shape, (to, if_away), path)
        children = self.rules(shape.rules or [], (*path, "rules"))
        return Rule(
            name,
            when,
            to,
            if_away,
            children,
            shape.priority == "high",
            document.place(path),
            self.asks.skills(shape.need, (*path, "need")),
            self.asks.skills(shape.prefer, (*path, "prefer")),
            shape.relax_after,
            self.asks.hold(shape.hold_until, (*path, "hold_until")),
            shape.sticky,
            hold,
            shape.pool,
            self.builder.slas_named(shape.sla, (*path, "sla")),
            self.builder.cadence_named(shape.cadence, (*path, "cadence")),
        )

    def _check_skills(
        self, shape: RuleShape, places: tuple[Destination | None, ...], path: Path
    ) -> None:
        """Skills and pools are a team's, and only a need can be relaxed."""
        document = self.builder.document
        asks_team = any(isinstance(to, ToTeam) for to in places)
        broken = document.lost((*path, "to")) or document.lost((*path, "if_away"))
        for key in ("need", "prefer"):
            if getattr(shape, key) and any(places) and not asks_team and not broken:
                message = f"{key!r} is asked of a team; this rule names none"
                document.report((*path, key), message, key=True)
        if shape.pool is not None and any(places) and not asks_team and not broken:
            message = "'pool' keeps a team's turns apart; this rule names no team"
            document.report((*path, "pool"), message, key=True)
        if shape.relax_after is not None and not shape.need and not document.lost((*path, "need")):
            message = "'relax_after' drops what 'need' asks; this rule needs nothing"
            document.report((*path, "relax_after"), message, key=True)

    def _check_name(self, name: str, place: Place, report: Callable[[str], None]) -> None:
        folded = name.casefold()
        if folded == OTHERWISE:
            report(f"the name {name!r} belongs to the last resort")
        elif folded in self._names:
            where = self._where(self._names[folded])
            report(f"duplicate rule name {name!r}; the first is in {where}")
        else:
            self._names[folded] = place

    def _where(self, place: Place) -> str:
        """A line, with its file unless that is the policy itself."""
        main = self.builder.document.source.file
        return f"line {place.line}" if place.file == main else f"{place.file}:{place.line}"

    def _form(self, shape: RuleShape, name: str, path: Path) -> None:
        """A rule has `to`, a group has `rules`; and neither has what belongs to the other."""
        document, lost = self.builder.document, self.builder.document.lost
        has_to = shape.to is not None or lost((*path, "to"))
        if shape.rules is None and not lost((*path, "rules")):
            if not has_to:
                message = f"rule {name!r} needs 'to' (or 'rules', to be a group)"
                document.report((*path, "name"), message)
            return
        if shape.rules == [] and not lost((*path, "rules")):
            document.report((*path, "rules"), f"group {name!r} has no rules", key=True)
        for key, given in (
            ("to", has_to),
            ("if_away", shape.if_away is not None),
            ("need", bool(shape.need)),
            ("prefer", bool(shape.prefer)),
            ("relax_after", shape.relax_after is not None),
            ("sticky", shape.sticky is not None),
            ("pool", shape.pool is not None),
            ("sla", bool(shape.sla)),
            ("cadence", shape.cadence is not None),
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
        to = self.destinations.read(shape.to, path)
        if to is None:
            return None
        if isinstance(to, ToAccountOwner) or to.path is not None:
            message = (
                "the last resort is a team, rep or queue named outright, so that it never fails"
            )
            document.report(path, message)
            return None
        slas = self.builder.slas_named(shape.sla, (OTHERWISE, "sla"))
        cadence = self.builder.cadence_named(shape.cadence, (OTHERWISE, "cadence"))
        place = document.place((OTHERWISE,))
        return Rule(OTHERWISE, None, to, None, (), False, place, slas=slas, cadence=cadence)
