"""docs/operations.md says what is: each metric, event, field, key and exit code, in one row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead import errors
from fairlead.events import EVENTS, FIELDS
from fairlead.metrics import Metrics
from fairlead.settings import PLAIN_KEYS, Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table whose header begins with `heading`: first cell -> the other cells."""
    table = re.search(rf"(?m)^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", OPERATIONS)
    assert table, f"no table {heading!r}"
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in table[1].splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_metrics() -> None:
    table = Metrics().table
    told = rows("metric")
    assert list(told) == list(table)
    for name, (text, labels) in table.items():
        assert told[name][1:] == [", ".join(f"`{x}`" for x in labels) or "–", text]


def test_the_metrics_that_alarms_name_exist() -> None:
    assert set(re.findall(r"fairlead_[a-z_]+", OPERATIONS)) <= set(Metrics().table)


@pytest.mark.parametrize(("heading", "table"), [("event", EVENTS), ("field", FIELDS)])
def test_the_events_and_fields(heading: str, table: dict[str, str]) -> None:
    assert rows(heading) == {name: [meaning] for name, meaning in table.items()}


def test_the_settings() -> None:
    told = rows("key")
    assert list(told) == list(PLAIN_KEYS)
    for key in PLAIN_KEYS:
        field = Settings.model_fields[key]
        assert told[key][1] == field.description
        if isinstance(field.default, float):
            assert told[key][0] == f"`{field.default:g}`"
        elif field.default is not None and not field.is_required() and key != "state":
            assert told[key][0] == f"`{field.default}`"


def test_the_exit_codes() -> None:
    codes = {v for k, v in vars(errors).items() if k.startswith("EXIT_")}
    assert {int(code) for code in rows("code")} == codes | {1}


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in ("operations.md", "getting-started.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([\w-]+\.md)(?:#([\w-]+))?\)", text):
            if target == "policy.md" and not (DOCS / target).exists():
                continue  # the policy reference is not written yet
            linked = (DOCS / target).read_text(encoding="utf-8")
            headings = [h.lower().replace(" ", "-") for h in re.findall(r"(?m)^#+ (.+)$", linked)]
            assert not anchor or anchor in headings, f"{page}: {target}#{anchor}"
