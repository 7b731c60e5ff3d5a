"""A score is written to both CRMs once for each change, and never in the way of routing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import POLICY, House, an_org, owner_email, user_id

from fairlead.core.types import Kind, LeadState, Ref
from fairlead.daemon.explaining import replay_decision
from fairlead.reports.human import human_why
from fairlead.store import journal, leads, outbox, scores
from fairlead.store.outbox import EffectKind, OutboxState
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

SCORED = (
    POLICY.replace(
        "reps:",
        "fields:\n"
        "  seen_at: {type: instant, salesforce: seen_at, hubspot: seen_at}\n"
        "scoring:\n"
        "  groups:\n"
        "    fit: {points: [{when: employees >= 100, points: 30}]}\n"
        "    engagement:\n"
        "      half_life: 10d\n"
        "      points: [{when: seen_at is not null, points: 40, at: seen_at}]\n"
        "  bands: {mql: 40, sql: 60}\n"
        "  write_to: {salesforce: Score__c, hubspot: lead_score}\n"
        "reps:",
    )
    .replace("employees >= 1000", 'grade == "sql"')
    .replace(
        "  - name: Everybody",
        '  - {name: Poor, when: grade == "poor", to: {queue: Inbound}}\n  - name: Everybody',
    )
)  # fmt: skip
FIELDS = {"salesforce": "Score__c", "hubspot": "lead_score"}
CARLA = "carla@example.com"


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest, clock: ManualClock) -> FakeCrm:
    return an_org(clock, str(request.param))


@pytest.fixture
def house(crm: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [crm], clock, policy=SCORED)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def a_lead(house: House, crm: FakeCrm, **fields: object) -> Ref:
    ref = crm.create_lead(email="jo@acme.test", **fields)
    house.round()
    return ref


def keen(clock: ManualClock) -> dict[str, object]:
    return {"employees": 500, "seen_at": clock.now().isoformat()}


def shown(crm: FakeCrm, ref: Ref) -> object:
    return crm.row(ref).fields.get(FIELDS[crm.name])


def sent(house: House, ref: Ref) -> int:
    """How often a score was really written."""
    return sum(j.event == "score.written" for j in journal.of_lead(house.db, ref))


def passes(house: House, clock: ManualClock, days: float) -> None:
    """Time goes by; the house does what its loops do."""
    clock.advance(days * 86_400)
    house.poll()
    for ingest in house.ingests.values():
        ingest.release_held()
        ingest.rescore_due()
    house.deliver()


def test_the_score_reaches_the_record_and_decides_who_gets_it(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    assert owner_email(crm, ref) == CARLA, "70 points are sql"
    assert shown(crm, ref) == 70
    kept = scores.get(house.db, ref)
    assert kept is not None
    assert (kept.score, kept.grade) == (70, "sql")


def test_our_own_write_is_read_again_and_brings_no_second_one(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    for _ in range(5):
        clock.advance(60)
        house.round()
    assert sent(house, ref) == 1
    assert crm.calls["write.scores"] == 1
    assert house.open_writes() == 0


def test_news_that_moves_the_score_is_written_and_other_news_is_not(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, employees=500)
    assert shown(crm, ref) == 30
    clock.advance(60)
    crm.update(ref, city="Berlin")
    house.round()
    assert sent(house, ref) == 1
    crm.update(ref, seen_at=clock.now().isoformat())
    house.round()
    assert (shown(crm, ref), sent(house, ref)) == (70, 2)


def test_time_moves_a_grade_at_its_own_instant_and_nobody_looks_before(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    first = scores.get(house.db, ref)
    assert first is not None
    assert first.due_at is not None
    assert timedelta(days=4) < first.due_at - clock.now() < timedelta(days=5)
    reads = crm.calls["read"]
    passes(house, clock, 4)
    assert crm.calls["read"] == reads, "nothing was due"
    assert shown(crm, ref) == 70
    passes(house, clock, 1)
    later = scores.get(house.db, ref)
    assert later is not None
    assert later.grade == "mql"
    assert shown(crm, ref) == later.score < 60
    assert house.state(ref) is LeadState.ASSIGNED
    assert owner_email(crm, ref) == CARLA, "who has the lead keeps it"


def test_a_lead_nobody_is_interested_in_any_more_comes_to_rest(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    for _ in range(6):
        passes(house, clock, 30)
    kept = scores.get(house.db, ref)
    assert kept is not None
    assert (kept.grade, kept.due_at) == ("poor", None)


def test_a_poor_lead_is_filtered_out_to_its_queue_and_scored_there(
    house: House, crm: FakeCrm
) -> None:
    ref = a_lead(house, crm, employees=3)
    assert crm.owner_of(ref) in {o.ref.id for o in crm.rows(Kind.QUEUE)}
    assert shown(crm, ref) == 0


def test_a_field_that_takes_no_writes_holds_up_no_lead(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    crm.faults.read_only.add(FIELDS[crm.name])
    ref = a_lead(house, crm, **keen(clock))
    assert owner_email(crm, ref) == CARLA
    assert house.state(ref) is LeadState.ASSIGNED
    assert journal.dead_letters(house.db) == []
    [row] = [o for o in outbox.of_lead(house.db, ref) if o.kind is EffectKind.SET_SCORE]
    assert row.state is OutboxState.REFUSED
    assert "cannot be written" in row.detail
    clock.advance(60)
    crm.update(ref, city="Berlin")
    house.round()
    assert crm.calls["write.scores"] == 1, "the same score is not tried again"


@pytest.mark.parametrize("applied", [True, False])
def test_a_score_whose_answer_is_lost_ends_up_there_all_the_same(
    house: House, crm: FakeCrm, clock: ManualClock, applied: bool
) -> None:
    fault = crm.faults.timeout_applied if applied else crm.faults.timeout_not_applied
    fault("write.scores")
    ref = a_lead(house, crm, **keen(clock))
    clock.advance(121)
    house.round()
    assert shown(crm, ref) == 70
    assert crm.calls["write.scores"] == (1 if applied else 2)
    assert house.open_writes() == 0


def test_a_restart_between_decision_and_write_loses_no_score(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = crm.create_lead(email="jo@acme.test", **keen(clock))
    house.poll()
    house.restart()
    house.deliver()
    assert (shown(crm, ref), sent(house, ref)) == (70, 1)


def test_what_a_person_writes_over_it_stands_until_the_score_changes(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    clock.advance(60)
    crm.update(ref, **{FIELDS[crm.name]: 99})
    house.round()
    assert shown(crm, ref) == 99
    crm.update(ref, employees=5)
    house.round()
    assert shown(crm, ref) == 40


def test_a_lead_that_is_left_alone_gets_no_score(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = crm.create_lead(email="jo@acme.test", owner_id=user_id(crm, CARLA), **keen(clock))
    house.round()
    assert house.state(ref) is LeadState.LEFT
    assert shown(crm, ref) is None
    assert scores.get(house.db, ref) is None


def test_a_lead_that_is_gone_is_not_scored_for_ever(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    crm.delete(ref)
    for _ in range(3):
        passes(house, clock, 10)
    assert house.state(ref) is LeadState.GONE
    assert scores.get(house.db, ref) is None


def test_a_decision_is_taken_again_with_the_same_score_however_late(
    house: House, crm: FakeCrm, clock: ManualClock
) -> None:
    ref = a_lead(house, crm, **keen(clock))
    clock.advance(86_400 * 90)
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert row.decision_id is not None
    assert replay_decision(house.db, row.decision_id)["equal"] is True
    [told] = house.commands.why(str(ref))
    assert told["decision"]["recomputed_equal"] is True
    text = "\n".join(told["decision"]["text"])
    assert "score: 70, grade sql (fit 30, engagement 40)" in text
    assert "+30  fit: employees >= 100" in text
    assert told["decision"]["score"]["groups"]["engagement"]["points"] == 40
    said = "\n".join(human_why([told]))
    assert "score at the last look, " in said
    assert "Z: 70, grade sql; time changes the grade at " in said


def test_a_poor_lead_that_warms_up_reaches_sales_when_the_policy_says_so(
    crm: FakeCrm, clock: ManualClock
) -> None:
    listed = SCORED.replace(
        "fields:\n",
        "reroute_on: [written_score]\nfields:\n"
        "  written_score: {type: number, salesforce: Score__c, hubspot: lead_score}\n",
    )
    house = House(None, [crm], clock, policy=listed)
    house.start()
    clock.advance(1)
    ref = a_lead(house, crm, employees=500)
    assert crm.owner_of(ref) in {o.ref.id for o in crm.rows(Kind.QUEUE)}, "30 points are poor"
    clock.advance(60)
    crm.update(ref, seen_at=clock.now().isoformat())
    house.round()
    clock.advance(60)
    house.round()
    assert owner_email(crm, ref) == CARLA
    assert sent(house, ref) == 2
    for _ in range(3):
        clock.advance(60)
        house.round()
    assert [j.event for j in journal.of_lead(house.db, ref)].count("lead.rerouted") == 1
    house.close()
