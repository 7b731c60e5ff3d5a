"""Observe: bring a connector's pages into the store, each in one transaction with its cursor.

Reads one CRM. On first contact the CRM's own time becomes the baseline and everything that exists
is read for matching (resumable: cursors are stored page by page); after that each cycle is one
`changes()` call. A record that cannot be read or routed becomes a dead letter and the page goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fairlead.core.decision import Order
from fairlead.core.domains import registrable_domain
from fairlead.core.types import Account, Kind, LeadState, Record, Ref
from fairlead.daemon.capacity import count_moved
from fairlead.daemon.crm_people import take_owners
from fairlead.daemon.gone import still_here
from fairlead.daemon.leavers import tell_inactive
from fairlead.daemon.meter import Meter
from fairlead.daemon.rescoring import rescore
from fairlead.daemon.rounds import OUT
from fairlead.daemon.routing import Feed, Router
from fairlead.daemon.sightings import ODD_DATA as ODD_DATA
from fairlead.daemon.sightings import is_news, version_of
from fairlead.daemon.snapshots import Snapshot
from fairlead.daemon.steady_clock import SteadyClock
from fairlead.daemon.trust import Trust
from fairlead.daemon.waiting import HELD_RETRY
from fairlead.errors import BadRecord, Bug, PermissionMissing
from fairlead.metrics import Metrics
from fairlead.spi.connector import ChangePage, Connector, Cursor, FieldMap
from fairlead.store import claims, directory, journal, leads, scores
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()

POLLED = (Kind.LEAD, Kind.ACCOUNT)
HELD_BATCH = 200
SETTLED = (LeadState.ASSIGNED, LeadState.LEFT, LeadState.PRE_EXISTING, *OUT)
"""States in which we want nothing of a record, so that it may become unreadable."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one step of reading did: rows looked at, leads that were news, whether more waits."""

    rows: int
    news: int
    more: bool


class Ingest:
    """The reading side of one connector. Used by its reader thread; `take` also by the writer's."""

    def __init__(
        self,
        db: Db,
        connector: Connector,
        router: Callable[[], Router],
        clock: SteadyClock,
        metrics: Metrics,
        *,
        all_ready: Callable[[], bool],
        on_work: Callable[[], None],
        progress: Callable[[str, int], None] | None = None,
        created_since: datetime | None = None,
    ) -> None:
        self.db = db
        self.connector = connector
        self.crm = connector.name
        self.router = router
        self.clock = clock
        self.trust = Trust(connector, clock)
        self.metrics = metrics
        self._all_ready = all_ready
        self._on_work = on_work
        self._progress = progress or (lambda what, n: None)
        self._created_since = created_since
        self._meter = Meter(connector, metrics)
        self.release_due = False
        """Held leads must be looked at now: a newer one has just let them go first."""
        self.feed = Feed(
            self.crm,
            {
                n: connector.field_map.sources(n)
                for n in connector.field_map.names()
                if not n.startswith("account.")
            },
        )

    # -- first start ------------------------------------------------------------------------

    def first_contact(self) -> None:
        """Log in, learn who we are, fix the baseline on the first day, read users and queues.

        Raises PermissionMissing, before anything is stored, for what the doctor calls fatal:
        without it we could take our own changes for a person's. Lesser findings are said once.
        """
        probe = self.connector.probe()
        for found in probe.findings:
            if not found.ok and found.fatal:
                raise PermissionMissing(f"{found.check}: {found.detail}", remedy=found.remedy)
            if not found.ok:
                log.warning(
                    "connector.limited", crm=self.crm, reason=f"{found.check}: {found.detail}",
                    remedy=found.remedy,
                )  # fmt: skip
        self.trust.heard(probe.server_now)
        owners = self.connector.owners()
        with self.db.transaction():
            directory.add_connector(self.db, self.crm, probe.server_now, probe.our_ids)
            take_owners(self.db, self.crm, owners)
            leads.wake_held(self.db, self.crm)
        log.info("connector.ready", crm=self.crm, count=len(owners))

    def read_existing(self, stopping: Callable[[], bool]) -> bool:
        """Read what exists, accounts before leads; True when done, False when stopped meanwhile.

        Resumes where an earlier run stopped, since every page stores its cursor.
        """
        row = directory.get_connector(self.db, self.crm)
        if row is None:
            raise Bug("read_existing before first_contact")
        if row.ready:
            return True
        for kind in (Kind.ACCOUNT, Kind.LEAD):
            total = 0
            while not stopping():
                seen = self._turn((kind,))
                total += seen.rows
                self._progress(kind.value, total)
                if not seen.more:
                    break
            log.info("bootstrap.read", crm=self.crm, kind=kind.value, records=total)
        if stopping():
            return False
        with self.db.transaction():
            directory.set_ready(self.db, self.crm)
            leads.wake_held(self.db)
        return True

    # -- every cycle ------------------------------------------------------------------------

    def cycle(self) -> Seen:
        """One poll: the next page of leads and accounts, in as few round trips as possible."""
        seen = self._turn(POLLED)
        self.metrics.polls_total.labels(crm=self.crm, result="ok").inc()
        self._meter.read()
        log.debug("poll.done", crm=self.crm, records=seen.rows, count=seen.news)
        return seen

    def cursors(self, kinds: Sequence[Kind] = POLLED) -> Mapping[Kind, Cursor]:
        """Where each feed stands; a feed that was never read begins at the beginning."""
        return {
            k: directory.get_cursor(self.db, self.crm, k)
            or self.connector.start_cursor(k, since=None)
            for k in kinds
        }

    def _turn(self, kinds: Sequence[Kind]) -> Seen:
        asked = self.cursors(kinds)
        pages = self.connector.changes(asked)
        return self.take(pages, asked)

    def take(self, pages: Mapping[Kind, ChangePage], asked: Mapping[Kind, Cursor]) -> Seen:
        """Store pages: rows, decisions and cursor in one transaction per page.

        Safe to call twice with one page and from both threads: rows are folded by version, and a
        cursor only moves if it is still the one the page was asked with.
        """
        rows = news = 0
        more = False
        for kind in (Kind.ACCOUNT, Kind.LEAD):
            page = pages.get(kind)
            if page is None:
                continue
            self.trust.heard(page.server_now)
            with self.db.transaction():
                if kind is Kind.ACCOUNT:
                    self._accounts(page.records)
                elif (found := self.observe_all(page.records)) > 0:
                    news += found
                else:
                    # Peaks and plans go on with time and people, though no lead is new.
                    self.router().snapshot(self.clock.now())
                stored = directory.get_cursor(self.db, self.crm, kind)
                if stored is None or stored == asked[kind]:
                    directory.put_cursor(self.db, self.crm, kind, page.cursor)
            rows += len(page.records)
            more = more or page.more
        if news:
            self._on_work()
        return Seen(rows, news, more)

    def observe_all(
        self,
        records: Sequence[Record],
        *,
        again: bool = False,
        anew: bool = False,
        rerun: bool = False,
        order: Order | None = None,
        snap: Snapshot | None = None,
    ) -> int:
        """Route records one by one, each seeing the ledger its predecessor left.

        Must be called inside a transaction. Returns how many were news. Raises RetryLater while
        the machine's clock has jumped and the CRM has not told its time. `snap` is a snapshot
        since which nobody was given a lead or lost one.
        """
        row = directory.get_connector(self.db, self.crm)
        if row is None:
            raise Bug("a page before first contact")
        to_see = records if again or anew else self._news(records)
        if not to_see:
            return 0
        baseline = self._created_since or row.baseline
        now = self.clock.sure()
        router = self.router()
        snap = snap or router.snapshot(now)
        ready = row.ready and self._all_ready()
        news = 0
        for record in to_see:
            before = leads.get_lead(self.db, record.ref) if snap.loads else None
            try:
                with self.db.savepoint():
                    state = router.observe(
                        record,
                        self.feed,
                        snap,
                        now,
                        baseline=baseline,
                        first_reading=not row.ready,
                        ready=ready,
                        again=again,
                        anew=anew,
                        rerun=rerun,
                        order=order,
                    )
            except (BadRecord, *ODD_DATA) as e:
                named = isinstance(e, BadRecord)
                self._dead_letter(
                    record, str(e) if named else f"cannot be routed ({type(e).__name__})", now
                )
                snap = router.snapshot(now)
                state = LeadState.DEAD_LETTER
            if snap.loads and state is not None:
                after = leads.get_lead(self.db, record.ref)
                count_moved(self.db, router.policy, snap.world, snap.loads, before, after, now)
            news += state is not None
            self.release_due = self.release_due or snap.overtaken
        return news

    def _news(self, records: Sequence[Record]) -> list[Record]:
        """Without the records that are known as they are: most of a page, for it looks back.

        In order of creation: when a record was last touched depends on when we look, and a turn
        must not (HubSpot touches each contact once more, seconds after it was made).
        """
        known = leads.versions(self.db, [r.ref for r in records])
        news = [
            r
            for r in records
            if r.ref not in known or is_news(known[r.ref], r, version_of(r))
        ]  # fmt: skip
        return sorted(news, key=_turn)

    def release_held(self) -> int:
        """Look again, by id, at held leads that are due; returns how many left their state."""
        if not self._all_ready():
            return 0
        self.release_due = False
        moved = self.look_again(claims.due(self.db, self.crm, self.clock.now(), HELD_BATCH))
        due = leads.held_due(self.db, self.crm, self.clock.now(), HELD_BATCH)
        return moved + self.look_again(due)

    def rescore_due(self) -> int:
        """Look, by id, at the leads whose grade time has changed; returns how many were due."""
        due = scores.due(self.db, self.crm, self.clock.now(), HELD_BATCH)
        if not due or self.router().policy.scoring is None or not self._all_ready():
            return 0
        answers = self.connector.read(due)
        with self.db.transaction():
            rescore(self.db, self.router(), self.feed, answers, self.clock.now())
        self._on_work()
        return len(due)

    def look_again(self, refs: Sequence[Ref]) -> int:
        """Read these leads by id and decide on them afresh; the number that left their state.

        One that somebody has taken out of a claim queue meanwhile is only seen.
        """
        if not refs:
            return 0
        answers = self.connector.read(refs)
        with self.db.transaction():
            now = self.clock.now()
            before = {ref: leads.get_lead(self.db, ref) for ref in refs}
            offered = {ref: claims.latest(self.db, ref) for ref in refs}
            here = still_here(self.db, refs, answers, now)
            taken = [r for r in here if _is_taken(offered[r.ref], r, before[r.ref])]
            self.observe_all(taken)
            self.observe_all([r for r in here if r not in taken], again=True)
            after = {ref: leads.get_lead(self.db, ref) for ref in refs}
            # Who was decided on has its next look set; the others must not be due for ever.
            same = [r for r in refs if _next_look(after[r]) in (None, _next_look(before[r]))]
            leads.retry_at(self.db, same, now, now + HELD_RETRY)
            moved = sum(
                (there := after[ref]) is not None
                and (was := before[ref]) is not None
                and there.state is not was.state
                for ref in refs
            )
        if moved:
            self._on_work()
        return moved

    def announce(self) -> None:
        """Tell the writer that there is work."""
        self._on_work()

    def refresh_owners(self) -> bool:
        """Read users and queues again; True (and held leads wake) when leads may find somebody.

        That is when anybody came or went, or what the CRM tells of availability changed, unless
        people only went away.
        """
        owners = self.connector.owners()
        with self.db.transaction():
            was = {o.id for o in directory.get_owners(self.db, self.crm) if o.active}
            taken = take_owners(self.db, self.crm, owners)
            if taken is not None:
                journal.write(self.db, self.clock.now(), taken.event, crm=self.crm)
                tell_inactive(self.db, self.crm, was, self.clock.now())
            hope = taken is not None and taken.hope
            if hope:
                leads.wake_held(self.db)
        return hope

    # -- parts ------------------------------------------------------------------------------

    def _dead_letter(self, record: Record, reason: str, now: datetime) -> None:
        version = version_of(record)
        row = leads.get_lead(self.db, record.ref)
        if row is not None and row.state is LeadState.DEAD_LETTER and row.version == version:
            return
        if row is not None and row.state in SETTLED:
            leads.put_lead(self.db, replace(row, version=version))
            return
        if row is None:
            person_id, _ = leads.person_for(self.db, record.ref, ())
            row = leads.LeadRow(
                record.ref, person_id, LeadState.DEAD_LETTER, reason, record.owner_id, version,
                record.created_at, now, None, None, None, None,
            )  # fmt: skip
        leads.put_lead(
            self.db,
            replace(
                row, state=LeadState.DEAD_LETTER, reason=reason, version=version, retry_at=None
            ),
        )
        if journal.add_dead_letter(self.db, now, record.ref, "read", reason, version, None):
            journal.write(self.db, now, "dead_letter.added", ref=record.ref, reason=reason)
            log.warning(
                "dead_letter.added", crm=self.crm, lead=str(record.ref),
                stage="read", reason=reason,
            )  # fmt: skip

    def _accounts(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.deleted or record.unreadable:
                directory.drop_account(self.db, record.ref)
            else:
                directory.put_account(
                    self.db, to_account(record, self.connector.field_map), record.version
                )


def to_account(record: Record, field_map: FieldMap) -> Account:
    """An account in our words; the field map names its fields `account.name`, `account.domain` …"""

    def first(name: str) -> Any:
        for source in field_map.sources(f"account.{name}"):
            value = record.fields.get(source)
            if value not in (None, ""):
                return value
        return None

    domains = {registrable_domain(first("domain")), registrable_domain(first("website"))}
    return Account(
        record.ref, str(first("name") or ""), tuple(sorted(d for d in domains if d)),
        record.owner_id, first("type"), first("industry"), _whole(first("employees")),
        first("parent"),
    )  # fmt: skip


def _turn(record: Record) -> tuple[datetime, int, str]:
    """The place of a record among others of its page: by age, then by id (numbers as numbers)."""
    return record.created_at or record.modified_at, len(record.ref.id), record.ref.id


def _is_taken(offered: claims.Offered | None, record: Record, row: leads.LeadRow | None) -> bool:
    """Whether somebody has moved it out of its claim queue; what is held is decided on anyway."""
    if offered is None or row is None or row.state is LeadState.HELD:
        return False
    return record.owner_id != offered.claim.queue_id


def _next_look(row: leads.LeadRow | None) -> datetime | None:
    return None if row is None else row.retry_at


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(float(value))
    except (ValueError, OverflowError):
        return None
