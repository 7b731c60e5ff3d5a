"""The HubSpot connector keeps the contract, over real HTTP against the HubSpot sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.crm_hubspot import HubSpotUnderTest

from fairlead.testing.contract import ConnectorContract, CrmUnderTest


class TestHubSpotKeepsTheContract(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = HubSpotUnderTest()
        yield under_test
        under_test.close()
