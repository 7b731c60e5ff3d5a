"""The sandboxes are unkind enough: a real connector set up too carelessly is caught on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contract.crm_hubspot import HubSpotUnderTest
from contract.crm_salesforce import SalesforceUnderTest

from fairlead.spi.connector import Direction
from fairlead.testing.contract import ConnectorContract, CrmUnderTest


@pytest.mark.parametrize(
    "careless",
    [
        pytest.param(lambda: SalesforceUnderTest(lookback=60), id="salesforce"),
        pytest.param(
            lambda: HubSpotUnderTest(look_back_seconds=5, reconcile_seconds=0), id="hubspot"
        ),
    ],
)
def test_too_short_a_look_back_loses_a_late_change(careless: Callable[[], CrmUnderTest]) -> None:
    crm = careless()
    reader = crm.connector(Direction.READ)
    promise = ConnectorContract().test_a_change_that_shows_later_than_its_stamp_is_not_lost
    try:
        with pytest.raises(AssertionError):
            promise(crm, reader)
    finally:
        reader.close()
        crm.close()
