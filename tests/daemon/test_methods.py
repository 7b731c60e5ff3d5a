"""Claim queues, groups and balance by value in a running house."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from daemon.house import House, an_org, owner_email, user_id

from fairlead.core.types import LeadState, Ref
from fairlead.reports.explained import human_fairness
from fairlead.store import decisions, journal, leads, outbox
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm, FakeTask

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
POLICY = """\
version: 1
fields: {deal_size: {type: number, salesforce: Deal_Size__c, hubspot: deal_size}}
sources:
  sf: {crm: salesforce, pick_up: owner is null or owner.name == "Inbound"}
reps:
  anna@example.com:
  ben@example.com:
  carla@example.com: {capacity: {per_day: 2}}
teams:
  demos:
    members: [anna@example.com, ben@example.com]
    method: {claim: {queue: Demos, unclaimed_after: 30m}}
    backup: {team: rest}
  rest: {members: [carla@example.com]}
  pair:
    method:
      group:
        roles:
          - {role: AE, members: [anna@example.com, ben@example.com]}
          - {role: SE, team: rest}
  value:
    members: [anna@example.com, ben@example.com]
    method: {least_loaded: {by: revenue}}
rules:
  - {name: Demos, when: country == "DE", to: {team: demos}}
  - {name: Pair, when: country == "FR", to: {team: pair}}
  - {name: Value, when: country == "SE", to: {team: value}}
otherwise: {to: {queue: Nowhere}}
"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    fake = an_org(clock, "salesforce")
    fake.add_queue("Demos")
    return fake


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock, POLICY)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def new(sf: FakeCrm, number: int, **fields: object) -> Ref:
    return sf.create_lead(email=f"x{number}@acme{number}.test", **fields)


def tick(house: House, seconds: float = 1) -> None:
    """What the daemon does every few seconds: a poll, leads that are due, writes."""
    house.clock.advance(seconds)
    for ingest in house.ingests.values():
        while ingest.cycle().more:
            pass
        ingest.release_held()
    house.deliver()


def tasks(sf: FakeCrm, ref: Ref) -> dict[str, FakeTask]:
    found = [t for t in sf.tasks.values() if t.ref == ref]
    named = {sf.owner(t.owner_id).email or "": t for t in found}  # type: ignore[union-attr]
    assert len(named) == len(found)
    return named


def queue_of(sf: FakeCrm, ref: Ref) -> str:
    owner = sf.owner(sf.owner_of(ref) or "")
    assert owner is not None
    return owner.name


def claimed(house: House, ref: Ref) -> list[dict[str, Any]]:
    found = journal.of_lead(house.db, ref)
    return [dict(j.detail) for j in found if j.event == "lead.claimed"]


def pool(house: House, name: str) -> dict[str, str]:
    return {rep: str(b) for rep, b in decisions.balances(house.db).get(name, {}).items()}


def replays(house: House, ref: Ref) -> bool:
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert row.decision_id is not None
    (why,) = house.commands.why(str(ref))
    again = house.commands.routes()["replay"]({"decision": row.decision_id})
    return bool(again["equal"] and why["decision"]["recomputed_equal"])


def by_person(house: House, ref: Ref) -> bool:
    row = leads.get_lead(house.db, ref)
    assert row is not None
    return row.by_person


# -- claim -----------------------------------------------------------------------------------------


def test_the_first_to_take_it_pays_the_turn_and_gets_the_task_and_later_ones_do_not(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    assert (queue_of(sf, lead), house.state(lead)) == ("Demos", LeadState.ASSIGNED)
    assert tasks(sf, lead) == {}
    sf.person_sets_owner(lead, user_id(sf, BEN), person="ben")
    tick(house, 60)
    assert claimed(house, lead) == [
        {"owner_id": user_id(sf, BEN), "rep": BEN, "team": "demos", "waited": 60}
    ]
    assert pool(house, "team:demos") == {ANNA: "1/2", BEN: "-1/2"}
    assert list(tasks(sf, lead)) == [BEN]
    assert house.reason(lead) == "taken from its claim queue by ben@example.com"
    assert not by_person(house, lead)
    taken_at = house.clock.now()
    assert tasks(sf, lead)[BEN].due_at == taken_at + timedelta(hours=1)
    sf.person_sets_owner(lead, user_id(sf, ANNA), person="ben")
    tick(house)
    tick(house, 3600)
    assert len(claimed(house, lead)) == 1
    assert pool(house, "team:demos") == {ANNA: "1/2", BEN: "-1/2"}
    assert owner_email(sf, lead) == ANNA
    assert by_person(house, lead)
    assert replays(house, lead)


def test_an_edit_while_it_waits_in_the_queue_takes_nothing_away(house: House, sf: FakeCrm) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    sf.update(lead, title="CTO")
    tick(house)
    assert house.state(lead) is LeadState.ASSIGNED
    sf.person_sets_owner(lead, user_id(sf, ANNA))
    tick(house)
    assert claimed(house, lead)[0]["rep"] == ANNA


def test_what_nobody_took_in_time_goes_to_the_backup_though_pick_up_does_not_name_the_queue(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    tick(house, 30 * 60 - 5)
    assert queue_of(sf, lead) == "Demos"
    house.restart()
    tick(house, 10)
    assert owner_email(sf, lead) == CARLA
    assert house.reason(lead) == (
        "nobody in team demos took it from queue Demos in time; next in team rest"
    )
    assert list(tasks(sf, lead)) == [CARLA]
    assert claimed(house, lead) == []
    assert replays(house, lead)


def test_with_the_backup_away_it_stays_in_the_queue_and_can_be_taken_still(
    house: House, sf: FakeCrm
) -> None:
    house.commands.rep_away(CARLA, "2030-01-01", "")
    first, second = new(sf, 1, country="DE"), new(sf, 2, country="DE")
    tick(house)
    tick(house, 31 * 60)
    assert house.state(first) is house.state(second) is LeadState.HELD
    sf.person_sets_owner(first, user_id(sf, ANNA))
    tick(house)
    assert claimed(house, first)[0]["rep"] == ANNA
    house.commands.rep_back(CARLA)
    tick(house)
    assert (owner_email(sf, first), owner_email(sf, second)) == (ANNA, CARLA)


def test_somebody_who_was_not_asked_costs_nobody_a_turn(house: House, sf: FakeCrm) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    sf.person_sets_owner(lead, user_id(sf, CARLA))
    tick(house)
    assert claimed(house, lead)[0]["rep"] is None
    assert pool(house, "team:demos") == {}
    tick(house, 3600)
    assert owner_email(sf, lead) == CARLA


def test_a_rep_who_is_faster_than_the_write_to_the_queue_has_taken_it(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="DE")
    house.poll()
    sf.person_sets_owner(lead, user_id(sf, BEN))
    tick(house)
    assert owner_email(sf, lead) == BEN
    assert claimed(house, lead)[0]["rep"] == BEN
    assert list(tasks(sf, lead)) == [BEN]
    tick(house)
    assert len(claimed(house, lead)) == 1
    assert pool(house, "team:demos") == {ANNA: "1/2", BEN: "-1/2"}


def test_a_lead_that_is_gone_is_offered_no_longer(house: House, sf: FakeCrm) -> None:
    lead = new(sf, 1, country="DE")
    tick(house)
    sf.convert(lead)
    tick(house)
    tick(house, 3600)
    assert house.state(lead) is LeadState.GONE


# -- group -----------------------------------------------------------------------------------------


def test_a_group_gives_the_owner_one_task_and_the_others_one_each_and_replays(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="FR")
    tick(house)
    found = tasks(sf, lead)
    assert owner_email(sf, lead) == ANNA
    assert set(found) == {ANNA, CARLA}
    assert "as SE; anna@example.com owns it" in found[CARLA].body
    assert pool(house, "team:pair/AE") == {ANNA: "-1/2", BEN: "1/2"}
    (why,) = house.commands.why(str(lead))
    assert why["decision"]["companions"] == [{"role": "SE", "rep": CARLA}]
    assert any("with: SE carla@example.com" in line for line in why["decision"]["text"])
    assert replays(house, lead)


def test_a_part_in_a_group_counts_as_a_lead_of_the_day(house: House, sf: FakeCrm) -> None:
    refs = [new(sf, i, country="FR") for i in range(3)]
    tick(house)
    assert [owner_email(sf, r) for r in refs] == [ANNA, BEN, None]
    later = new(sf, 4, country="FR")
    tick(house)
    assert "group pair: nobody is free as SE" in house.reason(later)
    tick(house, timedelta(days=1).total_seconds())
    assert owner_email(sf, refs[2]) == ANNA


def test_a_person_who_moves_the_lead_moves_its_owner_s_task_and_nobody_else_s(
    house: House, sf: FakeCrm
) -> None:
    lead = new(sf, 1, country="FR")
    house.poll()
    sf.person_sets_owner(lead, user_id(sf, BEN))
    tick(house)
    tick(house)
    assert set(tasks(sf, lead)) == {BEN, CARLA}


def test_a_group_decided_again_moves_its_tasks(house: House, sf: FakeCrm) -> None:
    lead = new(sf, 1, country="FR")
    house.poll()
    sf.deactivate(user_id(sf, ANNA))
    house.ingests["salesforce"].refresh_owners()
    tick(house)
    tick(house)
    assert owner_email(sf, lead) == BEN
    assert set(tasks(sf, lead)) == {BEN, CARLA}
    assert {o.state for o in outbox.of_lead(house.db, lead)} == {outbox.OutboxState.DONE}


# -- by value --------------------------------------------------------------------------------------


def test_least_loaded_by_value_balances_the_sum_and_not_the_number_of_leads(
    house: House, sf: FakeCrm
) -> None:
    refs = [
        new(sf, i, country="SE", revenue=r) for i, r in enumerate((5000, 1000, 1500, 2000, 1000))
    ]
    tick(house)
    assert [owner_email(sf, r) for r in refs] == [ANNA, BEN, BEN, BEN, BEN]
    assert house.reason(refs[4]) == "least loaded in team value: least revenue in open leads"
    assert replays(house, refs[4])


def test_the_sum_follows_the_lead_s_value_and_its_owner(house: House, sf: FakeCrm) -> None:
    big, small = new(sf, 1, country="SE", revenue=5000), new(sf, 2, country="SE", revenue=1000)
    tick(house)
    assert (owner_email(sf, big), owner_email(sf, small)) == (ANNA, BEN)
    sf.update(small, revenue=9000.5)
    tick(house)
    third = new(sf, 3, country="SE")
    tick(house)
    assert owner_email(sf, third) == ANNA
    sf.convert(small)
    tick(house)
    fourth = new(sf, 4, country="SE", revenue=1)
    tick(house)
    assert owner_email(sf, fourth) == BEN


# -- fairness, why-not -----------------------------------------------------------------------------


def test_the_certificate_is_for_turns_and_the_others_say_what_they_balance(
    house: House, sf: FakeCrm
) -> None:
    new(sf, 1, country="FR")
    tick(house)
    found = {c["pool"]: c for c in house.commands.routes()["fairness"]({})}
    assert found["team:pair/AE"]["certified"]
    assert [m["rep"] for m in found["team:pair/SE"]["members"]] == [CARLA]
    assert not found["team:value"]["certified"]
    text = list(human_fairness(list(found.values())))
    assert (
        "pool team:value: no certificate, least_loaded balances open leads or the sum of a field"
        " over them, and turns only among equals"
    ) in text
    assert any(line.startswith("pool team:rest: the bound of 0 leads holds") for line in text)


@pytest.mark.parametrize(
    ("country", "rep", "why"),
    [
        ("FR", CARLA, "they have a part in it as SE; anna@example.com owns it"),
        ("DE", BEN, "it was offered to them: whoever takes it first has it"),
        ("SE", BEN, "it was anna@example.com's turn in team:value"),
    ],
)
def test_why_not_knows_the_other_parts(
    house: House, sf: FakeCrm, country: str, rep: str, why: str
) -> None:
    lead = new(sf, 1, country=country)
    tick(house)
    (told,) = house.commands.routes()["why-not"]({"lead": str(lead), "rep": rep})
    assert any(why in rule["why"] for rule in told["why_not"]["rules"])
