"""The Salesforce connector keeps the contract, over real HTTP against the Salesforce sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract.crm_salesforce import SalesforceUnderTest

from fairlead.testing.contract import ConnectorContract, CrmUnderTest


class TestSalesforceKeepsTheContract(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = SalesforceUnderTest()
        yield under_test
        under_test.close()
