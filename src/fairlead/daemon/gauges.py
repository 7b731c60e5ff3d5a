"""Publish the numbers that are states rather than events; run by a tick."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from fairlead.clock import Clock
from fairlead.metrics import Metrics
from fairlead.store import decisions, journal, loads, outbox
from fairlead.store.db import Db


def set_gauges(db: Db, metrics: Metrics, clock: Clock) -> None:
    """Set every gauge from the store."""
    depth = outbox.depth(db)
    for state in outbox.OutboxState:
        metrics.outbox_depth.labels(state=state.value).set(depth.get(state.value, 0))
    oldest = outbox.oldest_open(db)
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    metrics.outbox_oldest_seconds.set(max(age, 0.0))
    # "deliver field Status" is one of those at "deliver".
    stages = Counter(d.stage.partition(" ")[0] for d in journal.dead_letters(db))
    for stage in ("read", "deliver"):
        metrics.dead_letters.labels(stage=stage).set(stages[stage])
    worst: dict[str, Fraction] = {}
    for pool, _, balance, _ in decisions.received(db):
        worst[pool] = max(worst.get(pool, Fraction(0)), abs(balance))
    for pool, distance in worst.items():
        metrics.pool_imbalance.labels(pool=pool).set(float(distance))
    for gauge, teams in (
        (metrics.leads_waiting, loads.waiting(db)),
        (metrics.peak, dict.fromkeys(loads.peaks(db), 1)),
    ):
        gauge.clear()
        for team, number in teams.items():
            gauge.labels(team=team).set(number)
    metrics.paused.set(int(journal.get_switch(db, "paused") is not None))
