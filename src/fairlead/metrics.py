"""Every number the daemon publishes: one line here is one metric.

A label never carries a lead, and never an address: whatever has an @ in it is replaced, so that a
rule that is named after a person does not put the person on a dashboard. Each `Metrics` has a
registry of its own; two daemons in one test process do not mix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from fairlead import __version__

PREFIX = "fairlead_"
HIDDEN = "hidden"

# Without this every counter brings a second series that says when it was made.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400)


class _CleanLabels:
    def labels(self, *values: Any, **labels: Any) -> Any:
        cleaned = {k: _clean(v) for k, v in labels.items()}
        return super().labels(*(_clean(v) for v in values), **cleaned)  # type: ignore[misc]


class _LastingSeries(_CleanLabels):
    """Finds each series once: none of them is ever taken away."""

    _found: Mapping[tuple[tuple[str, Any], ...], Any] = {}

    def labels(self, *values: Any, **labels: Any) -> Any:
        asked = () if values else tuple(labels.items())
        series = self._found.get(asked)
        if series is None:
            series = super().labels(*values, **labels)
            if asked and all(type(v) is str for v in labels.values()):
                self._found = {**self._found, asked: series}
        return series

    def remove(self, *_values: Any) -> None:
        raise TypeError("a series of these is never taken away")

    def remove_by_labels(self, _labels: Any) -> None:
        raise TypeError("a series of these is never taken away")

    def clear(self) -> None:
        raise TypeError("a series of these is never taken away")


def _clean(value: Any) -> str:
    return HIDDEN if "@" in str(value) else str(value)


class LabelledCounter(_LastingSeries, Counter):
    """A counter; with labels, `labels(...)` comes before `inc()`."""


class LabelledGauge(_CleanLabels, Gauge):
    """A gauge; with labels, `labels(...)` comes before `set()`."""


class LabelledHistogram(_LastingSeries, Histogram):
    """A histogram of seconds."""


class Metrics:
    """The daemon's metrics; attributes are named as published, without the prefix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.table: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Published name -> (help, labels), in the order below; the docs are checked against it."""
        c, g, h = self._counter, self._gauge, self._histogram

        self.leads_seen_total = c("leads_seen_total", "Leads read, new or changed", "crm")
        self.decisions_total = c("decisions_total", "Decisions taken", "outcome", "rule")
        self.decision_lag_seconds = h("decision_lag_seconds", "From the change to the decision")
        self.time_to_owner_seconds = h("time_to_owner_seconds", "From created to owner verified")
        self.lead_step_seconds = h(
            "lead_step_seconds", "From one time of a lead to a later one", "step"
        )  # fmt: skip
        self.outbox_depth = g("outbox_depth", "Writes not finished", "state")
        self.outbox_oldest_seconds = g("outbox_oldest_seconds", "Age of the oldest such write")
        self.effects_total = c("effects_total", "Writes by how they ended", "kind", "outcome")
        self.dead_letters = g("dead_letters", "Work that waits for a person", "stage")
        self.polls_total = c("polls_total", "Looks at a CRM", "crm", "result")
        self.api_calls_total = c("api_calls_total", "Calls made to a CRM", "crm")
        self.api_budget_remaining_ratio = g(
            "api_budget_remaining_ratio", "Share of the CRM's daily quota that is left", "crm"
        )
        self.connector_up = g("connector_up", "1 while the connector works", "crm")
        self.clocks_armed_total = c("clocks_armed_total", "SLA clocks begun", "sla")
        self.clocks_ended_total = c(
            "clocks_ended_total", "SLA clocks by how they ended", "sla", "how"
        )
        self.clock_steps_total = c(
            "clock_steps_total", "Steps of SLA clocks that fired", "sla", "step"
        )
        self.follow_ups_total = c(
            "follow_ups_total", "Follow-ups made, done and missed", "cadence", "how"
        )
        self.clock_lag_seconds = h("clock_lag_seconds", "From a step's instant to its firing")
        self.decay_levels_total = c(
            "decay_levels_total", "Levels of decay that leads have reached", "level", "critical"
        )
        self.leads_recycled_total = c(
            "leads_recycled_total", "Leads sent round again, by reason", "reason"
        )
        self.leads_returned_total = c(
            "leads_returned_total", "Recycled leads given to somebody again, by reason", "reason"
        )
        self.leads_terminal_total = c(
            "leads_terminal_total", "Leads brought to their end, by reason", "reason"
        )
        self.leads_waiting = g("leads_waiting", "People held for a team", "team")
        self.peak = g("peak", "1 while the team's peak plan is on", "team")
        self.pool_imbalance = g("pool_imbalance", "Largest distance from a fair share", "pool")
        self.config_info = g("config_info", "1 for the policy in force", "hash")
        self.config_refused = g("config_refused", "1 while the policy on disk is refused")
        self.config_reloads_total = c("config_reloads_total", "Changed policies", "outcome")
        self.paused = g("paused", "1 while routing is paused")
        self.kill_switch = g("kill_switch", "1 while the kill switch is set")
        self.inactive_rep_leads = g(
            "inactive_rep_leads", "Open leads of reps whom the CRM has deactivated", "crm"
        )
        self.messages_waiting = g("messages_waiting", "Messages that are not sent", "state")
        self.messages_total = c(
            "messages_total", "Tries to send by how they ended", "channel", "outcome"
        )
        self.channel_up = g("channel_up", "1 while messages go this way", "channel")
        self.alerts = g("alerts", "Troubles that are told and not over", "kind")
        self.heartbeats_total = c("heartbeats_total", "Heartbeats by what came of them", "outcome")
        self.shadow_decisions_total = c(
            "shadow_decisions_total", "Decisions beside which the shadow was asked", "outcome"
        )
        self.shadow_seconds_total = c("shadow_seconds_total", "Time that the shadow took")
        self.build_info = g("build_info", "1 for the running version", "version")

        self.build_info.labels(version=__version__).set(1)

    def activate_config(self, policy_hash: str) -> None:
        """Publish this policy as the one in force, and no other."""
        self.config_info.clear()
        self.config_info.labels(hash=policy_hash).set(1)

    def render(self, accept: str | None = None) -> tuple[bytes, str]:
        """The exposition and its content type, in the form that the `Accept` header asks for."""
        encoder, content_type = choose_encoder(accept or "")
        return encoder(self.registry), content_type

    def _counter(self, name: str, text: str, *labels: str) -> LabelledCounter:
        return LabelledCounter(self._note(name, text, labels), text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> LabelledGauge:
        return LabelledGauge(self._note(name, text, labels), text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> LabelledHistogram:
        return LabelledHistogram(
            self._note(name, text, labels), text, labels, registry=self.registry, buckets=SECONDS
        )

    def _note(self, name: str, text: str, labels: tuple[str, ...]) -> str:
        self.table[PREFIX + name] = (text, labels)
        return PREFIX + name
