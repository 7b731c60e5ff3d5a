"""Each kind of mistake that the reader of policies knows has a broken sample, with its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import fairlead.core as core

CORE = Path(next(iter(core.__path__)))
BROKEN = Path(__file__).parents[2] / "fixtures" / "policies" / "broken"
READERS = [
    *sorted(CORE.glob("policy_*.py")),
    *sorted(CORE.glob("condition_*.py")),
    CORE / "durations.py",
    CORE / "leave.py",
]
TELLS = {"report", "_report", "problem", "error", "ValueError", "ConditionError"}
TOO_LARGE = (
    "the condition is longer than",
    "nested deeper than",
    "a list holds ",
    "the file is longer than",
)
"""Limits: a sample would be larger than it is worth; the tests of the readers hold them."""
OF_A_COMMAND = ("expected a day or an instant",)
"""What only `fairlead rep away` says."""


def messages() -> Iterator[tuple[str, str]]:
    """Where a message is made, and a pattern for its text."""
    for path in READERS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call) and name_of(node.func) in TELLS:
                texts = node.args
            elif isinstance(node, ast.Assign) and name_of(node.targets[0]) == "message":
                texts = [node.value]
            for text in texts:
                pattern = pattern_of(text)
                if len(pattern.replace(".*", "")) > 5:
                    yield f"{path.name}:{text.lineno}", pattern


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def pattern_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else None for v in node.values)
        return "".join(".*" if part is None else re.escape(str(part)) for part in parts)
    return ""


def test_every_kind_of_mistake_has_a_sample() -> None:
    told = "\n".join(p.read_text(encoding="utf-8") for p in BROKEN.glob("*.expected"))
    found = list(messages())
    assert len(found) > 100
    known = [re.escape(start) for start in TOO_LARGE + OF_A_COMMAND]
    missing = [
        f"{where}: {pattern}"
        for where, pattern in found
        if not re.search(pattern, told) and not any(k in pattern for k in known)
    ]
    assert missing == []
