"""The fake CRM is a backend like any other: a fake that breaks the contract is a lie."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from contract.crm_fake import FakeUnderTest

from fairlead.testing.contract import ConnectorContract, CrmUnderTest


class TestFakeKeepsTheContract(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = FakeUnderTest()
        yield under_test
        under_test.close()


class TestFakeWithStampsOfWholeSeconds(ConnectorContract):
    """The same promises where stamps are cut to seconds, as Salesforce's are."""

    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = FakeUnderTest()
        under_test.fake.stamp_resolution = timedelta(seconds=1)
        yield under_test
        under_test.close()
