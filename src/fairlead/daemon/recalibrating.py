"""Calibrating the policy's own points from past leads of the state and the CRMs: a diff.

Reads only. Leads that we decided on come first, for a decision keeps the lead as it was; where they
are too few, those that the CRMs have besides are taken as they are now, with their dates cut off
at the day they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import partial

from fairlead.core.fate import OPEN, Fate
from fairlead.core.lint import LintFinding, lint
from fairlead.core.match import with_match, with_tables
from fairlead.core.normalise import normalise
from fairlead.core.points_in_text import unified_diff, with_points
from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy
from fairlead.core.recalibration import Past, Proposal, Recalibration, recalibrate
from fairlead.core.scorecard import Scorecard
from fairlead.core.scoring import line_shares
from fairlead.core.snapshot import thaw_inputs
from fairlead.core.types import CrmOwner, Kind, Lead, Record, Ref, Value
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.errors import BadRecord, ConfigError, ThinEvidence
from fairlead.spi.connector import Connector
from fairlead.spi.patience import patiently
from fairlead.store import decisions, directory, history
from fairlead.store.db import Db

BATCH = 1_000
MOST_PAGES = 5_000
"""Pages of one CRM's history; with 200 records each that is a million."""
CONVERTED, WON = "converted", "won"
Progress = Callable[[str, float], None]
_TOLD = frozenset({"status", "is_converted", "lifecycle_stage", "rating"})
"""Fields of a lead that say by themselves what became of it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`goal` is what counts as success: converted (an opportunity or more) or won (a deal)."""

    since: datetime
    goal: str = CONVERTED
    as_decided: bool = False
    holdout: float = 0.25
    min_outcomes: int = 50


@dataclass(frozen=True, slots=True)
class _Known:
    """A past lead before its outcome is known."""

    ref: Ref
    at: datetime
    shares: tuple[Fraction, ...]
    as_decided: bool


def propose(
    db: Db,
    active: ActivePolicy,
    readers: Mapping[str, Connector],
    asked: Question,
    now: datetime,
    progress: Progress = lambda what, done: None,
) -> Proposal:
    """Read, learn, judge and word the proposal. Raises ThinEvidence, ConfigError, and what the
    connectors raise."""
    card = active.policy.scoring
    if card is None:
        raise ConfigError(
            "the policy has no scoring; give --data FILE to calibrate any list of leads"
        )
    reading = _Reading(db, active.policy, card, readers, asked, now, progress)
    found = reading.fit()
    changes = {(x.group, x.number): x.new for x in found.lines if x.changed}
    old = active.files[active.main]
    good = found.verdict in ("better", "suspect")
    text = with_points(active.main, old, changes) if good else old
    return Proposal(
        found, active.main, reading.words(), reading.undecided, text,
        unified_diff(active.main, old, text), _new_findings(active, text, now),
    )  # fmt: skip


class _Reading:
    """Gathers the past leads of one question."""

    def __init__(
        self,
        db: Db,
        policy: Policy,
        card: Scorecard,
        readers: Mapping[str, Connector],
        asked: Question,
        now: datetime,
        progress: Progress,
    ) -> None:
        self.db = db
        self.policy = policy
        self.card = card
        self.readers = readers
        self.asked = asked
        self.now = now
        self.progress = progress
        self.undecided = 0
        self._words: dict[tuple[str, bool | None], int] = {}
        self._owners: Mapping[tuple[str, str], CrmOwner] = {}

    def fit(self) -> Recalibration:
        """The leads that were decided on; with those of the CRMs if they alone are too few."""
        self._owners = directory.owner_index(directory.get_owners(self.db))
        mine = self._decided()
        past = self._ended(mine, {})
        try:
            return self._recalibrate(past)
        except ThinEvidence as thin:
            if self.asked.as_decided:
                raise ThinEvidence(
                    f"{thin}; {len(mine)} leads were decided on since"
                    f" {self.asked.since:%Y-%m-%d}, {self.undecided} of them have not ended yet",
                    remedy="wait, take a longer --since, or leave out --as-decided",
                ) from thin
            known, records = self._of_crms({k.ref for k in mine})
            return self._recalibrate([*past, *self._ended(known, records)])

    def words(self) -> tuple[tuple[str, bool | None, int], ...]:
        order = sorted(self._words.items(), key=lambda w: (str(w[0][1]), -w[1], w[0][0]))
        return tuple((why, good, n) for (why, good), n in order)

    def _recalibrate(self, past: Sequence[Past]) -> Recalibration:
        policy, names = self.policy, set(_TOLD)
        for when in (policy.won_when, policy.closed_when):
            names |= set() if when is None else when.names
        asked = self.asked
        return recalibrate(self.card, past, names, asked.holdout, asked.min_outcomes, self.progress)

    def _decided(self) -> list[_Known]:
        """Those we decided on, with the values that were frozen then."""
        first = [
            (id, ref) for id, ref in history.first_of_persons(self.db, self.asked.since)
            if ref.crm in self.readers
        ]  # fmt: skip
        found: list[_Known] = []
        rosters: dict[str, bytes] = {}
        rows = history.rows_of(self.db, [id for id, _ in first])
        for n, row in enumerate(rows):
            if n % 100 == 0:
                self.progress("decisions", 0.1 * n / len(first))
            if row.roster_hash not in rosters:
                rosters[row.roster_hash] = decisions.get_roster(self.db, row.roster_hash)
            case, world = thaw_inputs(row.inputs, rosters[row.roster_hash])
            lead = with_match(case.lead, case.match, world.owners)
            found.append(self._known(lead, row.at, lead.created_at or row.at, as_decided=True))
        return found

    def _of_crms(self, decided: set[Ref]) -> tuple[list[_Known], dict[Ref, Record]]:
        """All others that came since, as the CRMs have them now."""
        records: dict[Ref, Record] = {}
        for reader in self.readers.values():
            cursor = reader.start_cursor(Kind.LEAD, since=self.asked.since)
            for n in range(MOST_PAGES):
                # How many pages there are is not known before; the bar goes ever slower.
                self.progress(f"{reader.name} {len(records)}", 0.1 + 0.3 * n / (n + 20))
                page = patiently(partial(reader.changes, {Kind.LEAD: cursor}))[Kind.LEAD]
                records.update({r.ref: r for r in page.records})
                cursor = page.cursor
                if not page.more:
                    break
        found: list[_Known] = []
        kept: dict[Ref, Record] = {}
        for ref, record in sorted(records.items(), key=lambda i: str(i[0])):
            came = record.created_at
            if ref in decided or came is None or not self.asked.since <= came <= self.now:
                continue
            lead = self._lead(record)
            if lead is not None and not record.deleted and record.merged_into is None:
                kept[ref] = record
                found.append(self._known(_cut_off(lead, came), came, came, as_decided=False))
        return found, kept

    def _known(self, lead: Lead, seen: datetime, came: datetime, *, as_decided: bool) -> _Known:
        """A lead with what it had of each line when it was `seen`; many can be seen at once."""
        values = with_tables(lead, self.policy.tables)
        return _Known(lead.ref, came, line_shares(self.card, values, seen), as_decided)

    def _ended(self, known: Sequence[_Known], records: Mapping[Ref, Record]) -> list[Past]:
        """Those whose outcome is known by now."""
        found: list[Past] = []
        for start in range(0, len(known), BATCH):
            piece = known[start : start + BATCH]
            self.progress("outcomes", 0.4 + 0.1 * start / len(known))
            fates, now = self._asked_for([k.ref for k in piece], records)
            for k in piece:
                good, why = self._ending(fates[k.ref], now.get(k.ref))
                self._words[why, good] = self._words.get((why, good), 0) + 1
                if good is None:
                    self.undecided += 1
                else:
                    found.append(Past(k.at, good, k.shares, k.as_decided))
        return found

    def _asked_for(
        self, refs: Sequence[Ref], records: Mapping[Ref, Record]
    ) -> tuple[dict[Ref, Fate], dict[Ref, Record]]:
        fates = dict.fromkeys(refs, OPEN)
        now: dict[Ref, Record] = {r: records[r] for r in refs if r in records}
        for name, reader in self.readers.items():
            theirs = [r for r in refs if r.crm == name]
            fates.update(patiently(partial(reader.became, theirs)))
            if self.policy.won_when is not None or self.policy.closed_when is not None:
                missing = [r for r in theirs if r not in now]
                answers = patiently(partial(reader.read, missing))
                now.update({r: a for r, a in answers.items() if isinstance(a, Record)})
        return fates, now

    def _ending(self, fate: Fate, record: Record | None) -> tuple[bool | None, str]:
        """Success, failure, or None while open; the policy's own words come first."""
        won, closed = self.policy.won_when, self.policy.closed_when
        lead = None if record is None else self._lead(record)
        values: Mapping[str, Value] = {} if lead is None else {**lead.values, "now": self.now}
        if won is not None and lead is not None and won.test(values):
            return True, "won_when holds"
        if self.asked.goal == CONVERTED and (fate.converted or fate.won):
            return True, fate.why
        if self.asked.goal == WON and fate.won is not None:
            return fate.won, fate.why
        if fate.converted:
            return None, f"{fate.why}, not decided yet"
        if closed is not None and lead is not None and closed.test(values):
            return False, "closed_when holds"
        return (False if fate.lost else None), fate.why

    def _lead(self, record: Record) -> Lead | None:
        if record.unreadable is not None:
            return None
        fields = self.readers[record.ref.crm].field_map
        sources = {n: fields.sources(n) for n in fields.names() if not n.startswith("account.")}
        try:
            return normalise(record, sources, self.policy.fields, self._owners)
        except BadRecord:
            return None


def _cut_off(lead: Lead, came: datetime) -> Lead:
    """The lead without dates later than its coming: they were not known then."""
    values = {
        n: v for n, v in lead.values.items()
        if not (isinstance(v, datetime) and v.utcoffset() is not None and v > came)
    }  # fmt: skip
    return replace(lead, values=values)


def _new_findings(active: ActivePolicy, text: str, now: datetime) -> tuple[LintFinding, ...]:
    if text == active.files[active.main]:
        return ()
    before = {(f.kind, f.message) for f in lint(active.policy, now)}
    after = lint(load_policy({**active.files, active.main: text}, active.main), now)
    return tuple(f for f in after if (f.kind, f.message) not in before)
