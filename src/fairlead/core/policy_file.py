"""The policy reader: texts in, a checked `Policy` or every mistake with its place out.

Pure: the caller reads the files (`referenced_files` says which) and gives their texts. The steps:
policy_yaml (tree with places), policy_shape (models), policy_build and policy_rules (meaning).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from fairlead.core.policy import Policy
from fairlead.core.policy_asks import Asks
from fairlead.core.policy_build import Builder
from fairlead.core.policy_destinations import Destinations
from fairlead.core.policy_document import Document
from fairlead.core.policy_files import Files, is_beside
from fairlead.core.policy_models import CRMS, policy_json_schema
from fairlead.core.policy_problem import PolicyError, PolicyProblem, SourceText
from fairlead.core.policy_roster import read_people
from fairlead.core.policy_rules import RuleBuilder
from fairlead.core.policy_shape import shape_of
from fairlead.core.policy_signals import read_signals
from fairlead.core.policy_sla import read_slas
from fairlead.core.policy_teams import read_teams
from fairlead.core.policy_yaml import Mapping as MappingNode
from fairlead.core.policy_yaml import Node, Scalar, Sequence, read_yaml

__all__ = ["PolicyError", "PolicyProblem", "load_policy", "policy_json_schema", "referenced_files"]

_BOM = "\ufeff"


def referenced_files(main_text: str) -> tuple[str, ...]:
    """The files that a policy names (tables, rules, roster), sorted, relative to it; never raises.

    A text that cannot be read names none; `load_policy` then says why.
    """
    root, _ = read_yaml(SourceText("", main_text.removeprefix(_BOM)))
    if not isinstance(root, MappingNode):
        return ()
    nodes = [root.get("roster")]
    tables = root.get("tables")
    if isinstance(tables, MappingNode):
        for _, table in tables.entries.values():
            nodes.append(table.get("csv") if isinstance(table, MappingNode) else None)
    nodes.extend(_rule_files(root.get("rules")))
    names = {n.value.strip() for n in nodes if isinstance(n, Scalar) and isinstance(n.value, str)}
    return tuple(sorted(name for name in names if name and is_beside(name)))


def _rule_files(rules: Node | None) -> Iterator[Node | None]:
    for rule in rules.items if isinstance(rules, Sequence) else ():
        if isinstance(rule, MappingNode):
            yield rule.get("csv")
            yield from _rule_files(rule.get("rules"))


def load_policy(files: Mapping[str, str], main: str, crms: tuple[str, ...] = CRMS) -> Policy:
    """Read the policy in `files[main]`, with the CSV texts it names under their names in `files`.

    `crms` are the connectors a policy may name. Raises PolicyError with all problems, sorted by
    place (the main file first). Equal texts give an equal policy; no text gives another error.
    """
    source = SourceText(main, files[main].removeprefix(_BOM))
    root, problems = read_yaml(source)
    if root is None or not isinstance(root, MappingNode):
        if not problems:
            message = "a policy is a mapping that begins with 'version: 1'"
            problems = (source.problem(0, 1, message),)
        raise PolicyError(problems)
    document = Document(source, root, problems)
    shape = shape_of(document)
    builder = Builder(document, shape, Files(document, files), crms)
    fields = builder.fields()
    tables = builder.tables(fields)
    schema = builder.schema(fields, tables)
    sources = builder.sources(schema, tables)
    owner_authority = builder.owner_authority(sources)
    closed_when = builder.closed_when(schema, tables)
    reroute_on = builder.reroute_on(fields)
    won_when = builder.won_when(schema, tables)
    credit_back = builder.credit_back(schema, tables)
    scoring = builder.scoring(schema)
    calendars = builder.calendars()
    roster = read_people(builder)
    reps = builder.known_reps(roster)
    teams = read_teams(document, shape, reps, schema)
    destinations = Destinations(builder, schema, tables, reps)
    read = roster if roster is not None and reps == frozenset(roster) else None
    rule_builder = RuleBuilder(builder, schema, destinations, Asks(document, schema, read))
    rules = rule_builder.rules(shape.rules, ("rules",))
    otherwise = rule_builder.otherwise()
    splits = builder.splits()
    slas = read_slas(builder, schema, tables)
    signals = read_signals(builder, schema, tables)
    if document.problems or otherwise is None:
        raise PolicyError(_sorted(document.problems, main))
    return Policy(
        hash=_hash(files, main),
        sources=sources,
        fields=MappingProxyType(fields),
        owner_authority=owner_authority,
        roster=MappingProxyType(roster or {}),
        teams=MappingProxyType(teams),
        tables=MappingProxyType({name: read.table for name, read in tables.items()}),
        rules=rules,
        otherwise=otherwise,
        task=builder.task(),
        calendars=MappingProxyType(calendars),
        from_crm=frozenset(shape.availability.from_crm),
        closed_when=closed_when,
        reroute_on=reroute_on,
        won_when=won_when,
        credit_back=credit_back,
        scoring=scoring,
        splits=MappingProxyType(splits),
        slas=MappingProxyType(slas),
        signals=MappingProxyType(signals),
        pilot=shape.safety.pilot,
        sticky=shape.sticky,
        skills_review=shape.check.skills_review,
    )


def _sorted(problems: list[PolicyProblem], main: str) -> list[PolicyProblem]:
    def order(problem: PolicyProblem) -> tuple[bool, str, int, int]:
        place = problem.place
        return place.file != main, place.file, place.line, place.column

    return sorted(problems, key=order)


def _hash(files: Mapping[str, str], main: str) -> str:
    """Name the exact texts; the main file's own name does not count, those it names do."""
    digest = hashlib.sha256()
    for name in ("", *referenced_files(files[main])):
        text = files[name or main].encode("utf-8", "surrogatepass")
        digest.update(f"{name}\n{len(text)}\n".encode("utf-8", "surrogatepass"))
        digest.update(text)
    return digest.hexdigest()
