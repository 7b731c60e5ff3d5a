"""How a clock, or decay, tells somebody, by task or message: who that is, and what they read.

Used by `acting`. Tells of one round are gathered: what is long overdue (days off, an outage)
becomes one task for each person, not one for each lead and step; and all that one reader of
messages is told is one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fairlead.core.decision import DECAY, SLA, World
from fairlead.core.effects import UpsertTask, effect_key
from fairlead.core.policy import Policy
from fairlead.core.sla import manager_of
from fairlead.core.sla_terms import MANAGER, REP
from fairlead.core.types import OwnerKind
from fairlead.daemon.cause import Cause
from fairlead.store import messages, outbox
from fairlead.store.db import Db

ROLE = "sla"
"""The role in a task that belongs to a clock; such a task is never the owner's own."""
MOST_LINES = 50
SUBJECTS = {SLA: "Answer time", DECAY: "Decay"}
BOTH = "Answer time and decay"


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell one person (an owner id) of one lead."""

    cause: Cause
    owner_id: str
    line: str
    generation: int
    urgent: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One thing to tell a channel or a mail address (`target`) of one lead."""

    cause: Cause
    target: str
    url: str
    lead: Mapping[str, str]


@dataclass(slots=True)
class Tellings:
    """What is to be told at the end of one round."""

    db: Db
    found: list[Telling] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    def say(self, word: Word) -> None:
        """One thing to say in a message; of one lead each target reads the last thing only."""
        same = (word.cause.ref, word.target)
        self.words = [w for w in self.words if (w.cause.ref, w.target) != same] + [word]

    def add(self, telling: Telling) -> None:
        """One thing to tell; of one lead each person reads the last thing only."""
        same = [
            t
            for t in self.found
            if (t.cause.ref, t.owner_id) == (telling.cause.ref, telling.owner_id)
        ]
        for t in same:
            self.found.remove(t)
        if any(t.urgent for t in same) and not telling.urgent:
            telling = same[-1]
        self.found.append(telling)

    def send(self, now: datetime) -> int:
        """Put the tasks into the outbox and the messages beside them; how many tasks."""
        late: dict[str, list[Telling]] = {}
        sent = 0
        for telling in self.found:
            if telling.cause.late:
                late.setdefault(telling.owner_id, []).append(telling)
            else:
                self._task([telling], now)
                sent += 1
        for together in late.values():
            self._task(together, now)
            sent += 1
        said: dict[str, list[Word]] = {}
        for word in self.words:
            said.setdefault(word.target, []).append(word)
        for words in said.values():
            self._message(words, now)
        return sent

    def _message(self, words: list[Word], now: datetime) -> None:
        """All that one target is told in this round is one message."""
        first = words[0]
        cause = first.cause
        shown = words[:MOST_LINES]
        body = "\n\n".join(f"{w.cause.line}\n{w.url or w.cause.ref}" for w in shown)
        about = SUBJECTS.get(" ".join(sorted({w.cause.kind for w in words})), BOTH)
        subject = f"{about} of a lead: {cause.name}, {cause.step}"
        if len(words) > 1:
            subject = f"{about} of {len(words)} leads"
        if len(words) > MOST_LINES:
            body += f"\n\nand {len(words) - MOST_LINES} more; see: fairlead sla"
        data = {
            "items": [
                {
                    "lead": str(w.cause.ref), w.cause.kind: w.cause.of, "step": w.cause.step,
                    "rep": w.cause.rep_id, "decision": w.cause.decision_id,
                    "event": w.cause.event, "url": w.url,
                }
                for w in words
            ]
        }  # fmt: skip
        one = len(words) == 1
        messages.add(
            self.db, f"{cause.key} {first.target}", first.target, subject, body, now,
            cause.ref if one else None, event=cause.event, data=data,
            lead=first.lead if one else None,
        )  # fmt: skip

    def _task(self, together: list[Telling], now: datetime) -> None:
        first = together[0]
        cause = first.cause
        kind = f"{cause.key} {first.owner_id}"
        key = effect_key(cause.person_id, first.generation, cause.ref, kind)
        lines = [t.line for t in together[:MOST_LINES]]
        about = SUBJECTS.get(" ".join(sorted({t.cause.kind for t in together})), BOTH)
        subject = f"{about} of this lead"
        if len(together) > 1:
            subject = f"{about} of {len(together)} leads"
            lines = [f"{t.cause.ref}: {t.line}" for t in together[:MOST_LINES]]
            if len(together) > MOST_LINES:
                lines.append(f"and {len(together) - MOST_LINES} more; see: fairlead sla")
        urgent = any(t.urgent for t in together)
        task = UpsertTask(
            key, cause.ref, f"fl-{key}", first.owner_id, subject, "\n".join(lines), now,
            high_priority=urgent, role=ROLE,
        )  # fmt: skip
        outbox.add(self.db, task, decision_id=cause.decision_id, urgent=urgent, now=now)


def owner_to_tell(whom: str, cause: Cause, policy: Policy, world: World) -> str | None:
    """The owner id of the rep, the manager or a person by e-mail; None when there is none."""
    if whom == REP:
        return cause.owner_id
    email = manager_of(policy, cause.team, cause.rep_id) if whom == MANAGER else whom
    if email is None:
        return None
    rep = world.reps.get(email)
    if rep is not None:
        return rep.crm_ids[cause.ref.crm] if rep.usable_in(cause.ref.crm) else None
    found = [
        o.id
        for o in world.owners.values()
        if (o.crm, o.kind, o.email) == (cause.ref.crm, OwnerKind.REP, email) and o.active
    ]
    return found[0] if len(found) == 1 else None


def address_to_tell(whom: str, cause: Cause, policy: Policy, world: World) -> str | None:
    """The mail address of the rep, the manager or a person; None when there is none."""
    if whom == REP:
        owner = world.owners.get((cause.ref.crm, cause.owner_id))
        return cause.rep_id if owner is None else owner.email or cause.rep_id
    return manager_of(policy, cause.team, cause.rep_id) if whom == MANAGER else whom
