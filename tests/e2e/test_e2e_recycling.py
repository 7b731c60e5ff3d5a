"""A second chance, played over the wire of both CRMs: a lead leaves its rep with a reason, is kept
warm in a campaign or list, and comes back to somebody else with its whole story.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from e2e.live import Stage, staged, wait_for
from e2e.virtual import CRMS, STATUS, Days, days, members

from fairlead.demo.traffic import LEAD_TABLE, OWNER_FIELD

GIVEN_UP = {"salesforce": "Recycle", "hubspot": "BAD_TIMING"}
NURTURE = {"salesforce": "Nurture", "hubspot": "UNQUALIFIED"}
OPEN = {"salesforce": "Open - Not Contacted", "hubspot": "OPEN"}
REASON = {"salesforce": "Lost_Reason__c", "hubspot": "lost_reason"}
DATE = {"salesforce": "Future_Interest__c", "hubspot": "future_interest"}
TERMS = """\
fields:
  lost_reason: {{type: text, salesforce: Lost_Reason__c, hubspot: lost_reason}}
  future_interest: {{type: instant, salesforce: Future_Interest__c, hubspot: future_interest}}
slas:
  hot: {{respond_within: 30m, hours: always, when: country == "DE", on_breach: []}}
signals:
  webinar_attended:
    salesforce: {{campaign: {sf_webinar}, status: Responded}}
    hubspot: {{list: {hs_webinar}}}
recycling:
  max_cycles: 3
  cool_down: {cool_down}
  disqualified:
    - {{reason: spam, when: lost_reason == "Spam"}}
  tracks:
    no_budget:
      when: status in ["Recycle", "BAD_TIMING"] and lost_reason == "Budget"
      set: {{salesforce: {{Status: Nurture}}, hubspot: {{hs_lead_status: UNQUALIFIED}}}}
      set_back: {{salesforce: {{Status: Open - Not Contacted}}, hubspot: {{hs_lead_status: OPEN}}}}
      join: {{salesforce: {sf_warm}, hubspot: {hs_warm}}}
      owner: {{queue: Unmatched}}
      until: future_interest
      after: {after}
      reenter_when: signal("webinar_attended")
"""


Groups = dict[tuple[str, str], str]


def furnish(stage: Stage, *, cool_down: str = "1d", after: str = "180d") -> Groups:
    """The campaigns, lists and properties that the policy names, and the policy; ids by CRM and
    use."""
    groups: Groups = {}
    act = stage.crms.act
    kind = {"as": "person"}
    for name, type, field in (("lost_reason", "string", "text"),
                              ("future_interest", "datetime", "date")):  # fmt: skip
        made = {"name": name, "label": name, "groupName": "contactinformation"}
        stage.crms.post(
            "hubspot", "/crm/v3/properties/contacts", {**made, "type": type, "fieldType": field}
        )
    for use, name in (("webinar", "Webinar"), ("warm", "No budget")):
        made = act("salesforce", **kind, op="create", object="Campaign", fields={"Name": name})
        groups["salesforce", use] = str(made["id"])
        made = act(
            "hubspot", **kind, op="create_list", name=name, object="contacts", processing="MANUAL"
        )
        groups["hubspot", use] = str(made["id"])
    named = {f"{c[0]}{'f' if c[0] == 's' else 's'}_{u}": i for (c, u), i in groups.items()}
    path = stage.folder / "demo.yaml"
    terms = TERMS.format(cool_down=cool_down, after=after, **named)
    path.write_text(path.read_text("utf-8") + terms, "utf-8")
    return groups


@pytest.fixture(scope="module")
def groups() -> Groups:
    return {}


@pytest.fixture(scope="module")
def stage(groups: Groups) -> Iterator[Days]:
    with days(start=False, signal_interval=30) as stage:
        groups.update(furnish(stage))
        stage.start()
        yield stage


def leave(stage: Days, crm: str, id: str) -> str:
    """The rep gives the lead up for want of budget; who it was."""
    rep = stage.owned_by(crm, id)
    assert rep is not None
    who = {"as": "person", "user": rep}
    stage.sets(crm, id, who=who, **{STATUS[crm]: GIVEN_UP[crm], REASON[crm]: "Budget"})
    stage.settle()
    assert stage.told(id)["state"] == "recycled"
    return rep


@pytest.mark.parametrize("crm", CRMS)
def test_a_lead_leaves_with_its_reason_and_a_webinar_brings_it_back(
    stage: Days, groups: Groups, crm: str
) -> None:
    warm, webinar = groups[crm, "warm"], groups[crm, "webinar"]
    id = stage.arrive(crm)
    stage.pass_time(hours=1)
    stage.calls(crm, id)
    stage.pass_time(hours=1)
    first = leave(stage, crm, id)

    assert stage.shows(crm, id, STATUS[crm]) == NURTURE[crm]
    assert id in stage.members(crm, warm)
    assert stage.owned_by(crm, id) == ("Unmatched" if crm == "salesforce" else first)
    [clock] = stage.told(id)["clocks"]
    assert clock["state"] != "running"
    listed = {r["lead"].rpartition(":")[2]: r for r in stage.json("recycling")["leads"]}
    assert listed[id]["reason"] == "no_budget"

    # In the cool-down it does not come back.
    stage.joins(crm, id, webinar)
    stage.pass_time(hours=20, step=timedelta(hours=10))
    assert stage.told(id)["state"] == "recycled"
    stage.pass_time(hours=6)
    stage.settle()

    second = stage.owned_by(crm, id)
    assert stage.told(id)["state"] == "assigned"
    assert second in stage.crms.reps[crm]
    assert second != first
    assert stage.shows(crm, id, STATUS[crm]) == OPEN[crm]
    assert id not in stage.members(crm, warm)
    assert id in stage.members(crm, webinar)
    body = stage.tasks(crm, id)[-1]["body"]
    for said in (
        "This lead comes back from recycling (no_budget, cycle 1).",
        'Why it is back: it came back by itself: signal("webinar_attended")',
        f"given to {first}",
        f"call by {first}",
        f"recycled, no_budget, cycle 1; {first} had it",
        "signal webinar_attended",
    ):
        assert said in body
    ours = [w for w in stage.crms.our_writes(crm) if w.id == id]
    assert len([w for w in ours if STATUS[crm] in w.changes]) == 2

    # That we set the status back is no answer of the new owner's.
    stage.pass_time(minutes=40)
    clock = stage.told(id)["clocks"][-1]
    assert clock["owner"] == second
    assert clock["steps"][0]["fired"] is not None
    assert clock["state"] == "running"


def test_what_we_write_is_no_answer_where_salesforce_keeps_no_history_of_the_status() -> None:
    with days(start=False) as stage:
        stage.crms.tune("salesforce", history_fields=["OwnerId"])
        furnish(stage, after="2d")
        stage.start()
        id = stage.arrive("salesforce")
        leave(stage, "salesforce", id)
        stage.pass_time(days=2, minutes=5)
        assert stage.shows("salesforce", id, "Status") == OPEN["salesforce"]
        stage.pass_time(hours=1)
        assert stage.told(id)["clocks"][-1]["state"] == "running"


@pytest.mark.parametrize("crm", CRMS)
def test_the_date_that_the_buyer_names_brings_it_back_also_when_it_is_changed(
    stage: Days, crm: str
) -> None:
    id = stage.arrive(crm)
    first = leave(stage, crm, id)
    named = stage.clock.now().replace(microsecond=0) + timedelta(days=60)
    stage.sets(crm, id, **{DATE[crm]: instant(crm, named)})
    stage.settle()
    assert stage.told(id)["recycling"]["now"]["comes_back"] == named.isoformat()
    sooner = stage.clock.now() + timedelta(days=3)
    stage.sets(crm, id, **{DATE[crm]: instant(crm, sooner)})
    stage.pass_time(days=2)
    assert stage.told(id)["state"] == "recycled"
    stage.pass_time(days=1, hours=1)
    stage.settle()
    assert stage.told(id)["state"] == "assigned"
    assert stage.owned_by(crm, id) not in (first, "Unmatched")
    assert stage.shows(crm, id, STATUS[crm]) == OPEN[crm]


@pytest.mark.parametrize("crm", CRMS)
def test_a_field_that_a_person_changed_meanwhile_is_left_as_they_have_it(
    stage: Days, groups: Groups, crm: str
) -> None:
    id = stage.arrive(crm)
    leave(stage, crm, id)
    other = {"salesforce": "Working - Contacted", "hubspot": "CONNECTED"}[crm]
    stage.sets(crm, id, **{STATUS[crm]: other})
    stage.joins(crm, id, groups[crm, "webinar"])
    stage.pass_time(days=1, hours=1)
    stage.settle()
    assert stage.told(id)["state"] == "assigned"
    assert stage.shows(crm, id, STATUS[crm]) == other


@pytest.mark.parametrize("crm", CRMS)
def test_a_person_who_takes_it_out_of_recycling_wins(stage: Days, groups: Groups, crm: str) -> None:
    id = stage.arrive(crm)
    first = leave(stage, crm, id)
    [taker] = [r for r in ("george@example.com",) if r != first]
    stage.crms.reassign(crm, id, taker)
    stage.settle()
    told = stage.told(id)
    assert told["state"] == "assigned"
    assert stage.owned_by(crm, id) == taker
    assert id not in stage.members(crm, groups[crm, "warm"])
    assert stage.shows(crm, id, STATUS[crm]) == OPEN[crm]
    stage.joins(crm, id, groups[crm, "webinar"])
    stage.pass_time(days=2)
    assert stage.owned_by(crm, id) == taker


@pytest.mark.parametrize("crm", CRMS)
def test_spam_is_at_its_end_and_nothing_is_written_to_it(
    stage: Days, groups: Groups, crm: str
) -> None:
    id = stage.arrive(crm)
    owner = stage.owned_by(crm, id)
    stage.sets(crm, id, **{REASON[crm]: "Spam"})
    stage.settle()
    assert stage.told(id)["state"] == "terminal"
    stage.joins(crm, id, groups[crm, "webinar"])
    stage.pass_time(days=2)
    assert stage.told(id)["state"] == "terminal"
    assert stage.owned_by(crm, id) == owner
    assert id not in stage.members(crm, groups[crm, "warm"])


def instant(crm: str, at: datetime) -> str:
    """As this CRM takes an instant."""
    if crm == "salesforce":
        return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return str(int(at.timestamp() * 1000))


LEADS = 6


def test_kill_9_on_the_way_out_and_on_the_way_back_loses_nothing_and_repeats_nothing() -> None:
    with staged(start=False) as stage:
        groups = furnish(stage, cool_down="1s", after="2s")
        crms = stage.crms
        stage.start()
        keys = crms.arrivals(LEADS)
        wait_for("all are routed", lambda: crms.routed_once(keys) and stage.idle())
        first = {k: crms.owner(*k) for k in keys}
        # Answers come after the effect, so that some kills fall between the two.
        for crm in CRMS:
            crms.tune(crm, latency_ms=120)
        for crm, id in keys:
            fields = {STATUS[crm]: GIVEN_UP[crm], REASON[crm]: "Budget"}
            crms.act(crm, op="update", object=LEAD_TABLE[crm], id=id, fields=fields)
        for more in (3, 11):
            goal = len(changes(stage)) + more
            wait_for(
                "writes go out",
                lambda goal=goal: len(changes(stage)) >= goal or back(stage, keys, first),
            )
            stage.kill()
            stage.start(ready=False)
            wait_for("it is back", stage.client.running)
        wait_for("all are with somebody else", lambda: back(stage, keys, first), within=60)
        wait_for("all is written", stage.idle)
        for crm, id in keys:
            written = [w.changes for w in crms.our_writes(crm) if w.id == id]
            moved = [c[STATUS[crm]][1] for c in written if STATUS[crm] in c]
            assert moved == [NURTURE[crm], OPEN[crm]]
            owners = [c[OWNER_FIELD[crm]][1] for c in written if OWNER_FIELD[crm] in c]
            assert len(owners) == (3 if crm == "salesforce" else 2)
            assert id not in members(crms, crm, groups[crm, "warm"])
            assert crms.task_counts()[crm, id] == 2
            told = stage.known(id)
            assert told is not None
            assert told["recycling"]["cycles"] == 1
        assert stage.status()["dead_letters"] == 0
        assert stage.events("daemon.crashed") == []


def changes(stage: Stage) -> list[Any]:
    return [w for crm in CRMS for w in stage.crms.our_writes(crm)]


def back(
    stage: Stage, keys: list[tuple[str, str]], first: dict[tuple[str, str], str | None]
) -> bool:
    reps = stage.crms.reps
    return all((now := stage.crms.owner(*k)) in reps[k[0]] and now != first[k] for k in keys)
