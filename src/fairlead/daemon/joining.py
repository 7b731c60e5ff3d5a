"""Reads who joined the campaigns and lists that the policy names, and looks at leads with signals.

Run by the reader of each CRM between two polls. Groups are asked for at a slow rhythm of their own;
each page is kept in one transaction with the cursor. Leads that are due because of a signal are
read by id and taken through scoring and `reroute_on` like any that has news.
"""

from __future__ import annotations

from fairlead.clock import Clock
from fairlead.core.policy import Policy
from fairlead.core.signals import groups_of, groups_said, in_group
from fairlead.core.types import Ref
from fairlead.daemon import signalling
from fairlead.daemon.gone import still_here
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.pace import poll_interval
from fairlead.store import leads, signals
from fairlead.store.db import Db
from fairlead.store.signals import SeenOn
from fairlead.telemetry import get_logger

log = get_logger()

BATCH = 200


class Joining:
    """The signals of one CRM that do not come with a lead's own change; used by its reader."""

    def __init__(self, db: Db, ingest: Ingest, clock: Clock, interval: float) -> None:
        self.db = db
        self.ingest = ingest
        self.crm = ingest.crm
        self.clock = clock
        self.interval = interval
        self._read_at: float | None = None
        self._unseen = False

    def tick(self) -> bool:
        """One page of members if it is time, and the leads that are due; True when more waits.

        Raises what reading from the CRM raises; nothing is lost by it.
        """
        more = self._groups()
        return self._looks() == BATCH or more

    def _groups(self) -> bool:
        policy: Policy = self.ingest.router().policy
        groups = groups_of(policy.signals, self.crm)
        if not groups or not self._is_time():
            return False
        if not self.ingest.connector.capabilities.groups:
            self._say_unseen()
            return False
        asked = groups_said(policy.signals, self.crm)
        page = self.ingest.connector.joined(groups, signals.get_cursor(self.db, self.crm, asked))
        with self.db.transaction():
            now = self.clock.now()
            # A page looks back, so that most of it is known.
            seen: dict[Ref, list[SeenOn]] = {}
            for one in signals.seen_on_records(self.db, {m.ref for m in page.members}):
                seen.setdefault(one.ref, []).append(one)
            for member in page.members:
                found = in_group(
                    policy.signals, self.crm, member.group, member.status, member.at
                )  # fmt: skip
                if not signalling.unseen(seen.get(member.ref, ()), member.ref, found):
                    continue
                row = leads.get_lead(self.db, member.ref)
                person = None if row is None else row.person_id
                signalling.note(self.db, member.ref, person, found, now)
            signals.put_cursor(self.db, self.crm, asked, page.cursor)
        self._read_at = None if page.more else self.clock.monotonic()
        return page.more

    def _is_time(self) -> bool:
        """Whether the rhythm asks for a look; with little quota left it is slower, as polls are."""
        if self._read_at is None:
            return True
        wait = poll_interval(self.interval, self.ingest.connector.budget, calls_per_poll=1)
        return self.clock.monotonic() - self._read_at >= wait

    def _say_unseen(self) -> None:
        if not self._unseen:
            self._unseen = True
            log.warning(
                "connector.limited", crm=self.crm,
                reason="signals: this connection cannot see who is in campaigns or lists",
                remedy="let its user read them; `fairlead doctor` says which right is missing",
            )  # fmt: skip

    def _looks(self) -> int:
        due = signals.due(self.db, self.crm, self.clock.now(), BATCH)
        if not due:
            return 0
        answers = self.ingest.connector.read(due)
        with self.db.transaction():
            now = self.clock.now()
            for ref in due:
                signals.looked(self.db, ref, now)
            self.ingest.observe_all(still_here(self.db, due, answers, now), anew=True)
        self.ingest.announce()
        return len(due)
