"""What the commands do, over a running daemon's store or one opened for the moment.

Each takes and gives JSON-safe values, so that the control socket and the command line call the same
function. Nothing here talks to a CRM; what needs one (`plan`, `doctor`, `init`) lives beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairlead.clock import Clock
from fairlead.core.policy import Policy
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.daemon.clock_report import sla_report
from fairlead.daemon.dead_letter_list import drop_letters, list_letters, retry_letters
from fairlead.daemon.explaining import explain_why_not, fairness, replay_decision
from fairlead.daemon.indicators import indicators
from fairlead.daemon.message_list import drop_message, list_messages, retry_messages
from fairlead.daemon.orders import Orders
from fairlead.daemon.policy_history import policy_diff, policy_history, policy_texts
from fairlead.daemon.recycling_report import recycling_report
from fairlead.daemon.reload import Reloader
from fairlead.daemon.rep_leave import come_back, go_away
from fairlead.daemon.shadow_report import shadow_report
from fairlead.daemon.since import parse_since
from fairlead.daemon.staffing import staffing_asked, staffing_report
from fairlead.daemon.status import status
from fairlead.daemon.times_report import (
    times_report,
)
from fairlead.daemon.weighing import apply_weights, show_weights
from fairlead.daemon.why import why
from fairlead.errors import ConfigError
from fairlead.store import journal, leads
from fairlead.store.db import Db
from fairlead.telemetry import get_logger
from fairlead.web.health import Signs

log = get_logger()


class Commands:
    """The commands over one open store."""

    def __init__(
        self,
        db: Db,
        active: Callable[[], ActivePolicy | None],
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
        signs: Callable[[], Signs] | None = None,
        reloader: Reloader | None = None,
        orders: Orders | None = None,
    ) -> None:
        self.db = db
        self._active = active
        self.clock = clock
        self._wake = wake
        self._signs = signs
        self._reloader = reloader
        self._orders = orders

    def routes(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """The commands by name, as the control socket serves them."""
        return {
            "why": lambda a: self.why(str(a["lead"])),
            "why-not": lambda a: explain_why_not(self.db, str(a["lead"]), str(a["rep"])),
            "replay": lambda a: replay_decision(self.db, str(a["decision"])),
            "fairness": lambda a: self.fairness(),
            "shadow": lambda a: self.shadow(str(a.get("since") or "")),
            "policy-history": lambda a: policy_history(self.db),
            "policy-show": lambda a: policy_texts(self.db, str(a["hash"])),
            "policy-diff": lambda a: policy_diff(self.db, str(a["old"]), str(a["new"])),
            "weights": lambda a: show_weights(self.db, self._policy(), self.clock.now()),
            "weights-apply": lambda a: apply_weights(
                self.db, self._policy(), a.get("team"), self.clock.now()
            ),
            "sla": lambda a: sla_report(
                self.db,
                self._policy(),
                self.clock.now(),
                int(a.get("hours") or 8),
                int(a.get("limit") or 50),
            ),
            "times": lambda a: self.times(str(a.get("since") or "30d")),
            "recycling": lambda a: recycling_report(
                self.db, self._policy(), int(a.get("limit") or 50)
            ),
            "sla-staffing": lambda a: staffing_report(
                self.db, self._policy(), self.clock.now(), **staffing_asked(a)
            ),
            "sla-indicators": lambda a: self.indicators(str(a.get("since") or "30d")),
            "messages": lambda a: list_messages(self.db, everything=bool(a.get("all"))),
            "messages-retry": lambda a: self.retry_messages(a.get("id")),
            "messages-drop": lambda a: drop_message(self.db, int(a["id"]), self.clock.now()),
            "status": lambda a: self.status(),
            "dead-letters": lambda a: self.dead_letters(bool(a.get("all"))),
            "dead-letters-retry": lambda a: self.retry(a.get("id")),
            "dead-letters-drop": lambda a: self.drop(int(a["id"])),
            "rep-away": lambda a: self.rep_away(
                str(a["rep"]),
                str(a["until"]),
                str(a.get("reason") or ""),
                str(a.get("cover") or ""),
            ),
            "rep-back": lambda a: self.rep_back(str(a["rep"])),
            "pause": lambda a: self.pause(str(a.get("reason") or "")),
            "resume": lambda a: self.resume(),
            "reload": lambda a: self.reload(),
            "backup": lambda a: self.backup(str(a["path"])),
            **(self._orders.routes() if self._orders else {}),
        }

    # -- reading ----------------------------------------------------------------------------

    def why(self, text: str) -> list[dict[str, Any]]:
        """Everything known about a lead: its state, its decision taken again, its writes.

        `text` is a record id, `crm:object:id`, or an e-mail. Raises ConfigError when none matches.
        """
        found = leads.find_leads(self.db, text)
        if not found:
            raise ConfigError(
                f"no lead {text!r} has been seen; give its CRM id, crm:object:id, or its e-mail"
            )
        return [why(self.db, row, self._policy()) for row in found]

    def fairness(self) -> list[dict[str, Any]]:
        """The certificate of each pool."""
        active = self._active()
        return fairness(self.db, active.policy if active else None)

    def indicators(self, since: str) -> dict[str, Any]:
        """What the answers since then show of touches for the clock's sake."""
        now = self.clock.now()
        return indicators(self.db, self._policy(), parse_since(since, now), now)

    def shadow(self, since: str) -> dict[str, Any]:
        """What the second policy says of the leads, beside what was really decided."""
        return shadow_report(self.db, parse_since(since, self.clock.now()) if since else None)

    def times(self, since: str) -> dict[str, Any]:
        """How long each step from captured to the first response took."""
        now = self.clock.now()
        return times_report(self.db, parse_since(since, now), now)

    def status(self) -> dict[str, Any]:
        """The state in numbers: leads by state, the outbox, pools, dead letters, connectors."""
        signs = None if self._signs is None else self._signs()
        return status(self.db, self._active(), self._reloader, signs, self.clock.now())

    def dead_letters(self, include_closed: bool = False) -> list[dict[str, Any]]:
        """The dead-letter list, oldest first."""
        return list_letters(self.db, include_closed=include_closed)

    # -- acting -----------------------------------------------------------------------------

    def retry_messages(self, id: int | None) -> dict[str, Any]:
        """Send failed messages again, one or all; a daemon begins at once."""
        done = retry_messages(self.db, None if id is None else int(id), self.clock.now())
        self._wake()
        return done

    def retry(self, id: int | None) -> dict[str, Any]:
        """Look again at one dead letter, or at all; the lead is read afresh and decided on.

        A write that should not be made any more is closed instead, and told under `overtaken`.
        """
        done = retry_letters(self.db, None if id is None else int(id), self.clock.now())
        self._wake()
        return done

    def drop(self, id: int) -> dict[str, Any]:
        """Give one dead letter up; a lead that could not be routed is terminal."""
        return drop_letters(self.db, int(id), self.clock.now())

    def rep_away(self, rep: str, until: str, reason: str, cover: str = "") -> dict[str, Any]:
        """Give a rep no new leads until a day is over or an instant reached; at once."""
        done = go_away(self.db, self._policy(), rep, until, reason, self.clock.now(), cover)
        self._wake()
        return done

    def rep_back(self, rep: str) -> dict[str, Any]:
        """End the leave a rep is on, at once; held leads are looked at again."""
        done = come_back(self.db, self._policy(), rep, self.clock.now())
        self._wake()
        return done

    def _policy(self) -> Policy | None:
        active = self._active()
        return active.policy if active else None

    def pause(self, reason: str) -> dict[str, Any]:
        """Stop writing to every CRM; leads are still read and decided. Survives a restart."""
        now = self.clock.now()
        with self.db.transaction():
            journal.set_switch(self.db, "paused", f"{now.isoformat()} {reason}".strip())
            journal.write(self.db, now, "daemon.paused", reason=reason)
        log.warning("daemon.paused", reason=reason)
        return {"paused": True}

    def resume(self) -> dict[str, Any]:
        """Write again; the guard looks at each lead before what waited goes out."""
        with self.db.transaction():
            journal.set_switch(self.db, "paused", None)
            journal.write(self.db, self.clock.now(), "daemon.resumed")
        log.warning("daemon.resumed")
        self._wake()
        return {"paused": False}

    def reload(self) -> dict[str, Any]:
        """Read the policy's files now, and bring them into force if they are good."""
        if self._reloader is None:
            raise ConfigError("no daemon runs here; the next start reads the policy")
        return self._reloader.reload().as_json()

    def backup(self, path: str) -> dict[str, Any]:
        """Write a consistent copy of the state beside it; returns where."""
        target = Path(path)
        if target.exists():
            raise ConfigError(f"{target} exists already; name a new file")
        self.db.backup_to(target)
        target.chmod(0o600)
        return {"path": str(target)}
