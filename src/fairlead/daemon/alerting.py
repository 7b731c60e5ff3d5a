"""Looks for trouble that a person must hear of, and tells it once when it begins and once when it
is over.

Ticked from the scheduler, with no call to anything outside: what it tells becomes messages, in the
transaction in which the episode begins or ends. What comes and goes is one episode, not many.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from fairlead.clock import Clock
from fairlead.core.counted import counted
from fairlead.core.silence import MOST_WEEKS, Rhythm, hour_of, is_silent, rhythm_of
from fairlead.core.worktime import Calendar, is_holiday_for_all
from fairlead.metrics import Metrics
from fairlead.notify.tables import Alerts
from fairlead.store import alerts, journal, messages
from fairlead.store.alerts import Episode
from fairlead.store.db import Db
from fairlead.telemetry import get_logger
from fairlead.web.health import PollSign

log = get_logger()

FAILED_ROUTING, DEAD_LETTERS = "failed_routing", "dead_letters"
SILENT, UNREACHABLE, CLOCK = "silent", "unreachable", "clock_untrusted"
KINDS = (FAILED_ROUTING, DEAD_LETTERS, SILENT, UNREACHABLE, CLOCK)
SETTLED = timedelta(minutes=5)
"""Trouble is over when it was not seen for so long."""
STUCK = timedelta(minutes=15)
"""How long a lead whose owner was refused may be without another."""
MOST_NAMED = 10
REMEDIES = {
    FAILED_ROUTING: "fairlead dead-letters list, then fairlead why LEAD",
    DEAD_LETTERS: "fairlead dead-letters list",
    SILENT: "look at the forms and imports that make leads in this CRM",
    UNREACHABLE: "fairlead doctor",
    CLOCK: "set the machine's clock; chronyc tracking, or timedatectl",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong now; `what` is the CRM it is about, or ""."""

    kind: str
    what: str
    subject: str
    detail: str


class Alerting:
    """The episodes of one daemon. `spec` None: seen, counted and shown by `status`, told nobody.

    `signs` tells how the polling of each CRM stands, `untrusted` the CRMs with which the machine's
    clock disagrees. On a day that is a public holiday in all `calendars` no lead is missed.
    """

    def __init__(
        self,
        db: Db,
        spec: Alerts | None,
        clock: Clock,
        metrics: Metrics,
        signs: Callable[[], dict[str, PollSign]],
        untrusted: Callable[[], Collection[str]],
        calendars: Callable[[], Collection[Calendar]] = tuple,
    ) -> None:
        self.db = db
        self.spec = spec
        self.clock = clock
        self.metrics = metrics
        self._limits = spec or Alerts(to=["nobody"])
        self._signs = signs
        self._untrusted = untrusted
        self._calendars = calendars
        self._began = clock.monotonic()
        self._rhythms: dict[str, tuple[datetime, Rhythm | None]] = {}

    def tick(self) -> None:
        """Look once."""
        now = self.clock.now()
        found = {(t.kind, t.what): t for t in self._troubles(now)}
        with self.db.transaction():
            known = {(e.kind, e.what): e for e in alerts.open_episodes(self.db)}
            for at, trouble in found.items():
                if at not in known:
                    self._begin(trouble, now)
                elif known[at].calm_since is not None:
                    alerts.calm(self.db, *at, None)
            for at, episode in known.items():
                if at not in found:
                    self._calm(episode, now)
        for kind in KINDS:
            going = sum(e.kind == kind for e in alerts.open_episodes(self.db))
            self.metrics.alerts.labels(kind=kind).set(going)
        waiting = messages.counts(self.db)
        for state in ("new", "sending", "failed"):
            self.metrics.messages_waiting.labels(state=state).set(waiting.get(state, 0))

    # -- episodes ---------------------------------------------------------------------------

    def _begin(self, t: Trouble, now: datetime) -> None:
        alerts.begin(self.db, t.kind, t.what, t.detail, now)
        body = f"{t.detail}\n\nWhat to do: {REMEDIES[t.kind]}"
        self._tell(t.kind, t.what, now, now, "alert.raised", t.subject, body)
        log.warning(
            "alert.raised", kind=t.kind, crm=t.what or None, reason=t.detail,
            remedy=REMEDIES[t.kind],
        )  # fmt: skip

    def _calm(self, e: Episode, now: datetime) -> None:
        if e.calm_since is None:
            alerts.calm(self.db, e.kind, e.what, now)
        elif now - e.calm_since >= SETTLED:
            alerts.end(self.db, e.kind, e.what)
            about = f" ({e.what})" if e.what else ""
            body = f"It is over. It began {e.since:%Y-%m-%d %H:%M} UTC:\n\n{e.detail}"
            subject = f"over: {e.kind.replace('_', ' ')}{about}"
            self._tell(e.kind, e.what, e.since, now, "alert.over", subject, body)
            log.info("alert.over", kind=e.kind, crm=e.what or None)

    def _tell(
        self, kind: str, what: str, since: datetime, now: datetime, event: str, subject: str,
        body: str,
    ) -> None:  # fmt: skip
        journal.write(self.db, now, event, kind=kind, what=what, reason=body)
        data = {"kind": kind, "crm": what or None, "since": since.isoformat()}
        for target in self.spec.to if self.spec else ():
            messages.add(
                self.db, f"{event} {kind} {what} {since.isoformat()} {target}", target,
                f"fairlead: {subject}", body, now, event=event, data=data,
            )  # fmt: skip

    # -- what is wrong ----------------------------------------------------------------------

    def _troubles(self, now: datetime) -> list[Trouble]:
        found = self._letters(now)
        for crm, sign in sorted(self._signs().items()):
            away = self._unreachable(crm, sign)
            if away is not None:
                found.append(away)
            elif sign.age_seconds is not None and self._limits.silent:
                seen = now - timedelta(seconds=sign.age_seconds)
                quiet = self._silent(crm, seen)
                found += [quiet] if quiet else []
        for crm in sorted(self._untrusted()):
            detail = (
                f"The machine's clock and {crm}'s disagree; the CRM's time is used."
                " Set the machine's clock."
            )
            found.append(Trouble(CLOCK, crm, f"clock not trusted ({crm})", detail))
        return found

    def _letters(self, now: datetime) -> list[Trouble]:
        found = []
        count, first = alerts.failed_leads(self.db, now - STUCK, MOST_NAMED)
        if count:
            lines = [f"{lead}: {reason}" for lead, reason in first]
            if count > len(first):
                lines.append(f"and {count - len(first)} more")
            one = counted(count, "lead")
            text = "\n".join([f"Nobody has been given {one}, and only a person can help:", *lines])
            found.append(Trouble(FAILED_ROUTING, "", f"{one} could not be routed", text))
        letters = len(journal.dead_letters(self.db))
        if letters >= self._limits.dead_letters:
            limit = self._limits.dead_letters
            what = counted(letters, "dead letter")
            text = (
                f"{what} {'waits' if letters == 1 else 'wait'} for a person; the limit is {limit}."
            )
            found.append(Trouble(DEAD_LETTERS, "", what, text))
        return found

    def _unreachable(self, crm: str, sign: PollSign) -> Trouble | None:
        age = sign.age_seconds
        gone = self.clock.monotonic() - self._began if age is None else age
        if gone < self._limits.unreachable:
            return None
        why = f" It stopped: {sign.stopped}" if sign.stopped else ""
        long = counted(int(gone // 60), "minute")
        text = f"No good look at {crm} for {long}; its leads wait there.{why}"
        return Trouble(UNREACHABLE, crm, f"{crm} cannot be read", text)

    def _silent(self, crm: str, seen: datetime) -> Trouble | None:
        first, last = alerts.first_and_last(self.db, crm, seen)
        if first is None or last is None:
            return None
        rhythm = self._rhythm(crm, first, seen)
        free = partial(is_holiday_for_all, self._calendars())
        if rhythm is None or not is_silent(rhythm, last, seen, free):
            return None
        usual = rhythm.expected(last, seen, free)
        text = (
            f"No lead has come from {crm} since {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC; by the"
            f" last weeks at least {usual:.0f} would have."
        )
        return Trouble(SILENT, crm, f"no leads from {crm}", text)

    def _rhythm(self, crm: str, first: datetime, seen: datetime) -> Rhythm | None:
        """Learnt once an hour."""
        hour = hour_of(seen)
        kept = self._rhythms.get(crm)
        if kept is None or kept[0] != hour:
            start = hour - timedelta(weeks=MOST_WEEKS)
            came = alerts.arrivals(self.db, crm, start, hour)
            kept = (hour, rhythm_of(came, first, hour))
            self._rhythms[crm] = kept
        return kept[1]
