"""One server for the whole module, with a face that answers what it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from sandbox.plain_face import Served, served_face


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with served_face() as served:
        yield served


@pytest.fixture
def served(running: Served) -> Served:
    running.reset()
    return running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session
