"""Reads `scoring`: points, caps, half-lives, bands and the fields that the score is written to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from types import MappingProxyType

from fairlead.core.condition_parser import Call, Compare, Logic, Name, Node, Not, parse
from fairlead.core.policy import Condition
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_scoring_shapes import PointGroupShape, PointsShape, ScoringShape
from fairlead.core.region_terms import compared
from fairlead.core.schema import FieldType, Schema
from fairlead.core.scorecard import Band, PointGroup, Points, Scorecard, Turn

MOST = 10_000
"""Points of one line, a cap or a band, up or down."""
_ITSELF = "is what the points are counted for; it cannot give points itself"
_AT: Path = ("scoring",)
_DAY = timedelta(days=1)


def score_types(shape: ScoringShape | None) -> dict[str, FieldType]:
    """The names that rules may use beside `score` and `grade`: one for each group."""
    groups = () if shape is None else shape.groups
    return {f"score.{name}": FieldType.NUMBER for name in groups}


@dataclass(frozen=True, slots=True)
class ScoringReader:
    """Reads one policy's `scoring`; `compile_at` compiles the condition at a path."""

    document: Document
    schema: Schema
    crms: tuple[str, ...]
    compile_at: Callable[[Path, str | None, Schema], Condition | None]

    def read(self, shape: ScoringShape | None) -> Scorecard | None:
        """The scorecard; None when there is none."""
        if shape is None:
            return None
        groups = tuple(self._group(name, g) for name, g in shape.groups.items())
        if not groups and not self.document.lost((*_AT, "groups")):
            message = "a score needs at least one group with points, such as 'fit:'"
            self.document.report((*_AT, "groups"), message, key=True)
        bands = tuple(self._bands(shape))
        return Scorecard(groups, bands, shape.below, MappingProxyType(self._write_to(shape)))

    def _group(self, name: str, shape: PointGroupShape) -> PointGroup:
        path: Path = (*_AT, "groups", name)
        cap = shape.cap
        if cap is not None and not 0 < cap <= MOST:
            message = f"a cap is a number above 0 and up to {MOST}; it bounds losses, too"
            self.document.report((*path, "cap"), message)
        if not shape.points and not self.document.lost((*path, "points")):
            self.document.report((*path, "points"), f"group {name!r} gives no points", key=True)
        lines = [
            self._points(p, shape.half_life, (*path, "points", i))
            for i, p in enumerate(shape.points)
        ]
        lines_with_date = any(p.at is not None for p in shape.points)
        if shape.half_life is not None and shape.points and not lines_with_date:
            message = "no points of this group have a date to fade from; say it with 'at:'"
            self.document.report((*path, "half_life"), message, key=True)
        kept = tuple(line for line in lines if line is not None)
        return PointGroup(name, kept, cap, self.document.place(path))

    def _points(self, shape: PointsShape, half_life: timedelta | None, path: Path) -> Points | None:
        later = dict.fromkeys(("score", "grade"), _ITSELF)
        condition = self.compile_at((*path, "when"), shape.when, self.schema.hiding(later))
        if not shape.points or abs(shape.points) > MOST:
            message = f"points are a number other than 0, from -{MOST} to {MOST}"
            self.document.report((*path, "points"), message)
        lasts = half_life if shape.half_life is None else shape.half_life
        self._date(shape, lasts, path)
        if lasts is not None and not lasts:
            self.document.report((*path, "half_life"), "a half-life is longer than 0s")
        if condition is None:
            return None
        place = self.document.place(path)
        because = shape.because or " ".join(shape.when.split())
        turns = tuple(dict.fromkeys(self._turns(condition, (*path, "when"))))
        faded = lasts if shape.at is not None else None
        return Points(condition, shape.points, because, place, shape.at, faded, turns)

    def _date(self, shape: PointsShape, half_life: timedelta | None, path: Path) -> None:
        if shape.at is None:
            if shape.half_life is not None:
                message = "points fade from a date of the lead; say which with 'at:'"
                self.document.report((*path, "half_life"), message, key=True)
            return
        if half_life is None:
            message = "points with a date need a 'half_life:', here or in their group"
            self.document.report((*path, "at"), message, key=True)
        types = self.schema.types
        dates = [n for n, t in types.items() if t is FieldType.INSTANT and n != "now"]
        if shape.at in types and shape.at not in dates:
            message = f"{shape.at!r} is no date of the lead but a {types[shape.at]}"
            self.document.report((*path, "at"), message)
        elif shape.at in self.schema.hidden:
            message = f"{shape.at!r} {self.schema.hidden[shape.at]}"
            self.document.report((*path, "at"), message)
        elif shape.at not in types and shape.at not in self.document.names("fields"):
            self.document.unknown((*path, "at"), "date of a lead", shape.at, dates)

    # -- time ---------------------------------------------------------------------------------

    def _turns(self, condition: Condition, path: Path) -> Iterator[Turn]:
        """When a condition on dates changes its answer with no news of the lead."""
        if "now" not in condition.names:
            return
        for node in leaves(parse(condition.text)):
            if "now" not in reads_of(node):
                continue
            found = turn_of(node)
            if found is None:
                message = (
                    "points can depend on time by age() or days_since() of a date compared with"
                    " a constant, by a date compared with now, or by a half_life"
                )
                self.document.report(path, message)
                return
            yield from found

    # -- bands and fields ---------------------------------------------------------------------

    def _bands(self, shape: ScoringShape) -> Iterator[Band]:
        before: tuple[str, Fraction] | None = None
        for name, least in shape.bands.items():
            path: Path = (*_AT, "bands", name)
            if abs(least) > MOST:
                self.document.report(path, f"a band begins between -{MOST} and {MOST} points")
            elif before is not None and least <= before[1]:
                message = (
                    f"bands go up: {name!r} begins at {_plain(least)} points, and"
                    f" {before[0]!r} before it at {_plain(before[1])}"
                )
                self.document.report(path, message)
            if name.casefold() == shape.below.casefold():
                message = f"{name!r} is the grade below the first band; name one of them otherwise"
                self.document.report(path, message, key=True)
            before = name, least
            yield Band(name, least, self.document.place(path))

    def _write_to(self, shape: ScoringShape) -> dict[str, str]:
        for crm in shape.write_to:
            if crm not in self.crms:
                self.document.unknown_key((*_AT, "write_to", crm), crm, self.crms)
        return {crm: field for crm, field in shape.write_to.items() if crm in self.crms}


def _plain(points: Fraction) -> str:
    return f"{float(points):g}"


def leaves(node: Node) -> Iterator[Node]:
    """The parts of a condition that hold or not by themselves."""
    if isinstance(node, Logic):
        for part in node.parts:
            yield from leaves(part)
    elif isinstance(node, Not):
        yield from leaves(node.operand)
    else:
        yield node


def reads_of(node: Node) -> frozenset[str]:
    """`now` and the names of dates that a comparison reads."""
    if isinstance(node, Compare):
        return reads_of(node.left) | reads_of(node.right)
    if isinstance(node, Call):
        inner = frozenset[str]().union(*(reads_of(a) for a in node.args))
        return inner | ({"now"} if node.function in ("age", "days_since") else frozenset())
    return frozenset({node.name}) if isinstance(node, Name) else frozenset()


def turn_of(node: Node) -> tuple[Turn, ...] | None:
    """The turns of one comparison; None when they cannot be told."""
    if not isinstance(node, Compare):
        return ()
    sides = (node.left, node.right)
    if all(isinstance(side, Name) for side in sides):
        dates = [side.name for side in sides if isinstance(side, Name) and side.name != "now"]
        return tuple(Turn(name, timedelta(0)) for name in dates)
    side, _, constants = compared(node)
    if isinstance(side, Name):
        return tuple(Turn("", timedelta(0), c) for c in constants if isinstance(c, datetime))
    if not isinstance(side, Call) or not isinstance(side.args[0], Name):
        return None
    name = side.args[0].name
    if name == "now":
        return None
    if side.function == "age":
        return tuple(Turn(name, c) for c in constants if isinstance(c, timedelta))
    days = {d for c in constants for d in (math.floor(c), math.floor(c) + 1, math.ceil(c))}
    return tuple(Turn(name, d * _DAY) for d in sorted(days) if abs(d) < 100_000)
