"""What `check` finds in a policy that loads: each finding, its example, and no false alarm."""

from __future__ import annotations

from core.deciding import HEAD, NOW, policy

from fairlead.core.lint import LintFinding, Severity, lint

AWAY = "if_away: {queue: Inbound}"


def rule(name: str, when: str, to: str = "{team: a}", more: str = "") -> str:
    return f"  - name: {name}\n    when: {when}\n    to: {to}\n" + (f"    {more}\n" if more else "")


def findings(rules: str, kind: str, head: str = HEAD, **files: str) -> list[LintFinding]:
    return [f for f in lint(policy(rules, head=head, **files), NOW) if f.kind == kind]


def only(rules: str, kind: str, head: str = HEAD, **files: str) -> LintFinding:
    found = findings(rules, kind, head, **files)
    assert len(found) == 1
    return found[0]


def test_a_rule_behind_a_wider_one_is_never_reached_and_a_lead_shows_it() -> None:
    rules = rule("Big", "employees >= 1000") + rule("Huge", "employees > 5000", "{team: b}")
    found = only(rules, "unreachable")
    assert found.severity is Severity.ERROR
    assert str(found.place) == "p.yaml:16:5"
    assert "'Huge' is never reached: 'Big' (line 13) takes every lead" in found.message
    assert found.example == {"employees": 5001}
    assert found.outcome == "goes to 'Big'"


def test_several_rules_together_can_hide_one() -> None:
    rules = rule("Few", "employees < 100") + rule("Many", "employees >= 100", "{team: b}")
    found = only(rules + rule("Some", "employees is not null"), "unreachable")
    assert "the rules before it together" in found.message


def test_missing_values_are_seen() -> None:
    rules = rule("Few", "employees < 100") + rule("Many", "employees >= 100", "{team: b}")
    assert findings(rules + rule("Rest", "employees is null or free_mail"), "unreachable") == []


def test_contradictions_in_a_rule_and_with_its_group() -> None:
    assert (
        "never hold" in only(rule("No", "employees > 5 and employees < 3"), "unreachable").message
    )
    group = (
        "  - name: Group\n    when: country == \"DE\"\n    rules:\n"
        '      - {name: In, when: country == "AT", to: {team: a}}\n'
    )  # fmt: skip
    assert "contradicts its group 'Group'" in only(group, "unreachable").message


def test_no_account_has_no_type() -> None:
    assert findings(rule("No", 'account is null and account.type == "x"'), "unreachable")


def test_a_country_by_its_name_is_told_with_the_code_meant() -> None:
    found = only(rule("German", 'country == "Germany"'), "impossible-value")
    assert found.severity is Severity.ERROR
    assert found.remedy == "write 'DE' instead"
    part = only(rule("British", 'country in ["UK", "IE"]'), "impossible-value")
    assert (part.severity, part.example) == (Severity.WARNING, {"country": "GB"})
    assert findings(rule("Right", 'country in ["gb", "IE"]'), "impossible-value") == []


def test_a_value_that_no_line_of_a_table_has() -> None:
    head = HEAD + "tables:\n  zone: {csv: z.csv, key: country}\n"
    rules = rule("North", 'zone.side == "norht"')
    found = only(rules, "impossible-value", head, z="country,side\nDE,north\n")
    assert found.remedy == "write 'north' instead"


def test_a_negation_that_lets_missing_values_in() -> None:
    found = only(rule("Abroad", 'not (country == "DE")'), "nullable-negation")
    assert found.example == {}
    assert 'not (country == "DE") also holds for a lead without country' in found.message
    for sure in (
        'country != "DE"',
        'country is not null and not (country == "DE")',
        'country is null or not (country == "DE")',
        "not free_mail",
    ):
        assert findings(rule("Abroad", sure), "nullable-negation") == []


def test_two_rules_that_claim_the_same_leads() -> None:
    rules = rule("A", 'country in ["DE", "AT"]') + rule("B", 'country in ["AT", "CH"]', "{team: b}")
    found = only(rules, "overlap")
    assert (found.example, found.outcome) == ({"country": "AT"}, "goes to 'A'")
    same = rule("A", 'country in ["DE", "AT"]') + rule("B", 'country in ["AT", "CH"]')
    assert findings(same, "overlap") == []
    special = rule("A", 'country == "AT"') + rule("B", 'country in ["AT", "CH"]', "{team: b}")
    assert findings(special, "overlap") == []


def test_a_hole_between_two_thresholds() -> None:
    rules = rule("Few", "employees < 500") + rule("Many", "employees > 500", "{team: b}")
    found = only(rules, "hole")
    assert (found.example, found.outcome) == ({"employees": 500}, "goes to 'otherwise'")
    closed = rule("Few", "employees < 500") + rule("Many", "employees >= 500", "{team: b}")
    assert findings(closed, "hole") == []


def test_what_no_rule_takes_has_an_example() -> None:
    found = only(rule("German", 'country == "DE"'), "gap")
    assert found.severity is Severity.INFO
    assert found.example is not None
    assert found.example["country"] != "DE"


def test_lines_of_a_table_that_are_never_found_and_never_used() -> None:
    head = HEAD + "tables:\n  desk: {csv: d.csv, key: [country, state]}\n"
    csv = "country,state,team\nUS,CA,a\nUS,California,a\nDE,BY,b\n"
    rules = rule("Germany", 'country == "DE"') + rule(
        "Desk", "desk is not null", "{team: desk.team}"
    )
    bad = only(rules, "impossible-key", head, d=csv)
    assert "'california' in column 'state' never match" in bad.message
    dead = only(rules, "dead-lines", head, d=csv)
    assert "1 of 3 lines of table 'desk' are never used ('de/by')" in dead.message
    assert dead.example == {"country": "DE", "state": "BY"}
    assert dead.outcome == "goes to 'Germany'"


def test_one_table_behind_another() -> None:
    head = (
        HEAD + "tables:\n  land: {csv: l.csv, key: country}\n  desk: {csv: d.csv, key: country}\n"
    )
    rules = rule("Land", "land is not null") + rule("Desk", "desk is not null", "{team: b}")
    found = only(rules, "dead-lines", head, l="country\nDE\nAT\n", d="country\nAT\nFR\n")
    assert "('at')" in found.message
    assert found.example == {"country": "AT"}


def test_people() -> None:
    rules = rule("Owner", "account is not null", "{account_owner: true}") + rule(
        "One", "employees > 5", "{team: b}", "if_away: {team: b}"
    )
    assert only(rules, "no-if-away").severity is Severity.WARNING
    assert only(rules, "same-if-away").severity is Severity.WARNING
    helped = rule("One", "employees > 5", "{team: b}", AWAY)
    assert only(helped, "one-member-team").severity is Severity.INFO
    assert only(rule("One", "employees > 5", "{team: b}"), "one-member-team").severity == "warning"
    assert only(rule("R", "employees > 5"), "unused-team").message.endswith("'b'")
    assert "carla@example.com" in only(rule("R", "employees > 5"), "unused-rep").message
    assert findings(rules, "unused-rep") == []


def test_a_table_that_names_the_team_is_a_way_to_it() -> None:
    head = HEAD + "tables:\n  land: {csv: l.csv, key: country}\n"
    rules = rule("Land", "land is not null", "{team: land.team}")
    assert findings(rules, "unused-team", head, l="country,team\nDE,b\n") == []
    assert findings(rules, "unused-table", head, l="country,team\nDE,b\n") == []
    assert only(rule("X", "free_mail"), "unused-table", head, l="country,team\nDE,b\n")


def test_no_example_is_made_up_for_what_cannot_be_turned_around() -> None:
    rules = rule("Odd", 'title matches "^[a-c]+\\\\d$"') + rule(
        "Odder", 'title matches "^[a-c]+\\\\d$" and employees > 5', "{team: b}"
    )
    found = only(rules, "unreachable")
    assert (found.example, found.analysed) == (None, False)


TEAM = "  t: {members: [anna@example.com, ben@example.com], method: METHOD}\n"


def with_team(method: str, more: str = "") -> str:
    return HEAD + TEAM.replace("METHOD", method) + more


def test_a_claim_without_an_end_is_told_and_one_with_is_not() -> None:
    rules = rule("R", "employees > 5", "{team: t}")
    endless = only(rules, "endless-claim", with_team("{claim: {queue: Inbound}}"))
    assert "lies in 'Inbound' for ever" in endless.message
    ends = with_team("{claim: {queue: Inbound, unclaimed_after: 1h}}")
    assert findings(rules, "endless-claim", ends) == []


def test_a_weight_in_nothing_but_ranked_teams_is_told() -> None:
    head = "\n".join(
        line.replace("anna@example.com: {}", "anna@example.com: {weight: 2}")
        for line in with_team("ranked").splitlines()
        if not line.startswith("  a: ")
    )
    rules = rule("R", "employees > 5", "{team: t}")
    text = head + "\n  a: {members: [ben@example.com, carla@example.com]}\n"
    assert only(rules, "unused-weight", text).message.startswith("the weight of anna@example.com")
    assert findings(rules, "unused-weight", text.replace("ranked", "least_loaded")) == []


def test_a_role_of_one_is_told_and_worse_without_a_backup() -> None:
    group = "{group: {roles: [{role: AE, team: a}, {role: SE, members: [carla@example.com]}]}}"
    head = HEAD + f"  g: {{method: {group}BACKUP}}\n"
    rules = rule("R", "employees > 5", "{team: g}")
    found = only(rules, "one-member-role", head.replace("BACKUP", ""))
    assert (found.severity, "role 'SE' is carla@example.com alone" in found.message) == (
        "warning", True,
    )  # fmt: skip
    helped = head.replace("BACKUP", ", backup: {team: b}")
    assert only(rules, "one-member-role", helped).severity == "info"


def test_teams_that_back_others_up_or_fill_a_role_are_used() -> None:
    group = "{group: {roles: [{role: AE, team: d}, {role: SE, members: [anna@example.com]}]}}"
    more = (
        "  d: {members: [ben@example.com, carla@example.com]}\n"
        f"  g: {{method: {group}, backup: {{team: b}}}}\n"
    )
    rules = rule("R", "employees > 5", "{team: g}")
    assert findings(rules, "unused-team", HEAD + more) == []


def test_a_deep_or_hostile_policy_neither_fails_nor_is_called_wrong() -> None:
    parts = " or ".join(f'(industry == "i{n}" and source != "s{n}")' for n in range(25))
    rules = "".join(rule(f"r{n}", f"({parts}) and employees == {n}") for n in range(12))
    assert findings(rules + rule("last", f"not ({parts})"), "unreachable") == []


HELPED = """version: 1
sources: {sf: {crm: salesforce}}
reps:
  anna@example.com: {cover: ben@example.com}
  ben@example.com: {}
  carla@example.com: {skills: {language: [fr, de]}}
  dora@example.com: {skills: {language: [fr, de]}}
  emil@example.com: {}
teams:
  a: {members: [anna@example.com], coverage: {team: pool, below: 1}, peak: {team: rush, above: 9}, manager: emil@example.com}
  pool: {members: [carla@example.com, dora@example.com]}
  rush: {members: [dora@example.com]}
"""  # noqa: E501


def test_helpers_covers_and_managers_are_used_and_bring_their_skills() -> None:
    away = "if_away: {hold: 1h, manager: true}"
    for more in (away, away + "\n    need: {language: fr, timezone: 3h}"):
        rules = rule("A", "employees > 5", more=more)
        found = {f.kind for f in lint(policy(rules, head=HELPED), NOW)}
        assert not found & {"unused-rep", "unused-team", "impossible-skill", "one-specialist"}
    bare = HELPED.replace("coverage: {team: pool, below: 1}, ", "")
    found = {f.kind for f in lint(policy(rules, head=bare), NOW)}
    assert {"unused-rep", "unused-team", "impossible-skill"} <= found
