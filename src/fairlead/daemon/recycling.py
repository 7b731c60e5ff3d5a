"""Leads that reps cannot use now: recycled for another try, or brought to their end with a reason.

Asked by `routing` for every sighting and decision, inside its transaction. Level-triggered: what is
done follows from the lead and its rounds as they are. `coming_back` brings due leads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fairlead.core.decision import Match, OutcomeKind, World
from fairlead.core.effects import SetField, SetOwner, effect_key
from fairlead.core.match import with_match, with_tables
from fairlead.core.next_grade import next_turn
from fairlead.core.policy import Policy
from fairlead.core.recycling import Verdict, coming, verdict
from fairlead.core.recycling_terms import Track
from fairlead.core.scoring import score, score_values
from fairlead.core.types import Lead, LeadState, Record, Value
from fairlead.daemon import follow_ups
from fairlead.daemon.clocking import Clocking
from fairlead.daemon.decaying import end_decay
from fairlead.daemon.matching import match_of
from fairlead.daemon.overtaken import close_overtaken
from fairlead.daemon.rounds import OUT, be_member, end_round, member_key, never_joined, shown
from fairlead.daemon.sightings import is_persons
from fairlead.metrics import Metrics
from fairlead.store import claims, clocks, decisions, journal, leads, outbox, recyclings
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow
from fairlead.store.leads import LeadRow
from fairlead.store.recyclings import Round
from fairlead.telemetry import get_logger

log = get_logger()

AFTER_ITS_OWNER = timedelta(seconds=30)
"""A lead whose owner is being written is looked at again so much later."""
TAKEN_OUT = "a person took it out of recycling"


class Recycling:
    """Keeps the rounds of leads under one policy."""

    def __init__(self, db: Db, policy: Policy, metrics: Metrics, clocking: Clocking) -> None:
        self.db = db
        self.policy = policy
        self.metrics = metrics
        self.clocking = clocking
        terms = policy.recycling
        self._all_names = frozenset[str]() if terms is None else terms.names
        self._asks = frozenset[str]() if terms is None else terms.asks

    # -- a lead that is with the reps --------------------------------------------------------

    def takes(
        self,
        record: Record,
        lead: Lead,
        row: LeadRow,
        world: World,
        now: datetime,
        decision: DecisionRow | None = None,
    ) -> LeadRow | None:
        """The row of a lead that is recycled or done with now; None when it stays as it is.

        `decision` is the lead's own, where it has been read.
        """
        terms = self.policy.recycling
        last = None if terms is None else recyclings.latest(self.db, row.ref)
        if terms is None or not self._ours(row, last, decision):
            return None
        values = self.values(lead, row, world, now, self._asks)
        # How often it went round only tells which kind of end it comes to.
        taken = verdict(terms, values, 0)
        turns_at = None if row.closed else next_turn(terms.turns, values, now)
        recyclings.look_at(self.db, row.ref, turns_at)
        if last is not None and last.holds:
            if taken is not None and taken.reason == last.holds:
                return None
            recyclings.put(self.db, replace(last, holds=""))
        if taken is None:
            return None
        values = self.values(lead, row, world, now)
        cycle = self._next_cycle(row)
        found = verdict(terms, values, cycle) or taken
        if row.state is not LeadState.HELD and outbox.open_owner_write(self.db, row.ref):
            recyclings.look_at(self.db, row.ref, now + AFTER_ITS_OWNER)
            return None
        if found.track is None:
            return self._finish(found, cycle - 1, row, world, now)
        return self._recycle(found.track, values, cycle, record, row, world, now)

    def _ours(self, row: LeadRow, last: Round | None, decision: DecisionRow | None) -> bool:
        """Whether we have given this lead away, or are about to."""
        if row.state is LeadState.HELD:
            return True
        if row.state not in (LeadState.ASSIGNED, LeadState.LEFT):
            return False
        if last is not None:
            return True
        kept = decision
        if kept is None and row.decision_id is not None:
            kept = decisions.get_decision(self.db, row.decision_id)
        return kept is not None and kept.outcome == OutcomeKind.ASSIGN.value

    def _next_cycle(self, row: LeadRow) -> int:
        """The cycle that a recycling of this lead begins, or joins: one of its person's records
        may be in it already."""
        rounds = [r for r in recyclings.of_person(self.db, row.person_id) if _goes_round(r)]
        last = max((r.cycle for r in rounds), default=0)
        own = max((r.cycle for r in rounds if r.ref == row.ref), default=0)
        going = any(r.ended_at is None and r.cycle == last for r in rounds)
        return last if going and own < last else last + 1

    def _finish(
        self, found: Verdict, cycle: int, row: LeadRow, world: World, now: datetime
    ) -> LeadRow:
        rep = world.rep_of(row.ref.crm, row.owner_id) if row.owner_id else None
        over = Round(
            recyclings.next_id(self.db, row.ref), row.person_id, cycle, row.ref,
            recyclings.TERMINAL, found.reason, row.owner_id, rep.id if rep else None, now,
        )  # fmt: skip
        recyclings.put(self.db, over)
        self._leave_reps(row, found.told, now)
        journal.write(self.db, now, "lead.terminal", ref=row.ref, reason=found.told)
        log.info("lead.terminal", crm=row.ref.crm, lead=str(row.ref), reason=found.told)
        self.metrics.leads_terminal_total.labels(reason=found.reason).inc()
        return replace(row, state=LeadState.TERMINAL, reason=found.told, retry_at=None,
                       waits_for=())  # fmt: skip

    def _recycle(
        self,
        track: Track,
        values: dict[str, Value],
        cycle: int,
        record: Record,
        row: LeadRow,
        world: World,
        now: datetime,
    ) -> LeadRow:
        terms, ref, crm = self.policy.recycling, row.ref, row.ref.crm
        assert terms is not None
        rep = world.rep_of(crm, row.owner_id) if row.owner_id else None
        begun = Round(
            recyclings.next_id(self.db, ref), row.person_id, cycle, ref, recyclings.RECYCLED,
            track.name, row.owner_id, rep.id if rep else None, now,
            cool_until=now + terms.cool_down, member_of=track.join.get(crm),
            values_set=track.set.get(crm, {}), values_back=track.set_back.get(crm, {}),
        )  # fmt: skip
        begun = self.planned(begun, values, now)
        recyclings.put(self.db, begun)
        self._leave_reps(row, "recycled", now)
        owner_id = self._write(track, begun, record, world, now) or row.owner_id
        due = begun.due_at.isoformat() if begun.due_at else None
        journal.write(
            self.db, now, "lead.recycled", ref=ref, reason=track.name, cycle=cycle, due=due
        )
        log.info("lead.recycled", crm=crm, lead=str(ref), reason=track.name, count=cycle)
        self.metrics.leads_recycled_total.labels(reason=track.name).inc()
        told = f"{track.name}, cycle {cycle} of {terms.max_cycles}"
        return replace(row, state=LeadState.RECYCLED, reason=told, owner_id=owner_id,
                       retry_at=None, waits_for=())  # fmt: skip

    def _write(
        self, track: Track, begun: Round, record: Record, world: World, now: datetime
    ) -> str | None:
        """What a track writes; the queue that owns the lead from now on, if one does."""
        ref, crm = begun.ref, begun.ref.crm
        if begun.member_of is not None:
            be_member(self.db, ref, begun.member_of, begun.id, now, member=True)
        for name, value in begun.values_set.items():
            seen = shown(record.fields, name)
            if (seen or "") != value:
                field = SetField(
                    effect_key(begun.id, 0, ref, f"set {name}"), ref, name, value, seen
                )
                outbox.add(self.db, field, decision_id=begun.id, urgent=False, now=now)
        close_overtaken(self.db, ref, now)
        queue = None if track.queue is None else world.queue_named(crm, track.queue)
        if queue is None or queue.id == record.owner_id:
            return None if queue is None else queue.id
        key = effect_key(begun.id, 0, ref, "owner")
        owner = SetOwner(key, ref, queue.id, record.owner_id, f"recycled: {track.name}")
        outbox.add(self.db, owner, decision_id=begun.id, urgent=False, now=now)
        return queue.id

    def _leave_reps(self, row: LeadRow, why: str, now: datetime) -> None:
        """Nothing runs for its owner any more."""
        recyclings.look_at(self.db, row.ref, None)
        self.clocking.end(clocks.open_of(self.db, row.ref), why, now)
        claims.end(self.db, row.ref, now)
        follow_ups.end_all(self.db, row.ref, why, now)
        end_decay(self.db, row.ref)
        outbox.cancel_unsent_tasks(self.db, row.ref, why, now)

    def replan(
        self, world: World, after: Sequence[str], limit: int, now: datetime
    ) -> Sequence[str] | None:
        """Have so many leads looked at afresh, as `replanning` asks: the policy is another one.

        First each recycled lead; then, where time alone may have leads recycled, each that is with
        the reps.
        """
        timed = self.policy.recycling is not None and bool(self.policy.recycling.turns)
        if not after:
            recyclings.drop_looks(self.db)
        if len(after) <= 1:
            last = recyclings.look_at_rounds(self.db, after[0] if after else "", limit, now)
            if last is not None or not timed:
                return None if last is None else (last,)
            after = ("", "", "")
        lead = recyclings.look_at_leads(self.db, after, limit, now)
        return None if lead is None else (lead.crm, lead.object, lead.id)

    # -- a lead that is out ------------------------------------------------------------------

    def stays(
        self,
        record: Record,
        lead: Lead,
        row: LeadRow,
        before: LeadRow,
        world: World,
        now: datetime,
    ) -> LeadRow:
        """The row of a recycled or finished lead after news of it."""
        round_ = recyclings.open_of(self.db, row.ref)
        if round_ is None or round_.kind == recyclings.TERMINAL:
            return row
        values = self.values(lead, row, world, now)
        person = is_persons(world, row.ref.crm, row.owner_id)
        if person and row.owner_id != before.owner_id:
            holds = self.holds(row, values)
            end_round(self.db, round_, TAKEN_OUT, now, holds=holds, fields=record.fields)
            return replace(row, state=LeadState.ASSIGNED, reason=TAKEN_OUT)
        terms = self.policy.recycling
        out = None if terms is None else verdict(terms, values, 0, disqualified_only=True)
        if out is not None:
            end_round(self.db, round_, out.told, now, back=False)
            return self._finish(out, round_.cycle, row, world, now)
        recyclings.put(self.db, self.planned(round_, values, now))
        return row

    def ordered(self, record: Record, lead: Lead, row: LeadRow, how: str, now: datetime) -> None:
        """Somebody said where the lead goes: its round is over."""
        round_ = recyclings.open_of(self.db, row.ref)
        if round_ is not None:
            end_round(self.db, round_, how, now, holds=round_.reason, fields=record.fields)

    def planned(self, round_: Round, values: dict[str, Value], now: datetime) -> Round:
        """The round with its date and its next look, as policy and lead have them now.

        One whose track the policy has no longer keeps its date.
        """
        terms = self.policy.recycling
        track = None if terms is None else terms.tracks.get(round_.reason)
        if terms is None or track is None:
            return replace(round_, look_at=round_.due_at)
        cool = round_.cool_until or round_.since
        c = coming(terms, track, values, round_.since, cool, now)
        group = self._group(round_, track, now)
        return replace(round_, due_at=c.due_at, due_why=c.why, look_at=c.look_at, member_of=group)

    def _group(self, round_: Round, track: Track, now: datetime) -> str | None:
        """The group of a round; whom it refused joins the one that the policy names instead."""
        ref, group = round_.ref, track.join.get(round_.ref.crm)
        was = round_.member_of
        if was is None or group in (None, was) or not never_joined(self.db, round_):
            return was
        refused = member_key(round_.id, ref, was, member=True)
        journal.close_dead_letter_of_effect(self.db, refused, now)
        be_member(self.db, ref, group, round_.id, now, member=True)
        return group

    def holds(self, row: LeadRow, values: dict[str, Value]) -> str:
        """The reason for which the lead would be taken now; "" for none."""
        terms = self.policy.recycling
        found = None if terms is None else verdict(terms, values, 1)
        return "" if found is None else found.reason

    def values(
        self,
        lead: Lead,
        row: LeadRow,
        world: World,
        now: datetime,
        asked: frozenset[str] | None = None,
    ) -> dict[str, Value]:
        """What conditions see of a lead: all but the arms of splits.

        Those that read none but the `asked` names; None: all that recycling has.
        """
        policy = self.policy
        names = {n.partition(".")[0] for n in (self._all_names if asked is None else asked)}
        card = policy.scoring if names & {"score", "grade"} else None
        names |= {n.partition(".")[0] for n in card.reads} if card else set()
        match = Match()
        if names & {"account"}:
            others = leads.leads_of_person(self.db, row.person_id)
            match = match_of(self.db, lead, others, world)
        found = with_tables(with_match(lead, match, world.owners), policy.tables)
        found["now"] = now
        if card is not None:
            found.update(score_values(score(card, found, now)))
        return found


def is_out(row: LeadRow | None) -> bool:
    """Whether a lead is out of the reps' hands."""
    return row is not None and row.state in OUT


def _goes_round(row: Round) -> bool:
    return row.kind == recyclings.RECYCLED
