"""Every log call of the house: its event is in the table, its fields are on the list.

Read from the source, so that a call which no test reaches is checked as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.events import EVENTS, FIELDS

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("src", "connectors"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LEVELS
                    and ast.unparse(node.func.value).rpartition(".")[2] in ("log", "_log", "logger")
                ):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


CALLS = list(log_calls())


def test_there_are_calls_to_look_at() -> None:
    assert len(CALLS) > 5


@pytest.mark.parametrize(("place", "call"), CALLS, ids=[place for place, _ in CALLS])
def test_a_call_names_known_events_and_fields(place: str, call: ast.Call) -> None:
    named = [n.value for n in ast.walk(call.args[0]) if isinstance(n, ast.Constant)]
    assert all(name in EVENTS for name in named), f"{place}: add {named} to events.EVENTS"
    fields = {k.arg for k in call.keywords if k.arg is not None} - {"exc_info"}
    assert fields <= FIELDS.keys(), f"{place}: {fields - FIELDS.keys()} not in events.FIELDS"


def test_personal_values_have_no_field() -> None:
    personal = {"email", "name", "first_name", "last_name", "phone", "company", "token", "rep"}
    assert not personal & FIELDS.keys()
