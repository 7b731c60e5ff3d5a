"""What the simulation prints: a bar while it runs, the numbers, the audit."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fairlead.simulation.play import Outcome

WIDTH = 30
LIVE_EVERY, PLAIN_EVERY = 0.2, 10.0


class Bar:
    """A progress bar on a terminal, a line now and then elsewhere; goes to stderr."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, done: float, at: datetime, arrived: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (LIVE_EVERY if self._live else PLAIN_EVERY)
        full = int(done * WIDTH)
        bar = "#" * full + "." * (WIDTH - full)
        text = f"[{bar}] {done:4.0%}  {at:%a %d %b %H:%M} UTC  {arrived} leads"
        print(f"\r{text}\x1b[K" if self._live else text, end="" if self._live else "\n",
              file=sys.stderr, flush=True)  # fmt: skip

    def close(self) -> None:
        """Take the bar away."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def in_words(found: Outcome, days: int) -> str:
    """The whole outcome for people."""
    lines = [f"{days} simulated days in {found.seconds:.0f} s"]
    for heading, numbers in found.counts.items():
        lines += ["", heading.capitalize()]
        lines += [f"  {n:7,d}  {name.replace('_', ' ')}" for name, n in numbers.items()]
    lines += ["", "Calls", *(f"  {n:7,d}  {crm}" for crm, n in found.calls.items())]
    lines += ["", "What the CRMs' own logs and the people's diaries show"]
    lines += [f"  {'ok ' if f.ok else 'BAD'}  {f.name}: {f.detail}" for f in found.findings]
    lines += ["", "All as it should be." if found.ok else "Something is wrong; see BAD above."]
    return "\n".join(lines)


def as_dict(found: Outcome) -> dict[str, Any]:
    """The whole outcome as JSON-safe values."""
    return {
        "ok": found.ok,
        "seconds": round(found.seconds, 1),
        **found.counts,
        "calls": found.calls,
        "audit": [asdict(f) for f in found.findings],
    }
