"""The knobs: what `POST /_sandbox/settings` may set, with HubSpot's own values as default.

Spans are seconds: one number, or `[low, high]` to draw from; None switches the thing off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Span = tuple[float, float] | None

PAGING = ("normal", "repeat", "empty_next", "no_next")
CONFLICTS = (409, 400)
MERGED_UPDATES = ("left_out", "error")


@dataclass(slots=True)
class Knobs:
    """Everything that can be turned; `docs/sandbox-hubspot.md` explains each."""

    search_lag_seconds: Span = (2.0, 10.0)
    bump_seconds: dict[str, Span] = field(
        default_factory=lambda: {"contacts": (1.8, 25.0), "companies": (0.7, 4.8)}
    )
    calculated_seconds: Span = (1.0, 10.0)
    list_lag_seconds: Span = (0.5, 3.0)
    read_lag_seconds: float = 0.0
    burst_limit: int = 190
    burst_window: float = 10.0
    associations_limit: int = 150
    daily_limit: int = 625_000
    search_per_second: int = 5
    time_zone: str = "UTC"
    fields_missing: set[str] = field(default_factory=set)
    missing_scopes: set[str] = field(default_factory=set)
    shuffle_batches: bool = True
    noop_bumps: bool = False
    search_blind: bool = False
    search_paging: str = "normal"
    unique_conflict_status: int = 409
    merged_in_batch_update: str = "left_out"
    workflow_owner: str | None = None

    def set(self, settings: Mapping[str, Any]) -> None:
        """Turn some knobs; raises ValueError on an unknown name or an impossible value."""
        known = {f.name for f in fields(self)}
        if unknown := sorted(set(settings) - known):
            raise ValueError(f"unknown knob {unknown[0]}; known: {', '.join(sorted(known))}")
        for name, value in {n: _read(n, v, self) for n, v in settings.items()}.items():
            setattr(self, name, value)


def _read(name: str, value: Any, now: Knobs) -> Any:
    match name:
        case "search_lag_seconds" | "calculated_seconds" | "list_lag_seconds":
            return _span(name, value)
        case "bump_seconds":
            if isinstance(value, Mapping):
                return {**now.bump_seconds, **{k: _span(name, v) for k, v in value.items()}}
            return {"contacts": _span(name, value), "companies": _span(name, value)}
        case "fields_missing" | "missing_scopes":
            if not isinstance(value, (list, tuple, set)) or not all(
                isinstance(v, str) for v in value
            ):
                raise ValueError(f"{name} must be a list of names")
            return set(value)
        case "search_paging":
            return _one_of(name, value, PAGING)
        case "unique_conflict_status":
            return _one_of(name, value, CONFLICTS)
        case "merged_in_batch_update":
            return _one_of(name, value, MERGED_UPDATES)
        case "workflow_owner":
            return None if value is None else str(value)
        case "shuffle_batches" | "noop_bumps" | "search_blind":
            return _typed(name, value, bool)
        case "time_zone":
            return _typed(name, value, str)
        case "burst_window" | "read_lag_seconds":
            return float(_typed(name, value, (int, float)))
        case _:
            return _typed(name, value, int)


def _span(name: str, value: Any) -> Span:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = (value, value)
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or not all(isinstance(v, (int, float)) and v >= 0 for v in value)
        or value[0] > value[1]
    ):
        raise ValueError(f"{name} must be seconds, [low, high] or null")
    return float(value[0]), float(value[1])


def _one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}")
    return value


def _typed(name: str, value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ValueError(f"{name} has the wrong type: {value!r}")
    return value
