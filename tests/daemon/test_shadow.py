"""Shadow: a second policy decides alongside, only records, and can break without harm."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from daemon.house import POLICY, QUIET, REPS, House, an_org, owner_email, the_policy, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.daemon.shadow import PER_DECISION, SAVED
from fairlead.errors import ConfigError
from fairlead.reports.human import human_why
from fairlead.reports.replayed import human_shadow
from fairlead.store import leads, outbox
from fairlead.testing.clock import ManualClock

ANNA, BEN, CARLA = REPS
TURNED = POLICY.replace("employees >= 1000", "employees >= 9000")
WITHOUT_ANNA = POLICY.replace(
    "[anna@example.com, ben@example.com, carla", "[ben@example.com, carla"
)


class Around:
    """A house with a shadow file, made when the test has written it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shadow.yaml"
        self.clock = ManualClock()
        self.sf = an_org(self.clock, "salesforce")
        self.houses: list[House] = []

    def house(self, shadow: str, policy: str = POLICY) -> House:
        self.file.write_text(shadow)
        house = House(None, [self.sf], self.clock, policy, shadow=self.file)
        self.houses.append(house)
        house.start()
        self.clock.advance(1)
        return house

    def leads(self, house: House, count: int, *, big: int = 3) -> list[Ref]:
        refs = []
        for n in range(count):
            size = 5000 if n % big == 0 else 10
            refs.append(self.sf.create_lead(email=f"x{n}@acme{n}.test", employees=size))
            house.round()
            self.clock.advance(1)
        return refs


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Around]:
    found = Around(tmp_path)
    yield found
    for house in found.houses:
        house.close()


def told(house: House) -> dict[str, Any]:
    answer: dict[str, Any] = house.commands.routes()["shadow"]({})
    return answer


def counted(house: House, outcome: str) -> float:
    found = house.metrics.registry.get_sample_value(
        "fairlead_shadow_decisions_total", {"outcome": outcome}
    )
    return found or 0.0


def test_the_same_policy_as_shadow_always_agrees(around: Around) -> None:
    house = around.house(POLICY)
    around.leads(house, 9)
    found = told(house)
    assert (found["leads"], found["same"], found["changed"]) == (9, 9, [])
    assert counted(house, "same") == 9


def test_it_tells_direct_changes_and_the_cascade_they_cause(around: Around) -> None:
    house = around.house(TURNED)
    refs = around.leads(house, 12)
    found = told(house)
    assert [c["lead"] for c in found["changed"] if c["kind"] == "direct"] == [
        str(r) for r in refs[::3]
    ]
    assert found["cascade"] > 0
    assert found["same"] + found["direct"] + found["cascade"] == 12
    assert found["rules"]["Everybody"] == {"was": 8, "would": 12}
    text = "\n".join(human_shadow(found, 2))
    assert "12 leads" in text
    assert "more; --limit 0" in text


def test_a_rep_it_does_not_have_is_a_cascade(around: Around) -> None:
    house = around.house(WITHOUT_ANNA)
    around.leads(house, 8, big=99)
    found = told(house)
    assert found["direct"] == 0
    assert found["reps"][ANNA]["would"] == 0 < found["reps"][ANNA]["was"]


def test_it_never_writes_and_changes_nothing_that_is_real(around: Around) -> None:
    house = around.house(WITHOUT_ANNA)
    refs = around.leads(house, 9)
    alone = Around(around.file.parent)
    other = alone.house("no policy at all")
    same = alone.leads(other, 9)
    assert [owner_email(around.sf, r) for r in refs] == [owner_email(alone.sf, r) for r in same]
    for table in ("outbox", "ledger", "balances", "decisions", "journal"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2, 3"  # noqa: S608
        assert [tuple(r) for r in house.db.rows(query)] == [
            tuple(r) for r in other.db.rows(query)
        ], table
    other.close()
    assert outbox.open_rows(house.db) == []
    assert {a.actor_id for a in around.sf.our_writes()} == {
        a.actor_id for a in alone.sf.our_writes()
    }


def test_a_broken_file_is_said_once_and_the_last_good_one_stays(
    around: Around, caplog: pytest.LogCaptureFixture
) -> None:
    house = around.house(TURNED)
    good = house.shadow.policy
    around.file.write_text(TURNED.replace("team: vip", "team: vipp"))
    for _ in range(3):
        house.shadow.look()
    assert house.shadow.policy is good
    assert "shadow.yaml:" in (house.shadow.refused or "")
    [ref] = around.leads(house, 1)
    assert house.state(ref) is LeadState.ASSIGNED
    around.file.write_text(WITHOUT_ANNA)
    house.shadow.look()
    assert house.shadow.refused is None
    assert house.shadow.policy is not None
    assert house.shadow.policy.hash == the_policy_hash(around.file)


def the_policy_hash(file: Path) -> str:
    from fairlead.daemon.active_policy import read_policy

    return read_policy(file).policy.hash


def test_a_file_that_is_broken_from_the_start_only_means_no_shadow(around: Around) -> None:
    house = around.house("version: 1\nrules: [")
    [ref] = around.leads(house, 1)
    assert house.state(ref) is LeadState.ASSIGNED
    with pytest.raises(ConfigError, match="no shadow has run"):
        told(house)


@pytest.mark.parametrize("error", [ValueError("odd"), sqlite3.IntegrityError("odd")])
def test_a_failure_of_the_shadow_is_counted_and_the_decision_stands(
    around: Around, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    house = around.house(TURNED)

    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("fairlead.daemon.shadow.decide", broken)
    refs = around.leads(house, 3)
    assert counted(house, "failed") == 3
    assert {house.state(r) for r in refs} == {LeadState.ASSIGNED}
    assert told(house)["leads"] == 0
    monkeypatch.undo()
    around.leads(house, 3)
    assert told(house)["leads"] > 0


def test_what_it_may_cost_is_bounded(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    house = around.house(TURNED)
    ticks = iter(range(10_000))
    monkeypatch.setattr(around.clock, "monotonic", lambda: float(next(ticks)))
    around.leads(house, 12)
    asked = sum(counted(house, k) for k in ("same", "direct", "cascade"))
    assert asked == pytest.approx(SAVED + 12 * PER_DECISION, abs=1)
    assert counted(house, "skipped") == 12 - asked


def test_why_shows_what_the_shadow_says(around: Around) -> None:
    house = around.house(TURNED)
    [ref] = around.leads(house, 1)
    [answer] = house.commands.why(str(ref))
    assert answer["shadow"]["would"]["rule"] == "Everybody"
    assert "shadow: direct change: " in "\n".join(human_why([answer]))


def test_a_lead_it_holds_goes_out_later(around: Around) -> None:
    opens = (around.clock.now() + timedelta(hours=1)).strftime("%H:%M")
    closes = (around.clock.now() + timedelta(hours=3)).strftime("%H:%M")
    calendar = f'calendars:\n  c: {{timezone: UTC, hours: {{mon-sun: ["{opens}-{closes}"]}}}}\n'
    text = POLICY.replace("version: 1\n", f"version: 1\n{calendar}")
    for rep in ("anna@example.com: {", "ben@example.com: {", "carla@example.com: {"):
        text = text.replace(f"  {rep}", f"  {rep}calendar: c, ", 1)
    house = around.house(text.replace(", }", "}"))
    [first] = around.leads(house, 1)
    [change] = told(house)["changed"]
    assert (change["lead"], change["kind"], change["would"]["state"]) == (
        str(first), "direct", "hold",
    )  # fmt: skip
    around.clock.advance(timedelta(hours=2))
    around.sf.create_lead(email="later@other.test", employees=9)
    house.round()
    assert told(house)["ends"] == {"assign": {"was": 2, "would": 2}}


def test_a_lead_that_is_really_held_is_taken_when_it_is_really_looked_at(around: Around) -> None:
    """Refused owners are asked again by then, and the leads that came before it went first."""
    policy = POLICY.replace("ben@example.com, carla@example.com]", "ben@example.com]").replace(
        "otherwise: {to: {team: inbound}}", "otherwise: {to: {team: vip}}"
    )
    house = around.house(policy, policy)
    until = (around.clock.now() + timedelta(minutes=30)).isoformat()
    house.commands.rep_away(CARLA, until, "a test")
    for email in (ANNA, BEN):
        around.sf.faults.bad_owner(user_id(around.sf, email))
    held = around.sf.create_lead(email="x@acme.test")
    house.round()
    assert house.state(held) is LeadState.HELD
    around.sf.faults.clear()
    around.clock.advance(timedelta(hours=1))
    around.sf.create_lead(email="big@other.test", employees=5000)
    house.poll()
    house.ingests["salesforce"].release_held()
    house.round()
    assert owner_email(around.sf, held) in (ANNA, BEN)
    assert told(house)["changed"] == []


def test_its_capacity_and_turns_follow_its_own_answers(around: Around) -> None:
    limited = POLICY.replace(
        "carla@example.com: {weight: 2}", "carla@example.com: {capacity: {open: 2}}"
    )
    limited = limited.replace(
        "otherwise: {to: {team: inbound}}", "otherwise: {to: {queue: Inbound}}"
    )
    house = around.house(limited)
    around.leads(house, 5, big=1)
    found = told(house)
    assert found["reps"][CARLA] == {"was": 5, "would": 2}
    daily = limited.replace("{open: 2}", "{per_day: 3}")
    around.file.write_text(daily)
    around.clock.advance(timedelta(days=1))
    house.shadow.look()
    for n in range(5):
        around.sf.create_lead(email=f"y{n}@other{n}.test", employees=5000)
        house.round()
    assert told(house)["reps"][CARLA] == {"was": 5, "would": 3}


def test_a_turn_that_was_given_back_is_given_back_in_the_shadow(around: Around) -> None:
    house = around.house(POLICY)
    for n in range(6):
        ref = around.sf.create_lead(email=f"x{n}@acme{n}.test")
        house.poll()
        if n % 2:
            around.sf.person_sets_owner(ref, user_id(around.sf, ANNA))
        house.deliver()
        around.clock.advance(QUIET + timedelta(seconds=1))
        house.round()
    assert told(house)["same"] == 6


def test_a_changed_file_begins_anew(around: Around) -> None:
    house = around.house(TURNED)
    around.leads(house, 3)
    around.file.write_text(WITHOUT_ANNA)
    house.shadow.look()
    assert told(house)["leads"] == 0
    versions = house.commands.routes()["policy-history"]({})
    counts = {(v["decisions"], v["shadow_leads"]) for v in versions}
    assert counts == {(3, None), (0, 3), (0, 0)}


def test_it_survives_a_restart(around: Around) -> None:
    house = around.house(WITHOUT_ANNA)
    around.leads(house, 4, big=99)
    before = told(house)
    house.restart()
    assert told(house) == before
    around.sf.create_lead(email="later@other.test", employees=9)
    house.round()
    assert told(house)["leads"] == 5
    assert leads.counts(house.db)["salesforce"]["assigned"] == 5


def test_policy_versions_can_be_compared_and_written_out(around: Around) -> None:
    house = around.house(TURNED)
    around.leads(house, 1)
    routes = house.commands.routes()
    versions = routes["policy-history"]({})
    [real] = [v["hash"] for v in versions if v["decisions"]]
    [beside] = [v["hash"] for v in versions if v["shadow_leads"]]
    diff = routes["policy-diff"]({"old": real[:10], "new": beside[:10]})["diff"]
    assert "-    when: employees >= 1000\n+    when: employees >= 9000\n" in diff
    assert diff.startswith(f"--- {real[:12]}/policy.yaml\n+++ {beside[:12]}/shadow.yaml\n")
    assert routes["policy-show"]({"hash": real})["files"] == the_policy(POLICY).files
    with pytest.raises(ConfigError, match="was ever used"):
        routes["policy-show"]({"hash": "zz"})
    with pytest.raises(ConfigError, match="was ever used"):
        routes["policy-show"]({"hash": ""})
