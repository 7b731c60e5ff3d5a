"""Leads made over HTTP by any client get one owner, one task and an explanation; people win."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from e2e.live import LAG, Stage, staged, wait_for

EMEA = {"anna@example.com", "ben@example.com", "carla@example.com"}
CRMS = ("salesforce", "hubspot")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def arrive(stage: Stage, crm: str, email: str = "") -> str:
    return stage.crms.lead(email) if crm == "salesforce" else stage.crms.contact(email)


def routed(stage: Stage, *keys: tuple[str, str]) -> None:
    wait_for("the leads are routed", lambda: stage.crms.routed_once(keys) and stage.idle())


def test_a_salesforce_lead_has_an_owner_and_one_task_two_polls_later(stage: Stage) -> None:
    crms = stage.crms
    routed(stage, ("salesforce", crms.lead()))  # the writer has now learnt the schema
    before = crms.last_seq("salesforce")
    id = crms.lead()
    routed(stage, ("salesforce", id))
    assert crms.owner("salesforce", id) in EMEA
    [given] = crms.owner_writes("salesforce", id)
    assert given.request is not None
    calls = [r for r in crms.requests("salesforce", before) if r.seq < given.request]
    # The create, at most two polls that can show it, the owners' refresh, the guard's read.
    assert len(calls) <= 5, [r.path for r in calls]


def test_a_hubspot_contact_has_an_owner_and_one_task_two_polls_after_the_index(
    stage: Stage,
) -> None:
    crms = stage.crms
    id = crms.contact()
    routed(stage, ("hubspot", id))
    assert crms.owner("hubspot", id) in EMEA
    [made] = [w for w in crms.writes("hubspot") if w.id == id and w.op == "create"]
    [given] = crms.owner_writes("hubspot", id)
    assert given.request is not None
    shown = made.at + timedelta(seconds=LAG[1])
    searches = [
        r
        for r in crms.requests("hubspot")
        if r.path.endswith("/contacts/search") and r.at > shown and r.seq < given.request
    ]
    assert len(searches) <= 2, [r.at for r in searches]


@pytest.mark.parametrize("crm", CRMS)
def test_the_task_is_the_owners_and_the_record_says_why(stage: Stage, crm: str) -> None:
    crms = stage.crms
    id = arrive(stage, crm)
    routed(stage, (crm, id))
    task = crms.task_of(crm, id)
    rep = crms.owner(crm, id)
    assert rep is not None
    field = {"salesforce": "OwnerId", "hubspot": "hubspot_owner_id"}[crm]
    subject = {"salesforce": "Subject", "hubspot": "hs_task_subject"}[crm]
    reason = {"salesforce": "Fairlead_Reason__c", "hubspot": "fairlead_reason"}[crm]
    assert task.fields[field] == crms.reps[crm][rep]
    assert task.fields[subject] == "Contact this new lead"
    row = crms.both.faces[crm].org.get("Lead" if crm == "salesforce" else "contacts", id)
    assert row is not None
    assert row.fields[reason] == "By territory: next in team emea"


def test_why_explains_it_to_people_and_to_machines(stage: Stage) -> None:
    email = "asked.about@orchard.example"
    id = arrive(stage, "salesforce", email)
    routed(stage, ("salesforce", id))
    owner = stage.crms.owner("salesforce", id)
    text = stage.fairlead("why", email).stdout
    for part in (
        f"salesforce:Lead:{id}: assigned (next in team emea), owner {owner}",
        "rule: By territory",
        "[ ] Enterprise",
        "balances in team:emea",
        "<- chosen",
        "set_owner: done",
        "upsert_task: done",
    ):
        assert part in text, text
    [told] = stage.json("why", id)
    assert (told["owner"], told["state"]) == (owner, "assigned")
    assert told["decision"]["rule"] == "By territory"
    assert told["decision"]["recomputed_equal"] is True
    assert [e["state"] for e in told["effects"]] == ["done", "done"]


def test_why_of_a_lead_nobody_saw_says_what_to_give_it(stage: Stage) -> None:
    done = stage.fairlead("why", "00QAA00000000012AA", exit_code=78)
    assert "no lead '00QAA00000000012AA' has been seen" in done.stderr


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in CRMS for b in CRMS if b != a])
def test_the_second_record_of_a_person_goes_to_the_same_owner_in_the_other_crm(
    stage: Stage, first: str, second: str
) -> None:
    email = f"twice.{first}@meadow.example"
    one = (first, arrive(stage, first, email))
    routed(stage, one)
    two = (second, arrive(stage, second, email))
    routed(stage, one, two)
    assert stage.crms.owner(*two) == stage.crms.owner(*one)


def test_two_leads_of_one_person_at_once_go_to_one_owner(stage: Stage) -> None:
    email = "hasty@meadow.example"
    pair = [("salesforce", arrive(stage, "salesforce", email)) for _ in range(2)]
    routed(stage, *pair)
    assert len({stage.crms.owner(*k) for k in pair}) == 1


def test_a_customers_contact_goes_to_the_account_owner(stage: Stage) -> None:
    crms = stage.crms
    owner = crms.reps["hubspot"]["george@example.com"]
    company = {"name": "Lantern", "domain": "lantern.example", "lifecyclestage": "customer"}
    fields = {**company, "hubspot_owner_id": owner}
    crms.act("hubspot", op="create", object="companies", fields=fields, settled=True)
    since = crms.last_seq("hubspot")
    wait_for(
        "companies were looked at since",
        lambda: (
            sum(r.path.endswith("/companies/search") for r in crms.requests("hubspot", since)) > 1
        ),
    )
    id = arrive(stage, "hubspot", "buyer@lantern.example")
    routed(stage, ("hubspot", id))
    assert crms.owner("hubspot", id) == "george@example.com"


@pytest.mark.parametrize("crm", CRMS)
def test_a_lead_that_a_person_reassigned_stays_theirs(stage: Stage, crm: str) -> None:
    crms = stage.crms
    id = arrive(stage, crm)
    routed(stage, (crm, id))
    crms.reassign(crm, id, "hana@example.com")
    table, title = ("Lead", "Title") if crm == "salesforce" else ("contacts", "jobtitle")
    crms.act(crm, **{"as": "person"}, op="update", object=table, id=id, fields={title: "Director"})
    seen = wait_for(
        "the new owner is known",
        lambda: [e for e in stage.client.call("why", lead=id) if e["owner"] == "hana@example.com"],
    )
    assert seen[0]["state"] == "assigned"
    later = (crm, arrive(stage, crm))
    routed(stage, later)
    assert crms.owner(crm, id) == "hana@example.com"
    assert len(crms.owner_writes(crm, id)) == 1


@pytest.mark.parametrize("crm", CRMS)
def test_a_person_who_is_quicker_keeps_the_lead(stage: Stage, crm: str) -> None:
    crms = stage.crms
    stage.client.call("pause", reason="so that a person is quicker")
    try:
        id = arrive(stage, crm)
        wait_for("its writes wait", lambda: not stage.idle())
        crms.reassign(crm, id, "george@example.com")
    finally:
        stage.client.call("resume")
    wait_for("nothing waits any more", stage.idle)
    assert crms.owner(crm, id) == "george@example.com"
    assert crms.owner_writes(crm, id) == []


@pytest.mark.parametrize(
    ("crm", "path", "body"),
    [
        ("salesforce", "/composite$", '"method":"PATCH"'),
        ("hubspot", "/contacts/batch/update$", ""),
    ],
)
def test_a_write_that_ran_over_a_persons_choice_is_put_back(
    stage: Stage, crm: str, path: str, body: str
) -> None:
    """The person decides between our last look and the moment our write takes effect."""
    crms = stage.crms
    crms.fault(crm, "delay", path=path, body=body, seconds=1.0)
    since = crms.last_seq(crm)
    id = arrive(stage, crm)
    wait_for(
        "our write is on its way",
        lambda: [r for r in crms.requests(crm, since) if r.note == "delay"],
    )
    crms.reassign(crm, id, "hana@example.com")
    wait_for("our write took effect", lambda: crms.owner_writes(crm, id))
    wait_for("theirs is put back", lambda: crms.owner(crm, id) == "hana@example.com")
    wait_for("nothing waits any more", stage.idle)
    assert crms.owner(crm, id) == "hana@example.com"
    assert [e["reason"] for e in stage.events("effect.superseded") if e["lead"].endswith(id)] == [
        "our write ran over a person's choice; theirs is put back"
    ]
    field = "OwnerId" if crm == "salesforce" else "hubspot_owner_id"
    assert crms.task_of(crm, id).fields[field] == crms.reps[crm]["hana@example.com"]


def test_what_existed_before_the_first_start_was_never_touched(stage: Stage) -> None:
    existing = stage.crms.existing
    assert {crm for crm, _ in existing} == set(CRMS)
    routed(stage, *stage.crms.arrivals(2))
    touched = {(crm, w.id) for crm in CRMS for w in stage.crms.our_writes(crm)} & existing
    assert not touched
    states = stage.status()["leads"]
    assert [states[crm]["pre_existing"] for crm in CRMS] == [24, 24]


def test_a_customers_lead_goes_to_the_owner_of_the_account() -> None:
    with staged() as stage:
        org = stage.crms.both.faces["salesforce"].org
        account = next(r for r in org.rows("Account") if r.fields["Type"] == "customer")
        website = account.fields["Website"]
        lead = stage.crms.lead("buyer@" + website.removeprefix("https://www."))
        wait_for("it is routed", lambda: stage.crms.routed_once([("salesforce", lead)]))
        row = org.get("Lead", lead)
        assert row is not None
        assert row.fields["OwnerId"] == account.fields["OwnerId"]
