"""What a test or a demo may set about the org (`Face.tune`); docs/sandbox-salesforce.md lists them.

Each knob has a type that `turn` checks, so that a misspelt setting is an error and not a no-op.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal


@dataclass(slots=True)
class Knobs:
    """The settings with their defaults: an ordinary, unkind org."""

    base_url: str = ""
    api_daily_limit: int = 100_000
    session_ttl: float = 7200.0
    token_accepted: bool = True
    login_voids_older: bool = False
    connected_apps: dict[str, Any] = field(default_factory=dict)
    passwords: dict[str, Any] = field(default_factory=dict)
    auto_assign_owner: str | None = "Unmatched"
    duplicate_rule: Literal["off", "alert", "block"] = "off"
    history_tracking: bool = True
    history_fields: list[Any] = field(default_factory=lambda: ["OwnerId", "Status"])
    state_country_picklists: bool = True
    keys_unique: bool = True
    omni_channel: bool = False
    objects_missing: list[Any] = field(default_factory=list)
    fields_missing: list[Any] = field(default_factory=list)
    fields_read_only: list[Any] = field(default_factory=list)
    permissions: dict[str, Any] = field(default_factory=dict)
    hidden_ids: list[Any] = field(default_factory=list)
    hidden_share: float = 0.0
    users_without_read: list[Any] = field(default_factory=list)
    page_size: int = 2000
    empty_first_page: bool = False
    refusals: list[Any] = field(default_factory=list)
    automations: list[Any] = field(default_factory=list)


_HINTS = typing.get_type_hints(Knobs)
_REFUSAL = {"object", "op", "ids", "changed", "equals", "by", "code", "message", "fields", "times"}
_AUTOMATION = {"object", "op", "ids", "changed", "equals", "by", "set"}
_APP = {"certificate", "certificates", "secret", "user", "approved", "scope"}


def turn(knobs: Knobs, settings: Mapping[str, Any]) -> None:
    """Set several knobs, or none of them: raises ValueError on a name or value unknown to us."""
    known = {f.name for f in fields(Knobs)}
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(known))}")
        _check(name, value)
    for name, value in settings.items():
        setattr(knobs, name, value)


def _check(name: str, value: Any) -> None:
    hint = _HINTS[name]
    origin = typing.get_origin(hint)
    if origin is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise ValueError(f"{name}: one of {', '.join(allowed)}, not {value!r}")
        return
    if hint is float:
        fine = isinstance(value, int | float) and not isinstance(value, bool)
    elif hint is int:
        fine = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    else:
        fine = isinstance(value, hint if origin in (None, types.UnionType) else origin)
    if not fine:
        raise ValueError(f"{name}: not a {getattr(origin or hint, '__name__', hint)}: {value!r}")
    if name in ("refusals", "automations"):
        _entries(name, value, _REFUSAL if name == "refusals" else _AUTOMATION)
    if name == "connected_apps":
        _entries(name, list(value.values()), _APP)
    if name == "page_size" and value < 1:
        raise ValueError("page_size: at least 1")


def _entries(name: str, entries: list[Any], allowed: set[str]) -> None:
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) - allowed:
            raise ValueError(f"{name}: each entry is an object with keys of {sorted(allowed)}")
