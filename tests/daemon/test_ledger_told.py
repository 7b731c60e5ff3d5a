"""What the ledger is told in a running house: junk, hand-backs, charged leads, leave, weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.types import Ref
from fairlead.daemon.weighing import apply_due
from fairlead.errors import ConfigError
from fairlead.reports.explained import human_weights
from fairlead.reports.human import human_why
from fairlead.store import decisions, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
POLICY = """\
version: 1
sources: {sf: {crm: salesforce}}
credit_back: {when: 'status in ["Junk", "Recycled"]', handed_back: true, within: 14d}
won_when: status == "Qualified"
reps:
  anna@example.com: {}
  ben@example.com: {}
  carla@example.com: {weight: 2}
teams:
  pair: {members: [anna@example.com, ben@example.com], charge: [named]}
  back: {members: [anna@example.com, ben@example.com], fairness: rule, make_up: {at_most: 1}}
  sold:
    members: [anna@example.com, ben@example.com, carla@example.com]
    weights: {from: conversion, prior: 4, step: 1/2}
rules:
  - {name: For Anna, when: country == "CH", to: {rep: anna@example.com}}
  - {name: Back, when: country == "FR", to: {team: back}}
  - {name: Sold, when: country == "IT", to: {team: sold}}
otherwise: {to: {team: pair}}
"""
SIDE = "beside team:pair"


@pytest.fixture
def sf() -> FakeCrm:
    return an_org(ManualClock(), "salesforce")


@pytest.fixture
def house(sf: FakeCrm) -> Iterator[House]:
    house = a_house(sf, POLICY)
    yield house
    house.close()


def a_house(sf: FakeCrm, policy: str) -> House:
    clock = sf.clock
    assert isinstance(clock, ManualClock)
    house = House(None, [sf], clock, policy)
    house.start()
    clock.advance(1)
    return house


def new(house: House, sf: FakeCrm, number: int, **fields: object) -> Ref:
    """A lead that has arrived, been given to somebody, and read back."""
    ref = sf.create_lead(email=f"x{number}@acme{number}.test", **fields)
    settle(house)
    return ref


def settle(house: House) -> None:
    house.clock.advance(1)
    house.round()
    house.clock.advance(1)
    house.poll()


def owed(house: House, rep: str) -> Fraction:
    return decisions.balances(house.db).get(SIDE, {}).get(rep, Fraction(0))


def journaled(house: House, event: str) -> list[dict[str, Any]]:
    rows = house.db.rows("SELECT detail FROM journal WHERE event = ? ORDER BY seq", (event,))
    return [json.loads(r["detail"]) for r in rows]


def fairness(house: House, pool: str) -> dict[str, Any]:
    found = house.commands.routes()["fairness"]({})
    return next(p for p in found if p["pool"] == pool)


def every_decision_is_replayed_equal(house: House) -> None:
    for r in house.db.rows("SELECT id FROM decisions"):
        answer = house.commands.routes()["replay"]({"decision": r["id"]})
        assert answer["equal"], answer


# -- credit back -----------------------------------------------------------------------------------


def test_a_junk_lead_gives_the_turn_back_and_the_next_lead_with_it(
    house: House, sf: FakeCrm
) -> None:
    junk = new(house, sf, 1)
    assert owner_email(sf, junk) == ANNA
    sf.update(junk, status="Junk")
    settle(house)
    assert owed(house, ANNA) == 1
    assert journaled(house, "turn.credited") == [{"reason": "credit_back holds", "rep": ANNA}]
    assert [owner_email(sf, new(house, sf, n)) for n in (2, 3, 4)] == [ANNA, BEN, ANNA]
    [why] = house.commands.why("x1@acme1.test")
    assert any("the rep has the turn back: credit_back holds" in x for x in human_why([why]))
    assert fairness(house, "team:pair")["holds"]
    every_decision_is_replayed_equal(house)


def test_a_lead_that_flips_gives_its_turn_back_once(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1)
    for status in ("Junk", "Open", "Recycled", "Junk"):
        sf.update(lead, status=status)
        settle(house)
    assert owed(house, ANNA) == 1
    assert len(journaled(house, "turn.credited")) == 1


def test_a_lead_that_is_junk_too_late_gives_nothing_back(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1)
    house.clock.advance(timedelta(days=14, seconds=1).total_seconds())
    sf.update(lead, status="Junk")
    settle(house)
    assert owed(house, ANNA) == 0


@pytest.mark.parametrize("to_queue", [True, False], ids=["to a queue", "to nobody"])
def test_a_lead_that_is_handed_back_gives_the_turn_back(
    house: House, sf: FakeCrm, to_queue: bool
) -> None:
    lead = new(house, sf, 1)
    sf.person_sets_owner(lead, user_id(sf, BEN))
    settle(house)
    assert owed(house, ANNA) == 0, "a colleague took it"
    lead = new(house, sf, 2)
    rep = owner_email(sf, lead)
    assert rep == BEN
    sf.person_sets_owner(lead, queue_id(house) if to_queue else None)
    settle(house)
    assert owed(house, BEN) == 1
    assert journaled(house, "turn.credited") == [{"reason": "handed back", "rep": BEN}]


def test_junk_in_the_hands_of_a_colleague_is_not_the_first_rep_s(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1)
    sf.person_sets_owner(lead, user_id(sf, BEN))
    settle(house)
    sf.update(lead, status="Junk")
    settle(house)
    assert owed(house, ANNA) == owed(house, BEN) == 0


def test_without_the_key_nothing_is_given_back(sf: FakeCrm) -> None:
    lines = [x for x in POLICY.splitlines() if not x.startswith("credit_back")]
    house = a_house(sf, "\n".join(lines) + "\n")
    lead = new(house, sf, 1)
    sf.update(lead, status="Junk")
    settle(house)
    sf.person_sets_owner(lead, queue_id(house))
    settle(house)
    assert SIDE not in decisions.balances(house.db)
    house.close()


def queue_id(house: House) -> str:
    row = house.db.row("SELECT id FROM owners WHERE kind = 'queue'")
    assert row is not None
    return str(row["id"])


def test_who_cannot_own_a_lead_is_owed_nothing_for_it(house: House, sf: FakeCrm) -> None:
    sf.faults.bad_owner(user_id(sf, ANNA))
    for n in range(3):
        sf.create_lead(email=f"x{n}@acme{n}.test")
    house.clock.advance(1)
    house.poll()
    for _ in range(6):
        house.deliver()
        house.clock.advance(10)
    pool = fairness(house, "team:pair")
    [anna, ben] = pool["members"]
    assert (anna["received"], ben["received"]) == (0, 3)
    assert anna["beside"].keys() == ben["beside"].keys() == {"refund"}
    # Of the three, the one that was Ben's turn counts as any other; the two refused ones do not.
    total = [Fraction(m["balance"]) + Fraction(m["owed"]) for m in (anna, ben)]
    assert total == [Fraction(1, 2), Fraction(-1, 2)]
    assert pool["holds"]
    every_decision_is_replayed_equal(house)


# -- charged, made up ------------------------------------------------------------------------------


def test_a_charged_lead_is_listed_beside_the_certificate_and_settled_in_turn(
    house: House, sf: FakeCrm
) -> None:
    assert owner_email(sf, new(house, sf, 1, country="CH")) == ANNA
    [anna, _] = fairness(house, "team:pair")["members"]
    assert (anna["balance"], anna["received"], anna["beside"]) == ("0", 0, {"charged": "-1"})
    assert [owner_email(sf, new(house, sf, n)) for n in (2, 3)] == [BEN, ANNA]
    [anna, _] = fairness(house, "team:pair")["members"]
    assert (anna["owed"], anna["beside"]) == ("0", {"charged": "-1", "settled": "1"})
    every_decision_is_replayed_equal(house)


def test_a_charged_lead_that_junk_was_is_given_back(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1, country="CH")
    sf.update(lead, status="Junk")
    settle(house)
    assert owed(house, ANNA) == 0
    assert fairness(house, "team:pair")["members"][0]["beside"] == {"charged": "-1", "credit": "1"}


def test_who_was_on_leave_is_made_up_for_at_most_what_the_policy_says(
    house: House, sf: FakeCrm
) -> None:
    until = (house.clock.now() + timedelta(days=1)).isoformat()
    house.commands.rep_away(ANNA, until, "")
    first = [owner_email(sf, new(house, sf, n, country="FR")) for n in range(6)]
    assert first == [BEN] * 6
    house.commands.rep_back(ANNA)
    then = [owner_email(sf, new(house, sf, n, country="FR")) for n in range(6, 12)]
    assert then.count(ANNA) == 4
    pool = fairness(house, "rule:Back.team:back")
    assert pool["holds"]
    assert pool["members"][0]["beside"] == {"made up": "1", "owed": "-1"}
    every_decision_is_replayed_equal(house)


# -- weights ---------------------------------------------------------------------------------------


def sell(house: House, sf: FakeCrm, count: int = 12) -> None:
    """Carla wins all of hers, nobody else any."""
    for n in range(count):
        lead = new(house, sf, 100 + n, country="IT")
        if owner_email(sf, lead) == CARLA:
            sf.update(lead, status="Qualified")
            settle(house)


def shown(house: House) -> dict[str, Any]:
    [team] = house.commands.routes()["weights"]({})
    return {r["rep"]: r for r in team["reps"]}


def test_weights_are_shown_with_their_evidence_before_they_apply(house: House, sf: FakeCrm) -> None:
    sell(house, sf)
    found = shown(house)
    assert (found[CARLA]["given"], found[CARLA]["won"]) == (6, 6)
    assert (found[ANNA]["given"], found[ANNA]["won"]) == (3, 0)
    # 6 of 12 won: the team's rate is 1/2; (6 + 4/2) / (6 + 4) and (0 + 4/2) / (3 + 4).
    assert (found[CARLA]["rate"], found[ANNA]["rate"]) == ("4/5", "2/7")
    assert (found[CARLA]["now"], found[CARLA]["next"]) == ("2", "3"), "1.6 times, a step of 0.5"
    assert (found[ANNA]["now"], found[ANNA]["next"]) == ("1", "57/100")
    assert fairness(house, "team:sold")["members"][2]["weight"] == "2"
    text = "\n".join(human_weights(house.commands.routes()["weights"]({})))
    assert "the next weights apply with: fairlead weights --apply" in text
    assert "carla@example.com: 6 of 6 leads won" in text
    assert "weight 2 -> 3 (roster 2)" in text


def test_they_apply_when_a_person_says_so_and_the_next_decision_uses_them(
    house: House, sf: FakeCrm
) -> None:
    sell(house, sf)
    done = house.commands.routes()["weights-apply"]({"team": "sold"})
    assert "the new weights are in force" in next(human_weights(done))
    assert journaled(house, "weights.changed") == [
        {"team": "sold", "factors": {ANNA: ["1", "57/100"], BEN: ["1", "57/100"],
                                     CARLA: ["1", "3/2"]}}
    ]  # fmt: skip
    lead = new(house, sf, 999, country="IT")
    [why] = house.commands.why("x999@acme999.test")
    shares = {e["rep"]: e["delta"] for e in why["decision"]["ledger"] if e["reason"] == "share"}
    assert shares[CARLA] == str(Fraction(3) / (3 + Fraction(114, 100)))
    assert owner_email(sf, lead) in (ANNA, BEN, CARLA)
    assert fairness(house, "team:sold")["members"][2]["weight"] == "3"
    house.restart()
    new(house, sf, 1000, country="IT")
    every_decision_is_replayed_equal(house)
    assert all(p["holds"] for p in house.commands.routes()["fairness"]({}))


def test_a_converted_lead_is_a_success(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1, country="IT")
    assert owner_email(sf, lead) == CARLA
    sf.convert(lead)
    settle(house)
    assert (shown(house)[CARLA]["given"], shown(house)[CARLA]["won"]) == (1, 1)


def test_a_lead_given_back_is_no_evidence(house: House, sf: FakeCrm) -> None:
    lead = new(house, sf, 1, country="IT")
    sf.update(lead, status="Junk")
    settle(house)
    assert shown(house)[CARLA]["given"] == 0


def test_by_schedule_they_apply_a_period_after_the_first_look_and_only_if_the_policy_says_so(
    sf: FakeCrm,
) -> None:
    policy = POLICY.replace("step: 1/2}", "step: 1/2, every: 7d, apply: true}")
    house = a_house(sf, policy)
    sell(house, sf)
    active, week = house.commands._policy(), timedelta(days=7).total_seconds()
    assert active is not None
    assert apply_due(house.db, active, house.clock.now()) == 0
    [team] = house.commands.routes()["weights"]({})
    assert "apply at 20" in next(human_weights([team]))
    assert team["applies"] == (house.clock.now() + timedelta(days=7)).isoformat()
    house.clock.advance(week - 1)
    assert apply_due(house.db, active, house.clock.now()) == 0
    house.clock.advance(1)
    assert apply_due(house.db, active, house.clock.now()) == 1
    assert apply_due(house.db, active, house.clock.now()) == 0
    assert shown(house)[CARLA]["now"] == "3"
    house.close()


def test_without_apply_the_schedule_changes_nothing(house: House, sf: FakeCrm) -> None:
    sell(house, sf, 4)
    active = house.commands._policy()
    assert active is not None
    for _ in range(3):
        assert apply_due(house.db, active, house.clock.now()) == 0
        house.clock.advance(timedelta(days=8).total_seconds())
    assert journaled(house, "weights.changed") == []


def test_a_team_without_weights_is_told_so(house: House) -> None:
    with pytest.raises(ConfigError, match=r"team 'sald' has no 'weights'.*did you mean sold"):
        house.commands.routes()["weights-apply"]({"team": "sald"})


# -- leaving ---------------------------------------------------------------------------------------


def test_a_restart_of_the_daemon_alone_does_not_restart_the_rotation(
    house: House, sf: FakeCrm
) -> None:
    new(house, sf, 1)
    before = decisions.balances(house.db)
    house.restart()
    house.clock.advance(1)
    house.poll()
    assert decisions.balances(house.db) == before
    assert fairness(house, "team:pair")["since"] is None


def test_who_leaves_and_comes_back_begins_at_nothing(house: House, sf: FakeCrm) -> None:
    for n in range(3):
        new(house, sf, n, country="IT")
    with_ben = house.policy
    house.policy = with_ben.replace(
        "[anna@example.com, ben@example.com, carla", "[anna@example.com, carla"
    )
    house.restart()
    new(house, sf, 10, country="IT")
    house.policy = with_ben
    house.restart()
    pool = fairness(house, "team:sold")
    ben = next(m for m in pool["members"] if m["rep"] == BEN)
    assert (ben["member"], ben["balance"], ben["owed"]) == (True, "0", "0")
    assert pool["bound"] == "1"
    assert leads.counts(house.db)["salesforce"] == {"assigned": 4}
    assert sum(m["received"] for m in pool["members"]) == 4
