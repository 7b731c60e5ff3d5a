"""What a mail, a chat and a program read of a lead, and who is mailed, in both CRMs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon.house import House, an_org, user_id

from fairlead.core.policy_channels import channels_of, mails_at
from fairlead.core.types import LeadState
from fairlead.store import messages
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = (
    Path(__file__).parents[2] / "fixtures" / "clocks" / "policies" / "messages.yaml"
).read_text(encoding="utf-8")
MONA = "mona@example.com"


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> FakeCrm:
    return an_org(ManualClock(), request.param)


@pytest.fixture
def house(crm: FakeCrm) -> Iterator[House]:
    clock = crm.clock
    assert isinstance(clock, ManualClock)
    house = House(None, [crm], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def sent(house: House) -> dict[str, messages.MessageRow]:
    return {m.target: m for m in messages.listed(house.db)}


def breach(house: House, minutes: int) -> None:
    for _ in range(minutes):
        house.clock.advance(60)
        house.poll()
        house.sweep()
        house.deliver()


def test_the_mail_names_the_lead_and_where_it_is(house: House, crm: FakeCrm) -> None:
    lead = crm.create_lead(email="x@acme.test", company="Acme")
    house.round()
    [mail] = messages.listed(house.db)
    assert (mail.target, mail.subject, mail.ref) == (
        "anna@example.com", "Call this new lead", lead,
    )  # fmt: skip
    assert mail.body.startswith("fairlead gave you this lead: Jo Doe, Acme")
    assert str(lead) in mail.body or "http" in mail.body
    assert mail.lead is not None
    assert mail.lead["E-mail"] == "x@acme.test"


def test_no_mail_goes_for_a_lead_that_a_person_took_first(house: House, crm: FakeCrm) -> None:
    lead = crm.create_lead(email="x@acme.test")
    house.poll()
    crm.person_sets_owner(lead, user_id(crm, "ben@example.com"))
    house.round()
    assert house.state(lead) is not LeadState.HELD
    assert "anna@example.com" not in sent(house)


def test_a_breach_mails_the_manager_and_tells_the_channel_with_ids(
    house: House, crm: FakeCrm
) -> None:
    lead = crm.create_lead(email="x@acme.test", company="Acme")
    house.round()
    breach(house, 75)
    told = sent(house)
    assert set(told) == {"anna@example.com", MONA, "sales_room"}
    for target in (MONA, "sales_room"):
        message = told[target]
        assert "has not answered it within 1h" in message.body
        assert "Acme" not in message.body + message.subject
        [item] = message.data["items"]
        assert (item["lead"], item["sla"]) == (str(lead), "first_answer")
    assert told[MONA].event == "sla.breached"


def test_a_crash_before_the_commit_tells_nobody_and_after_it_once(
    house: House, crm: FakeCrm
) -> None:
    crm.create_lead(email="x@acme.test")
    house.round()
    breach(house, 59)
    assert MONA not in sent(house)
    house.clock.advance(60)

    class Crash(BaseException):
        pass

    def crash(when: str) -> None:
        if when == "commit:before" and house.db.row(
            "SELECT 1 FROM messages WHERE target = ?", (MONA,)
        ):
            raise Crash

    house.on_commit = crash
    with pytest.raises(Crash):
        house.sweep()
    house.on_commit = lambda _: None
    house.restart()
    assert MONA not in sent(house)
    breach(house, 1)
    house.restart()
    breach(house, 3)
    assert MONA in sent(house)
    assert len([m for m in messages.listed(house.db, everything=True) if m.target == MONA]) == 1


def test_the_policy_says_what_it_needs_of_the_settings(house: House) -> None:
    policy = house.in_force.active.policy
    assert list(channels_of(policy)) == ["sales_room"]
    assert mails_at(policy) is not None
