"""From a region to a lead that lies in it: values to show, tried on the real conditions.

The regions know less than the conditions do, so an example is a proposal until somebody has run
the conditions on it; callers do, and say "not analysed" where none holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fairlead.core import vocabulary
from fairlead.core.condition_parser import Call, Literal, Name, Node
from fairlead.core.match import with_tables
from fairlead.core.policy import Policy, Rule
from fairlead.core.region_axes import Draft
from fairlead.core.region_build import Space
from fairlead.core.region_cells import EXAMPLE_NOW, fold
from fairlead.core.regions import ABSENT
from fairlead.core.schema import FieldType
from fairlead.core.tables import Table
from fairlead.core.types import Lead, Ref, Value

_ITEM = "anything"
_REF = Ref("example", "Lead", "example")


def examples(space: Space, region: Sequence[int]) -> Iterator[dict[str, Value]]:
    """Leads that probably lie in a region, as rules see them; the one with most said first."""
    for chosen in _choices(space, region):
        values: dict[str, Value] = {}
        for at in chosen:
            assign(space, at, space.axes[at].best(region[at]), values)
        for name, table in space.policy.tables.items():
            if len(table.key) > 1 and space.at.get(name) in chosen:
                _take_row(space, table, region, values)
        yield with_rows(values, space.policy)


def _choices(space: Space, region: Sequence[int]) -> Iterator[list[int]]:
    """Which axes have a value: all that the region speaks of, else only those that must."""
    must = [at for at, cells in enumerate(region) if not cells & ABSENT]
    spoken = [
        at
        for at, cells in enumerate(region)
        if cells & ~ABSENT and cells != space.axes[at].full and not space.drafts[_key(space, at)].op
    ]
    yield _closed(space, region, [*must, *spoken])
    yield _closed(space, region, must)
    yield _closed(space, region, [at for at, cells in enumerate(region) if cells & ~ABSENT])


def _key(space: Space, at: int) -> str:
    return space.axes[at].key


def _closed(space: Space, region: Sequence[int], chosen: list[int]) -> list[int]:
    """With all that must be there when these are; tests with both answers are left at no."""
    found = dict.fromkeys(
        at for at in chosen if not (space.drafts[_key(space, at)].op and region[at] & ABSENT)
    )
    todo = list(found)
    while todo:
        for other, _ in space.axes[todo.pop()].needs:
            if other not in found and region[other] & ~ABSENT:
                found[other] = None
                todo.append(other)
    # Plain fields first, so that computed values and tests fit into what they give.
    return sorted(found, key=lambda at: not space.drafts[_key(space, at)].name)


def assign(
    space: Space, at: int, cell: int, values: dict[str, Value], now: datetime = EXAMPLE_NOW
) -> None:
    """Put the field behind an axis to one of its cells (a single bit)."""
    draft = space.drafts[space.axes[at].key]
    value = space.axes[at].values[cell.bit_length() - 1]
    if draft.op:
        _pass(draft, values)
    elif draft.name:
        if draft.kind is FieldType.LIST:
            values.setdefault(draft.name, (_ITEM,))
        elif value is None:
            values.pop(draft.name, None)
        else:
            values[draft.name] = value
    elif isinstance(draft.side, Call):
        _invert(draft.side, value, values, now)


def _invert(call: Call, value: Any, values: dict[str, Value], now: datetime) -> None:
    """Give the field of a function call a value for which the call gives `value`."""
    base = call.args[0]
    if not isinstance(base, Name):
        return
    match call.function:
        case _ if value is None:
            return
        case "age" if isinstance(value, timedelta):
            values[base.name] = now - value
        case "days_since":
            values[base.name] = now - timedelta(days=int(value))
        case "length":
            values[base.name] = "x" * min(int(value), 200)
        case "lower":
            values[base.name] = value
        case "domain":
            values[base.name] = f"https://{value}"
        case "starts_with" | "ends_with" if value is True and isinstance(call.args[1], Literal):
            text = str(call.args[1].value)
            values[base.name] = f"{text}0" if call.function == "starts_with" else f"0{text}"
        case "starts_with" | "ends_with":
            values.setdefault(base.name, "-")


def _pass(draft: Draft, values: dict[str, Value]) -> None:
    """Make a test of a field pass: `contains` puts the text in, others are guessed from theirs."""
    side: Node = draft.side
    if not isinstance(side, Name):
        return
    text = str(draft.constant)
    if draft.op == "matches":
        text = text.removeprefix("(?i)").strip("^$")
        if not text.replace(" ", "").isalnum():
            return
    now = values.get(side.name)
    if isinstance(now, tuple):
        kept = tuple(item for item in now if item != _ITEM)
        values[side.name] = (*kept, text)
    elif isinstance(now, str) and not now.startswith(vocabulary.PLENTY):
        values[side.name] = now if text in fold(now) else f"{now} {text}"
    else:
        values[side.name] = text


def _take_row(space: Space, table: Table, region: Sequence[int], values: dict[str, Value]) -> None:
    """Give the lead the key of a row that fits the region."""
    for key, row in (table.exact() or {}).items():
        cells = [(name, space.cell(name, part)) for name, part in zip(table.key, key, strict=True)]
        cells += [
            (f"{table.name}.{c}", space.cell(f"{table.name}.{c}", row[c]) if row.get(c) else 0)
            for c in table.columns
            if f"{table.name}.{c}" in space.at
        ]
        if all(region[space.at[name]] >> cell & 1 for name, cell in cells):
            for name, part in zip(table.key, key, strict=True):
                values[name] = vocabulary.shown(name, part)
            return


def with_rows(values: Mapping[str, Value], policy: Policy) -> dict[str, Value]:
    """A lead's own values with what the tables say to them, as deciding sees it; and `now`."""
    own = {n: v for n, v in values.items() if n.partition(".")[0] not in policy.tables}
    lead = Lead(_REF, None, EXAMPLE_NOW, None, {"now": EXAMPLE_NOW, **own})
    return with_tables(lead, policy.tables)


def own_values(values: Mapping[str, Value], policy: Policy) -> dict[str, Value]:
    """What of an example is worth showing: the lead's fields, not the tables' nor the moment."""
    return {
        name: value
        for name, value in sorted(values.items())
        if value is not None and name != "now" and name.partition(".")[0] not in policy.tables
    }


def taker(rules: Sequence[Rule], values: Mapping[str, Value]) -> Rule | None:
    """The first rule that takes a lead with these values, groups being asked in their place."""
    for rule in rules:
        if rule.when is not None and not rule.when.test(values):
            continue
        found = rule if rule.to is not None else taker(rule.rules, values)
        if found is not None:
            return found
    return None


def told(values: Mapping[str, Value], policy: Policy) -> str:
    """An example as one line of text."""
    shown = own_values(values, policy)
    return ", ".join(f"{name} {_shown(value)}" for name, value in shown.items()) or "an empty lead"


def _shown(value: Value) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if value is True:
        return "yes"
    if value is False:
        return "no"
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    text = str(value)
    return text if text.isprintable() else ascii(text)[1:-1]
