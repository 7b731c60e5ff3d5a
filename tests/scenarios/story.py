"""The words in which a story is told: a lead in a running house, what people do, what comes of it.

A story is played by `played.py`; each word of a look is answered by `seen.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import data_of, read_yaml

FIXTURES = Path(__file__).parents[2] / "fixtures"
TOPICS = ("alerts", "clocks", "decay", "recycling", "scoring", "signals")
"""The folders of stories, by what they are about."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Strict):
    """What happens `at` so long after the lead came.

    `who` did it shows in the CRM's history of a status that is changed, and in what is logged.
    `of` is the number of the lead it happens to, of several that came. `dated` names a field that
    gets this instant. `attends`: the person is written down as a guest of the webinar. `refuses`:
    the CRM refuses to write the lead, from its coming on or no longer. `retries`: somebody orders
    its dead letter to be tried again.
    """

    at: str
    of: int = 0
    change: dict[str, Any] = {}
    dated: str | None = None
    who: Literal["person", "automation", "us", "buyer"] | None = None
    logs: Literal["call", "email", "meeting", "note", "message"] | None = None
    seconds: int | None = None
    buyer: Literal["call", "email", "meeting", "message"] | None = None
    attends: bool = False
    does_task: bool = False
    given_to: str | None = None
    admin_gives: str | None = None
    away: str | None = None
    until: str | None = None
    policy: str | None = None
    refuses: bool | None = None
    retries: bool = False


class Others(_Strict):
    """Further leads, one of each of `kinds` together, `every` so often from `at` on, `times` on
    each of so many `days`. Their owner answers `after` so long, with an activity or by moving the
    status. `won_in_ten`: of ten of each kind that come one after the other so many are won, the
    first ones.
    """

    at: str
    every: str
    times: int
    days: int = 1
    kinds: list[dict[str, Any]] = [{}]
    after: str | None = None
    by: Literal["call", "email", "status"] = "email"
    seconds: int | None = None
    owner: str | None = None
    """Only leads of this owner are answered so, those of others by a long call in a minute."""
    won_in_ten: list[int] = []


class Staffing(_Strict):
    """What is asked of `fairlead sla --staffing`, and some of what it says."""

    within: str
    handling: str
    says: list[str]


class Look(_Strict):
    """What is so, as far as it is said; all times are so long after the lead came.

    `states` counts the leads of the story, `owners` all that came. `fires` are steps of clocks,
    `instants` the same by the clock on the wall; `some`: what else may fire is not said. `told`
    counts tasks about leads by reader, `messages` what went to a channel or address. `signals` are
    those that `why` shows. `comes_back`: when it will by itself, `back_at`: when it last did.
    `points` are those of each group at the last decision, `why_says` lines of `fairlead why`.
    `alerts` are what operators are told. `indicators` are among the counts and comparisons of
    `fairlead sla --indicators`. `calibration` is the verdict of `fairlead calibrate`, or "refused";
    `more` and `less` are reasons whose points it would raise or lower.
    """

    state: str | None = None
    states: dict[str, int] | None = None
    owner: str | None = None
    owners: dict[str, int] | None = None
    fields: dict[str, Any] = {}
    member_of: list[str] | None = None
    fires: list[str] | None = None
    includes: list[str] = []
    instants: list[str] | None = None
    some: bool = False
    clocks: list[str] | None = None
    told: dict[str, int] = {}
    messages: dict[str, int] | None = None
    away: list[str] = []
    urgent: bool | None = None
    times: dict[str, str | None] = {}
    tasks: int | None = None
    task_says: list[str] = []
    follow_ups: list[str] | None = None
    cadence: str | None = None
    decays: list[str] | None = None
    level: str | None = None
    critical: int | None = None
    signals: list[str] | None = None
    rerouted: int | None = None
    reason: str | None = None
    cycle: int | None = None
    comes_back: datetime | None = None
    back_at: datetime | None = None
    waits: str | None = None
    score: int | None = None
    grade: str | None = None
    points: dict[str, float] = {}
    why_says: list[str] = []
    alerts: list[str] | None = None
    staffing: Staffing | None = None
    indicators: list[str] = []
    calibration: str | None = None
    calibrate_says: list[str] = []
    more: list[str] = []
    less: list[str] = []


class LookAt(Look):
    """A look before the end."""

    at: str


class Story(_Strict):
    """`attended`: the person was in the webinar so long before the lead came. `times`: as many
    leads like it at once, each of another person; `records`: as many records of one person.
    `asleep`: the daemon does not run for so long after the lead came. `expect` is what is so at
    `until`, `looks` what is so before.
    """

    name: str
    now: datetime = datetime(2027, 1, 4, 10, tzinfo=UTC)
    policy: str
    lead: dict[str, Any] = {}
    times: int = 1
    records: int = 1
    attended: str | None = None
    asleep: str | None = None
    others: list[Others] = []
    story: list[Event] = []
    looks: list[LookAt] = []
    until: str | None = None
    expect: Look | None = None


def story_files() -> list[Path]:
    """Every story there is."""
    return sorted(p for topic in TOPICS for p in (FIXTURES / topic).glob("*.yaml"))


def read_story(path: Path) -> Story:
    """The story in a YAML 1.2 file; raises ValueError for unknown keys and what is no YAML."""
    node, problems = read_yaml(SourceText(path.name, path.read_text(encoding="utf-8")))
    if node is None or problems:
        raise ValueError("; ".join(str(p) for p in problems))
    return Story.model_validate(data_of(node))
