"""why-not, replay and fairness over a real state: what was decided is taken again exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

import pytest
from daemon.house import QUIET, House, an_org, owner_email, user_id

from fairlead.core.types import Ref
from fairlead.errors import ConfigError
from fairlead.reports.explained import human_fairness, human_replay, human_why_not
from fairlead.store import leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

CARLA = "carla@example.com"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def decision_of(house: House, ref: Ref) -> str:
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert row.decision_id is not None
    return row.decision_id


def test_why_not_names_the_failing_part_and_the_nearest_change(house: House, sf: FakeCrm) -> None:
    refs = [sf.create_lead(email=f"x{n}@acme.test", employees=40) for n in range(4)]
    house.round()
    ref = next(r for r in refs if owner_email(sf, r) != CARLA)
    route = house.commands.routes()["why-not"]
    [found] = route({"lead": str(ref), "rep": "Carla@Example.com"})
    big = next(r for r in found["why_not"]["rules"] if r["rule"] == "Big ones")
    assert big["why"] == "it does not hold: employees >= 1000 (employees is 40)"
    [change] = found["why_not"]["changes"]
    assert change["fields"] == [
        {"field": "employees", "from": 40, "to": 1000, "says": "employees >= 1000 instead of 40"}
    ]
    text = "\n".join(human_why_not([found]))
    assert "employees >= 1000 instead of 40 (rule 'Big ones')" in text


def test_why_not_refuses_a_lead_or_rep_that_it_does_not_know(house: House, sf: FakeCrm) -> None:
    ref = sf.create_lead(email="x@acme.test")
    house.round()
    route = house.commands.routes()["why-not"]
    with pytest.raises(ConfigError, match=r"no lead 'y@acme.test'"):
        route({"lead": "y@acme.test", "rep": CARLA})
    with pytest.raises(ConfigError, match=r"no rep 'dana'"):
        route({"lead": str(ref), "rep": "dana"})


def test_every_decision_replays_equal(house: House, sf: FakeCrm) -> None:
    refs = [sf.create_lead(email=f"x{n}@acme{n}.test", employees=n * 500) for n in range(6)]
    house.round()
    for ref in refs:
        answer = house.commands.routes()["replay"]({"decision": decision_of(house, ref)})
        assert answer["equal"]
        assert [p["part"] for p in answer["parts"] if not p["equal"]] == []
        assert next(human_replay(answer)).startswith("equal: decision d")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE decisions SET owner_id = 'somebody'", "owner"),
        ("UPDATE decisions SET rule = 'Other'", "rule"),
        ("UPDATE ledger SET delta = '1/7' WHERE seq = (SELECT min(seq) FROM ledger)", "ledger"),
        ("UPDATE decisions SET at = '2031-01-01T00:00:00+00:00'", None),
    ],
)
def test_whatever_was_changed_afterwards_is_found(
    house: House, sf: FakeCrm, change: str, part: str | None
) -> None:
    ref = sf.create_lead(email="x@acme.test")
    house.round()
    house.db.execute(change)
    answer = house.commands.routes()["replay"]({"decision": decision_of(house, ref)})
    assert [p["part"] for p in answer["parts"] if not p["equal"]] == ([part] if part else [])
    assert answer["equal"] is (part is None)
    assert ("NOT EQUAL" in "\n".join(human_replay(answer))) is not answer["equal"]


def test_replay_refuses_an_unknown_decision(house: House) -> None:
    with pytest.raises(ConfigError, match="decision d1 is not in this state file"):
        house.commands.routes()["replay"]({"decision": "d1"})


def test_the_certificate_holds_and_lists_what_was_given_back(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    for n in range(8):
        sf.create_lead(email=f"x{n}@acme{n}.test")
    house.round()
    [inbound, vip] = house.commands.routes()["fairness"]({})
    assert (inbound["pool"], inbound["bound"], inbound["holds"]) == ("team:inbound", "1", True)
    assert [m["received"] for m in inbound["members"]] == [2, 2, 4]
    assert sum(Fraction(m["balance"]) for m in inbound["members"]) == 0
    assert (vip["bound"], vip["members"][0]["weight"]) == ("0", "2")
    ref = sf.create_lead(email="late@other.test")
    house.poll()
    sf.person_sets_owner(ref, user_id(sf, "anna@example.com"))
    house.deliver()
    clock.advance(QUIET + timedelta(seconds=1))
    house.round()
    [inbound, _] = house.commands.routes()["fairness"]({})
    assert [m["beside"] for m in inbound["members"] if m["beside"]] == [{"refund": "1"}]
    assert sum(Fraction(m["balance"]) for m in inbound["members"]) == 0
    assert sum(m["received"] for m in inbound["members"]) == 8
    text = "\n".join(human_fairness([inbound]))
    assert "the bound of 1 lead holds" in text
    assert "beside it +1.000 leads owed: refund +1.000" in text


def test_when_somebody_leaves_the_certificate_begins_again_and_lists_what_was_carried_over(
    house: House, sf: FakeCrm
) -> None:
    for n in range(3):
        sf.create_lead(email=f"x{n}@acme{n}.test")
    house.round()
    [inbound, _] = house.commands.routes()["fairness"]({})
    was = {m["rep"]: m["balance"] for m in inbound["members"]}
    house.policy = house.policy.replace("ben@example.com, carla", "carla")
    house.restart()
    house.clock.advance(1)
    sf.create_lead(email="first@after.test")
    house.round()
    [inbound, _] = house.commands.routes()["fairness"]({})
    assert (inbound["bound"], inbound["holds"]) == ("1/2", True)
    assert inbound["since"] == house.clock.now().isoformat()
    members = {m["rep"]: m for m in inbound["members"]}
    assert {r: m["beside"].get("carried over", "0") for r, m in members.items()} == was
    ben = members["ben@example.com"]
    assert (ben["member"], ben["weight"], ben["received"], ben["owed"]) == (False, None, 1, "0")
    assert sum(m["received"] for m in inbound["members"]) == 4
    [line] = [x for x in human_fairness([inbound]) if "began again when somebody left" in x]
    assert line.endswith("Z")
    [r] = house.db.rows("SELECT detail FROM journal WHERE event = 'fairness.restarted'")
    assert json.loads(r["detail"])["carried_over"] == was
