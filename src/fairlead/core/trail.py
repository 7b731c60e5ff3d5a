"""What one decision gathers on its way through `decide`, and the ways it can end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fairlead.core.decision import Decision, OutcomeKind, Passed, Question, RuleTried, Trace
from fairlead.core.destination import Answer
from fairlead.core.policy import Condition, Place
from fairlead.core.scoring import Score
from fairlead.core.types import LeadState


@dataclass(slots=True)
class Trail:
    """The trace in the making; rules and verdicts are kept only when somebody will read them."""

    explain: bool
    arms: Mapping[str, str]
    score: Score | None = None
    rules: list[RuleTried] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def holds(
        self, name: str, when: Condition | None, question: Question, note: str, place: Place
    ) -> bool:
        """Ask a condition, and keep the verdict when explaining; `taken` is the answer so far."""
        if not self.explain:
            return when is None or when.test(question.values)
        verdict = None if when is None else when.explain(question.values)
        holds = verdict is None or verdict.result is True
        self.rules.append(RuleTried(name, holds, verdict, note, place))
        return holds

    def note(self, text: str) -> None:
        """Keep a remark, once."""
        if text not in self.notes:
            self.notes.append(text)

    def asked(self, answer: Answer) -> None:
        """Keep who was passed over, what was asked and whom the lead could wait for; each once."""
        self.passed.extend(p for p in answer.passed if p not in self.passed)
        self.places.extend(p for p in answer.places if p not in self.places)
        self.waiting.extend(r for r in answer.waiting if r not in self.waiting)
        self.read.extend(p for p in answer.read if p not in self.read)
        for text in answer.notes:
            self.note(text)

    # -- the ends ---------------------------------------------------------------------------

    def left(self, reason: str) -> Decision:
        """The lead is left alone."""
        return self._end(OutcomeKind.LEAVE, LeadState.LEFT, reason, "", None, False)

    def held(
        self,
        reasons: Sequence[str],
        rule: str,
        high_priority: bool,
        retry_at: datetime | None = None,
        answer: Answer | None = None,
    ) -> Decision:
        """The lead waits inside fairlead; `retry_at` is when it is to be looked at again.

        `answer` is the one that makes it wait, without an owner.
        """
        reason = _once(reasons)
        held = self._end(OutcomeKind.HOLD, LeadState.HELD, reason, rule, answer, high_priority)
        return replace(held, places=tuple(self.places), retry_at=retry_at)

    def placed(
        self, answer: Answer, rule: str, high_priority: bool, refused: Sequence[str] = ()
    ) -> Decision:
        """The lead goes to the owner found, or waits for the one whose turn it is."""
        if not answer.holds:
            return self.assigned(answer, rule, high_priority, refused)
        reasons = (*refused, answer.reason)
        return self.held(reasons, rule, high_priority, answer.until, answer)

    def assigned(
        self, answer: Answer, rule: str, high_priority: bool, refused: Sequence[str] = ()
    ) -> Decision:
        """The lead goes to the owner found; `refused` are the places that could not take it."""
        reason = _once((*refused, answer.reason))
        return self._end(
            OutcomeKind.ASSIGN, LeadState.ASSIGNED, reason, rule, answer, high_priority
        )

    def _end(
        self,
        outcome: OutcomeKind,
        state: LeadState,
        reason: str,
        rule: str,
        answer: Answer | None,
        high_priority: bool,
    ) -> Decision:
        found = answer or Answer("")
        trace = Trace(
            tuple(self.rules),
            tuple(self.passed),
            found.pool,
            found.before or {},
            found.after or {},
            tuple(self.notes),
            found.also,
            tuple(self.read),
            self.score,
        )
        return Decision(
            outcome,
            state,
            reason,
            rule,
            found.rep_id,
            found.owner_id,
            high_priority,
            found.ledger,
            trace,
            arms=self.arms,
            places=found.places[-1:],
            companions=found.companions,
            claim=found.claim,
        )


def _once(reasons: Sequence[str]) -> str:
    """The reasons one after the other, each said once: two rules may ask the same team."""
    return "; ".join(dict.fromkeys(part for reason in reasons for part in reason.split("; ")))
