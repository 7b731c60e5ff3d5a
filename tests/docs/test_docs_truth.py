"""What the pages name exists: functions, events, states, numbers, sandbox controls, files."""

from __future__ import annotations

import importlib
import re
import tomllib
from dataclasses import fields
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

import pytest
from docs.pages import DOCS, ROOT, prose, table, text_of

from fairlead.cli import main
from fairlead.core.policy import Policy
from fairlead.core.types import LeadState
from fairlead.daemon import deliver
from fairlead.daemon.app import JOBS
from fairlead.daemon.loops import Loop
from fairlead.events import EVENTS
from fairlead.metrics import Metrics
from fairlead.sandbox import control
from fairlead.sandbox.faults import TRANSPORT_KINDS, Fault
from fairlead.store.outbox import OutboxState

LIFECYCLE = text_of("docs/lifecycle.md")
SANDBOX = text_of("docs/sandbox.md")
OPERATIONS = text_of("docs/operations.md")
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
PARTS = "core|daemon|store|spi|sandbox|settings|errors|web|testing|serving|cli|reports"
NAMED = [
    (page, name)
    for page in ("lifecycle", "glossary", "sandbox", "limits")
    for name in re.findall(
        rf"`(?:fairlead\.)?((?:{PARTS})\.[a-z_.]+\w+(?:\.\w+)*)`", text_of(f"docs/{page}.md")
    )
    if not name.endswith((".py", ".md")) and name not in EVENTS
] + [
    (path.name, name)
    for path in DECISIONS
    for name in re.findall(r"`fairlead\.([\w.]+)`", path.read_text(encoding="utf-8"))
]


def find(dotted: str) -> Any:
    """What `module.name` below fairlead stands for; raises when there is no such thing."""
    words = dotted.split(".")
    found: Any = importlib.import_module("fairlead")
    for i, word in enumerate(words):
        if isinstance(found, ModuleType) and not hasattr(found, word):
            found = importlib.import_module(".".join(["fairlead", *words[: i + 1]]))
        else:
            found = getattr(found, word)
    return found


def test_there_are_names_to_look_at() -> None:
    assert len(NAMED) > 60


@pytest.mark.parametrize(("page", "name"), NAMED)
def test_every_function_and_module_that_a_page_names_exists(page: str, name: str) -> None:
    factories = name.startswith("connectors") or name == "sandboxes"
    assert factories or find(name) is not None, page


def test_the_events_of_a_lead_s_life_are_real_and_none_is_left_out() -> None:
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", LIFECYCLE))
    groups = {e.split(".")[0] for e in EVENTS} - {"library"}
    events = {n for n in named if n.split(".")[0] in groups}
    assert events <= set(EVENTS)
    about_leads = {e for e in EVENTS if e.split(".")[0] in ("lead", "effect", "dead_letter")}
    assert about_leads <= events


def test_every_state_of_a_lead_has_its_row() -> None:
    assert {row[0].strip("`") for row in table(LIFECYCLE, "state")} == {s.value for s in LeadState}


def test_every_state_of_a_write_is_named() -> None:
    assert [s.value for s in OutboxState if f"`{s.value}`" not in LIFECYCLE] == []


def test_the_numbers_told_are_the_code_s() -> None:
    told = ", ".join(f"{s:g}" for s in deliver.BACKOFF)
    assert f"tried again after {told} seconds" in " ".join(LIFECYCLE.split())
    owners = next(job.seconds for job in JOBS if job.name == "owners")
    assert f"read again every {owners:g} seconds" in " ".join(LIFECYCLE.split())


def test_events_that_are_never_written_are_said_to_be_so() -> None:
    files = [p for p in (ROOT / "src").rglob("*.py") if p.name != "events.py"]
    files += (ROOT / "connectors").rglob("*.py")
    source = "\n".join(p.read_text(encoding="utf-8") for p in files)
    verbs = [loop.verb for loop in Loop.__subclasses__()]
    written = {f"{verb}.{how}" for verb in verbs for how in ("failed", "healed")} | {"library"}
    written |= {event for event in EVENTS if f'"{event}"' in source}
    [kept] = re.findall(r"which this one never writes: ([^.]*(?:\.\w[^.]*)*)\.", OPERATIONS)
    assert set(re.findall(r"`([\w.]+)`", kept)) == set(EVENTS) - written


def test_every_metric_in_the_docs_is_set_by_somebody() -> None:
    files = [p for p in (ROOT / "src").rglob("*.py") if p.name != "metrics.py"]
    source = "\n".join(p.read_text(encoding="utf-8") for p in files)
    by_itself = {"fairlead_build_info", "fairlead_config_info"}
    never = {
        name
        for name in set(Metrics().table) - by_itself
        if not re.search(rf"metrics\.{name.removeprefix('fairlead_')}\b", source)
    }
    assert never == set()


def test_every_control_of_the_sandboxes_has_its_row() -> None:
    told = set(re.findall(r"(?m)^\| `(GET|POST|DELETE) /_sandbox/(\w+)", SANDBOX))
    routes = {(method, path.strip("/")) for method, path in control._ROUTES}
    assert told == routes | {("GET", "rows")}


def test_every_key_and_kind_of_a_fault_has_its_row() -> None:
    assert {row[0].strip("`") for row in table(SANDBOX, "key")} == {f.name for f in fields(Fault)}
    kinds = {row[0].strip("`") for row in table(SANDBOX, "kind of every sandbox")}
    assert kinds == set(TRANSPORT_KINDS)


def test_decisions_are_numbered_without_a_gap_listed_and_short() -> None:
    numbers = [int(p.name[:4]) for p in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    listed = re.findall(r"(?m)^- \[(\d{4} .+)\]\((0.*\.md)\)$", text_of("docs/decisions/README.md"))
    assert [name for _, name in listed] == [p.name for p in DECISIONS]
    for title, name in listed:
        text = text_of(f"docs/decisions/{name}")
        assert text.startswith(f"# {title}\n")
        assert len(text.split()) < 300


def test_files_that_the_pages_point_at_exist() -> None:
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        text = prose(page.read_text(encoding="utf-8"))
        for path in re.findall(r"`((?:tests|src|fixtures|systemd|connectors)/[\w./-]+)`", text):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_every_connector_and_sandbox_has_its_page_in_the_readme() -> None:
    readme = text_of("README.md")
    for group, page in (("fairlead.connectors", "connectors"), ("fairlead.sandboxes", "sandbox")):
        names = {e.name for e in entry_points(group=group)}
        assert names >= {"salesforce", "hubspot"}
        for name in names:
            assert f"](docs/{page}-{name}.md)" in readme


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", text_of("Makefile")))
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?m)(?:^|`)make ([a-z]+)", text)
        assert set(named) <= targets, page.name
    assert {"demo", "test", "check", "conformance"} <= set(
        re.findall(r"(?m)^make ([a-z]+)", text_of("README.md"))
    )


def test_the_changelog_speaks_of_this_version() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    [newest, *_] = re.findall(r"(?m)^## (.+)$", text_of("CHANGELOG.md"))
    assert project["version"] in newest
    assert project["requires-python"] == ">=3.11,<3.15"
    assert "Python 3.11 to 3.14" in text_of("README.md")


def test_words_and_commands_that_are_still_to_come_are_not_there_yet() -> None:
    """Otherwise the page would deny what the program can do."""
    glossary, limits = text_of("docs/glossary.md"), text_of("docs/limits.md")
    [waiting] = re.findall(r"(?m)^Words that wait for a later version: (.*)\.$", glossary)
    terms = re.findall(r"(?m)^\| ([^|]+?) \|", glossary)
    for word in waiting.split(", "):
        assert not [t for t in terms if t.startswith(word)], word
    still = [re.sub(r"\(.*?\)", "", what) for what, _ in table(limits, "what")]
    missing = {word for what in still for word in re.findall(r"`([a-z-]+)`", what)}
    assert {"backup", "restore", "forget"} <= missing
    assert not missing & (set(main.commands) | set(Policy.__dataclass_fields__))
    assert not {"SLA", "decay", "recycling"} & {w for s in still for w in re.findall(r"\w+", s)}
