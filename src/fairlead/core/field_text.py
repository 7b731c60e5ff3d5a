"""Whether a field of a CRM holds what a text says, however the CRM writes it back.

A CRM turns texts into its own types: "5" comes back as 5.0, a date with a time of day or other
digits, a switch as true, nothing as null or as an empty text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def holds(held: Any, text: str | None) -> bool:
    """Whether the raw value `held` is the one that `text` names; None and "" are nothing."""
    wanted = (text or "").strip()
    if held is None or isinstance(held, bool):
        return (str(held).lower() if isinstance(held, bool) else "") == wanted.lower()
    shown = str(held).strip()
    if shown == wanted:
        return True
    if not shown or not wanted:
        return False
    numbers = _number(shown), _number(wanted)
    if None not in numbers:
        return numbers[0] == numbers[1]
    instants = _instant(shown), _instant(wanted)
    return None not in instants and instants[0] == instants[1]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
