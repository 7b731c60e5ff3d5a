"""Reads and plays one story of a clock, or of decay: a lead in a running house, what people do,
what must fire.

The house is real but for its CRM; its time is moved from one event to the next.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from daemon.house import House, owner_email, user_id
from pydantic import BaseModel, ConfigDict

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml
from fairlead.core.sla_terms import short
from fairlead.core.types import Actor, Ref
from fairlead.store import cadences, clocks, journal, loads, messages, outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm, FakeTask

TELLS = ("Answer time", "Decay")
STORIES = Path(__file__).parents[2] / "fixtures" / "clocks"
PEOPLE = (
    "anna@example.com", "ben@example.com", "carla@example.com", "mona@example.com",
    "dana@example.com",
)  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Strict):
    """What happens `at` so long after the lead came: exactly one thing. `who` did it shows in the
    CRM's history of a status that is changed, and in what is logged."""

    at: str
    change: dict[str, Any] | None = None
    who: Literal["person", "automation", "us", "buyer"] | None = None
    logs: Literal["call", "email", "meeting", "note"] | None = None
    given_to: str | None = None
    buyer: Literal["call", "email", "meeting", "message"] | None = None
    does_task: bool = False
    away: str | None = None
    until: str | None = None


class Expected(_Strict):
    """`fires` are times since the lead came with steps, `instants` the same by the clock; `some`:
    what else may fire is not said. `told` counts tasks of clocks and of decay by reader, `messages`
    what goes to each channel or address. `decays` are times since the lead came with levels,
    `critical` counts the alerts."""

    fires: list[str] | None = None
    includes: list[str] = []
    instants: list[str] | None = None
    some: bool = False
    told: dict[str, int] = {}
    messages: dict[str, int] | None = None
    owner: str | None = None
    clocks: list[str] | None = None
    away: list[str] = []
    urgent: bool | None = None
    decays: list[str] | None = None
    level: str | None = None
    critical: int | None = None
    follow_ups: list[str] | None = None
    cadence: str | None = None
    times: dict[str, str | None] = {}
    task_says: list[str] = []
    tasks: int | None = None


class Story(_Strict):
    name: str
    now: datetime
    policy: str
    lead: dict[str, Any]
    times: int = 1
    story: list[Event] = []
    asleep: str | None = None
    until: str
    expect: Expected


def read_story(path: Path) -> Story:
    node, problems = read_yaml(SourceText(path.name, path.read_text(encoding="utf-8")))
    if node is None or problems:
        raise ValueError("; ".join(str(p) for p in problems))
    return Story.model_validate(data_of(node))


class Played:
    """A story played to its end in one CRM."""

    def __init__(self, story: Story, crm: str, folder: Path = STORIES) -> None:
        self.story = story
        self.clock = ManualClock(story.now - timedelta(seconds=1))
        lead_object = "Lead" if crm == "salesforce" else "contacts"
        self.fake = FakeCrm(self.clock, name=crm, lead_object=lead_object)
        for email in PEOPLE:
            self.fake.add_user(email)
        policy = (folder / story.policy).read_text(encoding="utf-8")
        self.house = House(None, [self.fake], self.clock, policy=policy)
        self.house.start()
        self.clock.advance(1)
        self.refs = [self._lead(n) for n in range(story.times)]
        self.ref = self.refs[0]
        self._play()

    def _lead(self, n: int) -> Ref:
        email = self.story.lead.get("email", "x@acme.example")
        ref = self.fake.create_lead(**{**self.story.lead, "email": f"{n}{email}"})
        self.house.round()
        return ref

    def _play(self) -> None:
        start = self.story.now
        end = start + parse_duration(self.story.until)
        if self.story.asleep is not None:
            self._go_to(start + parse_duration(self.story.asleep))
        events = [(start + parse_duration(e.at), e) for e in self.story.story]
        while True:
            coming = [at for at, _ in events[:1]]
            row = self.house.db.row(
                "SELECT min(at) at FROM (SELECT min(look_at) at FROM clock_steps"
                " UNION ALL SELECT min(look_at) FROM decay_levels"
                " UNION ALL SELECT min(due_at) FROM scores"
                " UNION ALL SELECT min(look_at) FROM cadences WHERE ended_at IS NULL"
                " UNION ALL SELECT min(retry_at) FROM leads WHERE state = 'held')"
            )
            if row is not None and row["at"]:
                coming.append(max(datetime.fromisoformat(row["at"]), self.clock.now()))
            at = min(coming, default=end)
            if at > end:
                self._go_to(end)
                return
            while events and events[0][0] <= at:
                self._go_to(events[0][0])
                self._happens(events.pop(0)[1])
            self._go_to(at)
            if at == end and not coming:
                return

    def _go_to(self, at: datetime) -> None:
        self.clock.advance(max(timedelta(0), at - self.clock.now()))
        self.house.poll()
        for ingest in self.house.ingests.values():
            ingest.rescore_due()
            ingest.release_held()
        self.house.sweep()
        self.house.deliver()

    def _happens(self, event: Event) -> None:
        if event.change is not None:
            self._change(event.change, event.who)
        if event.logs is not None:
            owner = self.fake.owner_of(self.ref)
            buyer = event.who == "buyer"
            actor = Actor.UNKNOWN if buyer else Actor(event.who or "person")
            self.fake.activities.log(
                self.ref, ActivityKind(event.logs), by=owner, actor=actor, incoming=buyer
            )
        if event.buyer is not None:
            self.fake.activities.log(
                self.ref, ActivityKind(event.buyer), actor=Actor.UNKNOWN, incoming=True
            )
        if event.does_task:
            self.fake.close_task(self.open_follow_ups()[0].marker)
        if event.given_to is not None:
            self.fake.person_sets_owner(self.ref, user_id(self.fake, event.given_to))
        if event.away is not None:
            self.house.commands.rep_away(event.away, str(event.until), "ill")
        self.house.round()

    def _change(self, fields: dict[str, Any], who: str | None) -> None:
        if who is not None:
            before = self.fake.row(self.ref).fields.get("status")
            self.fake.activities.log(
                self.ref, ActivityKind.STATUS_CHANGE, by=self.fake.owner_of(self.ref),
                actor=Actor(who), detail=f"{before or ''} > {fields['status']}",
            )  # fmt: skip
        self.fake.update(self.ref, **fields)

    # -- what came of it --------------------------------------------------------------------

    def fired(self, ref: Ref | None = None) -> list[tuple[datetime, str]]:
        told = journal.of_lead(self.house.db, ref or self.ref)
        return [(j.at, str(j.detail["step"])) for j in told if j.event == "clock.fired"]

    def since(self) -> list[str]:
        return [f"{short(at - self.story.now)} {step}" for at, step in self.fired()]

    def told(self, email: str) -> int:
        tasks = [t for t in self.fake.tasks.values() if t.subject.startswith(TELLS)]
        return sum(t.owner_id == user_id(self.fake, email) for t in tasks)

    def messages(self) -> dict[str, int]:
        return dict(Counter(m.target for m in messages.listed(self.house.db)))

    def owner(self) -> str | None:
        return owner_email(self.fake, self.ref)

    def clocks(self) -> list[str]:
        found = clocks.of_lead(self.house.db, self.ref)
        return sorted(f"{c.how}, late" if c.late else c.how for c in found)

    def away(self) -> list[str]:
        return sorted(s.rep_id for s in loads.switches(self.house.db) if s.away_since)

    def decays(self, ref: Ref | None = None) -> list[str]:
        told = journal.of_lead(self.house.db, ref or self.ref)
        found = [(j.at, j.detail["level"]) for j in told if j.event == "lead.decayed"]
        return [f"{short(at - self.story.now)} {level}" for at, level in found]

    def level(self) -> str | None:
        [told] = self.house.commands.why(str(self.ref))
        level: str | None = told["decay"]["level"]
        return level

    def critical(self) -> int:
        told = journal.of_lead(self.house.db, self.ref)
        return sum(j.event == "lead.decayed" and bool(j.detail["critical"]) for j in told)

    def open_follow_ups(self) -> list[FakeTask]:
        found = [
            cadences.get(self.house.db, c.id) for c in cadences.of_lead(self.house.db, self.ref)
        ]
        keys = {f"fl-{c.task_key}" for c in found if c is not None}
        return [t for m, t in self.fake.tasks.items() if m in keys and t.open]

    def follow_ups(self) -> list[str]:
        """What happened of follow-ups: the instant, what, and its number."""
        told = journal.of_lead(self.house.db, self.ref)
        return [
            f"{j.at.isoformat()} {j.event.removeprefix('cadence.')} {j.detail['step']}"
            for j in told
            if j.event in ("cadence.task", "cadence.done", "cadence.missed")
        ]

    def cadence(self) -> str | None:
        found = cadences.of_lead(self.house.db, self.ref)
        return found[-1].how if found else None

    def times(self) -> dict[str, str | None]:
        """The seven times, as so long after the lead came."""
        told = self.house.commands.why(str(self.ref))[0]["times"]
        start = self.story.now
        return {
            n: None if at is None else short(datetime.fromisoformat(at) - start)
            for n, at in told.items()
        }

    def own_tasks(self) -> list[FakeTask]:
        """The tasks that are no follow-up and belong to no clock."""
        ours = [outbox.get(self.house.db, m.removeprefix("fl-")) for m in self.fake.tasks]
        plain = {o.key for o in ours if o is not None and not getattr(o.effect, "role", "")}
        here = [t for m, t in self.fake.tasks.items() if m.removeprefix("fl-") in plain]
        return [t for t in here if t.ref == self.ref]

    def urgent(self) -> bool:
        tasks = [t for t in self.fake.tasks.values() if not t.subject.startswith(TELLS)]
        return any(t.high_priority for t in tasks)
