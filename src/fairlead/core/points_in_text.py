"""Changes the numbers of `points:` in the text of a policy, and not a character beside them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from fractions import Fraction

from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import Scalar, child_of, read_yaml


def with_points(file: str, text: str, changes: Mapping[tuple[str, int], Fraction]) -> str:
    """The text with other whole points, by group and number of the line (from 0).

    Raises ValueError when the text has no such line.
    """
    root, _ = read_yaml(SourceText(file, text))
    spans: list[tuple[int, int, str]] = []
    for (group, number), points in changes.items():
        node = root
        for step in ("scoring", "groups", group, "points", number, "points"):
            node = None if node is None else child_of(node, step)
        if not isinstance(node, Scalar):
            raise ValueError(f"{file} has no points at {group} {number + 1}")
        spans.append((node.start, node.end, str(int(points))))
    for start, end, word in sorted(spans, reverse=True):
        text = text[:start] + word + text[end:]
    return text


def unified_diff(file: str, old: str, new: str) -> str:
    """What `patch -p1` and `git apply` take; "" when nothing changed."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{file}", f"b/{file}"
    )
    # A last line without its end is said as diff says it.
    return "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)
