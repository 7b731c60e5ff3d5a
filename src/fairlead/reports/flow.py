"""The way of a lead through the rules as a picture: Mermaid for Markdown, SVG for HTML.

Both draw the same steps. Every text is escaped: names come from whoever writes the policy.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fairlead.core.policy import (
    Destination,
    Policy,
    Rule,
    ToAccountOwner,
    ToManager,
    ToQueue,
    ToRep,
    ToTeam,
)
from fairlead.reports.findings import printable

_PLAIN = frozenset(" .,:@_-/'()")


@dataclass(frozen=True, slots=True)
class Step:
    """One rule on the way. `yes` and `no` are the numbers of the next steps.

    `yes` is None when the rule has a destination; -1 stands for the last resort.
    """

    number: int
    name: str
    depth: int
    to: str
    if_away: str
    yes: int | None
    no: int


def place_words(to: Destination | None) -> str:
    """A destination in words; "" for none."""
    match to:
        case None:
            return ""
        case ToTeam(team, path):
            return f"team {team}" if path is None else f"the team named by {path}"
        case ToRep(rep, path):
            return str(rep) if path is None else f"the rep named by {path}"
        case ToQueue(queue, path):
            return f"queue {queue}" if path is None else f"the queue named by {path}"
        case ToManager(team, path):
            return "the manager of " + place_words(ToTeam(team, path))
        case ToAccountOwner(parent=True):
            return "the owner of the account at the top of the group"
    return "the owner of the account"


def steps(policy: Policy) -> list[Step]:
    """All rules as steps, in the order in which they are asked."""
    numbers: dict[str, int] = {}
    for rule, _ in _walk(policy.rules, 0):
        numbers[rule.name] = len(numbers)
    found: list[Step] = []

    def link(rules: Sequence[Rule], depth: int, after: int) -> None:
        for at, rule in enumerate(rules):
            no = numbers[rules[at + 1].name] if at + 1 < len(rules) else after
            yes = None if rule.to is not None or not rule.rules else numbers[rule.rules[0].name]
            to, away = place_words(rule.to), place_words(rule.if_away)
            found.append(Step(numbers[rule.name], rule.name, depth, to, away, yes, no))
            link(rule.rules, depth + 1, no)

    link(policy.rules, 0, -1)
    return found


def _walk(rules: Sequence[Rule], depth: int) -> Iterator[tuple[Rule, int]]:
    for rule in rules:
        yield rule, depth
        yield from _walk(rule.rules, depth + 1)


def mermaid(policy: Policy) -> str:
    """The flow as a Mermaid flowchart, without the fence around it."""
    lines = ["flowchart TD", '    lead(["a new lead"])']
    every = steps(policy)
    lines.append(f"    lead --> {_id(every[0].number) if every else 'last'}")
    for s in every:
        lines.append(f'    {_id(s.number)}{{"{_label(s.name)}"}}')
        if s.yes is None:
            lines.append(f'    {_id(s.number)} -- yes --> d{s.number}["{_label(s.to)}"]')
            if s.if_away:
                lines.append(f'    d{s.number} -. away .-> a{s.number}["{_label(s.if_away)}"]')
        else:
            lines.append(f"    {_id(s.number)} -- yes --> {_id(s.yes)}")
        lines.append(f"    {_id(s.number)} -- no --> {_id(s.no)}")
    lines.append(f'    last["otherwise: {_label(place_words(policy.otherwise.to))}"]')
    return "\n".join(lines)


def _id(number: int) -> str:
    return "last" if number < 0 else f"r{number}"


def _label(text: str) -> str:
    """A text inside a quoted Mermaid label: anything that could mean something is a code point."""
    return "".join(
        c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in printable(text)[:120]
    )


_ROW, _WIDE, _BOX = 56, 900, 36


def svg(policy: Policy) -> str:
    """The flow as one SVG element: rules downwards, destinations to the right."""
    every = steps(policy)
    height = _ROW * (len(every) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {height}" role="img"'
        ' font-family="sans-serif" font-size="14"><title>The way of a lead</title>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>',
        *_box(20, 0, "a new lead", "#eef", 16),
    ]
    for s in every:
        top, left = _ROW * (s.number + 1), 20 + 24 * s.depth
        parts += _line(left + 30, top - _ROW + _BOX, left + 30, top)
        parts += _box(left, top, s.name, "#fff", 5)
        if s.yes is None:
            parts += _line(left + 360, top + _BOX // 2, 500, top + _BOX // 2)
            more = f", if away: {s.if_away}" if s.if_away else ""
            parts += _box(500, top, s.to + more, "#efe", 16)
    last = _ROW * (len(every) + 1)
    parts += _line(50, last - _ROW + _BOX, 50, last)
    parts += _box(20, last, f"otherwise: {place_words(policy.otherwise.to)}", "#fee", 16)
    return "\n".join([*parts, "</svg>"])


def _box(left: int, top: int, text: str, fill: str, round_: int) -> list[str]:
    whole = printable(text)
    short = whole if len(whole) <= 46 else whole[:45] + "…"
    return [
        f'<g><title>{html.escape(whole)}</title><rect x="{left}" y="{top}" width="360"'
        f' height="{_BOX}" rx="{round_}" fill="{fill}" stroke="#567"/>'
        f'<text x="{left + 12}" y="{top + 23}">{html.escape(short)}</text></g>'
    ]


def _line(x1: int, y1: int, x2: int, y2: int) -> list[str]:
    return [
        f'<path d="M{x1} {y1} {x2} {y2}" stroke="#567" fill="none" marker-end="url(#tip)"/>',
    ]
