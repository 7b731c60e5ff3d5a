"""What an audit says: one thing that must be so, and whether it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

SHOWN = 3
NEAR = timedelta(minutes=2)
"""How far an instant of ours may be from the one in a diary: records are stamped by the second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must be so, whether it is, and how much of it was looked at."""

    name: str
    ok: bool
    detail: str


def finding(name: str, bad: Iterable[tuple[str, ...]], detail: str) -> Finding:
    """So, when nothing is in `bad`; otherwise with the first few of it."""
    wrong = list(dict.fromkeys(bad))
    if wrong:
        named = ", ".join(" ".join(b) for b in wrong[:SHOWN])
        detail = f"{detail}; wrong: {len(wrong)} ({named})"
    return Finding(name, not wrong, detail)
