"""What the demo prints: a live line on a terminal, plain lines elsewhere, and the summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.reports.human import human_why

if TYPE_CHECKING:
    from fairlead.demo.play import Summary
    from fairlead.sandbox.both import BothSandboxes

PLAIN_EVERY = 3.0
LIVE_EVERY = 0.5


class Progress:
    """Shows how the demo goes."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = sys.stdout.isatty()
        self._next = 0.0
        self._start = time.monotonic()

    def line(self, text: str) -> None:
        """A sentence of its own."""
        if not self.quiet:
            print(text, flush=True)

    def due(self) -> bool:
        """Whether it is time for another update."""
        return not self.quiet and time.monotonic() >= self._next

    def update(self, status: Mapping[str, Any], arrived: int) -> None:
        """Show the numbers, if it is time."""
        if not self.due():
            return
        self._next = time.monotonic() + (LIVE_EVERY if self.live else PLAIN_EVERY)
        states: dict[str, int] = {}
        for by_state in status["leads"].values():
            for state, n in by_state.items():
                states[state] = states.get(state, 0) + n
        waiting = sum(status["outbox"].get(s, 0) for s in ("new", "inflight", "sent"))
        text = (
            f"{time.monotonic() - self._start:5.1f} s  {arrived:4d} arrived"
            f"  {states.get('assigned', 0):4d} assigned  {waiting:3d} writes under way"
            f"  {status['dead_letters']} dead letters"
        )
        if self.live:
            print(f"\r{text}\x1b[K", end="", flush=True)
        else:
            print(text, flush=True)

    def done(self) -> None:
        if self.live and not self.quiet:
            print("\r\x1b[K", end="")


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return values[min(len(values) - 1, max(0, round(share * len(values) + 0.5) - 1))]


def tell(summary: Summary, both: BothSandboxes) -> None:
    """Print the summary for people."""
    print("\nLeads by state")
    for crm, states in summary.status["leads"].items():
        print(f"  {crm:11}" + ", ".join(f"{n} {s}" for s, n in sorted(states.items())))
    print("\nShares (received, entitled, difference)")
    for pool, reps in summary.status["pools"].items():
        print(f"  {pool}")
        for rep, r in sorted(reps.items()):
            entitled = r["received"] + Fraction(r["balance"])
            print(
                f"    {rep:22} {r['received']:4d}  {float(entitled):7.2f}"
                f"  {-float(Fraction(r['balance'])):+.2f}"
            )
    print("\nTime from creation to owner")
    for crm, took in summary.times.items():
        if took:
            half, most = percentile(took, 0.5), percentile(took, 0.99)
            print(f"  {crm:11}p50 {half:5.2f} s   p99 {most:5.2f} s   ({len(took)} leads)")
    print("\nAPI calls")
    for crm, n in summary.calls.items():
        print(f"  {crm:11}{n}")
    print("\nOne lead, explained (fairlead why)")
    for line in human_why(summary.why):
        print(f"  {line}")
    print("\nWhat the CRMs' own audit logs show")
    for c in summary.checks:
        print(f"  {'ok ' if c.ok else 'BAD'}  {c.name}: {c.detail}")
    print("\nAll as it should be." if summary.ok else "\nSomething is wrong; see BAD above.")


def as_dict(summary: Summary) -> dict[str, Any]:
    """The summary as JSON-safe values."""
    return {
        "ok": summary.ok,
        "checks": [asdict(c) for c in summary.checks],
        "status": summary.status,
        "time_to_owner": {
            crm: {"p50": percentile(t, 0.5), "p99": percentile(t, 0.99), "leads": len(t)}
            for crm, t in summary.times.items()
            if t
        },
        "api_calls": summary.calls,
        "why": summary.why,
    }


def kept(both: BothSandboxes, config: Path) -> None:
    """Say how to look around, with `--keep`."""
    about = both.describe()
    print("\nStill running. Look around with:")
    print(f"  fairlead --config {config} status")
    for name in ("salesforce", "hubspot"):
        print(f"  {name}: {about[name]} (bearer token {about['token']})")
    print("Ctrl-C ends it.", flush=True)
