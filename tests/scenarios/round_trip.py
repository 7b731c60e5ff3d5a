"""Reads and plays one story of a recycling: a lead in a running house, what becomes of it when.

The house is real but for its CRM; its time is moved from one event or wake-up to the next.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from daemon.house import House, owner_email, user_id
from pydantic import BaseModel, ConfigDict

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml
from fairlead.store import clocks, journal, leads, recyclings
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

STORIES = Path(__file__).parents[2] / "fixtures" / "recycling"
PEOPLE = ("anna@example.com", "ben@example.com", "carla@example.com", "mona@example.com")
BEGIN = datetime(2027, 1, 4, 10, tzinfo=UTC)
GROUPS = {
    "701budget": "budget", "42": "budget", "701welcome": "welcome", "7": "welcome",
    "701quiet": "quiet", "43": "quiet",
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Strict):
    """What happens `at` so long after the lead came: exactly one thing."""

    at: str
    change: dict[str, Any] | None = None
    logs: Literal["call", "email", "meeting", "message"] | None = None
    given_to: str | None = None
    admin_gives: str | None = None
    policy: str | None = None


class Expected(_Strict):
    """What is so `at` that time, as far as it is said. `back_at`: when it last came back."""

    at: str
    state: str
    reason: str | None = None
    cycle: int | None = None
    owner: str | None = None
    fields: dict[str, str] = {}
    member_of: list[str] | None = None
    comes_back: datetime | None = None
    back_at: datetime | None = None
    waits: str | None = None
    clocks: list[str] | None = None
    told_manager: int | None = None
    task_says: list[str] = []


class Story(_Strict):
    name: str
    policy: str
    lead: dict[str, Any] = {}
    story: list[Event]
    looks: list[Expected]


def read_story(path: Path) -> Story:
    node, problems = read_yaml(SourceText(path.name, path.read_text(encoding="utf-8")))
    if node is None or problems:
        raise ValueError("; ".join(str(p) for p in problems))
    return Story.model_validate(data_of(node))


class Round:
    """One story in one CRM."""

    def __init__(self, story: Story, crm: str) -> None:
        self.story = story
        self.crm = crm
        self.clock = ManualClock(BEGIN - timedelta(seconds=1))
        lead_object = "Lead" if crm == "salesforce" else "contacts"
        self.fake = FakeCrm(self.clock, name=crm, lead_object=lead_object)
        for email in PEOPLE:
            self.fake.add_user(email)
        self.queue = self.fake.add_queue("Nurture")
        for group, name in GROUPS.items():
            self.fake.groups.create(name, id=group)
        self.house = House(None, [self.fake], self.clock, policy=self._text(story.policy))
        self.house.start()
        self.clock.advance(1)
        fields = self._named({"status": "New", **story.lead})
        self.ref = self.fake.create_lead(email="x@acme.example", **fields)
        self.work()

    def play(self) -> list[tuple[Expected, dict[str, Any]]]:
        """Each look of the story beside what was so then."""
        events = [(BEGIN + parse_duration(e.at), e) for e in self.story.story]
        looks = [(BEGIN + parse_duration(e.at), e) for e in self.story.looks]
        steps = sorted([*events, *looks], key=lambda s: (s[0], isinstance(s[1], Expected)))
        found = []
        for at, step in steps:
            self.go_to(at)
            if isinstance(step, Event):
                self.happens(step)
            else:
                found.append((step, self.seen(step)))
        return found

    def go_to(self, at: datetime) -> None:
        """From one wake-up to the next, up to `at`."""
        while (wake := self._next()) is not None and wake <= at:
            before = wake
            self.clock.advance(max(timedelta(0), wake - self.clock.now()))
            self.work()
            if self._next() == before:
                raise AssertionError(f"looked at again and again since {wake}")
        self.clock.advance(max(timedelta(0), at - self.clock.now()))
        self.work()

    def _next(self) -> datetime | None:
        found = [
            r["at"]
            for table in ("recyclings", "recycling_looks", "clock_steps")
            if (r := self.house.db.row(f"SELECT min(look_at) at FROM {table}")) and r["at"]  # noqa: S608
        ]
        return datetime.fromisoformat(min(found)) if found else None

    def work(self) -> None:
        for _ in range(2):
            self.house.poll()
            self.house.sweep()
            self.house.deliver()

    def happens(self, event: Event) -> None:
        if event.change is not None:
            self.fake.update(self.ref, **self._named(event.change))
        if event.logs is not None:
            by = user_id(self.fake, "anna@example.com")
            self.fake.activities.log(self.ref, ActivityKind(event.logs), by=by)
        if event.given_to is not None:
            self.fake.person_sets_owner(self.ref, user_id(self.fake, event.given_to))
        if event.admin_gives is not None:
            orders = self.house.orders.routes()
            orders["override"](
                {"lead": str(self.ref), "to": event.admin_gives, "reason": "asked", "by": "mona"}
            )
        if event.policy is not None:
            self.house.policy = self._text(event.policy)
            self.house.restart()
        self.work()

    def seen(self, asked: Expected) -> dict[str, Any]:
        """What is so now, of all that can be asked."""
        row = leads.get_lead(self.house.db, self.ref)
        assert row is not None
        rounds = recyclings.of_lead(self.house.db, self.ref)
        last = rounds[-1] if rounds else None
        back = [
            j.at for j in journal.of_lead(self.house.db, self.ref) if j.event == "lead.returned"
        ]
        owner_id = self.fake.owner_of(self.ref)
        task = [t for t in self.fake.tasks.values() if t.owner_id == owner_id]
        told = [t for t in self.fake.tasks.values() if t.subject.startswith("A recycled lead")]
        return {
            "state": row.state.value,
            "reason": last and last.reason,
            "cycle": last.cycle if last else 0,
            "owner": "Nurture"
            if owner_id == self.queue
            else owner_email(self.fake, self.ref) or "nobody",
            "fields": {n: self.fake.row(self.ref).fields.get(n) for n in asked.fields},
            "member_of": sorted(
                name for g, name in GROUPS.items() if self.fake.groups.has(self.ref, g)
            ),
            "comes_back": last and last.due_at,
            "back_at": back[-1] if back else None,
            "waits": last.waits if last else "",
            "clocks": sorted(c.how for c in clocks.of_lead(self.house.db, self.ref)),
            "told_manager": len(told),
            "task_says": task[-1].body.split("\n") if task else [],
        }

    # -- parts ------------------------------------------------------------------------------

    def _text(self, name: str) -> str:
        return (STORIES / name).read_text(encoding="utf-8")

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Our names of custom fields as this CRM has them."""
        specs = self.house.in_force.active.policy.fields
        return {specs[n].sources[self.crm] if n in specs else n: v for n, v in fields.items()}
