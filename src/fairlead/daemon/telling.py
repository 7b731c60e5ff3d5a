"""A decision told: to the journal, to the metrics, and as one line of the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fairlead.core.decision import Case, Decision, OutcomeKind
from fairlead.core.policy import Policy
from fairlead.metrics import Metrics
from fairlead.store import journal
from fairlead.store.db import Db
from fairlead.telemetry import get_logger

log = get_logger()

TOLD = {
    OutcomeKind.ASSIGN: "lead.decided",
    OutcomeKind.HOLD: "lead.held",
    OutcomeKind.LEAVE: "lead.left",
}


def tell(
    db: Db,
    metrics: Metrics,
    policy: Policy,
    case: Case,
    decision: Decision,
    decision_id: str,
    now: datetime,
) -> None:
    """Say what was decided; called in the transaction that commits it."""
    ref, outcome = case.lead.ref, decision.outcome.value
    arms: dict[str, Any] = {"arms": dict(decision.arms)} if decision.arms else {}
    journal.write(
        db, now, "lead.decided", ref=ref, decision_id=decision_id, outcome=outcome,
        state=decision.state.value, rule=decision.rule, reason=decision.reason,
        policy=policy.hash[:12], **arms,
    )  # fmt: skip
    metrics.decisions_total.labels(outcome=outcome, rule=decision.rule).inc()
    log.info(
        TOLD[decision.outcome], crm=ref.crm, lead=str(ref), decision=decision_id, outcome=outcome,
        state=decision.state.value, rule=decision.rule, owner=decision.owner_id,
        policy_hash=policy.hash[:12],
    )  # fmt: skip
