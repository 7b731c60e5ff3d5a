"""Reads and plays one story of signals: what a person does, and what becomes of their leads.

The house is real but for its CRM; its time is moved in steps and to each event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from daemon.house import House, owner_email
from pydantic import BaseModel, ConfigDict

from fairlead.core.activity import ActivityKind
from fairlead.core.durations import parse_duration
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml
from fairlead.core.sla_terms import short
from fairlead.core.types import Kind, Ref
from fairlead.store import journal, scores
from fairlead.testing.builders import LEAD_FIELDS
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

STORIES = Path(__file__).parents[2] / "fixtures" / "signals"
WEBINARS = {"salesforce": ("701000000000001AAA", "Attended"), "hubspot": ("42", "")}
PEOPLE = ("anna@example.com", "ben@example.com", "carla@example.com")
POLL = timedelta(minutes=2)
"""Longer than the rhythm of groups."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Strict):
    """What happens `at` so long after the lead came.

    `dated` names a field that gets this instant; `attends` is the number of the lead whose person
    is written down as a guest of the webinar; `buyer` sends something.
    """

    at: str
    change: dict[str, Any] = {}
    dated: str | None = None
    attends: int | None = None
    buyer: Literal["call", "email"] | None = None


class Expected(_Strict):
    """`signals` are those that `why` shows, with the time since the lead came."""

    owner: str
    signals: list[str]
    rerouted: int = 0
    score: int | None = None
    grade: str | None = None


class SignalStory(_Strict):
    """`attended`: the person was in the webinar so long before the lead came."""

    name: str
    now: datetime
    lead: dict[str, Any]
    attended: str | None = None
    times: int = 1
    story: list[Event] = []
    until: str
    expect: Expected


def read_signal_story(path: Path) -> SignalStory:
    node, problems = read_yaml(SourceText(path.name, path.read_text(encoding="utf-8")))
    if node is None or problems:
        raise ValueError("; ".join(str(p) for p in problems))
    return SignalStory.model_validate(data_of(node))


class PlayedSignals:
    """A story played to its end in one CRM."""

    def __init__(self, story: SignalStory, crm: str) -> None:
        self.story = story
        before = parse_duration(story.attended) if story.attended else timedelta(seconds=1)
        self.clock = ManualClock(story.now - before)
        lead_object = "Lead" if crm == "salesforce" else "contacts"
        self.fake = FakeCrm(self.clock, name=crm, lead_object=lead_object)
        for email in PEOPLE:
            self.fake.add_user(email)
        group, _ = WEBINARS[crm]
        self.fake.groups.create("Webinar", id=group)
        policy = (STORIES / "policies" / "signals.yaml").read_text(encoding="utf-8")
        self.house = House(None, [self.fake], self.clock, policy=policy)
        self.house.start()
        self.refs = [self._comes() for _ in range(story.times)]
        for event in story.story:
            self._go_to(story.now + parse_duration(event.at))
            self._happens(event)
        self._go_to(story.now + parse_duration(story.until))

    def _comes(self) -> Ref:
        """A lead that comes when the story begins; the CRM may know it as a guest before."""
        if self.story.attended is None:
            self._go_to(self.story.now)
            ref = self.fake.create_lead(**self.story.lead)
        else:
            ref = Ref(self.fake.name, self.fake.lead_object, "guest")
            self._attends(ref)
            self._go_to(self.story.now)
            self.fake.create(Kind.LEAD, {**LEAD_FIELDS, **self.story.lead}, id=ref.id)
        self._turn()
        return ref

    def _go_to(self, at: datetime) -> None:
        while self.clock.now() < at:
            step = max(POLL, min(timedelta(hours=6), (at - self.clock.now()) / 2))
            self.clock.advance(min(step, at - self.clock.now()))
            self._turn()
        self._turn()

    def _turn(self) -> None:
        self.house.round()
        self.house.sweep()
        self.house.signals()
        for ingest in self.house.ingests.values():
            ingest.rescore_due()
        self.house.round()

    def _happens(self, event: Event) -> None:
        changed = dict(event.change)
        if event.dated is not None:
            changed[event.dated] = self.clock.now().isoformat()
        if changed:
            self.fake.update(self.refs[0], **changed)
        if event.attends is not None:
            self._attends(self.refs[event.attends])
        if event.buyer is not None:
            self.fake.activities.log(self.refs[0], ActivityKind(event.buyer), incoming=True)
        self._turn()

    def _attends(self, ref: Ref) -> None:
        """A second time the CRM writes the membership down anew, with another date."""
        group, status = WEBINARS[ref.crm]
        if self.fake.groups.has(ref, group):
            self.fake.groups.set_status(ref, group, status)
        else:
            self.fake.groups.add(ref, group, status)

    # -- what came of it --------------------------------------------------------------------

    def owner(self) -> str | None:
        return owner_email(self.fake, self.refs[0])

    def signals(self) -> list[str]:
        [why] = self.house.commands.why(str(self.refs[0]))
        return [f"{s['signal']} {self._since(s['at'])}" for s in why["signals"]]

    def _since(self, text: str) -> str:
        past = datetime.fromisoformat(text) - self.story.now
        return short(past) if past >= timedelta(0) else f"-{short(-past)}"

    def rerouted(self, ref: Ref) -> int:
        return sum(j.event == "lead.rerouted" for j in journal.of_lead(self.house.db, ref))

    def score(self) -> tuple[int, str] | None:
        kept = scores.get(self.house.db, self.refs[0])
        return None if kept is None else (kept.score, kept.grade)
