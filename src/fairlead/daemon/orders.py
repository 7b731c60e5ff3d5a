"""What a person orders of leads that exist: plans for many, an override of one, a preview of one.

Stands behind the control socket. Plans are made in a thread of their own, one at a time, with a
connector of their own; `batch_apply` carries them out. An override is decided here, and written
like everything else.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.core.decision import BACKFILL, OVERRIDE, REASSIGN, Order, OutcomeKind, World
from fairlead.core.policy import Policy
from fairlead.daemon.batch_apply import end_batch
from fairlead.daemon.batch_plan import Asked, backfill_refs, make_plan, read_where
from fairlead.daemon.ingest import Ingest
from fairlead.daemon.meant import guessed, one_lead, owners_meant, rep_meant
from fairlead.daemon.override import give, read_one
from fairlead.daemon.preview import preview
from fairlead.errors import ConfigError, FairleadError, Unavailable, UnsafePlan
from fairlead.spi.connector import Connector
from fairlead.store import batches, directory, journal, leads
from fairlead.store.batches import Batch
from fairlead.store.db import Db
from fairlead.telemetry import error_fields, get_logger

log = get_logger()

GOOD_FOR = timedelta(hours=24)
"""How old a plan may be when it is applied."""
MOST_AT_ONCE = 200
"""Leads that a plan may route without its number being repeated."""
MOST_BY_OTHERWISE = 0.3
"""The share of them that may fall to `otherwise`, from ENOUGH_TO_TELL leads on."""
ENOUGH_TO_TELL = 20


@dataclass(slots=True)
class _Job:
    """One plan in the making."""

    number: int
    total: int
    read: int = 0
    plan: str | None = None
    error: Exception | None = None


class Orders:
    """Plans, overrides and previews over one running daemon."""

    def __init__(
        self,
        db: Db,
        clock: Clock,
        ingests: Mapping[str, Ingest],
        connect: Callable[[str], Connector],
        *,
        may_write: Callable[[], bool],
        wake: Callable[[], None],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.db = db
        self.clock = clock
        self.ingests = dict(sorted(ingests.items()))
        self._connect = connect
        self._may_write = may_write
        self._wake = wake
        self._stopping = stopping
        self._job: _Job | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def routes(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        """The commands by name, as the control socket serves them."""
        return {
            "plan-backfill": self.plan_backfill,
            "plan-reassign": self.plan_reassign,
            "plan-progress": lambda a: self.progress(int(a["job"])),
            "plan-show": lambda a: self.show(str(a["plan"])),
            "plan-apply": self.apply,
            "plan-state": lambda a: self.state(str(a["plan"])),
            "plan-stop": lambda a: self.stop(str(a["plan"]), str(a.get("by") or "")),
            "override": self.override,
            "preview": lambda a: self.preview(str(a["lead"]), as_new=bool(a.get("as_new"))),
        }

    # -- planning ---------------------------------------------------------------------------

    def plan_backfill(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to plan for the leads that were there before the first start."""
        policy = self._policy()
        crm = args.get("crm")
        if crm is not None and crm not in self.ingests:
            raise ConfigError(f"--crm {crm}: the daemon works for {', '.join(self.ingests)}")
        refs = {c: backfill_refs(self.db, policy, c) for c in self.ingests if crm in (None, c)}
        order = Order(BACKFILL, str(args.get("by") or ""))
        return self._start(order, refs, args, policy)

    def plan_reassign(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to plan for the open leads of a rep; raises ConfigError if nobody is meant."""
        policy, world = self._policy(), self._world()
        team = args.get("team")
        if team is not None and team not in policy.teams:
            raise ConfigError(f"--to-team: no team {team!r}{guessed(team, policy.teams)}")
        owners, rep = owners_meant(str(args["rep"]), world)
        refs = {
            crm: tuple(r for o in ids for r in leads.open_of_owner(self.db, crm, o))
            for crm, ids in owners.items()
            if crm in self.ingests
        }
        every = {o for ids in owners.values() for o in ids}
        leaving = frozenset(every if rep is None else {*every, rep.id})
        order = Order(
            REASSIGN, str(args.get("by") or ""), str(args.get("reason") or ""), None, leaving,
            team=team,
        )  # fmt: skip
        return self._start(order, refs, args, policy)

    def _start(
        self, order: Order, refs: Mapping[str, Any], args: Mapping[str, Any], policy: Policy
    ) -> dict[str, Any]:
        kept = ("crm", "where", "limit", "rep", "team")
        words = {k: args[k] for k in kept if args.get(k) is not None}
        limit = None if args.get("limit") is None else int(args["limit"])
        asked = Asked(order, refs, words, read_where(args.get("where"), policy), limit)
        self._ready()
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                raise Unavailable("another plan is being made; try again when it is there")
            with self.db.transaction():
                batches.forget_planned(self.db, self.clock.now() - GOOD_FOR)
            number = 1 if self._job is None else self._job.number + 1
            self._job = job = _Job(number, asked.total)
            self._thread = threading.Thread(
                target=self._make, args=(job, asked), name="planner", daemon=True
            )
            self._thread.start()
        return {"job": job.number, "total": job.total}

    def _make(self, job: _Job, asked: Asked) -> None:
        def read(n: int) -> None:
            job.read = n

        try:
            job.plan = make_plan(
                self.db, asked, self.ingests, self._connect, self.clock, progress=read,
                stopping=self._stopping,
            )  # fmt: skip
            log.info("batch.planned", kind=asked.order.kind, batch=job.plan, count=job.read)
        except Exception as e:
            # Told to whoever asked for the plan, by `progress`.
            job.error = e
            if not isinstance(e, FairleadError):
                log.error("control.failed", command="plan", **error_fields(e))

    def progress(self, number: int) -> dict[str, Any]:
        """How far a plan is; raises what went wrong with it."""
        job = self._job
        if job is None or job.number != number:
            raise ConfigError("this plan is no longer being made; ask for it again")
        if job.error is not None:
            raise job.error
        return {"read": job.read, "total": job.total, "plan": job.plan}

    def close(self, timeout: float) -> None:
        """Wait for a plan in the making, which ends when the daemon stops."""
        if self._thread is not None:
            self._thread.join(timeout)

    # -- plans ------------------------------------------------------------------------------

    def show(self, id: str) -> dict[str, Any]:
        """A plan or what became of it: counts per rep and rule, and every lead."""
        batch = self._batch(id)
        rows = batches.rows_of(self.db, id)
        names = self._names()

        def name(crm: str, owner: str | None) -> str | None:
            return None if owner is None else names.get((crm, owner), owner)

        told = [
            {
                "lead": str(r.ref), "from": name(r.ref.crm, r.taken_from),
                "to": name(r.ref.crm, r.owner_id), "outcome": r.outcome, "rule": r.rule,
                "reason": r.reason, "state": r.state, "note": r.note,
            }
            for r in rows
        ]  # fmt: skip
        given = [t for t in told if t["outcome"] == OutcomeKind.ASSIGN.value]
        return {
            "plan": id,
            "kind": batch.kind,
            "asked": dict(batch.asked),
            "at": batch.at.isoformat(),
            "by": batch.by,
            "state": batch.state,
            "note": batch.note,
            "looked_at": batch.looked_at,
            "left_out": dict(batch.left_out),
            "leads": len(rows),
            "would_wait": len(told) - len(given),
            "per_rep": dict(Counter(str(t["to"]) for t in given)),
            "per_rule": dict(Counter(t["rule"] or "follows a duplicate" for t in told)),
            "needs_yes": self._too_much(batch, len(rows), told),
            "rows": told,
        }

    def apply(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Let the daemon apply a plan; raises UnsafePlan when it needs its number repeated."""
        shown = self.show(str(args["plan"]))
        batch = self._batch(shown["plan"])
        if batch.kind != args.get("kind", batch.kind):
            raise ConfigError(f"{batch.id} is a plan of {batch.kind}, not of {args['kind']}")
        if batch.state == batches.APPLYING:
            return self.state(batch.id)
        now = self.clock.now()
        if batch.state != batches.PLANNED:
            raise ConfigError(f"plan {batch.id} is {batch.state} already; make a new one")
        if now - batch.at > GOOD_FOR:
            raise ConfigError(f"plan {batch.id} is older than a day; make a new one")
        if batch.policy_hash != self._policy().hash:
            raise ConfigError(f"the policy has changed since plan {batch.id}; make a new one")
        if shown["needs_yes"] and args.get("yes") != shown["leads"]:
            raise UnsafePlan(f"{shown['needs_yes']}; if that is meant, add --yes {shown['leads']}")
        if not self._may_write():
            raise Unavailable("writing is stopped (paused, or the kill switch); nothing was begun")
        with self.db.transaction():
            other = batches.running(self.db)
            if other is not None:
                raise Unavailable(f"plan {other.id} is being applied; one at a time")
            by = str(args.get("by") or "")
            batches.start(self.db, batch.id, by, bool(args.get("exactly")), now)
            journal.write(
                self.db, now, "batch.applying", batch=batch.id, kind=batch.kind, by=by,
                leads=shown["leads"],
            )  # fmt: skip
        log.info("batch.applying", kind=batch.kind, batch=batch.id, count=shown["leads"])
        self._wake()
        return self.state(batch.id)

    def state(self, id: str) -> dict[str, Any]:
        """How far a plan is applied: leads decided and left out, and their writes."""
        batch = self._batch(id)
        counts = batches.counts(self.db, id)
        wrote = batches.writes(self.db, id)
        return {
            "plan": id,
            "kind": batch.kind,
            "state": batch.state,
            "note": batch.note,
            "leads": sum(counts.values()),
            "done": counts.get(batches.DONE, 0),
            "left_out": counts.get(batches.LEFT_OUT, 0),
            "writes": wrote,
            "open_writes": sum(wrote.get(s, 0) for s in ("new", "inflight", "sent")),
            "may_write": self._may_write(),
        }

    def stop(self, id: str, by: str) -> dict[str, Any]:
        """End a plan that is being applied; what it has done stands."""
        batch = self._batch(id)
        if batch.state not in (batches.PLANNED, batches.APPLYING):
            raise ConfigError(f"plan {id} is {batch.state} already")
        end_batch(self.db, batch, batches.STOPPED, f"stopped by {by}", self.clock.now())
        return self.state(id)

    # -- one lead ---------------------------------------------------------------------------

    def override(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Give one lead to a rep by hand; raises ConfigError, with the obstacle, if they cannot.

        Decided, journaled and in the outbox when this returns.
        """
        row = one_lead(self.db, str(args["lead"]))
        rep = rep_meant(str(args["to"]), self._world())
        ingest = self.ingests.get(row.ref.crm)
        if ingest is None:
            raise ConfigError(f"{row.ref.crm} is not configured")
        self._ready()
        connector = self._connect(row.ref.crm)
        try:
            record = read_one(connector, row.ref)
        finally:
            connector.close()
        order = Order(
            OVERRIDE, str(args.get("by") or ""), str(args["reason"]).strip(), record.owner_id,
            to=rep.id, even_if_away=bool(args.get("even_if_away")),
        )  # fmt: skip
        decision = give(self.db, ingest, record, rep, order, self.clock)
        self._wake()
        return {
            "lead": str(row.ref),
            "to": rep.id,
            "from": self._names().get((row.ref.crm, record.owner_id or ""), record.owner_id),
            "decision": decision,
            "may_write": self._may_write(),
        }

    def preview(self, text: str, *, as_new: bool) -> list[dict[str, Any]]:
        """What would be decided on a lead now, read afresh; nothing is written anywhere."""
        self._ready()
        return preview(self.db, self.ingests, self._connect, self.clock, text, as_new=as_new)

    # -- parts ------------------------------------------------------------------------------

    def _policy(self) -> Policy:
        return next(iter(self.ingests.values())).router().policy

    def _world(self) -> World:
        with self.db.transaction():
            return next(iter(self.ingests.values())).router().snapshot(self.clock.now()).world

    def _ready(self) -> None:
        for crm in self.ingests:
            row = directory.get_connector(self.db, crm)
            if row is None or not row.ready:
                raise Unavailable(f"what exists in {crm} is still being read; try again later")

    def _batch(self, id: str) -> Batch:
        batch = batches.get(self.db, id)
        if batch is None:
            raise ConfigError(f"there is no plan {id!r}; plans that nobody applies go after a day")
        return batch

    def _names(self) -> dict[tuple[str, str], str]:
        return {(o.crm, o.id): o.email or o.name for o in directory.get_owners(self.db)}

    def _too_much(self, batch: Batch, leads_in: int, told: list[dict[str, Any]]) -> str:
        """Why a plan is not applied without its number; "" when it may be."""
        if leads_in > MOST_AT_ONCE:
            return f"the plan routes {leads_in} leads, more than {MOST_AT_ONCE} at once"
        last = self._policy().otherwise.name
        fallen = sum(t["rule"] == last for t in told)
        if leads_in >= ENOUGH_TO_TELL and fallen > MOST_BY_OTHERWISE * leads_in:
            return (
                f"{fallen} of {leads_in} leads fall to {last!r}, more than"
                f" {MOST_BY_OTHERWISE:.0%}: a rule may not do what it should"
            )
        return ""
