"""Big pages are quick, a turn asks once for the owners, and the numbers say what happened."""

from __future__ import annotations

import json
import logging
import re

import pytest
from daemon.house import REPS, House, owner_email

from fairlead.core.types import LeadState
from fairlead.errors import Unavailable
from fairlead.store import directory
from fairlead.testing.fake_crm import FakeCrm


def number(house: House, name: str) -> float:
    """The sum over all series of a metric."""
    text = house.metrics.render()[0].decode()
    return sum(float(v) for v in re.findall(rf"^fairlead_{name}(?:{{.*}})? (\S+)", text, re.M))


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The events logged, in order; structlog hands the line over as its message."""
    found = []
    for r in caplog.records:
        line = r.msg if isinstance(r.msg, dict) else {}
        found.append(str(line.get("event", "")))
    return found


def test_two_thousand_new_leads_come_in_one_page_and_are_news_once(
    house: House, sf: FakeCrm
) -> None:
    for i in range(2000):
        sf.create_lead(email=f"x{i}@acme{i}.test")
    ingest = house.ingests["salesforce"]
    ingest.connector.page_size = 5000  # type: ignore[attr-defined]
    asked = ingest.cursors()
    pages = ingest.connector.changes(asked)
    seen = ingest.take(pages, asked)
    assert (seen.rows, seen.news) == (2000, 2000)
    assert ingest.take(pages, ingest.cursors()).news == 0


def test_a_turn_asks_for_the_owners_once(
    house: House, sf: FakeCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(50):
        sf.create_lead(email=f"x{i}@acme{i}.test")
    house.poll()
    asked = 0
    real = directory.get_owners

    def counting(*args: object) -> object:
        nonlocal asked
        asked += 1
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(directory, "get_owners", counting)
    house.delivers["salesforce"].turn()
    assert asked <= 3, "the guard's, and one for the page that the write brought along"
    assert house.open_writes() == 0


def test_polls_writes_and_quota_are_counted(house: House, sf: FakeCrm, hs: FakeCrm) -> None:
    sf.daily_limit = 1000
    lead = sf.create_lead(email="x@acme.test")
    house.clock.advance(7)
    house.round()
    assert owner_email(sf, lead) in REPS
    assert number(house, "api_calls_total") == sf.calls.total() + hs.calls.total()
    left = re.search(
        r'api_budget_remaining_ratio{crm="salesforce"} (\S+)', house.metrics.render()[0].decode()
    )
    assert left is not None
    assert 0.9 < float(left[1]) < 1.0
    assert number(house, "leads_seen_total") == 2, "new, and changed by our own write"
    assert number(house, "decision_lag_seconds_count") == 1
    assert number(house, "decision_lag_seconds_sum") == pytest.approx(7.0)


def test_each_event_of_a_lead_is_said(
    house: House, sf: FakeCrm, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="fairlead")
    sf.create_lead(email="x@acme.test")
    house.round()
    taken = sf.create_lead(email="y@acme.test", owner_id=sf.add_user("dana@example.com"))
    locked = sf.create_lead(email="z@acme.test")
    sf.faults.lock(locked)
    house.round()
    assert house.state(taken) is LeadState.LEFT
    sf.delete(taken)
    house.clock.advance(1)
    house.poll()
    said = events(caplog)
    for event in ("lead.seen", "lead.decided", "lead.left", "lead.gone", "poll.done",
                  "effect.claimed", "effect.sent", "effect.verified", "effect.retry"):  # fmt: skip
        assert event in said, event
    assert "acme.test" not in json.dumps([str(r.msg) for r in caplog.records])


def test_a_failed_call_is_counted_as_well(house: House, sf: FakeCrm) -> None:
    sf.create_lead(email="x@acme.test")
    house.poll()
    sf.faults.fail_next("read", Unavailable("down"))
    before = number(house, "api_calls_total")
    with pytest.raises(Unavailable):
        house.delivers["salesforce"].turn()
    assert number(house, "api_calls_total") == before + 1
