"""What lint finds about people: skills against the roster, reviews, hours."""

from __future__ import annotations

from core.deciding import HEAD, NOW, policy
from core.test_lint import findings, only, rule

from fairlead.core.lint import LintFinding, lint
from fairlead.core.policy import Policy

SKILLED = """version: 1
sources: {sf: {crm: salesforce}}
reps:
  anna@example.com: {skills: {language: [de, en], certificate: aws}}
  ben@example.com: {skills: {language: [en, fr]}, skills_reviewed: 2026-05-01}
  carla@example.com: {skills: {language: [de, fr]}, skills_reviewed: 2025-05-01}
  dana@example.com:
teams:
  a: {members: [anna@example.com, ben@example.com]}
  b: {members: [carla@example.com, dana@example.com]}
  c: {members: [dana@example.com], backup: {team: b}}
"""


def asks(need: str, to: str = "{team: a}", more: str = "") -> str:
    return rule("R", 'country == "DE"', to, f"need: {need}" + (f"\n    {more}" if more else ""))


def test_a_skill_that_nobody_in_the_team_has() -> None:
    found = only(asks("{certificate: aws}", "{team: b}"), "impossible-skill", SKILLED)
    assert (found.severity, str(found.place)) == ("error", "p.yaml:13:5")
    assert "needs certificate aws, and nobody in team 'b' has it" in found.message
    assert found.example == {"country": "DE"}


def test_everything_must_be_had_by_one_person() -> None:
    both = only(asks("{certificate: aws, language: fr}"), "impossible-skill", SKILLED)
    assert "certificate aws and language fr" in both.message
    assert findings(asks("{language: fr}"), "impossible-skill", SKILLED) == []


def test_who_waits_for_a_skill_only_for_a_while_is_warned() -> None:
    relaxed = asks("{certificate: aws}", "{team: b}", "relax_after: 1h")
    assert only(relaxed, "impossible-skill", SKILLED).severity == "warning"


def test_the_team_that_backs_up_and_the_one_under_if_away_help() -> None:
    assert findings(asks("{language: de}", "{team: c}"), "impossible-skill", SKILLED) == []
    other = asks("{certificate: aws}", "{team: b}", "if_away: {team: a}")
    assert findings(other, "impossible-skill", SKILLED) == []


def test_one_specialist() -> None:
    found = only(asks("{language: fr}"), "one-specialist", SKILLED)
    assert (found.severity, found.example) == ("warning", {"country": "DE"})
    assert "only ben@example.com in team 'a' has language fr" in found.message
    assert findings(asks("{language: en}"), "one-specialist", SKILLED) == []
    assert "or add 'relax_after'" in found.remedy
    waiting = asks("{language: fr}", "{team: a}", "relax_after: 30m")
    assert "add" not in only(waiting, "one-specialist", SKILLED).remedy
    backed = asks("{language: fr}", "{team: a}", "if_away: {team: b}")
    assert findings(backed, "one-specialist", SKILLED) == []


def test_a_skill_asked_by_the_lead_is_a_bottleneck_per_value() -> None:
    found = findings(asks("{language: lead.language}"), "one-specialist", SKILLED)
    assert [(f.severity.value, f.message.rpartition(" ")[2]) for f in found] == [
        ("info", "de"),
        ("info", "fr"),
    ]


def test_a_skill_named_by_a_table() -> None:
    head = SKILLED + "tables:\n  land: {csv: t.csv, key: country}\n"
    rules = rule("R", "land is not null", "{team: a}", "need: {language: land.language}")
    found = only(rules, "impossible-skill", head, t="country,language\nDE,de\nES,es\n")
    assert (found.severity, "language es" in found.message) == ("warning", True)


def test_skills_not_reviewed_for_so_many_days() -> None:
    assert findings(asks("{language: en}"), "skills-not-reviewed", SKILLED) == []
    head = SKILLED + "check: {skills_review: 180d}\n"
    found = findings(asks("{language: en}"), "skills-not-reviewed", head)
    assert [f.message.partition(";")[0] for f in found] == [
        "the skills of anna@example.com have never been reviewed",
        "the skills of carla@example.com were last reviewed 396 days ago",
    ]


def test_the_day_of_the_review_may_stand_in_the_roster_file() -> None:
    csv = "email,skills.language,skills_reviewed\nanna@example.com,de,2026-05-20\n"
    head = (
        "version: 1\nsources: {sf: {crm: salesforce}}\nroster: r.csv\n"
        "teams: {a: {members: [anna@example.com]}}\ncheck: {skills_review: 7d}\n"
    )
    (found,) = reviews(policy(head=head, r=csv))
    assert "12 days ago" in found.message
    assert (found.place.file, found.place.line) == ("r.csv", 2)


def reviews(read: Policy) -> list[LintFinding]:
    return [f for f in lint(read, NOW) if f.kind == "skills-not-reviewed"]


CALENDARS = HEAD.replace("anna@example.com: {}", "anna@example.com: {calendar: berlin}").replace(
    "ben@example.com: {}", "ben@example.com: {calendar: ny}"
) + (
    "calendars:\n"
    '  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-17:00"]}, holidays: DE}\n'
    '  ny: {timezone: America/New_York, hours: {mon-fri: ["09:00-17:00"]}}\n'
)


def test_the_hours_that_a_team_does_not_cover() -> None:
    (found,) = (f for f in findings(rule("R", "free_mail"), "uncovered-hours", CALENDARS))
    assert "team 'a' works in 98 of the week's 168 hours" in found.message
    assert "mon-fri 00:00-09:00, 23:00-24:00; sat-sun (Europe/Berlin)" in found.message


def test_somebody_without_a_calendar_is_always_there() -> None:
    backed = CALENDARS.replace("ben@example.com]}", "ben@example.com], backup: {team: b}}")
    assert findings(rule("R", "free_mail"), "uncovered-hours", backed) == []


def test_who_is_away_for_good_leaves_a_rule_with_nobody() -> None:
    gone = CALENDARS.replace("{calendar: ny}", '{calendar: ny, away: ["2026-01-01..2040-01-01"]}')
    rules = rule("Ben", "free_mail", "{rep: ben@example.com}") + rule("A", "is_converted")
    assert [f.place.line for f in findings(rules, "never-open", gone)] == [7]
    assert "'Ben'" in only(rules, "nobody-open", gone).message
    helped = rule("Ben", "free_mail", "{rep: ben@example.com}", "if_away: {team: a}")
    assert findings(helped, "nobody-open", gone) == []


AFTER_THE_RULES = """slas:
  hot: {respond_within: 5m, hours: always, on_breach: [{reassign: {team: b}}]}
decay:
  - {name: lost, after: {age: 30d}, do: [{reassign: {team: c}}]}
recycling:
  cool_down: 1d
  tracks: {early: {when: is_converted, after: 30d, to: {team: d}}}
"""


def test_a_team_that_gets_leads_by_a_clock_a_level_or_a_track_is_used() -> None:
    """Each alone in its team: whoever took the advice to remove them would break the policy."""
    head = (
        "version: 1\nsources: {sf: {crm: salesforce}}\n"
        "reps: {anna@example.com: , ben@example.com: , carla@example.com: , dana@example.com: }\n"
        "teams:\n  a: {members: [anna@example.com]}\n  b: {members: [ben@example.com]}\n"
        "  c: {members: [carla@example.com]}\n  d: {members: [dana@example.com]}\n"
    )
    rules = rule("R", "free_mail")
    bare = {f.message for f in findings(rules, "unused-team", head)}
    assert bare == {f"no rule leads to team '{t}'" for t in "bcd"}
    assert findings(rules, "unused-team", head + AFTER_THE_RULES) == []
    assert findings(rules, "unused-rep", head + AFTER_THE_RULES) == []
