"""What one connector has spent of its CRM's quota, as numbers to publish."""

from __future__ import annotations

from fairlead.metrics import Metrics
from fairlead.spi.connector import Connector


class Meter:
    """Counts the calls of one connector object; used by its thread."""

    def __init__(self, connector: Connector, metrics: Metrics) -> None:
        self._connector = connector
        self._metrics = metrics
        self._counted = 0

    def read(self) -> None:
        """Publish what the connector has spent since the last time, and what is left."""
        budget, crm = self._connector.budget, self._connector.name
        self._metrics.api_calls_total.labels(crm=crm).inc(max(0, budget.calls_made - self._counted))
        self._counted = budget.calls_made
        if budget.daily_limit and budget.daily_remaining is not None:
            self._metrics.api_budget_remaining_ratio.labels(crm=crm).set(
                budget.daily_remaining / budget.daily_limit
            )
