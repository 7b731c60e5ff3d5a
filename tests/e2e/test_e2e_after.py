"""What comes after the assignment, played over the wire of both CRMs: answers and who gave them,
silence, follow-ups, and what a new owner reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from e2e.virtual import CRMS, STATUS, Days, days

WORKING = {"salesforce": "Working - Contacted", "hubspot": "CONNECTED"}
OTHER = {"salesforce": "Nurture", "hubspot": "IN_PROGRESS"}
THIRD = {"salesforce": "Parked", "hubspot": "BAD_TIMING"}
AUTOMATION = {"salesforce": {"as": "system"}, "hubspot": {"as": "workflow"}}
PROOF = {"salesforce": "LeadHistory", "hubspot": "contacts"}
"""Where the proof of a moved status stands: HubSpot keeps it in the record's own history."""
RULES = """\
  - {name: Promised, when: city == "Berlin", to: {team: emea}, sla: hot}
  - {name: Followed, when: city == "Lyon", to: {team: americas}, cadence: standard}
  - {name: Watched, when: city == "Oslo", to: {team: triage}}

"""
POLICY = """\
slas:
  hot:
    respond_within: 30m
    hours: always
    on_breach:
      - {escalate: dana@example.com}
      - {after: 30m, reassign: next}
cadences:
  standard: [1d, {after: 3d, subject: Send the price list}, 7d]
decay:
  - {name: cold, when: city == "Oslo", after: {silence: 3d}, do: [{escalate: dana@example.com}]}
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Days]:
    with days(POLICY, rules=RULES) as stage:
        yield stage


def clock(stage: Days, id: str) -> dict[str, object]:
    found: dict[str, object] = stage.told(id)["clocks"][-1]
    return found


def breached(stage: Days, crm: str, id: str) -> bool:
    return any(t["subject"].startswith("Answer time") for t in stage.tasks(crm, id))


@pytest.mark.parametrize("crm", CRMS)
def test_a_person_who_moves_the_status_has_answered_and_the_history_proves_it(
    stage: Days, crm: str
) -> None:
    id = stage.arrive(crm, city="Berlin")
    stage.pass_time(minutes=5, settle=False)
    moved = stage.clock.now()
    rep = stage.owned_by(crm, id)
    stage.sets(crm, id, who={"as": "person", "user": str(rep)}, **{STATUS[crm]: WORKING[crm]})
    stage.pass_time(minutes=40)
    told = stage.told(id)
    assert clock(stage, id)["state"] == "answered"
    assert clock(stage, id)["late"] is False
    assert not breached(stage, crm, id)
    assert told["times"]["accepted"] == told["times"]["first_response"]
    assert told["times"]["accepted"][:19] == moved.isoformat()[:19]
    assert PROOF[crm] in told["assignments"][-1]["proof"]


@pytest.mark.parametrize("crm", CRMS)
def test_a_status_that_automation_moved_answers_nothing_until_a_person_moves_it(
    stage: Days, crm: str
) -> None:
    id = stage.arrive(crm, city="Berlin")
    stage.pass_time(minutes=5)
    stage.sets(crm, id, who=AUTOMATION[crm], **{STATUS[crm]: WORKING[crm]})
    stage.pass_time(minutes=10)
    assert clock(stage, id)["state"] == "running"
    stage.pass_time(minutes=20)
    assert clock(stage, id)["state"] == "running"
    assert breached(stage, crm, id)
    assert stage.told(id)["times"]["accepted"] is None
    rep = stage.owned_by(crm, id)
    stage.sets(crm, id, who={"as": "person", "user": str(rep)}, **{STATUS[crm]: OTHER[crm]})
    stage.pass_time(minutes=40)
    assert clock(stage, id)["state"] == "answered"
    assert clock(stage, id)["late"] is True
    assert stage.owned_by(crm, id) == rep


@pytest.mark.parametrize("crm", CRMS)
def test_moves_of_a_minute_before_are_no_answer_of_the_next_owner(stage: Days, crm: str) -> None:
    id = stage.arrive(crm, city="Berlin")
    stage.pass_time(minutes=5)
    before = stage.owned_by(crm, id)
    for status in (WORKING, OTHER):
        stage.clock.advance(2)
        stage.sets(crm, id, **{STATUS[crm]: status[crm]})
    stage.clock.advance(2)
    taker = next(r for r in ("anna@example.com", "ben@example.com") if r != before)
    stage.crms.reassign(crm, id, taker)
    stage.settle()
    assert clock(stage, id)["owner"] == taker
    stage.sets(crm, id, who=AUTOMATION[crm], **{STATUS[crm]: THIRD[crm]})
    stage.pass_time(minutes=40)
    assert clock(stage, id)["state"] == "running"
    assert breached(stage, crm, id)


@pytest.mark.parametrize("crm", CRMS)
def test_a_logged_call_begins_the_silence_anew_and_so_does_the_buyers_mail(
    stage: Days, crm: str
) -> None:
    id = stage.arrive(crm, city="Oslo")
    stage.pass_time(days=2)
    called = stage.clock.now()
    stage.calls(crm, id)
    stage.pass_time(days=2)
    assert decays(stage, id) == []
    stage.pass_time(hours=12)
    written = stage.clock.now()
    stage.writes_mail(crm, id)
    stage.pass_time(days=1)
    assert called + timedelta(days=3) < stage.clock.now()
    assert decays(stage, id) == []
    stage.pass_time(days=2, hours=1)
    [at] = decays(stage, id)
    assert at >= written + timedelta(days=3)
    assert any(t["subject"].startswith("Decay") for t in stage.tasks(crm, id))


def decays(stage: Days, id: str) -> list[datetime]:
    told = stage.told(id)["journal"]
    return [datetime.fromisoformat(j["at"]) for j in told if j["event"] == "lead.decayed"]


def follow_ups(stage: Days, crm: str, id: str) -> list[dict[str, object]]:
    return [t for t in stage.tasks(crm, id) if ", cadence standard" in t["body"]]


@pytest.mark.parametrize("crm", CRMS)
def test_the_next_follow_up_comes_when_the_last_is_done_or_its_day_is_over(
    stage: Days, crm: str
) -> None:
    id = stage.arrive(crm, city="Lyon")
    stage.pass_time(days=1, hours=1)
    [one] = follow_ups(stage, crm, id)
    assert "follow-up 1 of 3" in str(one["body"])
    stage.does(crm, one)
    stage.pass_time(days=1)
    assert len(follow_ups(stage, crm, id)) == 1
    stage.pass_time(days=1)
    one, two = follow_ups(stage, crm, id)
    assert not one["open"]
    assert two["subject"] == "Send the price list"
    # Nobody does the second: it becomes the third, and is no second open one.
    stage.pass_time(days=4, step=timedelta(days=1))
    _, three = follow_ups(stage, crm, id)
    assert three["id"] == two["id"]
    assert "follow-up 3 of 3" in str(three["body"])
    assert "this task stands for both" in str(three["body"])
    stage.does(crm, three)
    stage.pass_time(days=2, step=timedelta(days=1))
    assert [t["open"] for t in follow_ups(stage, crm, id)] == [False, False]
    assert stage.told(id)["cadences"][-1]["state"] == "every follow-up was made"


@pytest.mark.parametrize("crm", CRMS)
def test_the_buyers_mail_ends_the_follow_ups(stage: Days, crm: str) -> None:
    id = stage.arrive(crm, city="Lyon")
    stage.pass_time(days=1, hours=1)
    [one] = follow_ups(stage, crm, id)
    stage.does(crm, one)
    stage.writes_mail(crm, id)
    stage.pass_time(days=7, step=timedelta(days=1))
    assert len(follow_ups(stage, crm, id)) == 1
    assert stage.told(id)["cadences"][-1]["state"] == "the buyer has answered"


@pytest.mark.parametrize("crm", CRMS)
def test_the_next_owner_reads_who_had_it_what_was_done_and_by_when(stage: Days, crm: str) -> None:
    email = f"ng.{crm}@lantern.example"
    name = {"salesforce": "LastName", "hubspot": "lastname"}[crm]
    id = stage.arrive(crm, email=email, city="Berlin", **{name: "Ng"})
    first = stage.owned_by(crm, id)
    [task] = stage.tasks(crm, id)
    assert "Ng" in task["body"]
    assert "Rule: Promised" in task["body"]
    assert "Please answer by:" in task["body"]
    assert "(SLA hot)" in task["body"]
    assert f"/{id}" in task["body"]
    stage.writes_mail(crm, id)
    stage.pass_time(hours=1, minutes=10)
    second = stage.owned_by(crm, id)
    assert second != first
    body = stage.tasks(crm, id)[-1]["body"]
    assert "Had it before:" in body
    assert str(first) in body
    assert "Done so far:" in body
    assert "email" in body

    other = "hubspot" if crm == "salesforce" else "salesforce"
    twin = stage.arrive(other, email=email, city="Berlin")
    assert stage.owned_by(other, twin) == second
    [task] = stage.tasks(other, twin)
    assert f"You already own another record of this person: {crm}" in task["body"]
    assert "Other records of this person:" in task["body"]


@pytest.mark.parametrize("crm", CRMS)
def test_times_and_indicators_tell_what_happened_in_the_crm(crm: str) -> None:
    with days(POLICY, rules=RULES) as stage:
        short, late, flip = (stage.arrive(crm, city="Berlin") for _ in range(3))
        stage.pass_time(minutes=10, settle=False)
        stage.calls(crm, short, seconds=4)
        owner = str(stage.owned_by(crm, flip))
        stage.sets(crm, flip, who={"as": "person", "user": owner}, **{STATUS[crm]: WORKING[crm]})
        due = datetime.fromisoformat(stage.told(late)["clocks"][0]["steps"][0]["due"])
        stage.clock.advance(due - stage.clock.now() - timedelta(seconds=30))
        stage.calls(crm, late, seconds=200)
        # What else was done beside a moved status is looked up a day later.
        stage.pass_time(hours=1)
        stage.pass_time(days=1, hours=1)

        found = stage.json("times", "--since", "7d")
        assert found["assignments"] == 3
        speed = found["rules"]["Promised"]["speed_to_lead"]
        assert speed["count"] == 3
        came = {
            i: datetime.fromisoformat(stage.told(i)["times"]["captured"]) for i in (short, late)
        }
        took = (due - timedelta(seconds=30) - came[late]).total_seconds()
        assert abs(speed["p90"] - took) <= 1
        assert found["reps"][owner]["assigned_to_accepted"]["count"] >= 1
        assert "captured to first response" in stage.fairlead("times").stdout

        told = stage.json("sla", "--indicators", "--since", "7d")
        assert told["answers"] == 3
        cases = {
            i["name"]: {c["lead"].rpartition(":")[2] for p in i["people"] for c in p["evidence"]}
            for i in told["indicators"]
        }
        assert sorted(map(sorted, cases.values())) == sorted([[short], [late], [flip]])
        # Three answers are too few to say of anybody that it is more than chance.
        assert {p["compared"] for i in told["indicators"] for p in i["people"]} == {"too few"}
        assert "indicators, not verdicts" in stage.fairlead("sla", "--indicators").stdout
