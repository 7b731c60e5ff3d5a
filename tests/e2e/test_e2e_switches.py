"""The switches a person has: pause, the kill-switch file, dead letters."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from e2e.live import Stage, staged, wait_for

from fairlead.demo.traffic import LEAD_TABLE

CRMS = ("salesforce", "hubspot")
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def waiting(stage: Stage, keys: list[tuple[str, str]]) -> None:
    """Wait until each has a decision, and writes that have not gone out."""

    def wait() -> bool:
        return all(
            found is not None and [e["state"] for e in found["effects"]] == ["new", "new"]
            for found in (stage.known(id) for _, id in keys)
        )

    wait_for("their writes wait", wait)


def test_pause_stops_writing_and_resume_lets_it_out(stage: Stage) -> None:
    stage.fairlead("pause", "--reason", "a merge is running")
    keys = stage.crms.arrivals(4)
    waiting(stage, keys)
    assert not any(stage.crms.owner_writes(*k) for k in keys)
    assert stage.crms.task_counts().keys().isdisjoint(keys)
    assert "PAUSED since" in stage.fairlead("status").stdout
    stage.fairlead("resume")
    wait_for("they go out", lambda: stage.crms.routed_once(keys) and stage.idle())


def test_the_kill_switch_file_stops_writing_within_a_second_and_needs_nothing(
    stage: Stage,
) -> None:
    """`touch STATE.stop` is all: no command, no settings, no CRM, no daemon that listens."""
    crms = stage.crms
    switch = stage.folder / "s.sqlite.stop"
    before = crms.arrivals(6)
    wait_for("writing is under way", lambda: any(crms.owner_writes(*k) for k in before))
    subprocess.run(["touch", str(switch)], check=True)
    touched = crms.both.faces["hubspot"].org.now()
    try:
        after = crms.arrivals(6)
        wait_for("the daemon says so", lambda: stage.events("killswitch.set"))
        waiting(stage, after)
        late = [w for crm in CRMS for w in crms.our_writes(crm) if w.at > touched + SECOND]
        assert late == []
        health = stage.status()["health"]
        assert (health["ok"], health["kill_switch"]) == (True, True)
        assert len(stage.events("killswitch.set")) == 1
    finally:
        switch.unlink()
    keys = before + after
    wait_for("they go out", lambda: crms.routed_once(keys) and stage.idle())
    wait_for("the daemon says so", lambda: stage.events("killswitch.cleared"))


@pytest.mark.parametrize("crm", CRMS)
def test_an_unreadable_record_becomes_a_dead_letter_and_a_retry_routes_it_once_mended(
    stage: Stage, crm: str
) -> None:
    crms = stage.crms
    id = unreadable(stage, crm)
    [letter] = wait_for("it is on the list", lambda: letters(stage, id))
    assert (letter["stage"], letter["state"]) == ("read", "open")
    line = f"#{letter['id']} {letter['lead']} [read, open] {letter['reason']}"
    assert line in stage.fairlead("dead-letters", "list").stdout
    assert "@" not in letter["reason"]
    stage.fairlead("dead-letters", "retry", str(letter["id"]))
    [again] = wait_for("it comes back", lambda: letters(stage, id, after=letter["id"]))
    mend(stage, crm, id)
    wait_for("it is routed once it can be read", lambda: crms.routed_once([(crm, id)]))
    wait_for("its entry is closed", lambda: not letters(stage, id, after=again["id"] - 1))


@pytest.mark.parametrize("crm", CRMS)
def test_a_dropped_dead_letter_is_terminal_and_stays_on_record(stage: Stage, crm: str) -> None:
    id = unreadable(stage, crm)
    [letter] = wait_for("it is on the list", lambda: letters(stage, id))
    stage.fairlead("dead-letters", "drop", str(letter["id"]))
    assert letters(stage, id) == []
    [kept] = [x for x in stage.json("dead-letters", "list", "--all") if x["lead"].endswith(id)]
    assert kept["state"] == "dropped"
    [told] = stage.client.call("why", lead=id)
    assert (told["state"], told["reason"]) == ("terminal", "dropped by a person")
    done = stage.fairlead("dead-letters", "drop", str(letter["id"]), exit_code=78)
    assert "no open dead letter has the number" in done.stderr


def letters(stage: Stage, id: str, after: int = 0) -> list[dict[str, Any]]:
    found = stage.client.call("dead-letters")
    return [x for x in found if x["lead"].endswith(f":{id}") and x["id"] > after]


def unreadable(stage: Stage, crm: str) -> str:
    """A lead whose row is garbage from the first moment in which the daemon can meet it."""
    face = stage.crms.both.faces[crm]
    table = LEAD_TABLE[crm]
    fields = {
        "salesforce": {"LastName": "Spoilt", "Company": "Spoilt", "OwnerId": stage.crms.inbound},
        "hubspot": {"lastname": "Spoilt", "lifecyclestage": "lead"},
    }[crm]
    with face.org.lock:
        id = str(face.act({"op": "create", "object": table, "fields": fields})["id"])
        face.act({"op": "corrupt", "object": table, "id": id})
    return id


def mend(stage: Stage, crm: str, id: str) -> None:
    """End the garbage, as whoever broke the record would; the record is touched by it."""
    crms = stage.crms
    if crm == "salesforce":
        crms.act(crm, op="mend", object="Lead", id=id)
        crms.act(crm, op="touch", object="Lead", id=id)
        return
    face: Any = crms.both.faces[crm]
    with face.org.lock:
        del face.portal.corrupt["contacts", id]
    crms.act(crm, op="update", object="contacts", id=id, fields={"city": "Oslo"})
