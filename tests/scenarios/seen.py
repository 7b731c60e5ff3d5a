"""What came of a story, one answer for each word of a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.house import user_id
from scenarios.played import GROUPS, Played
from scenarios.story import Look

from fairlead.core.sla_terms import short
from fairlead.core.types import Kind, Ref
from fairlead.daemon.recalibrating import Question, propose
from fairlead.errors import ThinEvidence
from fairlead.reports.answering import human_staffing
from fairlead.reports.human import human_why
from fairlead.reports.recalibration import human_recalibration, recalibration_json
from fairlead.store import (
    cadences,
    clocks,
    journal,
    leads,
    loads,
    messages,
    outbox,
    recyclings,
    scores,
)
from fairlead.testing.fake_crm import FakeTask

TELLS = ("Answer time", "Decay", "A recycled lead")


def check(played: Played, look: Look) -> None:
    """Compare everything that the look says with what is so."""
    for name in look.model_fields_set & set(SEEN):
        wanted = getattr(look, name)
        seen = SEEN[name](played, look)
        assert seen == wanted, f"{name}: {seen!r}, not {wanted!r}"
    assert set(look.includes) <= set(since(played))
    body = open_body(played)
    assert [line for line in look.task_says if line not in body] == [], body
    told = why(played)
    assert [line for line in look.why_says if line not in told] == [], told
    assert len(played.open_follow_ups()) <= 1
    if not any(e.away for e in played.story.story):
        assert away(played) == look.away
    if look.staffing is not None:
        said = staffing(played, look.staffing.within, look.staffing.handling)
        assert [line for line in look.staffing.says if line not in said] == [], said
    if look.indicators:
        counted = indicators(played)
        assert [line for line in look.indicators if line not in counted] == [], counted
    if look.calibration is not None:
        verdict, said, moved = calibration(played)
        assert verdict == look.calibration
        assert [line for line in look.calibrate_says if line not in said] == [], said
        assert {b: moved[b] > 0 for b in look.more} == dict.fromkeys(look.more, True), moved
        assert {b: moved[b] < 0 for b in look.less} == dict.fromkeys(look.less, True), moved
    for ref in played.refs[: played.story.times]:
        if look.fires is not None and not look.some:
            assert len(fired(played, ref)) == len(look.fires)
        if look.decays is not None:
            assert decays(played, ref) == look.decays


# -- the lead ---------------------------------------------------------------------------------


def owner(played: Played, ref: Ref | None = None) -> str | None:
    """Its owner's e-mail, or the queue's name."""
    owner_id = played.fake.owner_of(ref or played.ref)
    found = played.fake.owner(owner_id) if owner_id else None
    return None if found is None else found.email or found.name


def state(played: Played, ref: Ref | None = None) -> str:
    row = leads.get_lead(played.house.db, ref or played.ref)
    assert row is not None
    return row.state.value


def fields(played: Played, look: Look) -> dict[str, Any]:
    held = played.fake.row(played.ref).fields
    return {n: held.get(played.named(n)) for n in look.fields}


def member_of(played: Played) -> list[str]:
    found = {n for g, n in GROUPS.items() if played.fake.groups.has(played.ref, g)}
    return sorted(n.removesuffix(" and webinar") for n in found)


def why(played: Played) -> list[str]:
    told = human_why(played.house.commands.why(str(played.ref)))
    lines = told.splitlines() if isinstance(told, str) else list(told)
    return [line.strip() for text in lines for line in text.splitlines()]


def one_why(played: Played) -> Mapping[str, Any]:
    [told] = played.house.commands.why(str(played.ref))
    return dict(told)


def _events(played: Played, event: str, ref: Ref | None = None) -> list[Any]:
    told = journal.of_lead(played.house.db, ref or played.ref)
    return [j for j in told if j.event == event]


def _after(played: Played, at: datetime | str) -> str:
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    past = at - played.story.now
    return short(past) if past >= timedelta(0) else f"-{short(-past)}"


# -- clocks, what is told, follow-ups -----------------------------------------------------------


def fired(played: Played, ref: Ref | None = None) -> list[tuple[datetime, str]]:
    return [(j.at, str(j.detail["step"])) for j in _events(played, "clock.fired", ref)]


def since(played: Played) -> list[str]:
    return [f"{_after(played, at)} {step}" for at, step in fired(played)]


def instants(played: Played, look: Look) -> list[str]:
    """The steps that fired, each instant written as the look writes it."""
    wanted = look.instants or []
    found = fired(played)[: len(wanted)] if look.some else fired(played)
    texts = [line.partition(" ")[0] for line in wanted]
    words = {datetime.fromisoformat(t): t for t in texts}
    return [f"{words.get(at, at.isoformat())} {step}" for at, step in found]


def clock_ends(played: Played) -> list[str]:
    found = clocks.of_lead(played.house.db, played.ref)
    return sorted(f"{c.how}, late" if c.late else c.how for c in found)


def told(played: Played, look: Look) -> dict[str, int]:
    tasks = [t for t in played.fake.tasks.values() if t.subject.startswith(TELLS)]
    held = Counter(t.owner_id for t in tasks)
    return {email: held[user_id(played.fake, email)] for email in look.told}


def messages_to(played: Played) -> dict[str, int]:
    sent = Counter(m.target for m in messages.listed(played.house.db))
    return {target: n for target, n in sent.items() if target != "ops"}


def alerts(played: Played) -> list[str]:
    rows = messages.listed(played.house.db, everything=True)
    return [m.subject.removeprefix("fairlead: ") for m in rows if m.target == "ops"]


def away(played: Played) -> list[str]:
    return sorted(s.rep_id for s in loads.switches(played.house.db) if s.away_since)


def own_tasks(played: Played) -> list[FakeTask]:
    """The lead's tasks that are no follow-up and belong to no clock."""
    db, tasks = played.house.db, played.fake.tasks
    ours = [outbox.get(db, m.removeprefix("fl-")) for m in tasks]
    plain = {o.key for o in ours if o is not None and not getattr(o.effect, "role", "")}
    here = [t for m, t in tasks.items() if m.removeprefix("fl-") in plain]
    return [t for t in here if t.ref == played.ref and not t.subject.startswith(TELLS)]


def open_body(played: Played) -> str:
    tasks = own_tasks(played)
    return tasks[-1].body if tasks else ""


def urgent(played: Played) -> bool:
    tasks = [t for t in played.fake.tasks.values() if not t.subject.startswith(TELLS)]
    return any(t.high_priority for t in tasks)


def follow_ups(played: Played) -> list[str]:
    """What happened of follow-ups: the instant, what, and its number."""
    kinds = ("cadence.task", "cadence.done", "cadence.missed")
    return [
        f"{j.at.isoformat()} {j.event.removeprefix('cadence.')} {j.detail['step']}"
        for j in journal.of_lead(played.house.db, played.ref)
        if j.event in kinds
    ]


def cadence(played: Played) -> str | None:
    found = cadences.of_lead(played.house.db, played.ref)
    return found[-1].how if found else None


def seven_times(played: Played, look: Look) -> dict[str, str | None]:
    found = one_why(played)["times"]
    return {n: found[n] and _after(played, found[n]) for n in look.times}


# -- signals, decay, second chances, points -----------------------------------------------------


def signals(played: Played) -> list[str]:
    return [f"{s['signal']} {_after(played, s['at'])}" for s in one_why(played)["signals"]]


def decays(played: Played, ref: Ref | None = None) -> list[str]:
    found = _events(played, "lead.decayed", ref)
    return [f"{_after(played, j.at)} {j.detail['level']}" for j in found]


def critical(played: Played) -> int:
    return sum(bool(j.detail["critical"]) for j in _events(played, "lead.decayed"))


def _round(played: Played, name: str, otherwise: Any) -> Any:
    found = recyclings.of_lead(played.house.db, played.ref)
    return getattr(found[-1], name) if found else otherwise


def back_at(played: Played) -> datetime | None:
    found = _events(played, "lead.returned")
    return found[-1].at if found else None


def _kept(played: Played, name: str) -> Any:
    row = scores.get(played.house.db, played.ref)
    return None if row is None else getattr(row, name)


def points(played: Played, look: Look) -> dict[str, float]:
    groups = one_why(played)["decision"]["score"]["groups"]
    return {n: groups[n]["points"] for n in look.points}


# -- what the house as a whole says -------------------------------------------------------------


def staffing(played: Played, within: str, handling: str) -> str:
    asked = {"within": within, "handling": handling}
    answer = played.house.commands.routes()["sla-staffing"](asked)
    return "\n".join(human_staffing(answer))


def indicators(played: Played) -> list[str]:
    """Whoever is counted: `<who> <indicator> <count> of <answers>, <compared>`."""
    answer = played.house.commands.routes()["sla-indicators"]({"since": "90d"})
    return [
        f"{p['who']} {one['name']} {p['count']} of {p['answers']}, {p['compared']}"
        for one in answer["indicators"]
        for p in one["people"]
    ]


def calibration(played: Played) -> tuple[str, str, dict[str, int]]:
    """The verdict, the report, and by how much each line's points would move."""
    readers = {played.crm: played.house.connector(played.fake)}
    now = played.clock.now()
    question = Question(now - timedelta(days=730))
    try:
        found = propose(played.house.db, played.house.in_force.active, readers, question, now)
    except ThinEvidence as e:
        return "refused", str(e), {}
    said = "\n".join(human_recalibration(recalibration_json(found)))
    moved = {x.because: int(abs(x.new) - abs(x.old)) for x in found.found.lines}
    return found.found.verdict, said, moved


SEEN: Mapping[str, Callable[[Played, Look], Any]] = {
    "state": lambda p, _: state(p),
    "states": lambda p, _: dict(Counter(state(p, ref) for ref in p.refs)),
    "owner": lambda p, _: owner(p),
    "owners": lambda p, _: dict(Counter(owner(p, r.ref) for r in p.fake.rows(Kind.LEAD))),
    "fields": fields,
    "member_of": lambda p, _: member_of(p),
    "fires": lambda p, _: since(p),
    "instants": instants,
    "clocks": lambda p, _: clock_ends(p),
    "told": told,
    "messages": lambda p, _: messages_to(p),
    "urgent": lambda p, _: urgent(p),
    "times": seven_times,
    "tasks": lambda p, _: len(own_tasks(p)),
    "follow_ups": lambda p, _: follow_ups(p),
    "cadence": lambda p, _: cadence(p),
    "decays": lambda p, _: decays(p),
    "level": lambda p, _: one_why(p)["decay"]["level"],
    "critical": lambda p, _: critical(p),
    "signals": lambda p, _: signals(p),
    "rerouted": lambda p, _: len(_events(p, "lead.rerouted")),
    "reason": lambda p, _: _round(p, "reason", None),
    "cycle": lambda p, _: _round(p, "cycle", 0),
    "comes_back": lambda p, _: _round(p, "due_at", None),
    "back_at": lambda p, _: back_at(p),
    "waits": lambda p, _: _round(p, "waits", ""),
    "score": lambda p, _: _kept(p, "score"),
    "grade": lambda p, _: _kept(p, "grade"),
    "points": points,
    "alerts": lambda p, _: alerts(p),
}
"""Each word that is compared as it stands; the others are in `check`."""
