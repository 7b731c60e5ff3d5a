"""Plays one story in one CRM; the house is real but for its CRM, and its time is moved from one
event, look or wake-up to the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.house import House, owner_email, user_id
from scenarios.story import Event, Look, Others, Story

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.fate import Fate
from fairlead.core.types import Actor, Kind, Ref
from fairlead.daemon.alerting import Alerting
from fairlead.notify.tables import Alerts
from fairlead.store import cadences
from fairlead.testing.builders import LEAD_FIELDS
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm, FakeTask
from fairlead.web.health import PollSign

PEOPLE = (
    "anna@example.com", "ben@example.com", "carla@example.com", "mona@example.com",
    "dana@example.com",
)  # fmt: skip
GROUPS = {
    "701000000000011AAA": "budget", "701000000000012AAA": "welcome", "701000000000013AAA": "quiet",
    "7": "welcome", "43": "quiet", "701000000000001AAA": "webinar", "42": "budget and webinar",
}  # fmt: skip
WEBINARS = {"salesforce": ("701000000000001AAA", "Attended"), "hubspot": ("42", "")}
POLL = timedelta(minutes=2)
"""Longer than the rhythm of groups."""
_DUE = """
    SELECT min(at) at FROM (
        SELECT min(look_at) at FROM clock_steps WHERE fired_at IS NULL
        UNION ALL SELECT min(look_at) FROM decay_levels WHERE reached_at IS NULL
        UNION ALL SELECT min(due_at) FROM scores
        UNION ALL SELECT min(look_at) FROM cadences WHERE ended_at IS NULL
        UNION ALL SELECT min(look_at) FROM recyclings WHERE ended_at IS NULL
        UNION ALL SELECT min(look_at) FROM recycling_looks
        UNION ALL SELECT min(look_at) FROM answers
        UNION ALL SELECT min(retry_at) FROM leads WHERE state = 'held')"""


class Played:
    """A story in one CRM; `looks` plays it on and gives each look when its time has come."""

    def __init__(self, story: Story, crm: str, folder: Path) -> None:
        self.story = story
        self.crm = crm
        self.folder = folder
        before = parse_duration(story.attended) if story.attended else timedelta(seconds=1)
        self.clock = ManualClock(story.now - before)
        lead_object = "Lead" if crm == "salesforce" else "contacts"
        self.fake = FakeCrm(self.clock, name=crm, lead_object=lead_object)
        for email in PEOPLE:
            self.fake.add_user(email)
        for queue in ("Nurture", "Marketing"):
            self.fake.add_queue(queue)
        for group, name in GROUPS.items():
            self.fake.groups.create(name, id=group)
        self.house = House(None, [self.fake], self.clock, policy=self._text(story.policy))
        self.alerting = self._alerting()
        self.house.start()
        self.refs: list[Ref] = []
        self.answers: list[tuple[datetime, Ref, Others]] = []
        self._leads_come()

    @property
    def ref(self) -> Ref:
        return self.refs[0]

    def looks(self) -> Iterator[Look]:
        """Play the story; each of its looks, at its time."""
        story = self.story
        steps: list[tuple[datetime, int, Any]] = []
        for event in story.story:
            steps.append((self.after(event.at), 0, event))
        for other in story.others:
            steps += [(at, 0, (other, n)) for n, at in enumerate(self._comings(other))]
        for look in story.looks:
            steps.append((self.after(look.at), 1, look))
        if story.expect is not None:
            assert story.until is not None
            steps.append((self.after(story.until), 2, story.expect))
        if story.asleep is not None:
            self._pass_to(self.after(story.asleep))
        for at, _, step in sorted(steps, key=lambda s: s[:2]):
            self._go_to(at)
            if not isinstance(step, tuple):
                self.work()
            if isinstance(step, Look):
                yield step
            elif isinstance(step, Event):
                self._happens(step)
            else:
                self._another(*step)

    def after(self, so_long: str) -> datetime:
        return self.story.now + parse_duration(so_long)

    def work(self) -> None:
        """What the daemon's loops do, until nothing is left to do now."""
        for _ in range(2):
            self.house.poll()
            self.house.signals()
            for ingest in self.house.ingests.values():
                ingest.rescore_due()
                ingest.release_held()
            self.house.sweep()
            self.house.deliver()
        self.alerting.tick()

    # -- time -------------------------------------------------------------------------------

    def _go_to(self, at: datetime) -> None:
        """From one wake-up to the next, up to `at`; what is due then has been done."""
        last, again = None, 0
        while (wake := self._next()) is not None and wake <= at:
            again = again + 1 if wake == last else 0
            assert again < 5, f"looked at again and again since {wake}"
            last = wake
            self._pass_to(wake)
            self._answer()
        self._advance(at)

    def _next(self) -> datetime | None:
        row = self.house.db.row(_DUE)
        due = [] if row is None or row["at"] is None else [datetime.fromisoformat(row["at"])]
        return min((*due, *(at for at, _, _ in self.answers)), default=None)

    def _advance(self, at: datetime) -> None:
        self.clock.advance(max(timedelta(0), at - self.clock.now()))

    def _pass_to(self, at: datetime) -> None:
        self._advance(at)
        self.work()

    # -- what happens -----------------------------------------------------------------------

    def _leads_come(self) -> None:
        story = self.story
        refused = bool(story.story) and story.story[0].at == "0s" and story.story[0].refuses
        if story.attended is not None:
            guest = Ref(self.crm, self.fake.lead_object, "guest")
            self._attends(guest)
            self._pass_to(self.clock.now() + POLL)
            self._pass_to(story.now)
            self.fake.create(Kind.LEAD, {**LEAD_FIELDS, **self._lead(0)}, id=guest.id)
            self.refs.append(guest)
        self._pass_to(story.now)
        for n in range(len(self.refs), max(story.times, story.records)):
            self.refs.append(self.fake.create_lead(**self._lead(n)))
            if refused:
                self.fake.faults.refuse(self.refs[-1])
            self.work()
        self.work()

    def _lead(self, n: int) -> dict[str, Any]:
        fields = {"email": "x@acme.example", "status": "New", **self.story.lead}
        if self.story.times > 1:
            fields["email"] = f"{n}{fields['email']}"
        return self._named(fields)

    def _happens(self, event: Event) -> None:
        ref = self.refs[event.of]
        fields = dict(event.change)
        if event.dated is not None:
            fields[event.dated] = self.clock.now().isoformat()
        if fields:
            self._change(ref, fields, event.who)
        if event.logs is not None:
            buyer = event.who == "buyer"
            actor = Actor.UNKNOWN if buyer else Actor(event.who or "person")
            self._logs(ref, event.logs, actor, event.seconds, incoming=buyer)
        if event.buyer is not None:
            self._logs(ref, event.buyer, Actor.UNKNOWN, None, incoming=True)
        if event.attends:
            self._attends(ref)
        if event.does_task:
            self.fake.close_task(self.open_follow_ups()[0].marker)
        if event.given_to is not None:
            self.fake.person_sets_owner(ref, user_id(self.fake, event.given_to))
        if event.admin_gives is not None:
            order = {"lead": str(ref), "to": event.admin_gives, "reason": "asked", "by": "m"}
            self.house.orders.routes()["override"](order)
        if event.away is not None:
            self.house.commands.rep_away(event.away, str(event.until), "ill")
        if event.policy is not None:
            self.house.policy = self._text(event.policy)
            self.house.restart()
            self.alerting = self._alerting()
        if event.refuses is False:
            self.fake.faults.clear()
        if event.retries:
            self.house.commands.retry(None)
        self.work()
        if event.attends:
            self._pass_to(self.clock.now() + POLL)

    def _change(self, ref: Ref, fields: dict[str, Any], who: str | None) -> None:
        if who is not None:
            before = self.fake.row(ref).fields.get("status")
            self.fake.activities.log(
                ref, ActivityKind.STATUS_CHANGE, by=self.fake.owner_of(ref),
                actor=Actor(who), detail=f"{before or ''} > {fields['status']}",
            )  # fmt: skip
        self.fake.update(ref, **self._named(fields))

    def _logs(
        self, ref: Ref, kind: str, actor: Actor, seconds: int | None, *, incoming: bool = False
    ) -> None:
        by = None if incoming else self.fake.owner_of(ref)
        self.fake.activities.log(
            ref, ActivityKind(kind), by=by, actor=actor, incoming=incoming, seconds=seconds
        )

    def _attends(self, ref: Ref) -> None:
        """A second time the CRM writes the membership down anew, with another date."""
        group, status = WEBINARS[self.crm]
        if self.fake.groups.has(ref, group):
            self.fake.groups.set_status(ref, group, status)
        else:
            self.fake.groups.add(ref, group, status)

    # -- other leads ------------------------------------------------------------------------

    def _comings(self, other: Others) -> list[datetime]:
        first, every = self.after(other.at), parse_duration(other.every)
        days = [first + timedelta(days=n) for n in range(other.days)]
        return [day + n * every for day in days for n in range(other.times)]

    def _another(self, other: Others, n: int) -> None:
        """One lead of each kind."""
        refs = []
        for k, fields in enumerate(other.kinds):
            named = self._named({"status": "New", **fields})
            ref = self.fake.create_lead(**{"email": f"{other.at}-{n}@a{n}k{k}.test", **named})
            if other.won_in_ten:
                won = n % 10 < other.won_in_ten[k]
                self.fake.decide(ref, Fate(won, won or None, lost=not won, why="as told"))
            refs.append(ref)
        self.house.poll()
        if other.after is None:
            return
        self.house.deliver()
        for ref in refs:
            slow = other.owner in (None, owner_email(self.fake, ref))
            after = parse_duration(other.after) if slow else timedelta(minutes=1)
            how = other if slow else other.model_copy(update={"by": "call", "seconds": 240})
            self.answers.append((self.clock.now() + after, ref, how))

    def _answer(self) -> None:
        now = self.clock.now()
        for at, ref, other in [a for a in self.answers if a[0] <= now]:
            self.answers.remove((at, ref, other))
            if other.by == "status":
                self.fake.update(ref, status="Contacted")
            else:
                self._logs(ref, other.by, Actor.PERSON, other.seconds)
            self.house.round()

    # -- parts ------------------------------------------------------------------------------

    def open_follow_ups(self) -> list[FakeTask]:
        db = self.house.db
        found = [cadences.get(db, c.id) for c in cadences.of_lead(db, self.ref)]
        keys = {f"fl-{c.task_key}" for c in found if c is not None}
        return [t for m, t in self.fake.tasks.items() if m in keys and t.open]

    def _alerting(self) -> Alerting:
        return Alerting(
            self.house.db, Alerts(to=["ops"]), self.clock, self.house.metrics,
            lambda: {self.crm: PollSign(1.0, 5.0)}, lambda: [],
        )  # fmt: skip

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Our names of custom fields as this CRM has them."""
        specs = self.house.in_force.active.policy.fields
        return {specs[n].sources[self.crm] if n in specs else n: v for n, v in fields.items()}

    def named(self, field: str) -> str:
        [name] = self._named({field: None})
        return name
