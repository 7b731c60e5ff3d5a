"""Many leads at once: what would become of each, decided one after the other and written nowhere.

`backfill` takes those that were there before the first start, `reassign` the open ones of a rep.
Reads by id through a connector of its own; the ledger, loads and owners run on in memory from one
lead to the next, as they will when `batch_apply` does it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from fairlead.clock import Clock
from fairlead.core.conditions import ConditionError, compile_condition
from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, Order, OutcomeKind
from fairlead.core.normalise import normalise
from fairlead.core.policy import Condition, Policy
from fairlead.core.schema import LEAD_SCHEMA, NOT_FILLED, FieldType
from fairlead.core.signals import signal_types
from fairlead.core.types import Gone, LeadState, Record, Ref
from fairlead.daemon.capacity import add_lead
from fairlead.daemon.gone import why_gone
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.daemon.known import with_known
from fairlead.daemon.matching import match_of
from fairlead.daemon.routing import Feed
from fairlead.daemon.snapshots import Snapshot
from fairlead.errors import BadRecord, ConfigError, Unavailable
from fairlead.spi.connector import Connector
from fairlead.spi.patience import patiently
from fairlead.store import batches, leads
from fairlead.store.batches import Batch, BatchLead
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow

CHUNK = 200
UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class Asked:
    """What to plan: which leads (`refs` by CRM, in order), under which order, in which words."""

    order: Order
    refs: Mapping[str, Sequence[Ref]]
    words: Mapping[str, Any]
    where: Condition | None = None
    limit: int | None = None

    @property
    def total(self) -> int:
        return sum(len(refs) for refs in self.refs.values())


@dataclass(slots=True)
class Planning:
    """Decides on copies: what it gives away is seen by the next lead and by nobody else."""

    db: Db
    policy: Policy
    snap: Snapshot
    now: datetime
    moved: dict[Ref, LeadRow] = field(default_factory=dict)

    def look(self, record: Record, row: LeadRow, feed: Feed, order: Order) -> Case:
        """The case as it will be; raises BadRecord and what odd data raises."""
        return case_of(self.db, self.policy, self.snap, record, row, feed, order, moved=self.moved)

    def decide(self, case: Case, row: LeadRow) -> Decision:
        """Decide, and let the next one see it."""
        decision = decide(case, self.snap.world, self.policy, self.now)
        if decision.outcome is OutcomeKind.ASSIGN:
            for e in decision.ledger:
                pool = self.snap.running.setdefault(e.pool, {})
                pool[e.rep_id] = pool.get(e.rep_id, 0) + e.delta
            add_lead(self.snap.loads, decision, case.lead)
            self.moved[row.ref] = replace(
                row, state=LeadState.ASSIGNED, owner_id=decision.owner_id, decided_at=self.now
            )
        return decision


def case_of(
    db: Db,
    policy: Policy,
    snap: Snapshot,
    record: Record,
    row: LeadRow,
    feed: Feed,
    order: Order | None,
    *,
    moved: Mapping[Ref, LeadRow] | None = None,
) -> Case:
    """The case of one record under an order, without writing; `moved` are rows as they would be.

    Raises BadRecord, and what odd data raises.
    """
    if record.unreadable is not None:
        raise BadRecord(record.unreadable)
    lead = normalise(record, feed.sources, policy.fields, snap.world.owners)
    lead = with_known(db, policy, lead, row.person_id, snap.at)
    others = [(moved or {}).get(o.ref, o) for o in leads.leads_of_person(db, row.person_id)]
    match = match_of(db, lead, others, snap.world)
    generation = leads.generation_of(db, row.person_id)
    case = Case(
        row.person_id, generation, lead, match, frozenset(), False, row.first_seen_at, None
    )  # fmt: skip
    return case if order is None else under(case, order)


def under(case: Case, order: Order) -> Case:
    """The case of a lead that is under no order yet, under this one."""
    generation = case.generation + order.takes
    return replace(
        case, generation=generation, excluded=order.leaving, rerun=order.takes, order=order
    )


def make_plan(
    db: Db,
    asked: Asked,
    ingests: Mapping[str, Ingest],
    connect: Callable[[str], Connector],
    clock: Clock,
    *,
    progress: Callable[[int], None],
    stopping: Callable[[], bool],
) -> str:
    """Plan, keep the plan, return its id; nothing else is written. Raises what connectors raise."""
    router = next(iter(ingests.values())).router()
    now = clock.now()
    with db.transaction():
        snap = router.snapshot(now)
    planning = Planning(db, router.policy, snap, now)
    rows: list[BatchLead] = []
    left_out: Counter[str] = Counter()
    read = 0
    for crm, refs in asked.refs.items():
        if not refs or _full(asked, rows):
            continue
        connector = connect(crm)
        try:
            for some, answers in _in_chunks(connector, refs):
                if stopping():
                    raise Unavailable("the daemon is stopping; plan again when it runs")
                for ref in some:
                    if _full(asked, rows):
                        left_out["beyond --limit"] += 1
                        continue
                    why = _plan_one(asked, planning, ref, answers[ref], ingests[crm].feed, rows)
                    if why is not None:
                        left_out[why] += 1
                read += len(some)
                progress(read)
                if _full(asked, rows):
                    break
        finally:
            connector.close()
    return _keep(db, asked, router.policy, rows, left_out, now)


def _in_chunks(
    connector: Connector, refs: Sequence[Ref]
) -> Iterator[tuple[Sequence[Ref], Mapping[Ref, Record | Gone]]]:
    for start in range(0, len(refs), CHUNK):
        some = refs[start : start + CHUNK]
        yield some, patiently(partial(connector.read, some))


def _full(asked: Asked, rows: Sequence[BatchLead]) -> bool:
    return asked.limit is not None and len(rows) >= asked.limit


def _plan_one(
    asked: Asked,
    planning: Planning,
    ref: Ref,
    answer: Record | Gone,
    feed: Feed,
    rows: list[BatchLead],
) -> str | None:
    """Plan one lead into `rows`; or the reason why it is not among them."""
    row = leads.get_lead(planning.db, ref)
    gone = why_gone(ref, answer)
    if row is None or gone is not None or isinstance(answer, Gone):
        return (gone or "gone").split(" ")[0]
    order = replace(asked.order, taken_from=answer.owner_id)
    try:
        case = planning.look(answer, row, feed, order)
        values = {**case.lead.values, "now": planning.now}
        done = planning.policy.closed_when
        if done is not None and done.test(values):
            return "closed"
        if asked.where is not None and not asked.where.test(values):
            return "--where does not hold"
        decision = planning.decide(case, row)
    except (BadRecord, *ODD_DATA):
        return UNREADABLE
    if decision.outcome is OutcomeKind.LEAVE:
        return decision.reason
    rows.append(
        BatchLead(
            len(rows), ref, row.person_id, answer.owner_id, decision.outcome.value, decision.rule,
            decision.trace.pool, decision.rep_id, decision.owner_id, decision.reason,
        )
    )  # fmt: skip
    return None


def _keep(
    db: Db,
    asked: Asked,
    policy: Policy,
    rows: Sequence[BatchLead],
    left_out: Mapping[str, int],
    now: datetime,
) -> str:
    told = "\n".join(f"{r.ref} {r.owner_id} {r.rule}" for r in rows)
    text = f"{asked.order.kind}\n{asked.words}\n{policy.hash}\n{now.isoformat()}\n{told}"
    id = "p" + hashlib.sha256(text.encode()).hexdigest()[:11]
    order = asked.order
    batch = Batch(
        id, order.kind, now, order.by, order.reason, asked.words, order.leaving, order.team,
        policy.hash, sum(left_out.values()) + len(rows), left_out,
    )  # fmt: skip
    with db.transaction():
        batches.add(db, batch, rows)
    return id


def read_where(text: str | None, policy: Policy) -> Condition | None:
    """The condition of `--where`, over what is known when leads are picked up; or ConfigError."""
    if not text:
        return None
    fields = {name: FieldType(spec.type) for name, spec in policy.fields.items()}
    fields.update(signal_types(policy.signals))
    later = {"account": "is not known yet when leads are chosen"}
    try:
        return compile_condition(text, LEAD_SCHEMA.extended(fields).hiding({**NOT_FILLED, **later}))
    except ConditionError as e:
        raise ConfigError(f"--where: {e}") from None


def backfill_refs(db: Db, policy: Policy, crm: str) -> Sequence[Ref]:
    """The leads of a CRM that backfill looks at: older than the first start, not a person's.

    Where `pick_up` asks for the owner by name, people's leads are looked at too.
    """
    source = policy.source_of(crm)
    if source is None:
        return ()
    names = source.pick_up.names if source.pick_up is not None else frozenset()
    by_name = not names.isdisjoint(("owner.name", "owner.email"))
    return leads.waiting_before_start(db, crm, by_name)
