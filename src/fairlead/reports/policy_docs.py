"""A policy as a page for reps and managers: Markdown, or one HTML file without scripts or links.

The page is made of a few plain blocks, so that both forms say the same. All texts of the policy are
escaped for the form at hand.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairlead.core.condition_words import duration_words, in_words
from fairlead.core.distribute import METHODS, OPEN
from fairlead.core.policy import Policy, Rule, Source, Team
from fairlead.core.scorecard import Points, Scorecard
from fairlead.core.tables import Table
from fairlead.reports.decay import level_row
from fairlead.reports.findings import printable
from fairlead.reports.flow import mermaid, place_words, svg
from fairlead.reports.policy_words import (
    cadence_words,
    calendar_row,
    facts,
    found_by,
    kinds_of_skill,
    ledger_words,
    promise_rows,
    rep_row,
    rule_words,
    until_words,
)
from fairlead.reports.recycling_words import HEADER, recycling_facts, track_row

_MOST_CELLS = 12


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One step of a numbered list, nested by `depth`; `number` counts from 1 within its level."""

    depth: int
    number: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """The place of the picture."""


Block = Heading | Text | Item | Grid | Flow


def blocks(policy: Policy, title: str) -> Iterator[Block]:
    """The page in order: sources, points, rules, teams, people, skills, hours, tables, picture."""
    yield Heading(title, 1)
    yield Text(
        "Who gets which lead. Rules are asked from top to bottom; the first one that holds takes"
        f" the lead. This page is made from policy {policy.hash[:12]}."
    )
    yield Heading("Where leads come from", 2)
    yield Grid(("source", "CRM", "we give away"), tuple(_source(s) for s in policy.sources))
    yield from map(Text, facts(policy))
    if policy.scoring is not None:
        yield from _scoring(policy.scoring)
    yield Heading("Rules, in order", 2)
    yield from _rules(policy.rules, 0)
    last = place_words(policy.otherwise.to)
    yield Text(f"A lead that no rule takes, or that its rule cannot place, goes to {last}.")
    if policy.task is not None:
        due = duration_words(policy.task.due_in)
        yield Text(f"Every new owner gets the task “{policy.task.subject}”, due in {due}.")
        if policy.task.mail:
            yield Text("The same words are mailed to them once the lead is theirs.")
    if policy.decay:
        yield Heading("Leads that go cold", 2)
        cold = ("level", "when a lead gets there", "which leads", "what happens")
        yield Grid(cold, tuple(level_row(level) for level in policy.decay))
    yield from _promises(policy)
    if policy.recycling is not None:
        yield Heading("Second chances", 2)
        yield from map(Text, recycling_facts(policy.recycling))
        if policy.recycling.tracks:
            yield Grid(HEADER, tuple(map(track_row, policy.recycling.tracks.values())))
    if policy.teams:
        yield Heading("Teams", 2)
        columns = (
            "team",
            "members (share of the leads)",
            "shared",
            "balanced over",
            "manager",
            "helped by",
            "beside turns",
        )
        yield Grid(columns, tuple(_team(t, policy) for t in policy.teams.values()))
    if policy.roster:
        kinds = kinds_of_skill(policy)
        yield Heading("People and skills", 2)
        header = ("rep", "hours", "takes at most", "covered by", *kinds)
        yield Grid(header, tuple(rep_row(rep, kinds) for rep in policy.roster.values()))
    if policy.calendars:
        yield Heading("Hours", 2)
        told = ("hours", "zone", "days", "holidays of", "working days kept free around leave")
        yield Grid(told, tuple(calendar_row(c) for c in policy.calendars.values()))
    if policy.tables:
        yield Heading("Tables", 2)
        said = ("table", "found by", "lines", "says")
        yield Grid(said, tuple(_table(t) for t in policy.tables.values()))
    yield Heading("The way of a lead", 2)
    yield Flow()


def _promises(policy: Policy) -> Iterator[Block]:
    if policy.slas:
        yield Heading("Answer times", 2)
        header = ("promise", "answer within", "counted in", "for whom", "warned", "then", "later")
        yield Grid(header, tuple(promise_rows(policy)))
    yield from map(Text, cadence_words(policy))


def _scoring(card: Scorecard) -> Iterator[Block]:
    yield Heading("What gives a lead points", 2)
    lines = ((group, line) for group in card.groups for line in group.points)
    yield Grid(("group", "points", "why", "if"), tuple(_points(g.name, p) for g, p in lines))
    capped = [f"{g.name} {_number(g.cap)}" for g in card.groups if g.cap is not None]
    if capped:
        yield Text(f"The most that a group counts, up or down: {', '.join(capped)}.")
    if card.bands:
        steps = [f"{band.name} from {_number(band.at_least)} points" for band in card.bands]
        yield Text(f"Grades: {', '.join(steps)}; below that {card.below}.")
    if card.write_to:
        fields = [f"{field} in {crm}" for crm, field in card.write_to.items()]
        yield Text(f"The score is written to {' and '.join(fields)}.")


def _points(group: str, line: Points) -> tuple[str, ...]:
    worth = f"{float(line.points):+g}"
    if line.half_life is not None and line.at is not None:
        since = line.at.replace("_", " ")
        worth += f", half of it each {duration_words(line.half_life)} since {since}"
    return group, worth, line.because, in_words(line.when.text)


def _number(points: Fraction) -> str:
    return f"{float(points):g}"


def _source(source: Source) -> tuple[str, ...]:
    asked = in_words(source.pick_up.text) if source.pick_up else "every lead that no person owns"
    crm = source.crm if source.object is None else f"{source.crm} ({source.object})"
    return source.name, crm, asked


def _rules(rules: Sequence[Rule], depth: int) -> Iterator[Item]:
    for number, rule in enumerate(rules, start=1):
        when = f"if {in_words(rule.when.text)}" if rule.when else "every lead that gets here"
        wait = f"{until_words(rule.hold_until)}, then " if rule.hold_until else ""
        if rule.to is None:
            text = f"{when}, {wait}these rules are asked:"
        else:
            text = f"{when}: {wait}to {place_words(rule.to)}"
            if rule.hold is not None:
                end = rule.hold.at_most
                text += "; if that is not possible, it waits " + (
                    "until it is" if end is None else f"up to {duration_words(end)}"
                )
            if rule.if_away is not None:
                then = "; if that is not possible, to" if rule.hold is None else " and then goes to"
                text += f"{then} {place_words(rule.if_away)}"
            text += ". High priority." if rule.high_priority else "."
            text = f"{text} {rule_words(rule)}".rstrip()
        yield Item(depth, number, rule.name, text)
        yield from _rules(rule.rules, depth + 1)


def _team(team: Team, policy: Policy) -> tuple[str, ...]:
    weights = {m: policy.roster[m].weight for m in team.members if m in policy.roster}
    total = sum(weights.values())
    by_turns = METHODS[team.method].by_turns and not team.options.roles
    members = []
    for member in team.members:
        entry = policy.roster.get(member)
        named = member if entry is None or entry.name is None else f"{entry.name} ({member})"
        has_share = by_turns and member in weights
        share = f": {float(100 * weights[member] / total):.0f} %" if has_share else ""
        roles = [role.name for role in team.options.roles if member in role.members]
        members.append(f"{named}{share}" + (f", as {' or '.join(roles)}" if roles else ""))
    scopes = {"company": "the whole company", "rule": "each rule by itself"}
    over = scopes.get(team.scope, "this team") if METHODS[team.method].by_turns else "–"
    manager = team.manager or "–"
    shown = _shared(team), over, manager, _helpers(team), ledger_words(team)
    return team.name, "; ".join(members), *shown


def _shared(team: Team) -> str:
    """How the next one is picked, in a few words."""
    options = team.options
    work = "open leads" if options.by == OPEN else f"{options.by} in open leads"
    delay = duration_words(options.max_delay)
    left = options.unclaimed_after
    within = f", within {duration_words(left)}" if left is not None else ""
    return {
        "round_robin": "by turns, among those who are free",
        "least_loaded": f"to whoever has the least: {work}",
        "first_available": "by turns; if nobody is free, to whoever is first",
        "next_up": "strictly by turns: a lead waits for whoever is next",
        "override": f"by turns; a lead waits at most {delay} for whoever is next",
        "ranked": "to the first in this order who is free",
        "group": "to one of each role, all of them free; the first role owns it",
        "claim": f"to the first who takes it from queue {options.queue}{within}",
    }[team.method]


def _helpers(team: Team) -> str:
    parts = []
    if team.coverage is not None:
        parts.append(f"{team.coverage.team} while fewer than {team.coverage.below} are free")
    if team.peak is not None:
        parts.append(f"{team.peak.team} while more than {team.peak.above} leads wait")
    if team.backup is not None:
        parts.append(f"{team.backup} while nobody is free")
    return "; ".join(parts) or "–"


def _table(table: Table) -> tuple[str, ...]:
    said = []
    for column in table.columns:
        cells = Counter(table.cells(column))
        shown = [f"{cell} ({n})" for cell, n in sorted(cells.items())[:_MOST_CELLS]]
        more = f" and {len(cells) - _MOST_CELLS} more" if len(cells) > _MOST_CELLS else ""
        said.append(f"{column}: {', '.join(shown)}{more}")
    return (
        table.name,
        found_by(table),
        str(sum(1 for _ in table.lines())),
        "; ".join(said) or "–",
    )


# -- Markdown --------------------------------------------------------------------------------------

_MARKS = frozenset("\\`*_{}[]#|~^$")


def markdown(policy: Policy, title: str) -> str:
    """The page in GitHub's Markdown, with the picture as a Mermaid block."""
    lines: list[str] = []
    for block in blocks(policy, title):
        match block:
            case Heading():
                lines += ["#" * block.level + " " + _md(block.text), ""]
            case Text():
                lines += ["", _md(block.text), ""]
            case Item():
                lead = "   " * block.depth + f"{block.number}."
                lines.append(f"{lead} **{_md(block.name)}**: {_md(block.text)}")
            case Grid():
                lines += _rows(block, _md)
            case Flow():
                lines += ["```mermaid", mermaid(policy), "```"]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text + "\n"


def _rows(grid: Grid, escape: Callable[[str], str]) -> list[str]:
    rows = [grid.header, ("---",) * len(grid.header)]
    lines = [f"| {' | '.join(map(escape, rows[0]))} |", f"|{'|'.join(rows[1])}|"]
    lines += [f"| {' | '.join(map(escape, row))} |" for row in grid.rows]
    return [*lines, ""]


def _md(text: str) -> str:
    """A text in Markdown that stays a text: no markup, no HTML, no link."""
    out = "".join(f"\\{c}" if c in _MARKS else c for c in printable(text))
    out = out.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return out.replace("://", "&#58;//").replace("www.", "www&#46;")


# -- HTML ------------------------------------------------------------------------------------------

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#123}"
    "table{border-collapse:collapse}td,th{border:1px solid #bcd;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}li{margin:.3rem 0}svg{max-width:100%}"
)


def html_page(policy: Policy, title: str) -> str:
    """The page as one HTML file: no script, no link, nothing loaded from elsewhere."""
    out = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">",
        f"<title>{_html(title)}</title><style>{_STYLE}</style></head><body>",
    ]
    depth = -1
    for block in blocks(policy, title):
        level = block.depth if isinstance(block, Item) else -1
        out += ["<ol>"] * (level - depth) + ["</li></ol>"] * (depth - level)
        if isinstance(block, Item) and level <= depth:
            out.append("</li>")
        depth = level
        match block:
            case Heading():
                out.append(f"<h{block.level}>{_html(block.text)}</h{block.level}>")
            case Text():
                out.append(f"<p>{_html(block.text)}</p>")
            case Item():
                out.append(f"<li><b>{_html(block.name)}</b>: {_html(block.text)}")
            case Grid():
                out += _html_grid(block)
            case Flow():
                out.append(svg(policy))
    return "\n".join([*out, "</body></html>"]) + "\n"


def _html_grid(grid: Grid) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{_html(h)}</th>" for h in grid.header) + "</tr>"
    for row in grid.rows:
        yield "<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _html(text: str) -> str:
    return html.escape(printable(text))
