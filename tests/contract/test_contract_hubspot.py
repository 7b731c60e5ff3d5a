"""The HubSpot connector keeps the contract, over real HTTP against the HubSpot sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from contract.crm_hubspot import HubSpotLeadsUnderTest, HubSpotUnderTest

from fairlead.core.types import Kind, Ref
from fairlead.spi.connector import Connector
from fairlead.testing.contract import ConnectorContract, CrmUnderTest
from fairlead.testing.promises.feed import FeedPromises
from fairlead.testing.promises.under_test import drain, refs_of


class TestHubSpotKeepsTheContract(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = HubSpotUnderTest()
        yield under_test
        under_test.close()


class TestHubSpotLeadObjectsKeepTheContract(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = HubSpotLeadsUnderTest()
        yield under_test
        under_test.close()


class TestHubSpotWithASearchIndexThatTrails(FeedPromises):
    """The feed's promises while search shows each change two to ten seconds late."""

    @pytest.fixture
    def crm(self) -> Iterator[CrmUnderTest]:
        under_test = HubSpotUnderTest(lag=(2, 10))
        yield under_test
        under_test.close()

    def test_a_change_later_than_the_look_back_is_found_by_the_slow_walk(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        cursor = reader.start_cursor(Kind.LEAD, since=crm.now())
        late = crm.create_late_lead(timedelta(minutes=20))
        seen: set[Ref] = set()
        for _ in range(50):
            crm.pass_time(60)
            records, cursor = drain(reader, cursor)
            seen |= refs_of(records)
            if late in seen:
                break
        assert seen == {late}
