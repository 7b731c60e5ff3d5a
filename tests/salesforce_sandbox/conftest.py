"""A fresh org for each test."""

from __future__ import annotations

import pytest
from salesforce_sandbox.sf_face import Client, new_client


@pytest.fixture
def sf() -> Client:
    return new_client()


@pytest.fixture
def rep(sf: Client) -> str:
    """An active person's user id."""
    seeded = sf.act("seed_people", people=[{"name": "Rita Rep", "email": "rita@example.com"}])
    return str(seeded["users"]["rita@example.com"])
