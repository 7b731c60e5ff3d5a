"""What lint says is true: no random lead ever reaches a rule that it calls unreachable."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from core.deciding import HEAD, SF, case, lead, policy, rep, world
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.decide import decide
from fairlead.core.examples import EXAMPLE_NOW, taker, with_rows
from fairlead.core.lint import lint
from fairlead.core.lint_rules import lint_rules
from fairlead.core.policy import Policy
from fairlead.core.region_build import Space
from fairlead.core.regions import TooHard, Work, negated, solve
from fairlead.core.types import Value

FIELDS = "fields:\n  tags: {type: list, salesforce: Tags}\n  seats: {type: number, salesforce: S}\n"
TABLES = """tables:
  territory: {csv: t.csv, key: country}
  desk: {csv: d.csv, key: [country, state]}
  area: {csv: a.csv, key: [country, {prefix: postal_code}]}
  zip: {csv: p.csv, key: {prefix: postal_code}}
  size: {csv: s.csv, key: {range: employees, from: low, to: high}}
"""
T_CSV = "country,team,zone\nDE,a,north\nAT,b,\nUK,a,north\nFR,b,south\n"
A_CSV = "country,postal_code,team\nDE,1,a\nDE,10,b\nDE,101,a\nAT,1,b\nUS,SW1,b\n"
P_CSV = "postal_code,zone\n1,one\n12,\nsw,two\n"
S_CSV = "low,high,class\n,9,tiny\n10.2,10.5,odd\n12,999,mid\n2000,,huge\n"
D_CSV = "country,state,team\nUS,CA,a\nUS,NY,b\nDE,BY,b\n"
CSV = {"t": T_CSV, "d": D_CSV, "a": A_CSV, "p": P_CSV, "s": S_CSV}
CODES = [None, "1", "10", "100", "10115", "101", "11", "12", "1299", "2", "SW1", "sw1a 2aa", "sx"]
COUNTRIES = ["DE", "AT", "FR", "US", "NO"]

leaf = st.one_of(
    st.builds(
        "employees {} {}".format,
        st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        st.sampled_from(["10", "11", "10.5", "1000"]),
    ),
    st.builds(
        "{} <= seats".format,
        st.sampled_from(["0", "1"]),
    ),
    st.builds(
        'country {} "{}"'.format,
        st.sampled_from(["==", "!=", "<", ">="]),
        st.sampled_from([*COUNTRIES, "de", "Germany", "UK"]),
    ),
    st.builds(
        'country {} ["{}", "{}"]'.format,
        st.sampled_from(["in", "not in"]),
        st.sampled_from([*COUNTRIES, "Germany"]),
        st.sampled_from(COUNTRIES),
    ),
    st.sampled_from(
        [
            "territory is null", "territory is not null", 'territory.team == "a"',
            'territory.team != "b"', 'territory.zone in ["north", "east"]', "desk is not null",
            "territory.zone is null", 'desk.team == "b"', "desk is null", 'state == "CA"',
            'state == "California"', "state is null", "country is null", "employees is not null",
            "free_mail", "not free_mail", "free_mail == false", "account is null",
            'account.type == "customer"', "account is not null", 'tags contains "x"',
            'tags contains "Y"', "tags is null", "length(tags) >= 2", "length(title) == 3",
            'title contains "cto"', 'title matches "^c"', 'lower(title) == "cto"', 'title == "CTO"',
            'starts_with(title, "c")', 'title > "b"', 'title <= "CTO"', "age(created_at) > 2d",
            "age(created_at) <= 1d", "days_since(created_at) == 1", "days_since(created_at) < 0",
            "created_at >= 2026-06-01", "created_at is null", "account.owner == owner.email",
            'domain(website) == "acme.example"', "domain(website) is null", "website is null",
            'owner.kind == "queue"', "owner is null", 'territory.zone contains "nor"',
            'lower(territory.zone) == "north"', 'territory.zone matches "h$"',
            "area is null", 'area.team == "b"', 'area.team != "b"', "zip is not null",
            'zip.zone in ["one", "two"]', "zip.zone is null", 'size.class == "odd"',
            "size is null", 'size.class != "mid"', 'size.class contains "u"',
            'starts_with(postal_code, "1")', 'starts_with(postal_code, "SW")',
            'postal_code >= "10" and postal_code < "12"', 'postal_code == "10115"',
            'not (starts_with(postal_code, "10"))', "postal_code is null",
            'starts_with(area.team, "a")', "owner.email == area.team",
        ]
    ),
)  # fmt: skip
condition = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=5,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    lines: list[str] = []
    number = 0
    for _ in range(draw(st.integers(1, 5))):
        number += 1
        lines += [f"  - name: r{number}", f"    when: {draw(condition)}"]
        if draw(st.integers(0, 3)):
            lines.append("    to: {team: a}")
            continue
        lines.append("    rules:")
        for _ in range(draw(st.integers(1, 2))):
            number += 1
            lines += [f"      - name: r{number}", f"        when: {draw(condition)}"]
            lines.append("        to: {team: b}")
    return policy("\n".join(lines), head=HEAD + FIELDS + TABLES, **CSV)


@st.composite
def leads(draw: st.DrawFn) -> dict[str, Value]:
    """Any lead that `normalise` and `match` could have made, as far as these conditions look."""
    values: dict[str, Value] = {
        "now": EXAMPLE_NOW,
        "employees": draw(
            st.sampled_from([None, 0, 9, 9.5, 10, 10.2, 10.3, 10.5, 11, 12, 999, 1000, 2000])
        ),
        "seats": draw(st.sampled_from([None, -1, 0, 0.5, 1])),
        "country": draw(st.sampled_from([None, *COUNTRIES, "GB", "BR"])),
        "state": draw(st.sampled_from([None, "CA", "NY", "BY", "ZZ"])),
        "postal_code": draw(st.sampled_from(CODES)),
        "free_mail": draw(st.booleans()),
        "tags": draw(st.sampled_from([None, ("x",), ("X", "y"), ("z",), ("x", "y", "z")])),
        "title": draw(st.sampled_from([None, "CTO", "cto", "a", "Cto of all", "b", "ceo", "0"])),
        "website": draw(st.sampled_from([None, "https://acme.example", "acme", "x.example"])),
        "created_at": draw(
            st.one_of(
                st.none(), st.integers(-60, 80).map(lambda h: EXAMPLE_NOW - timedelta(hours=h))
            )
        ),
    }
    if draw(st.booleans()):
        values |= {"owner": True, "owner.kind": draw(st.sampled_from(["rep", "queue", "unknown"]))}
        values["owner.email"] = draw(st.sampled_from([None, "o@example.com"]))
    if draw(st.booleans()):
        values |= {"account": True, "account.type": draw(st.sampled_from([None, "Customer", "x"]))}
        values["account.owner"] = draw(st.sampled_from([None, "o@example.com", "p@example.com"]))
    return values


@given(policies(), st.lists(leads(), min_size=10, max_size=10))
@settings(max_examples=100, deadline=None)
def test_no_lead_reaches_a_rule_called_unreachable(
    found: Policy, some: list[dict[str, Value]]
) -> None:
    dead = {f.place for f in lint(found, EXAMPLE_NOW) if f.kind == "unreachable"}
    for values in some:
        reached = taker(found.rules, with_rows(values, found))
        assert reached is None or reached.place not in dead


@given(policies())
@settings(max_examples=60, deadline=None)
def test_every_example_meets_the_fate_that_is_told(found: Policy) -> None:
    for finding in lint(found, EXAMPLE_NOW):
        if finding.example is not None and finding.outcome.startswith("goes to "):
            by = taker(found.rules, with_rows(finding.example, found))
            assert finding.outcome.removeprefix("goes to ").strip("'") == (
                "otherwise" if by is None else by.name
            )


HOLDS = "    hold_until: {field: state, at_most: 2h}"
ASKS = "    need: {language: de}\n    relax_after: 1h"
UNABLE = st.sampled_from(["", HOLDS, ASKS, f"{HOLDS}\n{ASKS}", "    if_away: {team: b}"])


@given(
    st.lists(st.tuples(condition, st.sampled_from("ab"), UNABLE), min_size=2, max_size=4),
    st.lists(leads(), min_size=5, max_size=5),
    st.sampled_from([timedelta(0), timedelta(hours=3)]),
)
@settings(max_examples=25, deadline=None)
def test_what_cannot_be_placed_or_must_wait_reaches_no_dead_rule_either(
    rules: list[tuple[str, str, str]], some: list[dict[str, Value]], waited: timedelta
) -> None:
    text = "\n".join(
        f"  - name: r{n}\n    when: {when}\n    to: {{team: {team}}}\n{more}".rstrip()
        for n, (when, team, more) in enumerate(rules)
    )
    skilled = HEAD.replace("anna@example.com: {}", "anna@example.com: {skills: {language: de}}")
    found = policy(text, head=skilled + FIELDS + TABLES, **CSV)
    dead = {f.place.line for f in lint(found, EXAMPLE_NOW) if f.kind == "unreachable"}
    names = {r.name for r in found.rules if r.place.line in dead}
    away = world(rep("anna", inactive=(SF,)), rep("ben"), rep("carla", inactive=(SF,)))
    for values in some:
        own = {n: v for n, v in values.items() if n.partition(".")[0] not in ("owner", "account")}
        decision = decide(case(lead(**own), waited=waited), away, found, EXAMPLE_NOW)
        assert decision.rule not in names


def many_rules(count: int) -> str:
    rules = []
    for n in range(count):
        country, low = COUNTRIES[n % 5], 10 * n
        rules.append(
            f"  - name: r{n}\n"
            f'    when: country == "{country}" and employees >= {low} and employees < {low + 50}'
            f' and (industry in ["i{n % 40}", "i{n % 7}"] or title matches "(?i)c{n}")\n'
            f"    to: {{team: {'ab'[n % 2]}}}"
        )
    rules.append("  - name: by table\n    when: zone is not null\n    to: {team: zone.team}")
    return "\n".join(rules)


BIG = {
    "postal_code": lambda n: f"{10000 + n}",
    "[country, {prefix: postal_code}]": lambda n: f"{COUNTRIES[n % 5]},{100 + n // 5}",
    "{range: employees, from: low, to: high}": lambda n: f"{n * 10},{n * 10 + 9}",
}


@pytest.mark.parametrize("key", BIG)
def test_two_hundred_rules_and_ten_thousand_lines_are_analysed_whole(key: str) -> None:
    columns = re.sub(r"range: \w+|[^a-z_,]|prefix:|from:|to:", "", key).strip(",")
    lines = "".join(f"{BIG[key](n)},{'ab'[n % 3 % 2]}\n" for n in range(10_000))
    head = HEAD + f"tables:\n  zone: {{csv: z.csv, key: {key}}}\n"
    found = policy(many_rules(199), head=head, z=f"{columns},team\n{lines}")
    findings = lint(found, EXAMPLE_NOW)
    assert [f.message for f in findings if f.kind == "unreachable"] == []
    assert [f.message for f in findings if f.kind == "not-analysed"] == []


def hostile(rules: int, parts: int) -> Policy:
    """Rules of long `or` chains, every other one denied."""
    text = []
    for n in range(rules):
        chain = " or ".join(
            f'(industry == "i{(n * 7 + k) % 97}" and source != "s{(n + 3 * k) % 89}"'
            f" and employees > {3 * k + n})"
            for k in range(parts)
        )
        when = f"not ({chain})" if n % 2 else chain
        text.append(f"  - name: r{n}\n    when: {when}\n    to: {{team: {'ab'[n % 2]}}}")
    return policy("\n".join(text))


def test_hostile_rules_cost_counted_work_and_what_is_given_up_is_told() -> None:
    found = hostile(rules=12, parts=40)
    space = Space(found)
    space.work = Work(left=100_000, patience=20_000)
    findings = list(lint_rules(found, space))
    # The question that uses up what is left may go over it by the size of one condition.
    assert space.work.done <= 100_000 + 2 * space.size
    told = [f for f in findings if f.kind == "not-analysed"]
    assert told
    assert all("too complex" in f.message and not f.analysed for f in told)


def test_a_question_that_is_too_hard_costs_its_patience_and_halves_that_of_the_next() -> None:
    found = hostile(rules=12, parts=40)
    space = Space(found)
    nobody = [negated(space.formula(r.when), space.axes) for r in found.rules]
    work = Work(left=1_000_000, patience=2_000, least=500)
    for patience in (1_000, 500, 500):
        with pytest.raises(TooHard):
            solve(space.axes, nobody, work)
        assert work.patience == patience
    assert work.done <= 2_000 + 1_000 + 500 + 4 * space.size
