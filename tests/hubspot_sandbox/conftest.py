from __future__ import annotations

import pytest
from hubspot_sandbox.calls import Account


@pytest.fixture
def account() -> Account:
    return Account()
