"""Skills: needed where nobody has them, had by one person only, not reviewed for long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from fairlead.core.examples import own_values, taker
from fairlead.core.lint_finding import LintFinding, Severity
from fairlead.core.lint_pools import Pool, all_rules, pools
from fairlead.core.lint_search import Leaf, example, leaves
from fairlead.core.policy import Policy, RosterEntry, Rule, SkillAsk, ToTeam
from fairlead.core.region_build import Space
from fairlead.core.regions import negated
from fairlead.core.types import Value

Want = tuple[str, str]
"""A skill and one of its values."""
_LEARN = "have a second person learn it; while only one has it, leads wait until 'relax_after'"
_LEARN_OR_WAIT = (
    "have a second person learn it, or add 'relax_after', so that leads do not wait for"
    " one person for ever"
)


def lint_skills(policy: Policy, space: Space, now: datetime) -> Iterator[LintFinding]:
    """Findings about `need` against the roster, and about reviews at `now`."""
    yield from _reviews(policy, now)
    in_order = list(leaves(policy.rules, space))
    for rule in all_rules(policy):
        if not rule.need:
            continue
        asked = [
            p
            for to in (rule.to, rule.if_away)
            if isinstance(to, ToTeam)
            for p in pools(to, policy) or ()
        ]
        if not asked:
            continue
        shown = _shown(policy, space, in_order, rule)
        yield from _impossible(policy, rule, asked, shown)
        yield from _specialists(policy, rule, asked, shown)


def _reviews(policy: Policy, now: datetime) -> Iterator[LintFinding]:
    limit = policy.skills_review
    if limit is None:
        return
    for rep in policy.roster.values():
        if not rep.skills:
            continue
        last = rep.skills_reviewed
        days = None if last is None else (now.date() - last).days
        if days is not None and days <= limit.days:
            continue
        said = "have never been reviewed" if days is None else f"were last reviewed {days} days ago"
        yield LintFinding(
            "skills-not-reviewed",
            Severity.WARNING,
            rep.place,
            f"the skills of {rep.id} {said}; 'skills_review' asks for {limit.days} days",
            f"go through them with {rep.id} and set 'skills_reviewed' to the day",
        )


def _shown(
    policy: Policy, space: Space, in_order: Sequence[Leaf], rule: Rule
) -> Mapping[str, Value] | None:
    """A lead that the rule takes."""
    at = next((n for n, leaf in enumerate(in_order) if leaf.rule is rule), None)
    if at is None:
        return None
    before = [negated(leaf.path, space.axes) for leaf in in_order[:at]]
    found = example(space, [in_order[at].path, *before], lambda v: taker(policy.rules, v) is rule)
    return None if found is None else own_values(found, policy)


def _wants(ask: SkillAsk, policy: Policy) -> list[Want] | None:
    """What may be asked: the values written, or those in a table's column; None is anything."""
    if ask.path is None:
        return [(ask.skill, value.casefold()) for value in ask.values]
    root, _, column = ask.path.partition(".")
    table = policy.tables.get(root)
    if table is None:
        return None
    return sorted({(ask.skill, cell.strip().casefold()) for cell in table.cells(column)})


def _has(rep: RosterEntry, want: Want) -> bool:
    return want[1] in {value.casefold() for value in rep.skills.get(want[0], ())}


def _holders(pool: Pool, wants: Sequence[Want], policy: Policy) -> list[str]:
    """Who of a pool has all that is wanted."""
    reps = [policy.roster[name] for name in dict.fromkeys(pool.reps) if name in policy.roster]
    return [rep.id for rep in reps if all(_has(rep, want) for want in wants)]


def _bundles(rule: Rule, policy: Policy) -> Iterator[tuple[list[Want], bool]]:
    """What one lead may need at once, and whether every lead needs it."""
    fixed = [w for ask in rule.need if ask.path is None for w in _wants(ask, policy) or ()]
    if fixed:
        yield fixed, True
    for ask in rule.need:
        if ask.path is not None:
            for want in _wants(ask, policy) or ():
                yield [*fixed, want], False


def _impossible(
    policy: Policy, rule: Rule, asked: Sequence[Pool], shown: Mapping[str, Value] | None
) -> Iterator[LintFinding]:
    for wants, always in _bundles(rule, policy):
        if any(_holders(pool, wants, policy) for pool in asked):
            continue
        names = " and ".join(f"{skill} {value}" for skill, value in wants)
        after = "" if rule.relax_after is None else ", so its leads only wait until 'relax_after'"
        yield LintFinding(
            "impossible-skill",
            Severity.ERROR if always and rule.relax_after is None else Severity.WARNING,
            rule.place,
            f"rule {rule.name!r} needs {names}, and nobody in {_teams(asked)} has it{after}",
            "give the skill to somebody there in the roster, name another team, or take it from"
            " 'need'",
            shown if always else None,
            f"is taken by {rule.name!r}, where nobody has {names}" if shown and always else "",
            shown is not None or not always,
        )
        if always:
            return


def _specialists(
    policy: Policy, rule: Rule, asked: Sequence[Pool], shown: Mapping[str, Value] | None
) -> Iterator[LintFinding]:
    everybody = Pool(None, tuple(rep for pool in asked for rep in pool.reps))
    told: set[tuple[str, str]] = set()
    for wants, always in (*_bundles(rule, policy), *_known(rule, everybody, policy)):
        holders = _holders(everybody, wants, policy)
        names = " and ".join(f"{skill} {value}" for skill, value in wants)
        if len(holders) != 1 or (holders[0], names) in told:
            continue
        told.add((holders[0], names))
        yield LintFinding(
            "one-specialist",
            Severity.WARNING if always else Severity.INFO,
            rule.place,
            f"rule {rule.name!r}: only {holders[0]} in {_teams(asked)} has {names}",
            _LEARN_OR_WAIT if rule.relax_after is None else _LEARN,
            shown if always else None,
            f"can only go to {holders[0]}" if shown and always else "",
        )


def _known(rule: Rule, everybody: Pool, policy: Policy) -> Iterator[tuple[list[Want], bool]]:
    """What a lead's own field may ask, as far as somebody there has it."""
    reps = [policy.roster[name] for name in everybody.reps if name in policy.roster]
    for ask in rule.need:
        if ask.path is not None and _wants(ask, policy) is None:
            held = sorted({v.casefold() for rep in reps for v in rep.skills.get(ask.skill, ())})
            for value in held:
                yield [(ask.skill, value)], False


def _teams(asked: Sequence[Pool]) -> str:
    names = list(dict.fromkeys(pool.team.name for pool in asked if pool.team is not None))
    if len(names) == 1:
        return f"team {names[0]!r}"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return "teams " + ", ".join(repr(name) for name in names[:3]) + more
