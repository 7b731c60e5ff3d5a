"""A connector with a token login, and the scripted org behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from salesforce.wire_sf import ORG, Wire

from fairlead.spi.connector import Direction, Wanted
from fairlead_salesforce.connector import FACTORY, SalesforceConnector
from fairlead_salesforce.settings import SalesforceSettings


@pytest.fixture
def wire() -> Iterator[Wire]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Wire(mock)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("00D000000000001!first", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def connect(token_file: Path) -> Iterator[Callable[..., SalesforceConnector]]:
    """Build connectors with a token login; keyword arguments are settings, `wanted` the fields."""
    made: list[SalesforceConnector] = []

    def build(*, wanted: tuple[str, ...] = (), **settings: Any) -> SalesforceConnector:
        known = {"login": "token", "token_file": token_file, "instance_url": ORG}
        full = SalesforceSettings.model_validate({**known, **settings})
        connector = FACTORY.build(full, Direction.READ, Wanted(fields=wanted))
        assert isinstance(connector, SalesforceConnector)
        made.append(connector)
        return connector

    yield build
    for connector in made:
        connector.close()
