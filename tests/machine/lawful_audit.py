"""The verdict over a lawful world, from the CRMs' own log alone: nothing here asks our state.

Who had a lead from when is read from the CRM's audit log; when a step was due is counted by the
calendars of `lawful_policy`; what was told is read from the tasks that the CRM got. What happened
before the last round in which the daemon had finished everything for a CRM binds it; what happened
since may have come before or after what it did.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from machine.lawful import LawfulWorld, Touch, Written
from machine.lawful_policy import ANNA, BEN, CARLA, DANA, GROUPS, MONA

from fairlead.core.types import Actor, Ref
from fairlead.testing.fake_crm import FakeCrm

LATE = timedelta(minutes=15)
NOTCH = timedelta(seconds=2)
"""What rounding and a step of the clock of up to a second may make of an instant."""
OUT = timedelta(days=2)
AGAIN = timedelta(hours=2)
"""A recycled lead that cannot come back at once is tried again each hour."""
LINE = re.compile(r"^(?:(\S+): )?fairlead, (SLA|decay) (\w+)(?:, ([^:]+))?:")
ENDS = ("answered", "closed", "later")
ENDS_FOLLOW_UPS = ("buyer", "closed", "later")


@dataclass(frozen=True, slots=True)
class Told:
    """One line that one person got of one lead. `of` is the step, or the level of decay."""

    at: datetime
    kind: str
    of: str
    ref: Ref
    email: str
    marker: str


@dataclass(frozen=True, slots=True)
class Period:
    """A lead is one owner's: its clock begins `early` at the soonest, and `sure` at the latest."""

    owner: str | None
    early: datetime
    sure: datetime
    ends: datetime | None
    """It was over then, and the daemon had seen it begin: nothing is due any more."""


class Auditor:
    """Reads the log of one CRM of a world."""

    def __init__(self, world: LawfulWorld, crm: FakeCrm) -> None:
        self.world = world
        self.terms = world.terms
        self.crm = crm
        self.rounds = world.rounds[crm.name]
        self.until = self.rounds[-1]
        self.broken = {at for at, done in world.turns[crm.name] if not done}
        self.looked = sorted({at for at, _ in world.turns[crm.name]})
        self.told = [t for w in world.seen[crm.name] for t in self._lines(w)]
        self.leads = [ref for c, ref in world.leads if c is crm]

    def judge(self) -> None:
        self.each_task_is_written_once()
        for ref in self.leads:
            self.nothing_waits(ref)
            self.steps(ref)
            self.levels(ref)
            self.follow_ups(ref)
            self.second_chances(ref)
        self.one_digest()

    # -- laws ---------------------------------------------------------------------------------

    def each_task_is_written_once(self) -> None:
        again = [w.task for w in self.world.seen[self.crm.name] if w.again and self._is_told(w)]
        assert again == [], f"I6: told twice: {again}"
        markers = Counter((t.marker, t.ref, t.of) for t in self.told)
        assert set(markers.values()) <= {1}, f"I6: told twice in one: {markers}"

    def nothing_waits(self, ref: Ref) -> None:
        """The freshest, too, have their owner by the first round in which somebody works."""
        came = self._came(ref)
        works = (r for r in self.rounds if r >= came and self._somebody_works(r))
        done = next(works, None)
        first = next((a.at for a in self.crm.audit if a.ref == ref and _is_ours(a)), None)
        taken = min((t.at for t in self.world.touched[ref]), default=None)
        if done is not None and (taken is None or taken > done):
            assert first is not None, f"I1: {ref} of {came} has no owner by {done}"
            assert first <= done, f"I14: {ref} of {came} waited from {done} to {first}"

    def steps(self, ref: Ref) -> None:
        """No step of an SLA comes before its time or oftener than promised, and none is lost."""
        kind = str(self.crm.row(ref).fields["source"])
        periods, told = self._periods(ref), [t for t in self.told if t.ref == ref]
        for step, after in self._thresholds(kind).items():
            mine = [t for t in told if t.kind == "SLA" and t.of == step]
            for n, t in enumerate(mine, 1):
                due = [p for p in periods if self._due(p, after, t.at) <= t.at + NOTCH]
                assert len(due) >= n, f"I6: {step} of {ref} told {n} times by {t.at}: {periods}"
        if kind == "Fair" or not periods or not self._steady(ref):
            return
        last = periods[-1] if kind == "Web" else periods[0]
        for step, to in (("step 1", MONA), ("step 2", DANA)):
            if kind == "Ads" and step == "step 2":
                continue
            at = self.terms.after(last.owner, last.sure, self._thresholds(kind)[step], self.until)
            if at < self.until - timedelta(minutes=1):
                soonest = self.terms.after(last.owner, last.early, self._thresholds(kind)[step], at)
                heard = any(t.at >= soonest and t.email == to for t in told)
                assert heard, f"I5: {step} of {ref} was due {at}, and {to} knows nothing of it"

    def levels(self, ref: Ref) -> None:
        """No level of decay comes before its time or twice, and none is lost."""
        touched = self.world.touched[ref]
        cycles = sum(t.what == "later" for t in touched)
        every = [t for t in self.told if t.ref == ref]
        told = [t for t in every if t.kind == "decay"]
        for level, minutes, to in (
            ("cooling", self.terms.silence, MONA),
            ("old", self.terms.age, DANA),
        ):
            length, mine = timedelta(minutes=minutes), [t for t in told if t.of == level]
            assert len(mine) <= 1 + min(cycles, 2), f"I6: {ref} came {len(mine)} times to {level}"
            for t in mine:
                since = self._came(ref)
                if level == "cooling":
                    known = [o.at for o in touched if o.at <= self._round_before(t.at)
                             and o.what in ("answered", "buyer", "given")]  # fmt: skip
                    since = max([since, *known])
                assert t.at - since >= length - NOTCH, f"I6: {ref} came to {level} early: {t.at}"
            owned = next((a.at for a in self.crm.audit if a.ref == ref and _is_ours(a)), None)
            fair = self.crm.row(ref).fields["source"] != "Ads"
            if not touched and fair and owned is not None:
                # Its time counts from when we first saw it, and stands until it is somebody's.
                at = max((self._first_after(self._came(ref)) or self.until) + length, owned)
                soonest = self._came(ref) + length
                heard = any(t.at >= soonest and t.email == to for t in every)
                late = at < self.until - timedelta(minutes=1)
                assert heard or not late, f"I5: {ref} came to {level} at {at}, and {to} is not told"

    def follow_ups(self, ref: Ref) -> None:
        """Follow-ups come in working time, each once to an owner, and the first is not lost."""
        # The same words on the same task are the same follow-up, whose answer was lost in a crash.
        first: dict[tuple[str, str], datetime] = {}
        for w in self.world.seen[self.crm.name]:
            if w.task.ref == ref and w.task.subject.startswith("Follow "):
                first.setdefault((w.task.marker, w.task.subject), w.at)
        written = [(at, int(subject.split()[-1])) for (_, subject), at in first.items()]
        periods = self._periods(ref, ENDS_FOLLOW_UPS)
        for number, factor in ((1, 1), (2, 2), (3, 9)):
            mine = [at for at, n in written if n == number]
            wait = timedelta(minutes=factor * self.terms.follow)
            for n, at in enumerate(mine, 1):
                due = [
                    p for p in periods
                    if self.terms.next_work(p.owner, p.early + wait, at) <= at + NOTCH
                    and (p.ends is None or p.ends > self._round_before(at)
                         or p.early + wait <= p.ends)
                ]  # fmt: skip
                assert len(due) >= n, f"I6: follow-up {number} of {ref} {n} times by {at}"
                at_work = any(self.terms.works(p.owner, at - at_quarter(at)) for p in periods)
                assert at_work or not self._at_once(at), (
                    f"I6: follow-up {number} of {ref} out of hours at {at}"
                )
        if self.world.touched[ref] or self.crm.row(ref).fields["source"] != "Fair":
            return
        if periods:
            [only] = periods
            at = only.sure + timedelta(minutes=self.terms.follow)
            at = self.terms.next_work(only.owner, at, self.until)
            rounds = [
                r for r in self.rounds
                if r >= at and self.terms.works(only.owner, r - at_quarter(r))
            ]  # fmt: skip
            assert written or at == self.until or not rounds, (
                f"I5: no follow-up of {ref}, due {at}, looked at {rounds}"
            )

    def second_chances(self, ref: Ref) -> None:
        """A recycled lead comes back once for each time it went, not early, and none is lost."""
        moves = [a for a in self.crm.audit if a.ref == ref and a.op == "member"]
        went = [a.at for a in moves if (a.old, a.new) == ("out", "in")]
        back = [a.at for a in moves if (a.old, a.new) == ("in", "out")]
        touched = self.world.touched[ref]
        later = [t.at for t in touched if t.what == "later"]
        assert len(went) <= min(2, len(later)), f"I6: {ref} was recycled {len(went)} times"
        for n, at in enumerate(back, 1):
            due = sum(s + OUT <= at + NOTCH for s in later)
            taken = sum(t.at <= at and t.what != "later" for t in touched)
            assert n <= due + taken, f"I6: {ref} came back at {at}, before its time"
        given = [a.at for a in self.crm.audit if a.ref == ref and _is_ours(a) and a.old != a.new]
        if [t.what for t in touched] == ["later"] and given and given[0] < later[0]:
            seen = self._first_after(later[0])
            if seen is not None and seen + OUT + AGAIN < self.until:
                assert len(went) == len(back) == 1, f"I5: {ref} is recycled for ever: {went} {back}"
                soonest = later[0] + OUT - NOTCH
                to = [self.crm.owner(a.new or "") for a in self.crm.audit
                      if a.ref == ref and _is_ours(a) and a.at >= soonest]  # fmt: skip
                others = [o for o in to if o is not None and o.email == CARLA]
                assert others, f"I5: {ref} came back to nobody else"
                assert not self.crm.groups.has(ref, GROUPS[self.crm.name])

    def one_digest(self) -> None:
        """What comes late is one task for each person, however much of it there is."""
        tasks: defaultdict[tuple[datetime, str], set[str]] = defaultdict(set)
        lines: defaultdict[str, list[Told]] = defaultdict(list)
        for t in self.told:
            lines[t.marker].append(t)
        for marker, together in lines.items():
            if self._at_once(together[0].at) and all(self._is_late(t) for t in together):
                tasks[together[0].at, together[0].email].add(marker)
        many = {who: found for who, found in tasks.items() if len(found) > 1}
        assert not many, f"I14: not one digest: {many}"

    # -- reading the log ----------------------------------------------------------------------

    def _lines(self, w: Written) -> list[Told]:
        owner = self.crm.owner(w.task.owner_id)
        email = "" if owner is None else owner.email or ""
        found = []
        for line in w.task.body.splitlines():
            m = LINE.match(line)
            if m is not None and self._is_told(w):
                ref = w.task.ref if m[1] is None else Ref.parse(m[1])
                of = m[3] if m[2] == "decay" else str(m[4])
                found.append(Told(w.at, m[2], of, ref, email, w.task.marker))
        return found

    def _is_told(self, w: Written) -> bool:
        return w.task.subject.startswith(("Answer time", "Decay"))

    def _came(self, ref: Ref) -> datetime:
        return next(a.at for a in self.crm.audit if a.ref == ref and a.op == "create")

    def _round_before(self, at: datetime) -> datetime:
        n = bisect_left(self.rounds, at)
        return self.rounds[n - 1] if n else self.crm.audit[0].at

    def _at_once(self, at: datetime) -> bool:
        """Whether what was written then was made then, and not in a turn before it."""
        before = bisect_left(self.looked, at) - 1
        return at not in self.broken and self.looked[max(before, 0)] not in self.broken

    def _first_after(self, at: datetime) -> datetime | None:
        n = bisect_left(self.rounds, at)
        return self.rounds[n] if n < len(self.rounds) else None

    def _somebody_works(self, at: datetime) -> bool:
        quarter = at - at_quarter(at)
        return self.terms.works(ANNA, quarter) or self.terms.works(BEN, quarter)

    def _thresholds(self, kind: str) -> dict[str, float]:
        t = self.terms
        steps: dict[str, float] = {"warning 50%": t.respond / 2, "step 1": t.respond}
        steps |= {"due": t.respond, "step 2": t.respond + t.escalate}
        return steps | ({"step 3": t.respond + 2 * t.escalate} if kind == "Ads" else {})

    def _periods(self, ref: Ref, ends: Collection[str] = ENDS) -> list[Period]:
        """Who had the lead from when, as far as a clock may have begun for them."""
        came, kind = self._came(ref), self.crm.row(ref).fields["source"]
        later = [t.at for t in self.world.touched[ref] if t.what == "later"]
        found: list[Period] = []
        changes = [a for a in self.crm.audit if a.ref == ref and a.op == "owner"]
        for a in (a for a in changes if a.old != a.new):
            owner = self.crm.owner(a.new or "")
            email = None if owner is None else owner.email
            early, sure = a.at, self._first_after(a.at) or self.until
            if a.actor is Actor.US:
                sure = a.at
                back = [s + OUT for s in later if s + OUT <= a.at]
                early = came
                if email == CARLA and back:
                    early = back[0]
                elif found and kind == "Ads":
                    after = self.terms.respond + self.terms.escalate
                    early = min(self._due(p, after, a.at) for p in found)
            found.append(self._period(ref, email, early, sure, ends))
        # A status that is moved out of the end of the line may begin a clock for the same owner.
        ended = False
        for t in self.world.touched[ref]:
            if ended and t.what in ("status", "paused") and found:
                owners = [p.owner for p in found if p.early <= t.at] or [found[0].owner]
                found.append(self._period(ref, owners[-1], t.at, self.until, ends))
            ended = ended or t.what in ("later", "closed")
        return found

    def _period(
        self,
        ref: Ref,
        owner: str | None,
        early: datetime,
        sure: datetime,
        ends: Collection[str],
    ) -> Period:
        over = (t.at for t in self.world.touched[ref] if t.what in ends and t.at > sure)
        return Period(owner, early, sure, min(over, default=None))

    def _due(self, p: Period, minutes: float, at: datetime) -> datetime:
        """When a step of a period was due; after `at` if it was not, or was over by then."""
        due = self.terms.after(p.owner, p.early, minutes, at + NOTCH * 2)
        over = p.ends is not None and p.ends <= self._round_before(at) and p.ends < due
        return at + NOTCH * 2 if over else due

    def _steady(self, ref: Ref) -> bool:
        """Whether the lead was ours to give, and nothing was done with it but giving it on."""
        first = next(a for a in self.crm.audit if a.ref == ref and a.op == "owner")
        return _is_ours(first) and all(t.what == "given" for t in self.world.touched[ref])

    def _is_late(self, t: Told) -> bool:
        """Whether it surely came so late that it goes together with others."""
        limit = t.at - LATE - timedelta(minutes=1)
        if t.kind == "decay":
            length = self.terms.silence if t.of == "cooling" else self.terms.age
            touched = [o.at for o in self.world.touched[t.ref] if o.at <= t.at]
            given = [a.at for a in self.crm.audit if a.ref == t.ref and a.op == "owner"]
            since = max([self._came(t.ref), *touched, *(g for g in given if g <= t.at)])
            return since + timedelta(minutes=length) <= limit
        kind = str(self.crm.row(t.ref).fields["source"])
        if any(o.what == "paused" for o in self.world.touched[t.ref]):
            return False
        known = [p for p in self._periods(t.ref) if p.early <= t.at]
        after = self._thresholds(kind)[t.of]
        return all(self.terms.after(p.owner, p.sure, after, t.at) <= limit for p in known)


def _is_ours(a: object) -> bool:
    return getattr(a, "op", "") == "owner" and getattr(a, "actor", None) is Actor.US


def at_quarter(at: datetime) -> timedelta:
    """How far into its quarter of an hour an instant lies."""
    return timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)


__all__ = ["ANNA", "BEN", "Auditor", "Touch"]
