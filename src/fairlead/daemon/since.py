"""Times as commands take them."""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.errors import ConfigError


def parse_since(text: str, now: datetime) -> datetime:
    """`7d`, `24h`, `30m` before `now`, or an ISO instant with a zone; raises ConfigError."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    if text and text[-1] in units and text[:-1].isdigit():
        return now - timedelta(seconds=int(text[:-1]) * units[text[-1]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no time; write 7d, 24h or 2026-01-31T09:00Z") from None
    if at.tzinfo is None:
        raise ConfigError(f"{text!r} has no zone; add Z or +01:00")
    return at
