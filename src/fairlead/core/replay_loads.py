"""What each rep has on one side of a replay: open leads, and when leads were received.

Below `replay_side`. Open leads are those that were counted then, without what really went to a rep
and with what goes there on this side; so whatever people did beside fairlead is in the number.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from fairlead.core.decision import Load
from fairlead.core.distribute import balanced_by_load
from fairlead.core.policy import Policy
from fairlead.core.rep_clock import zone_of
from fairlead.core.types import NO_LIMITS, Ref, Rep
from fairlead.core.worktime import window_end, window_start

WINDOWS = ("hour", "day", "week")


class Loads:
    """The loads of everybody; `freed` are the open leads that reps have lost since last asked."""

    def __init__(
        self,
        policy: Policy,
        received: Mapping[str, list[datetime]],
        open_before: Mapping[str, int],
    ) -> None:
        self.policy = policy
        self._balanced = balanced_by_load(policy)[0]
        self.uncounted: set[str] = set()
        self._freed: Counter[str] = Counter()
        self._received = {rep: sorted(times) for rep, times in received.items()}
        self._open = Counter(open_before)
        self._counted: set[str] = set()
        self._extra: Counter[str] = Counter()
        self._here: dict[Ref, str] = {}
        self._there: dict[Ref, str] = {}
        self._windows: dict[tuple[str, str], tuple[datetime, datetime]] = {}

    # -- what was and is --------------------------------------------------------------------

    def counted(self, now: Mapping[str, int]) -> None:
        """So many open leads were counted at this moment."""
        for rep, count in now.items():
            if rep in self._counted and count < self._open[rep]:
                self._free(rep, self._open[rep] - count)
            self._counted.add(rep)
            self._open[rep] = count

    def give(self, ref: Ref, rep: str, at: datetime) -> None:
        """On this side the lead goes to the rep."""
        self._here[ref] = rep
        self._extra[rep] += 1
        insort(self._received.setdefault(rep, []), at)

    def take(self, ref: Ref, received: datetime | None = None) -> None:
        """It is no open lead of theirs any more; with `received`, as if it had never been."""
        rep = self._here.pop(ref, None)
        if rep is None:
            return
        self._extra[rep] -= 1
        self._free(rep, 1)
        if received is not None and received in self._received[rep]:
            self._received[rep].remove(received)

    def unreceived(self, rep: str, at: datetime) -> None:
        """What the rep received at this instant was not theirs, and went on already."""
        times = self._received.get(rep, [])
        if at in times:
            times.remove(at)

    def really_given(self, ref: Ref, rep: str) -> None:
        """In truth the lead went to the rep."""
        self.really_ended(ref)
        self._there[ref] = rep
        self._open[rep] += 1
        self._extra[rep] -= 1

    def really_ended(self, ref: Ref) -> None:
        """In truth it is no open lead of theirs any more."""
        rep = self._there.pop(ref, None)
        if rep is not None:
            self._extra[rep] += 1
            self._open[rep] -= 1

    def really_has(self, ref: Ref) -> bool:
        """Whether some rep was really given the lead, and still has it."""
        return ref in self._there

    def freed(self) -> Mapping[str, int]:
        """Open leads that reps have lost since this was last asked."""
        freed, self._freed = self._freed, Counter()
        return freed

    def _free(self, rep: str, count: int) -> None:
        entry = self.policy.roster.get(rep)
        if entry is not None and entry.capacity.open is not None:
            self._freed[rep] += count

    # -- for deciding -----------------------------------------------------------------------

    def of(self, reps: Mapping[str, Rep], policy: Policy, at: datetime) -> dict[str, Load]:
        """The loads of those with a limit or balanced by load, as `World` wants them."""
        found = {}
        for r in reps.values():
            by_load = r.id in self._balanced
            if r.capacity == NO_LIMITS and not by_load:
                continue
            if (r.capacity.open is not None or by_load) and r.id not in self._counted:
                self.uncounted.add(r.id)
            zone = zone_of(r, policy.calendars)
            had = (self._had(r, window, at, zone) for window in WINDOWS)
            found[r.id] = Load(max(0, self._open[r.id] + self._extra[r.id]), *had)
        return found

    def _had(self, rep: Rep, window: str, at: datetime, zone: str) -> int:
        """Leads received in this window; not counted where nothing is limited, as in the daemon."""
        if getattr(rep.capacity, f"per_{window}") is None:
            return 0
        times = self._received.get(rep.id, [])
        return len(times) - bisect_left(times, self._start(at, window, zone))

    def _start(self, at: datetime, window: str, zone: str) -> datetime:
        known = self._windows.get((window, zone))
        if known is None or not known[0] <= at < known[1]:
            known = (window_start(at, window, zone), window_end(at, window, zone))
            self._windows[window, zone] = known
        return known[0]
