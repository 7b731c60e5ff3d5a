"""A clock, both CRMs and a daemon that has just started, for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import House, an_org

from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def hs(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "hubspot")


@pytest.fixture
def house(sf: FakeCrm, hs: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf, hs], clock)
    house.start()
    clock.advance(1)
    yield house
    house.close()
