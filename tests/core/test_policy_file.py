"""The policy reader: what the sample policies become, and that every mistake is told."""

from __future__ import annotations

import json
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.policy import (
    Place,
    Policy,
    ToAccountOwner,
    ToQueue,
    ToRep,
    ToTeam,
)
from fairlead.core.policy_file import (
    PolicyError,
    load_policy,
    policy_json_schema,
    referenced_files,
)
from fairlead.errors import ConfigError

POLICIES = Path(__file__).parents[2] / "fixtures" / "policies"
BROKEN = POLICIES / "broken"
MINIMAL = "version: 1\nsources: {sf: {crm: salesforce}}\notherwise: {to: {queue: Inbound}}\n"


def texts_of(path: Path) -> dict[str, str]:
    main = path.read_text(encoding="utf-8")
    beside = {name: path.parent / name for name in referenced_files(main)}
    found = {name: p.read_text(encoding="utf-8") for name, p in beside.items() if p.exists()}
    return {path.name: main, **found}


def load(name: str) -> Policy:
    return load_policy(texts_of(POLICIES / name), name)


def problems_of(text: str, **files: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_policy({"p.yaml": text, **files}, "p.yaml")
    return [f"{p.place.line}:{p.place.column} {p.message}" for p in caught.value.problems]


def test_the_starter_policy() -> None:
    policy = load("starter.yaml")
    assert [(s.name, s.crm, s.object) for s in policy.sources] == [
        ("sf", "salesforce", None),
        ("hs", "hubspot", "contacts"),
    ]
    pick_up = policy.sources[1].pick_up
    assert pick_up is not None
    assert pick_up.test({"lifecycle_stage": "Lead"})
    assert not pick_up.test({"lifecycle_stage": "lead", "owner": True})
    assert policy.owner_authority == "salesforce"
    assert policy.fields["product_interest"].sources == {
        "salesforce": "Product_Interest__c",
        "hubspot": "product_interest",
    }
    assert policy.roster["anna@example.com"].weight == 2
    assert policy.roster["dana@example.com"].weight == Fraction(1, 2)
    assert policy.teams["americas"].members == ("carla@example.com", "dana@example.com")
    assert policy.teams["americas"].manager == "carla@example.com"
    assert (policy.teams["emea"].method, policy.teams["emea"].scope) == ("round_robin", "team")
    customers, large, territory = policy.rules
    assert (customers.to, customers.if_away) == (ToAccountOwner(), ToTeam(team="enterprise"))
    assert (large.to, [r.to for r in large.rules]) == (
        None,
        [ToRep(rep="emil@example.com"), ToTeam(team="enterprise")],
    )
    assert [r.high_priority for r in large.rules] == [True, True]
    assert territory.to == ToTeam(path="territory.team")
    assert policy.otherwise.to == ToTeam(team="emea")
    assert policy.task is not None
    assert policy.task.due_in == timedelta(hours=1)


def test_a_place_is_the_line_an_editor_shows() -> None:
    policy = load("starter.yaml")
    lines = (POLICIES / "starter.yaml").read_text(encoding="utf-8").split("\n")
    place = policy.rules[1].rules[0].place
    assert place.file == "starter.yaml"
    assert lines[place.line - 1][place.column - 1 :] == "name: Platform interest goes to Emil"


def test_the_demo_policy() -> None:
    policy = load("demo.yaml")
    assert len(policy.roster) == 8
    assert len({r.weight for r in policy.roster.values()}) > 3
    assert set(policy.teams) == {"emea", "americas", "enterprise", "triage"}
    assert policy.otherwise.to == ToTeam(team="triage")
    assert policy.source_of("hubspot") == policy.sources[1]


def test_tables_and_a_roster_from_files() -> None:
    policy = load("tables.yaml")
    assert policy.roster["carla@example.com"].weight == Fraction(1, 3)
    assert policy.roster["carla@example.com"].name == "Rossi, Carla"
    assert policy.roster["carla@example.com"].crm_ids == {"hubspot": "1204"}
    assert policy.roster["carla@example.com"].place == Place("reps.csv", 4, 1)
    assert policy.teams["emea"].scope == "company"
    table = policy.tables["territory"]
    assert table.columns == ("rep", "team")
    assert table.find({"country": "us", "state": " ca "}) == {
        "rep": "carla@example.com",
        "team": "americas",
    }
    assert table.find({"country": "CA", "state": "ON"}) == {"rep": "dana@example.com"}
    assert table.find({"country": "US", "state": "TX"}) is None
    assert table.find({"country": "US", "state": None}) is None
    assert [r.to for r in policy.rules] == [
        ToRep(path="territory.rep"),
        ToTeam(path="territory.team"),
        ToQueue(path="region.region"),
    ]
    assert policy.rules[0].if_away == ToTeam(path="territory.team")
    assert policy.otherwise.to == ToQueue(queue="Unrouted")
    assert policy.task is None


def test_the_smallest_policy_has_the_default_task() -> None:
    policy = load_policy({"p.yaml": MINIMAL}, "p.yaml")
    assert policy.task is not None
    assert policy.task.subject == "Contact this new lead"
    assert policy.sources[0].pick_up is None


def test_equal_text_is_an_equal_policy_wherever_it_lies() -> None:
    texts = texts_of(POLICIES / "starter.yaml")
    again = load_policy(dict(reversed(texts.items())) | {"unrelated.csv": "x"}, "starter.yaml")
    assert again == load("starter.yaml")
    moved = {"other/name.yaml": texts["starter.yaml"], "territories.csv": texts["territories.csv"]}
    assert load_policy(moved, "other/name.yaml").hash == again.hash


def test_every_changed_text_changes_the_hash() -> None:
    texts = texts_of(POLICIES / "starter.yaml")
    hashes = {load("starter.yaml").hash}
    for name in texts:
        changed = {**texts, name: texts[name] + "\n"}
        hashes.add(load_policy(changed, "starter.yaml").hash)
    assert len(hashes) == 3


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_mistake_of_a_broken_policy_is_told(path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(texts_of(path), path.name)
    assert f"{caught.value}\n" == path.with_suffix(".expected").read_text(encoding="utf-8")
    assert isinstance(caught.value, ConfigError)


def test_problems_are_sorted_with_the_main_file_first() -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(texts_of(BROKEN / "tables.yaml"), "tables.yaml")
    places = [p.place for p in caught.value.problems]
    order = [(p.file != "tables.yaml", p.file, p.line, p.column) for p in places]
    assert order == sorted(order)
    assert len({p.file for p in places}) == 3


@pytest.mark.parametrize("key", ["notify"])
def test_what_this_version_does_not_do_is_refused(key: str) -> None:
    found = problems_of(f"{MINIMAL}{key}: {{}}\n")
    assert len(found) == 1
    assert found[0].startswith(f"4:1 unknown key {key!r}")


@pytest.mark.parametrize("name", ["score", "grade", "assigned_at", "deal_value"])
def test_a_rule_on_a_name_that_nothing_fills_is_refused(name: str) -> None:
    found = problems_of(
        f"{MINIMAL}rules: [{{name: a, when: {name} is not null, to: {{queue: x}}}}]"
    )
    assert len(found) == 1
    assert found[0].startswith(f"4:25 {name!r} is n")


def test_norway_is_no_boolean() -> None:
    text = MINIMAL.replace("Inbound", "NO") + "rules: [{name: on, when: free_mail, to: {queue: y}}]"
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert policy.otherwise.to == ToQueue(queue="NO")
    assert (policy.rules[0].name, policy.rules[0].to) == ("on", ToQueue(queue="y"))


@pytest.mark.parametrize(
    ("weight", "exact"),
    [
        ("2", Fraction(2)),
        ("0.1", Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        ('"2/6"', Fraction(1, 3)),
        ("0.333333333", Fraction(333333333, 10**9)),
    ],
)
def test_weights_are_exact(weight: str, exact: Fraction) -> None:
    text = f"{MINIMAL}reps: {{anna@example.com: {{weight: {weight}}}}}"
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert policy.roster["anna@example.com"].weight == exact


@pytest.mark.parametrize("weight", ["-1", "0.0", "0/1", "1/0", "many", "true", "1e3", "[1]", "nan"])
def test_other_weights_are_refused(weight: str) -> None:
    found = problems_of(f"{MINIMAL}reps: {{anna@example.com: {{weight: {weight}}}}}")
    assert len(found) == 1
    assert "weight" in found[0]


def test_ids_may_be_written_as_numbers_and_keep_their_zeros() -> None:
    text = f"{MINIMAL}reps: {{anna@example.com: {{salesforce: 0012, hubspot: 1204}}}}"
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert policy.roster["anna@example.com"].crm_ids == {"salesforce": "0012", "hubspot": "1204"}


def test_emails_name_a_rep_in_any_case() -> None:
    text = (
        f"{MINIMAL}reps: {{Anna@Example.com: {{}}}}\n"
        "teams: {a: {members: [ANNA@example.com]}}\n"
        "rules: [{name: x, to: {rep: anna@EXAMPLE.com}}]"
    )
    policy = load_policy({"p.yaml": text}, "p.yaml")
    assert list(policy.roster) == ["anna@example.com"]
    assert policy.teams["a"].members == ("anna@example.com",)
    assert policy.rules[0].to == ToRep(rep="anna@example.com")


def test_one_broken_declaration_is_told_once() -> None:
    text = (
        f"{MINIMAL}fields: {{size: {{type: huge, salesforce: Size__c}}}}\n"
        "tables: {region: {csv: gone.csv, key: country}}\n"
        "reps: {anna@example.com: {weight: 0}}\n"
        "teams: {emea: {members: [anna@example.com], method: x}}\n"
        "rules:\n"
        "  - {name: a, when: size > 5, to: {team: emea}}\n"
        "  - {name: b, when: region.x is null, to: {rep: anna@example.com}}\n"
        "  - {name: c, when: region is null, to: {team: region.team}}\n"
    )
    assert [p.split(" ", 1)[0] for p in problems_of(text)] == ["4:23", "5:24", "6:35", "7:53"]


ONE_REP = "reps: {anna@example.com: {}}\n"
CALL_TABLE = "tables: {t: {csv: t.csv, key: country}}\n"


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("fields: {matches: {type: text, hubspot: x}}", {}, "4:10 'matches' is a word of the cond"),
        ("fields: {age: {type: number, hubspot: x}}", {}, "4:10 'age' is a word of the condition"),
        ("fields: {owner: {type: text, hubspot: x}}", {}, "4:10 'owner' is a field of every lead"),
        ("fields: {a.b: {type: text, hubspot: x}}", {}, "4:10 'a.b' cannot be a name here: letter"),
        ("teams: {a.b: {members: [anna@example.com]}}\n" + ONE_REP, {}, "4:9 'a.b' cannot be a na"),
        ("teams: {a: {members: [~]}}", {}, "4:23 expected text, found nothing"),
        ("teams: {a: {members: [5]}}", {}, "4:23 expected text, found number 5"),
        ("teams: {a: {members: {}}}", {}, "4:22 expected a list, found a mapping"),
        ("teams: [a]\nrules: [{name: a, to: {team: a}}]", {}, "4:8 expected a mapping, found a l"),
        ("reps: [a]\nteams: {a: {members: [b@c.de]}}", {}, "4:7 expected a mapping, found a list"),
        (ONE_REP + "roster: r.csv", {"r.csv": "email\n"}, "4:1 reps stand here or in the roster"),
        ("roster: r.csv", {}, "4:9 there is no file 'r.csv'"),
        ("roster: r.csv", {"r.csv": "name\nAnna\n"}, "1:1 a roster needs the column 'email'"),
        (CALL_TABLE, {"t.csv": ""}, "1:1 this table has no header line"),
        (CALL_TABLE, {"t.csv": "country,a,a\n"}, "1:11 column 'a' is there twice"),
        (CALL_TABLE, {"t.csv": "country,,a\n"}, "1:9 a column has no name"),
        (CALL_TABLE, {"t.csv": "land,a\n"}, "4:31 t.csv has no column 'country'"),
        (
            "fields: {t: {type: text, hubspot: x}}\n" + CALL_TABLE,
            {"t.csv": "country,a\n"},
            "5:10 't' is a custom field already",
        ),
        ('rules: [{name: a, when: "\\x66oo is null", to: {queue: x}}]', {}, "4:25 unknown field"),
        ("rules: [{name: a, to: {tem: x}}]", {}, "4:24 unknown key 'tem'"),
        ("rules: [{name: a, to: {}}]", {}, "4:19 a destination has exactly one of"),
        ("rules: [{name: a, to: {account_owner: false}}]", {}, "4:39 expected true, found false"),
        ("rules: [{name: a, when: true, to: {queue: x}}]", {}, "4:25 expected text, found true"),
        ("rules: [{name: a, rules: [{nam: b}]}]", {}, "4:27 missing key 'name'"),
        ("rules: [{name: a, rules: [*x]}]", {}, "4:27 aliases (*name) are not used here"),
        ("rules: [{*x : b, name: a, to: {queue: x}}]", {}, "4:10 aliases (*name) are not used"),
        ("owner_authority: hubspot", {}, "4:18 unknown source 'hubspot'"),
        ("task: {due_in: 5}", {}, "4:16 a duration is a whole number and a unit"),
        ("task: {due_in: 36526d}", {}, "4:16 a duration is at most a hundred years, 36525d"),
        ("task: {due_in: 999999w}", {}, "4:16 a duration is at most a hundred years, 36525d"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, files: dict[str, str], expected: str) -> None:
    assert any(p.startswith(expected) for p in problems_of(MINIMAL + text, **files))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 a policy is a mapping that begins with 'version: 1'"),
        ("- a", "1:1 a policy is a mapping that begins with 'version: 1'"),
        (MINIMAL.replace("1", "2", 1), "1:10 expected 1, found number 2"),
        (
            MINIMAL.replace("{sf: {crm: salesforce}}", "{}"),
            "2:1 a policy needs at least one source",
        ),
        (MINIMAL.replace("{sf: {crm: salesforce}}", "{sf: {}}"), "2:11 missing key 'crm'"),
        (MINIMAL.replace("{crm: salesforce}", "5") + "owner_authority: sf", "2:15 expected a mapp"),
        (MINIMAL + "x" * 101 + ": 5", "4:1 unknown key 'xxx"),
        (MINIMAL.replace("{queue: Inbound}", "{qeue: x}"), "3:18 unknown key 'qeue'"),
        (MINIMAL.replace("{queue: Inbound}", "{team: x}"), "3:24 unknown team 'x'"),
    ],
)
def test_a_policy_without_what_it_needs_is_told_so_once(text: str, expected: str) -> None:
    assert [p[: len(expected)] for p in problems_of(text)] == [expected]


def test_a_broken_rule_does_not_move_the_places_of_the_others() -> None:
    text = (
        f"{MINIMAL}rules:\n"
        "  - {nam: first}\n"
        "  - {name: second, to: [x]}\n"
        "  - {name: third, when: contry is null, to: {queue: x}}\n"
    )
    assert problems_of(text) == [
        "5:5 missing key 'name'",
        "5:6 unknown key 'nam'",
        "6:24 expected a mapping, found a list",
        "7:25 unknown field 'contry'",
    ]


def test_a_connector_of_ones_own_may_be_named() -> None:
    text = MINIMAL.replace("salesforce", "zoho") + "reps: {anna@example.com: {zoho: z1}}"
    policy = load_policy({"p.yaml": text}, "p.yaml", crms=("zoho",))
    assert policy.roster["anna@example.com"].crm_ids == {"zoho": "z1"}
    assert problems_of(text)[0].startswith("2:21 unknown CRM 'zoho'")


def test_a_table_saved_by_a_spreadsheet_is_read() -> None:
    text = (
        MINIMAL + "tables: {t: {csv: t.csv, key: country}}\n"
        "rules: [{name: a, when: t.q is not null, to: {queue: t.q}}]"
    )
    csv = '\ufeffcountry,q\r\n"DE","One, ""two"""\r\n\r\nFR,\r\n'
    policy = load_policy({"p.yaml": text, "t.csv": csv}, "p.yaml")
    assert policy.tables["t"].rows == {("de",): {"q": 'One, "two"'}, ("fr",): {}}


def test_referenced_files_never_fails() -> None:
    assert referenced_files("roster: r.csv\ntables: {a: {csv: b.csv}, c: {csv: ../x}, d: 5}") == (
        "b.csv",
        "r.csv",
    )
    assert referenced_files("[") == ()
    assert referenced_files("") == ()


def test_the_json_schema_fits_the_policies() -> None:
    schema = policy_json_schema(("salesforce", "hubspot", "zoho"))
    json.dumps(schema)
    assert schema["required"] == ["version", "sources", "otherwise"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) >= {"rules", "teams", "tables", "task", "roster"}
    rep = schema["$defs"]["RepShape"]
    own = {"name", "weight", "calendar", "away", "capacity", "skills", "skills_reviewed"}
    own |= {"ramp", "cover"}
    assert set(rep["properties"]) == own | {"salesforce", "hubspot", "zoho"}
    assert rep["additionalProperties"] is False
    assert schema["$defs"]["RuleShape"]["properties"]["when"] == {"type": "string", "minLength": 1}
    assert schema["properties"]["version"] == {"const": 1, "type": "integer"}
    task = schema["properties"]["task"]
    assert {"const": "none", "type": "string"} in task["anyOf"]


_STARTER = texts_of(POLICIES / "starter.yaml")
_PRACTICES = texts_of(POLICIES.parent / "scenarios" / "policies" / "practices.yaml")


def told_or_loaded(files: dict[str, str], main: str) -> None:
    try:
        load_policy(files, main)
    except PolicyError as error:
        problems = error.problems
    else:
        return
    assert problems
    for problem in problems:
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert "^" in problem.caret


@given(st.text())
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    told_or_loaded({"p.yaml": text}, "p.yaml")
    told_or_loaded({**_STARTER, "territories.csv": text}, "starter.yaml")
    told_or_loaded({"p.yaml": f"{MINIMAL}roster: r.csv", "r.csv": f"email\n{text}"}, "p.yaml")


_SCRAPS = ["", "  x: 1", "- a", "[", "}", "? x", "&a", "  to: {team: [}", "rules:", "\t", "'", "- "]


@given(st.data())
def test_a_mangled_policy_is_told_or_loaded(data: st.DataObject) -> None:
    files, main = data.draw(
        st.sampled_from([(_STARTER, "starter.yaml"), (_PRACTICES, "practices.yaml")])
    )
    lines = files[main].split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "scrap", "cut", "value"]))
        if kind == "drop":
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "scrap":
            lines.insert(at, data.draw(st.sampled_from(_SCRAPS)))
        elif kind == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        else:
            value = data.draw(st.sampled_from([" 5", " []", " {}", " true", " x", " null", ' ""']))
            lines[at] = lines[at].split(":")[0] + ":" + value
    told_or_loaded({**files, main: "\n".join(lines)}, main)


@given(st.data())
def test_a_mangled_table_is_told_or_loaded(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["areas.csv", "sizes.csv", "specialists.csv"]))
    text = _PRACTICES[name]
    at = data.draw(st.integers(0, len(text)))
    scrap = data.draw(st.sampled_from(["", "\n", ",", "|", "!", "..", '"', "x", "9", ">=", "*"]))
    mangled = text[:at] + scrap + text[at + data.draw(st.integers(0, 2)) :]
    told_or_loaded({**_PRACTICES, name: mangled}, "practices.yaml")


def test_reroute_on_names_fields_of_the_lead_itself() -> None:
    good = load_policy({"p.yaml": f"{MINIMAL}reroute_on: [country, employees]\n"}, "p.yaml")
    assert good.reroute_on == ("country", "employees")
    text = f"{MINIMAL}reroute_on: [contry, account.type, country, country, modified_at]\n"
    found = problems_of(text)
    assert "unknown field of a lead 'contry'" in found[0]
    assert "unknown field of a lead 'account.type'" in found[1]
    assert "'country' is listed twice" in found[2]
    assert "unknown field of a lead 'modified_at'" in found[3]
