"""Trouble is told once when it begins and once when it is over, in both CRMs, and never a storm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from daemon.house import House, an_org

from fairlead.core.types import Kind, LeadState, Ref
from fairlead.core.worktime import Calendar
from fairlead.daemon.alerting import KINDS, SETTLED, Alerting
from fairlead.daemon.message_list import open_alerts
from fairlead.notify.tables import Alerts
from fairlead.store import leads, messages
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm
from fairlead.web.health import PollSign

MONDAY = datetime(2027, 1, 4, tzinfo=UTC)
WELL = PollSign(1.0, 5.0)


class Watched:
    """A house with one CRM, and who looks after it; told is the channel `ops`."""

    def __init__(self, crm: str, spec: Alerts | None) -> None:
        self.clock = ManualClock(MONDAY)
        self.crm = crm
        self.fake: FakeCrm = an_org(self.clock, crm)
        self.house = House(None, [self.fake], self.clock)
        self.signs = {crm: WELL}
        self.untrusted: list[str] = []
        self.spec = spec
        self.alerting = self.another(())
        self.house.start()
        self.clock.advance(1)

    def another(self, calendars: Sequence[Calendar]) -> Alerting:
        """Who looks after a house whose policy has these calendars."""
        return Alerting(
            self.house.db, self.spec, self.clock, self.house.metrics, lambda: self.signs,
            lambda: self.untrusted, lambda: calendars,
        )  # fmt: skip

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.alerting.tick()
            self.clock.advance(15)

    def told(self) -> list[str]:
        rows = messages.listed(self.house.db, everything=True)
        assert {m.target for m in rows} <= {"ops"}
        return [m.subject.removeprefix("fairlead: ") for m in rows]

    def refused(self) -> Ref:
        """A lead whose owner the CRM refuses for good."""
        lead = self.fake.create_lead(email="x@acme.test")
        self.fake.faults.refuse(lead)
        self.house.round()
        assert self.house.state(lead) is LeadState.DEAD_LETTER
        return lead

    def calm(self) -> None:
        self.look()
        self.clock.advance(SETTLED)
        self.look()


@pytest.fixture(params=["salesforce", "hubspot"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    watched = Watched(request.param, Alerts(to=["ops"], dead_letters=3))
    yield watched
    watched.house.close()


def test_a_lead_that_cannot_be_routed_is_told_once_and_its_end_once(watched: Watched) -> None:
    lead = watched.refused()
    watched.look(20)
    assert watched.told() == ["1 lead could not be routed"]
    [message] = messages.listed(watched.house.db)
    assert str(lead) in message.body
    assert "x@acme.test" not in message.body
    assert "fairlead dead-letters list" in message.body
    watched.fake.faults.clear()
    watched.house.commands.retry(None)
    watched.clock.advance(60)
    for ingest in watched.house.ingests.values():
        ingest.release_held()
    watched.house.round()
    assert watched.house.state(lead) is LeadState.ASSIGNED
    watched.calm()
    assert watched.told() == ["1 lead could not be routed", "over: failed routing"]
    assert open_alerts(watched.house.db) == []


def test_a_second_failure_in_the_same_trouble_is_not_told_and_many_are(watched: Watched) -> None:
    watched.refused()
    watched.look()
    watched.refused()
    watched.look()
    assert watched.told() == ["1 lead could not be routed"]
    watched.refused()
    watched.look(10)
    assert watched.told() == ["1 lead could not be routed", "3 dead letters"]


def test_one_dead_letter_is_told_in_the_singular() -> None:
    watched = Watched("salesforce", Alerts(to=["ops"], dead_letters=1))
    watched.refused()
    watched.look()
    assert "1 dead letter" in watched.told()
    [told] = [e["detail"] for e in open_alerts(watched.house.db) if e["kind"] == "dead_letters"]
    assert told == "1 dead letter waits for a person; the limit is 1."
    watched.house.close()


def test_a_lead_whose_owner_was_refused_and_that_nobody_else_can_take_is_told(
    watched: Watched,
) -> None:
    for rep in watched.fake.rows(Kind.REP):
        watched.fake.faults.bad_owner(rep.ref.id)
    lead = watched.fake.create_lead(email="x@acme.test")
    watched.house.round()
    assert watched.house.state(lead) in (LeadState.HELD, LeadState.DEAD_LETTER)
    watched.clock.advance(16 * 60)
    watched.look()
    assert watched.told() == ["1 lead could not be routed"]


def test_what_comes_and_goes_is_one_trouble(watched: Watched) -> None:
    for n in range(40):
        watched.untrusted = [watched.crm] if n % 2 else []
        watched.look()
    assert watched.told() == [f"clock not trusted ({watched.crm})"]
    watched.untrusted = []
    watched.calm()
    assert watched.told()[1:] == [f"over: clock untrusted ({watched.crm})"]


@pytest.mark.parametrize("sign", [PollSign(901.0, 5.0), PollSign(2000.0, 5.0, "no log-in")])
def test_a_crm_that_was_not_read_for_long_is_told(watched: Watched, sign: PollSign) -> None:
    watched.signs[watched.crm] = replace(sign, age_seconds=800.0)
    watched.look()
    assert watched.told() == []
    watched.signs[watched.crm] = sign
    watched.look(5)
    assert watched.told() == [f"{watched.crm} cannot be read"]


def test_a_crm_that_was_never_read_is_told_after_as_long(watched: Watched) -> None:
    watched.signs[watched.crm] = PollSign(None, 5.0)
    watched.look()
    assert watched.told() == []
    watched.clock.advance(900)
    watched.look()
    assert watched.told() == [f"{watched.crm} cannot be read"]


def busy_weeks(watched: Watched, weeks: int, per_hour: int = 3) -> None:
    """Leads in office hours of the weeks before, as they were read."""
    made = watched.fake.create_lead(email="first@acme.test")
    watched.house.round()
    row = leads.get_lead(watched.house.db, made)
    assert row is not None
    with watched.house.db.transaction():
        for hour in range(1, weeks * 168 + 1):
            at = MONDAY - timedelta(hours=hour)
            if at.weekday() < 5 and 9 <= at.hour < 17:
                for n in range(per_hour):
                    ref = replace(made, id=f"old-{hour}-{n}")
                    leads.put_lead(
                        watched.house.db,
                        replace(
                            row, ref=ref, created_at=at, state=LeadState.PRE_EXISTING,
                            decision_id=None,
                        ),
                    )  # fmt: skip
        leads.put_lead(
            watched.house.db, replace(row, created_at=MONDAY - timedelta(days=2, hours=8))
        )


def test_a_source_that_is_silent_on_a_busy_morning_is_told(watched: Watched) -> None:
    busy_weeks(watched, 4)
    watched.look()
    watched.clock.advance(9 * 3600)
    watched.look()
    assert watched.told() == []
    watched.clock.advance(5 * 3600)
    watched.look(10)
    assert watched.told() == [f"no leads from {watched.crm}"]
    watched.fake.create_lead(email="new@acme.test")
    watched.clock.advance(60)
    watched.house.round()
    watched.calm()
    assert watched.told()[1:] == [f"over: silent ({watched.crm})"]


def calendar(*regions: str, timezone: str = "Europe/London") -> Calendar:
    hours = ((540, 1020),)
    return Calendar(f"{regions}", timezone, (*[hours] * 5, (), ()), regions)


@pytest.mark.parametrize(
    ("calendars", "told"),
    [
        ([calendar("GB-SCT")], 0),
        ([calendar("GB-SCT"), calendar("NZ", timezone="UTC"), calendar()], 0),
        ([calendar("GB-SCT"), calendar("DE-BE")], 1),
        ([calendar("DE-BE")], 1),
        ([calendar()], 1),
        ([], 1),
    ],
)
def test_on_a_holiday_of_all_calendars_no_lead_is_missed(
    watched: Watched, calendars: list[Calendar], told: int
) -> None:
    """Monday is the day after Hogmanay, observed, in Scotland and New Zealand."""
    busy_weeks(watched, 4)
    watched.alerting = watched.another(calendars)
    watched.clock.advance(14 * 3600)
    watched.look(3)
    assert watched.told() == [f"no leads from {watched.crm}"] * told
    watched.clock.advance(24 * 3600)
    watched.look(3)
    assert watched.told() == [f"no leads from {watched.crm}"], "on Tuesday they are missed"


def test_a_crm_that_cannot_be_read_is_not_called_silent(watched: Watched) -> None:
    busy_weeks(watched, 4)
    watched.signs[watched.crm] = PollSign(14 * 3600.0, 5.0)
    watched.clock.advance(14 * 3600)
    watched.look()
    assert watched.told() == [f"{watched.crm} cannot be read"]


def test_a_young_house_speaks_of_no_rhythm(watched: Watched) -> None:
    busy_weeks(watched, 2)
    watched.clock.advance(14 * 3600)
    watched.look()
    assert watched.told() == []


def test_a_restart_tells_nothing_again(watched: Watched) -> None:
    watched.refused()
    watched.look()
    watched.house.restart()
    again = Alerting(
        watched.house.db, Alerts(to=["ops"]), watched.clock, watched.house.metrics,
        lambda: watched.signs, list,
    )  # fmt: skip
    again.tick()
    assert watched.told() == ["1 lead could not be routed"]


def test_without_channels_it_is_shown_and_counted_and_told_nobody() -> None:
    watched = Watched("salesforce", None)
    try:
        watched.refused()
        watched.look()
        assert watched.told() == []
        [alert] = open_alerts(watched.house.db)
        assert alert["kind"] == "failed_routing"
        text = watched.house.metrics.render()[0].decode()
        assert 'fairlead_alerts{kind="failed_routing"} 1.0' in text
        assert text.count("fairlead_alerts{") == len(KINDS)
    finally:
        watched.house.close()
