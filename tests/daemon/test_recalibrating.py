"""`fairlead calibrate` on the policy's own points: outcomes of both CRMs in, a diff out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from daemon.house import House, an_org

from fairlead.core.fate import Fate
from fairlead.core.policy_file import load_policy
from fairlead.core.recalibration import Proposal
from fairlead.daemon.recalibrating import Question, propose
from fairlead.errors import ConfigError, ThinEvidence
from fairlead.reports.recalibration import human_recalibration, recalibration_json
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

POLICY = """\
version: 1
sources: {src: {crm: CRM}}
reps: {anna@example.com: {}}
teams: {inbound: {members: [anna@example.com]}}
scoring:
  groups:
    fit:
      cap: 40
      points:   # a remark that must stay
        - {when: employees >= 200, points: 2, because: 200 people or more}   # and this one
        - when: industry == "Fintech"
          points:   30
          because: an industry we know
        - {when: title == "Boss", points: 10, because: the boss}
        - {when: status == "Hot", points: 5, because: said to be hot}
    negative:
      points:
        - {when: free_mail, points: -3, because: a free-mail address}
  bands: {mql: 10, sql: 30}
rules: [{name: Everybody, to: {team: inbound}}]
otherwise: {to: {team: inbound}}
"""


@pytest.fixture(params=["salesforce", "hubspot"])
def fake(request: pytest.FixtureRequest, clock: ManualClock) -> FakeCrm:
    return an_org(clock, str(request.param))


@pytest.fixture
def house(fake: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [fake], clock, policy=POLICY.replace("CRM", fake.name))
    house.start()
    clock.advance(1)
    yield house
    house.close()


@pytest.fixture(scope="module", params=["salesforce", "hubspot"])
def played(request: pytest.FixtureRequest) -> Iterator[House]:
    """A house with 500 leads and their outcomes; tests only ask it."""
    clock = ManualClock(datetime(2027, 1, 4, tzinfo=UTC))
    fake = an_org(clock, str(request.param))
    house = House(None, [fake], clock, policy=POLICY.replace("CRM", fake.name))
    house.start()
    clock.advance(1)
    make(fake, clock, 500)
    house.poll()
    yield house
    house.close()


def make(fake: FakeCrm, clock: ManualClock, count: int, seed: int = 4) -> None:
    """Leads of which the large ones are mostly won, those with free mail mostly not, and the
    industry says nothing; one in ten is still open."""
    chance = random.Random(seed)
    for n in range(count):
        large, fintech, free = (chance.random() < 0.5 for _ in range(3))
        odds = 0.35 + 0.4 * large - 0.3 * free
        ref = fake.create_lead(
            email=f"x{n}@{'gmail.com' if free else f'a{n}.test'}",
            employees=900 if large else 20,
            industry="Fintech" if fintech else "Steel",
            status="New",
        )
        clock.advance(timedelta(minutes=30))
        if n % 10:
            won = chance.random() < odds
            fake.decide(ref, Fate(won, won or None, lost=not won, why="won" if won else "unfit"))


def ask(house: House, **more: Any) -> Proposal:
    readers = {f.name: house.connector(f) for f in house.fakes}
    question = Question(house.clock.now() - timedelta(days=365), **more)
    return propose(house.db, house.in_force.active, readers, question, house.clock.now())


def points(found: Proposal) -> dict[str, tuple[int, int]]:
    return {x.because: (int(x.old), int(x.new)) for x in found.found.lines}


def test_what_tells_gets_more_points_and_what_tells_nothing_gets_less(
    played: House,
) -> None:
    found = ask(played)
    told = points(found)
    assert found.found.verdict == "better"
    assert found.found.gain.low > 0
    assert found.found.as_decided == found.found.leads == 450
    assert found.undecided == 50
    assert told["200 people or more"][1] > 10
    assert 0 < told["an industry we know"][1] < 10
    assert told["a free-mail address"][1] < -3
    assert all((old > 0) == (new > 0) for old, new in told.values())
    assert all(abs(new) <= 40 for _, new in told.values())
    assert found.found.after.auc.value > found.found.before.auc.value
    assert found.found.after.reliability.error < 0.15


def test_the_diff_changes_the_numbers_of_points_and_nothing_else(
    played: House,
) -> None:
    found = ask(played)
    changed = {x.because for x in found.found.lines if x.changed}
    old = played.in_force.active.files["policy.yaml"].splitlines()
    new = found.text.splitlines()
    assert len(old) == len(new)
    for before, after in zip(old, new, strict=True):
        if before != after:
            assert "points:" in before
            assert before.split("points:")[0] == after.split("points:")[0]
            assert before.partition("because")[2] == after.partition("because")[2]
    assert len([1 for a, b in zip(old, new, strict=True) if a != b]) == len(changed) == 3
    assert "# and this one" in found.text
    read = load_policy({"policy.yaml": found.text}, "policy.yaml")
    assert read.scoring is not None
    assert [p.points for p in read.scoring.lines] == [x.new for x in found.found.lines]
    assert found.diff.startswith("--- a/policy.yaml\n+++ b/policy.yaml\n")
    assert played.in_force.active.files["policy.yaml"].splitlines() == old


def test_every_line_has_a_reason_with_how_many_have_it_and_won(
    played: House,
) -> None:
    found = ask(played)
    by = {x.because: x for x in found.found.lines}
    assert "only 0 earlier leads have it; 20 are needed" in by["the boss"].why
    assert by["the boss"].new == Fraction(10)
    large = by["200 people or more"]
    assert large.won_with is not None
    assert large.won_without is not None
    assert large.won_with.value > large.won_without.value
    assert large.leads > 150
    lines = "\n".join(human_recalibration(recalibration_json(found)))
    assert "Nothing was changed: this is a proposal" in lines
    assert "learned" in lines
    assert "-        - {when: employees >= 200, points: 2," in lines


def test_leads_are_taken_as_they_were_decided_on_not_as_they_became(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    make(fake, clock, 300)
    house.poll()
    before = points(ask(house))
    for row in fake.rows(kind_of_leads()):
        won = fake.fate_of(row.ref).converted
        fake.update(row.ref, employees=900 if won else 20, industry="Fintech" if won else "Steel")
    clock.advance(60)
    assert points(ask(house, as_decided=True)) == before


def test_thin_evidence_is_refused_with_what_is_missing(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    make(fake, clock, 40)
    house.poll()
    with pytest.raises(ThinEvidence, match=r"it needs 50 won, \d+ more"):
        ask(house)
    with pytest.raises(ThinEvidence, match="40 leads were decided on since"):
        ask(house, as_decided=True)


def test_leads_from_before_the_first_start_are_taken_as_they_are_now_and_said_so(
    fake: FakeCrm, clock: ManualClock
) -> None:
    make(fake, clock, 400)
    house = House(None, [fake], clock, policy=POLICY.replace("CRM", fake.name))
    try:
        house.start()
        found = ask(house)
        assert (found.found.as_decided, found.found.leads) == (0, 360)
        assert any("as the CRM has them now" in note for note in found.found.notes)
        [hot] = [x for x in found.found.lines if x.because == "said to be hot"]
        assert hot.why == "status is what the outcome is read from"
        with pytest.raises(ThinEvidence):
            ask(house, as_decided=True)
    finally:
        house.close()


def test_the_policys_own_words_for_won_and_closed_come_first(
    fake: FakeCrm, clock: ManualClock
) -> None:
    text = POLICY.replace("CRM", fake.name) + (
        'closed_when: rating == "Cold"\nwon_when: rating == "Customer"\n'
    )
    house = House(None, [fake], clock, policy=text)
    try:
        house.start()
        clock.advance(1)
        chance = random.Random(1)
        for n in range(300):
            large = chance.random() < 0.5
            ref = fake.create_lead(email=f"y{n}@b{n}.test", employees=900 if large else 2)
            clock.advance(60)
            house.poll()
            won = chance.random() < (0.7 if large else 0.2)
            fake.update(ref, rating="Customer" if won else "Cold")
        found = ask(house)
        assert {why for why, _, _ in found.words} == {"won_when holds", "closed_when holds"}
        assert found.undecided == 0
    finally:
        house.close()


def test_points_that_are_good_already_are_left_alone(
    house: House, fake: FakeCrm, clock: ManualClock
) -> None:
    chance = random.Random(9)
    for n in range(300):
        ref = fake.create_lead(
            email=f"x{n}@a{n}.test", employees=900 if chance.random() < 0.5 else 20, status="New"
        )
        clock.advance(60)
        won = chance.random() < 0.5
        fake.decide(ref, Fate(won, lost=not won))
    house.poll()
    found = ask(house)
    assert found.found.verdict in ("unclear", "worse")
    assert (found.diff, found.text) == ("", house.in_force.active.files["policy.yaml"])
    assert list(human_recalibration(recalibration_json(found)))[-1].startswith(
        "Nothing is proposed"
    )


def test_a_goal_of_won_waits_for_the_deal(house: House, fake: FakeCrm, clock: ManualClock) -> None:
    make(fake, clock, 300)
    for n, row in enumerate(fake.rows(kind_of_leads())):
        if fake.fate_of(row.ref).converted and n % 3 == 0:
            fake.decide(row.ref, Fate(True, None, why="converted"))
    house.poll()
    assert ask(house).undecided == 30
    assert ask(house, goal="won", min_outcomes=20).undecided > 30


def test_a_policy_without_scoring_is_told_what_else_there_is(
    fake: FakeCrm, clock: ManualClock
) -> None:
    text = POLICY.replace("CRM", fake.name)
    without = text[: text.index("scoring:")] + text[text.index("rules:") :]
    house = House(None, [fake], clock, policy=without)
    try:
        house.start()
        with pytest.raises(ConfigError, match="--data FILE"):
            ask(house)
    finally:
        house.close()


def kind_of_leads() -> Any:
    from fairlead.core.types import Kind

    return Kind.LEAD
