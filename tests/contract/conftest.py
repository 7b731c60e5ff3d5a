"""Failures of the shipped suite are explained as our own are; servers live as long as the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("fairlead.testing.promises")

from contract.sandboxed import close_servers  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    yield
    close_servers()
