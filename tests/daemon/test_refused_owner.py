"""A lead whose owner the CRM refuses waits for a person: on the list, and left alone meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from daemon.house import House, an_org, user_id

from fairlead.core.effects import UpsertTask
from fairlead.core.types import LeadState, Ref
from fairlead.spi.connector import Outcome, Receipt, Written
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm


@pytest.fixture
def sf() -> FakeCrm:
    return an_org(ManualClock(), "salesforce")


@pytest.fixture
def house(sf: FakeCrm) -> Iterator[House]:
    clock = sf.clock
    assert isinstance(clock, ManualClock)
    house = House(None, [sf], clock)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def owners_are_refused_and_tasks_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a validation rule on the lead does when owners and tasks go out in one call."""
    connector = house.delivers["salesforce"].connector
    send = connector.write

    def write(effects, then_poll=None):  # type: ignore[no-untyped-def]
        tasks = [e for e in effects if isinstance(e, UpsertTask)]
        answers = {r.key: r for r in (send(tasks).receipts if tasks else ())}
        refused = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        receipts = [answers.get(e.key) or Receipt(e.key, Outcome.REFUSED, refused) for e in effects]
        return Written(receipts)

    monkeypatch.setattr(connector, "write", write)


def refused_lead(house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch) -> Ref:
    lead = sf.create_lead(email="x@acme.test")
    with monkeypatch.context() as broken:
        owners_are_refused_and_tasks_taken(house, broken)
        house.round()
    return lead


def test_it_stays_on_the_list_though_its_task_was_taken(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = refused_lead(house, sf, monkeypatch)
    assert house.state(lead) is LeadState.DEAD_LETTER
    [letter] = house.commands.dead_letters()
    assert (letter["lead"], letter["stage"]) == (str(lead), "deliver")


def test_an_edit_alone_does_not_send_it_again(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = refused_lead(house, sf, monkeypatch)
    sf.update(lead, company="Edited")
    house.round()
    assert house.state(lead) is LeadState.DEAD_LETTER
    assert not sf.our_writes("owner")
    assert len(house.commands.dead_letters()) == 1


def test_a_retry_sends_it_again_and_answers_the_letter(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = refused_lead(house, sf, monkeypatch)
    assert house.commands.retry(None)["retried"] == 1
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert sf.owner_of(lead) is not None
    assert house.state(lead) is LeadState.ASSIGNED
    assert house.commands.dead_letters() == []
    assert len(sf.tasks) == 1


def test_an_owner_given_by_hand_answers_the_letter(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = refused_lead(house, sf, monkeypatch)
    sf.person_sets_owner(lead, user_id(sf, "ben@example.com"))
    house.round()
    assert house.state(lead) is LeadState.ASSIGNED
    assert house.commands.dead_letters() == []
