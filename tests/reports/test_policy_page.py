"""`policy docs`: the page says what the policy says, and hostile names stay text in every form."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from core.deciding import HEAD, policy

from fairlead.core.condition_words import in_words
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.reports.flow import mermaid, steps, svg
from fairlead.reports.policy_docs import html_page, markdown

FIXTURES = Path(__file__).parents[2] / "fixtures"
EVERY = [
    *FIXTURES.glob("policies/*.yaml"),
    *FIXTURES.glob("scenarios/policies/*.yaml"),
]
HOSTILE = [
    "<script>alert(1)</script>",
    "a | b `c` **d** [e](javascript:f)",
    '"] --> x["owned',
    "</title><img src=x onerror=y>",
    "https://evil.example/ www.evil.example",
    "end; click r0 call z()",
    "\u202egnp.exe & ]]> --%> {{7*7}}",
]
CUSTOMERS = "Customers stay with the owner of their group"
LARGE = "Large companies"
_VOID = {"meta"}


class Reader(HTMLParser):
    """Every tag and attribute of a page; and that all that was opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> Policy:
    text = path.read_text(encoding="utf-8")
    beside = {n: (path.parent / n).read_text(encoding="utf-8") for n in referenced_files(text)}
    return load_policy({path.name: text, **beside}, path.name)


def hostile() -> Policy:
    rules = "".join(
        f"  - name: {_quoted(name)}\n    when: title == {_quoted(_quoted(name))}\n"
        f"    to: {{queue: {_quoted(name + ' q')}}}\n"
        for name in HOSTILE
    )
    return policy(rules)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("path", EVERY, ids=lambda p: p.name)
def test_every_policy_of_the_fixtures_has_its_page(path: Path) -> None:
    found = read(path)
    page, reader = markdown(found, "t"), Reader(html_page(found, "t"))
    text = "".join(reader.text)
    for step in steps(found):
        assert step.name in text
    assert reader.open == []
    assert page.count("```") == 2
    ElementTree.fromstring(svg(found))
    for name in found.teams:
        assert name in text


def test_the_rules_are_told_in_words_and_in_order() -> None:
    found = read(FIXTURES / "scenarios" / "policies" / "house.yaml")
    page = markdown(found, "Who")
    assert "1. **Known customers go to their account owner**: if account is known and " in page
    assert "   1. **Partner leads with a title**: if title is known: to queue Partner desk." in page
    assert "| emea-enterprise | anna@example.com: 67 %; ben@example.com: 33 % |" in page


def test_hostile_names_are_text_in_html() -> None:
    reader = Reader(html_page(hostile(), HOSTILE[0]))
    assert reader.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ol", "li", "b",
        "table", "tr", "th", "td", "svg", "defs", "marker", "path", "g", "rect", "text",
    }  # fmt: skip
    assert not any(name.startswith("on") or name in ("href", "src") for name in reader.names)
    text = "".join(reader.text)
    assert all(name in text for name in HOSTILE[:-1])
    assert "\u202e" not in text
    ElementTree.fromstring(svg(hostile()))


def test_hostile_names_are_text_in_markdown() -> None:
    page, _, flow = markdown(hostile(), HOSTILE[1]).partition("```mermaid")
    assert "<" not in page
    assert "://" not in page
    assert not re.search(r"(?<!\\)[`\[\]]", page)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", r)) for r in rows if r.startswith("| sf")}) == 1
    labels = re.findall(r'"([^"\n]*)"', flow)
    assert len(labels) == 2 + 2 * len(HOSTILE)
    bare = re.sub(r'"[^"\n]*"', "", flow)
    assert not re.search(r"click|x\[|owned|script", bare)
    assert all(re.fullmatch(r"(?:[\w .,:@\-/'()]|#\d+;)*", label) for label in labels)


def test_the_flow_of_groups_goes_on_where_the_rules_do() -> None:
    rules = (
        "  - name: G\n    when: free_mail\n    rules:\n"
        '      - {name: A, when: source == "a", to: {team: a}}\n'
        '      - {name: B, when: source == "b", to: {team: b}}\n'
        '  - {name: C, when: source == "c", to: {team: a}, if_away: {team: b}}\n'
    )
    by_name = {s.name: s for s in steps(policy(rules, head=HEAD))}
    g, a, b, c = (by_name[n] for n in "GABC")
    assert (g.yes, g.no) == (a.number, c.number)
    assert (a.no, b.no, c.no) == (b.number, c.number, -1)
    assert 'd3 -. away .-> a3["team b"]' in mermaid(policy(rules))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('country in ["DE", "AT"] and not free_mail', "country is one of DE, AT and not free mail"),
        (
            "employees >= 1000 or account is null",
            "employees is at least 1000 or account is missing",
        ),
        ("age(created_at) > 90m", "the age of created at is more than 90 minutes"),
        ("created_at >= 2026-01-01", "created at is not before 2026-01-01"),
        ('not (country == "DE")', "not (country is DE)"),
        (
            '(source == "a" or source == "b") and starts_with(postal_code, "10")',
            "(source is a or source is b) and postal code begins with 10",
        ),
        ('industry != "a, b"', 'industry is known and not "a, b"'),
        ("free_mail == false", "free mail is no"),
        ("age(created_at) > 1d", "the age of created at is more than 1 day"),
    ],
)
def test_conditions_in_words(text: str, words: str) -> None:
    assert in_words(text) == words


def test_the_page_says_who_helps_and_how_long_a_lead_waits() -> None:
    path = FIXTURES / "scenarios" / "policies" / "people.yaml"
    page = markdown(load_policy({"p.yaml": path.read_text(encoding="utf-8")}, "p.yaml"), "Who")
    assert "| pool while fewer than 2 are free |" in page
    assert "| pool while more than 50 leads wait |" in page
    assert "it waits until it is." in page
    assert "it waits up to 30 minutes and then goes to the manager of team berlin." in page


def test_the_page_says_what_rules_ask_beside_their_conditions() -> None:
    page = markdown(read(FIXTURES / "policies" / "complete.yaml"), "Who")
    rules = dict(re.findall(r"(?m)^ *\d+\. \*\*(.+?)\*\*: (.*)$", page))
    assert "to the owner of the account at the top of the group;" in rules[CUSTOMERS]
    assert "Who comes again within 90 days goes to the same rep." in rules[CUSTOMERS]
    assert (
        "a lead without industry waits for it, up to 15 minutes, then these rules" in rules[LARGE]
    )
    assert rules["Large companies that ask for certificates"].endswith(
        "Needs certificate in the lead's certificates, for 2 hours; after that anybody."
    )
    assert rules["All other large companies"].endswith(
        "Prefers a clock at most 3 hours from the lead's, the lead's industry."
    )
    assert rules["Very large deals"].endswith(
        "Shared in a pool of its own, high\\_value. Promised: large\\_deal."
    )


def test_the_page_has_the_skills_hours_and_limits_of_everybody() -> None:
    page = markdown(read(FIXTURES / "policies" / "complete.yaml"), "Who")
    assert (
        "| rep | hours | takes at most | covered by | language | industry | certificate |" in page
    )
    assert (
        "| Edwin Marsh (edwin@example.com) | london | 60 open | fenna@example.com | en, fr |"
        " retail, pharma | iso27001 |"
    ) in page
    assert "| 40 open; grows to the full share from 2026-11-16 for 4 weeks |" in page
    assert "Mon-Thu 08:30-12:30, 13:30-18:00; Fri 08:30-15:00 | DE-BE | 1 before, 1 after |" in page
    assert "| Mon-Sun 22:00-06:00 | – | – |" in page


def test_the_page_says_what_holds_for_all_leads() -> None:
    page = markdown(read(FIXTURES / "policies" / "complete.yaml"), "Who")
    for fact in (
        "A pilot: 80 % of the companies are routed by this policy.",
        "From hs: a lead without country waits for it, up to 10 minutes, before any rule is asked.",
        "A lead is routed again when this changes: country, employees, product\\_interest.",
        "A lead is routed again when this is seen once more: demo\\_requested.",
        "Signal trial ended is seen on the date of trial ends.",
        "Split demo\\_test, by account: control 50 %, fast 50 %.",
    ):
        assert f"\n{fact}\n" in page
    assert (
        "count as a turn; after leave up to 3 leads are made up for; shares follow results" in page
    )
    assert "| area | country, how postal\\_code begins | 4 |" in page
    assert "| size | the range of employees | 3 |" in page
