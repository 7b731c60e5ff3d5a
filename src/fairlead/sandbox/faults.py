"""Faults to inject: which requests they strike, how often, and what happens to them."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TRANSPORT_KINDS = ("delay", "hang", "reset", "truncate")
"""Faults the HTTP shell plays itself; any other kind is the face's own answer of that name."""


@dataclass(slots=True)
class Fault:
    """One planned fault.

    `path` is a regular expression searched in the request path, `body` one searched in its text,
    `method` exact or "". `where` tells whether it strikes before or after the request took effect.
    `count` strikes are left (None: for ever), each with `probability`.
    """

    kind: str
    method: str = ""
    path: str = ""
    body: str = ""
    where: str = "before"
    count: int | None = 1
    probability: float = 1.0
    seconds: float = 1.0
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.where not in ("before", "after"):
            raise ValueError("where must be before or after")
        if self.kind == "truncate" and self.where != "after":
            raise ValueError("truncate cuts an answer, so it strikes after")
        for name in ("path", "body"):
            try:
                re.compile(getattr(self, name))
            except re.error as e:
                raise ValueError(f"{name} is no regular expression: {e}") from None


class FaultPlan:
    """The faults in force, drawn from in the order they were added; thread-safe."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def draw(self, method: str, path: str, body: bytes = b"") -> Fault | None:
        """The fault that strikes this request, if any; its count goes down."""
        with self._lock:
            for fault in self._faults:
                if fault.method and fault.method != method:
                    continue
                if not re.search(fault.path, path):
                    continue
                if fault.body and not re.search(fault.body, body.decode("utf-8", "replace")):
                    continue
                if fault.probability < 1.0 and self._rng.random() >= fault.probability:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self._faults.remove(fault)
                return fault
        return None
