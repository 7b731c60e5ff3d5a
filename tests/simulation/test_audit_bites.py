"""The audit is worth something: whoever tampers with the state or a CRM is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fairlead.sandbox.org import Who
from fairlead.simulation.audit import audit
from fairlead.simulation.crms import (
    A_FOLLOW_UP,
    OWNER_FIELD,
    REPLY_FIELD,
    TASK_TABLE,
    TEXT_FIELD,
    Key,
)
from fairlead.simulation.play import Simulation
from fairlead.simulation.tasks import MARKER, tasks_of
from fairlead.store import totals

CRMS = ("salesforce", "hubspot")
AGAIN = (
    "INSERT INTO journal (at, event, crm, object, lead_id, detail) SELECT at, event, crm,"
    " object, lead_id, detail FROM journal WHERE event = '{}' LIMIT 1"
)


@pytest.fixture(scope="module")
def played() -> Iterator[Simulation]:
    with Simulation(leads=60, reps=12, days=1, seed=10) as run:
        run.play(lambda *_: None)
        assert bad(run) == []
        yield run


def bad(run: Simulation) -> list[str]:
    found = audit(run.app.db, run.crms, run.people, run.clock.now())
    return [f.name for f in found if not f.ok]


def a_lead(run: Simulation, crm: str) -> Key:
    return next(k for k, a in run.crms.leads.items() if k[0] == crm and a.kind == "routable")


class Taken(Exception):
    """Takes back what a test did to the state."""


def with_state(run: Simulation, *statements: str) -> list[str]:
    """What the audit finds after these statements, which are then undone."""
    try:
        with run.app.db.transaction():
            for statement in statements:
                assert run.app.db.execute(statement).rowcount > 0, f"changed nothing: {statement}"
            found = bad(run)
            raise Taken
    except Taken:
        return found


ANSWERED = "(SELECT id FROM clocks WHERE how = 'answered' AND late = 0 ORDER BY id LIMIT 1)"
FIRED = "(SELECT clock_id FROM clock_steps WHERE fired_at IS NOT NULL ORDER BY clock_id LIMIT 1)"


@pytest.mark.parametrize(
    ("finding", "statement"),
    [
        (
            "no lead lost",
            "UPDATE leads SET state = 'held' WHERE id = (SELECT max(id) FROM leads"
            " WHERE state = 'assigned')",
        ),
        (
            "each lead has the owner that the state says",
            "UPDATE leads SET owner_id = 'nobody' WHERE id = (SELECT max(id) FROM leads"
            " WHERE state = 'assigned')",
        ),
        (
            "owner writes agree",
            "UPDATE outbox SET state = 'cancelled' WHERE key = (SELECT max(key) FROM outbox"
            " WHERE kind = 'set_owner')",
        ),
        (
            "each task is there once",
            "UPDATE outbox SET state = 'cancelled' WHERE key = (SELECT max(key) FROM outbox"
            " WHERE kind = 'upsert_task')",
        ),
        (
            "no step fired twice, none early",
            AGAIN.format("clock.fired"),
        ),
        ("no level reached twice, none early", AGAIN.format("lead.decayed")),
        ("no follow-up made twice", AGAIN.format("cadence.task")),
        ("each signal was seen", "DELETE FROM signals WHERE name = 'webinar_attended'"),
        ("each signal was seen", "DELETE FROM signals WHERE name = 'demo_requested'"),
        (
            "who is recycled or disqualified is so by a person's word",
            "UPDATE recyclings SET since = '2026-10-01T00:00:00+00:00' WHERE reason = 'no_budget'",
        ),
        (
            "who is recycled or disqualified is so by a person's word",
            "DELETE FROM recyclings WHERE reason = 'no_fit'",
        ),
        (
            "no step fired twice, none early",
            "UPDATE clock_steps SET fired_at = '2026-10-19T00:00:00+00:00' WHERE clock_id = "  # noqa: S608
            + FIRED
            + " AND fired_at IS NOT NULL",
        ),
        (
            "each due clock fired, was answered or ended",
            "INSERT INTO clock_steps (clock_id, step, number, crm, due_at)"
            " SELECT id, 'forgotten', 9, crm, since FROM clocks WHERE ended_at IS NULL LIMIT 1",
        ),
        (
            "each answer is one that a person gave",
            "UPDATE clocks SET ended_at = '2026-10-19T00:00:01+00:00' WHERE id = " + ANSWERED,  # noqa: S608
        ),
        (
            "each answer is seen, and in time if it was",
            "UPDATE clocks SET ended_at = NULL, how = 'running' WHERE id = " + ANSWERED,  # noqa: S608
        ),
        (
            "every effect has reached its end",
            "UPDATE outbox SET state = 'sent' WHERE key = (SELECT max(key) FROM outbox)",
        ),
    ],
)
def test_a_state_that_was_tampered_with_is_found_out(
    played: Simulation, finding: str, statement: str
) -> None:
    assert finding in with_state(played, statement)


@pytest.mark.parametrize("crm", CRMS)
def test_an_owner_that_the_state_does_not_know_is_found_out(played: Simulation, crm: str) -> None:
    key = a_lead(played, crm)
    row = played.crms.row(key)
    was = row.fields[OWNER_FIELD[crm]]
    other = next(i for i in played.crms.emails[crm] if i != was)
    row.fields[OWNER_FIELD[crm]] = other
    try:
        assert bad(played) == ["each lead has the owner that the state says"]
    finally:
        row.fields[OWNER_FIELD[crm]] = was


@pytest.mark.parametrize("crm", CRMS)
def test_a_second_owner_write_of_ours_is_found_out(played: Simulation, crm: str) -> None:
    key = a_lead(played, crm)
    writes = played.crms.writes(crm)
    again = next(
        w
        for w in writes
        if w.id == key[1] and w.op == "update" and w.who.kind == "integration"
        and OWNER_FIELD[crm] in w.changes
    )  # fmt: skip
    writes.append(again)
    try:
        assert bad(played) == ["owner writes agree"]
    finally:
        writes.pop()


@pytest.mark.parametrize("crm", CRMS)
def test_a_task_that_the_state_does_not_know_is_found_out(played: Simulation, crm: str) -> None:
    """And so is one that is gone."""
    org = played.crms.faces[crm].org
    task = next(r for r in org.rows(TASK_TABLE[crm]) if r.fields.get(MARKER[crm]))
    changes: tuple[Callable[[], object], ...] = (
        lambda: task.fields.update({MARKER[crm]: "fl-unknown"}),
        lambda: setattr(task, "deleted", True),
    )
    was = task.fields[MARKER[crm]]
    for change in changes:
        change()
        try:
            assert bad(played) == ["each task is there once"]
        finally:
            task.fields[MARKER[crm]] = was
            task.deleted = False


def test_a_write_to_a_record_that_is_not_ours_is_found_out(played: Simulation) -> None:
    crm, id = next(k for k, a in played.crms.leads.items() if a.kind != "routable")
    row = played.crms.row((crm, id))
    org = played.crms.faces[crm].org
    org.update(row.table, id, {"touched": "1"}, Who("integration", "us"))
    try:
        assert bad(played) == ["nothing else was touched"]
    finally:
        org.writes.pop()


@pytest.mark.parametrize("crm", CRMS)
def test_a_lead_that_is_back_and_shows_its_track_still_is_found_out(
    played: Simulation, crm: str
) -> None:
    known = totals.owners_of_leads(played.app.db)
    id = next(r.id for r, (state, _) in known.items() if r.crm == crm and state == "assigned")
    row = played.crms.row((crm, id))
    was = row.fields.get(REPLY_FIELD[crm])
    row.fields[REPLY_FIELD[crm]] = "no_budget"
    try:
        assert bad(played) == ["recycled leads are in their list, others are not"]
    finally:
        row.fields[REPLY_FIELD[crm]] = was


def test_a_lead_that_is_not_recycled_and_in_the_list_is_found_out(played: Simulation) -> None:
    known = totals.owners_of_leads(played.app.db)
    id = next(r.id for r, (state, _) in known.items() if (r.crm, state) == ("hubspot", "assigned"))
    org = played.crms.faces["hubspot"].org
    guest = next(r for r in org.rows("list_memberships") if not r.deleted)
    was = dict(guest.fields)
    guest.fields.update(list=played.crms.groups["nurture_hubspot"], record=id)
    try:
        assert "recycled leads are in their list, others are not" in bad(played)
    finally:
        guest.fields.update(was)


def test_a_write_to_a_lead_at_its_end_is_found_out(played: Simulation) -> None:
    known = totals.owners_of_leads(played.app.db)
    ended = {(r.crm, r.id) for r, (state, _) in known.items() if state == "terminal"}
    key = next(iter(sorted(ended)))
    writes = played.crms.writes(key[0])
    ours = next(w for w in writes if w.id == key[1] and w.who.kind == "integration")
    writes.append(replace(ours, at=played.clock.now(), changes={}))
    try:
        assert bad(played) == ["leads at their end are left alone"]
    finally:
        writes.pop()


def test_a_silence_in_which_somebody_did_something_is_found_out(played: Simulation) -> None:
    ref, at = next((r, at) for r, n, at in totals.decayed(played.app.db) if n == "cooling")
    times = played.people.touched.setdefault((ref.crm, ref.id), [])
    times.append(at - timedelta(hours=1))
    try:
        assert bad(played) == ["who is said to be silent was"]
    finally:
        times.pop()


@pytest.mark.parametrize("crm", CRMS)
def test_two_open_follow_ups_of_one_person_are_found_out(played: Simulation, crm: str) -> None:
    face = played.crms.faces[crm]
    made = list(tasks_of(crm, face))
    theirs = {(t.lead, t.owner) for t in made if t.follow_up}
    first = next(t for t in made if not t.follow_up and (t.lead, t.owner) in theirs)
    rows = face.org.rows(TASK_TABLE[crm])
    row = next(r for r in rows if r.fields.get(MARKER[crm]) == first.marker)
    was = row.fields[TEXT_FIELD[crm]]
    row.fields[TEXT_FIELD[crm]] = f"{A_FOLLOW_UP} 1 of 3"
    try:
        assert bad(played) == ["nobody has two open follow-ups of one lead"]
    finally:
        row.fields[TEXT_FIELD[crm]] = was
