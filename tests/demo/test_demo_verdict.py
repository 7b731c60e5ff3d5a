"""The demo's verdict bites: break one promise in the CRMs, and exactly its check fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.demo.traffic import LEAD_TABLE, LEAVER, OWNER_FIELD, Arrival, Traffic, last_seq
from fairlead.demo.verdict import MARKER, judge
from fairlead.sandbox.both import BothSandboxes
from fairlead.sandbox.org import Who

US = Who("integration", "fairlead", "Fairlead Integration")
CRMS = ("salesforce", "hubspot")


class Played:
    """What a good daemon leaves behind, written straight into the rows, open to tampering."""

    def __init__(self, both: BothSandboxes) -> None:
        self.both = both
        self.traffic = Traffic(both, seed=1)
        self.planted = self.traffic.planted
        self.dead: list[dict[str, Any]] = []
        for crm in CRMS:
            for i, email in enumerate(("one", "twice")):
                self.arrive(Arrival(i, crm, f"{email}@{crm * (i == 0) or 'both'}.example", "DE", 5))
            self.arrive(Arrival(3, crm, f"other@{crm}.example", "DE", 5, "not_ours"))
        for crm, id in self.keys("one"):
            self.own(crm, id, "anna@example.com")
            self.task(crm, id)
        for crm, id in self.keys("twice"):
            self.own(crm, id, "ben@example.com")
            self.task(crm, id)
        self.arrive(Arrival(4, "salesforce", "spoiled@broken.example", "DE", 5, "unreadable"))
        [spoiled] = self.keys("spoiled")
        self.dead.append({"lead": f"salesforce:Lead:{spoiled[1]}", "stage": "read", "reason": "?"})
        assert self.traffic.somebody_reassigns()
        self.traffic.somebody_leaves()

    def arrive(self, arrival: Arrival) -> None:
        self.traffic.arrive(arrival)

    def keys(self, who: str) -> list[tuple[str, str]]:
        leads = self.planted.leads.items()
        return [k for k, a in leads if a.email.startswith(f"{who}@")]

    def own(self, crm: str, id: str, rep: str, who: Who = US) -> None:
        fields = {OWNER_FIELD[crm]: self.both.samples[crm].reps[rep]}
        self.both.faces[crm].org.update(LEAD_TABLE[crm], id, fields, who)

    def task(self, crm: str, id: str) -> None:
        face = self.both.faces[crm]
        n = len(face.org.writes)
        if crm == "salesforce":
            fields = {"Subject": "Call", "WhoId": id, MARKER[crm]: f"fl-{n}"}
            face.act({"as": "integration", "op": "create", "object": "Task", "fields": fields})
            return
        fields = {"hs_timestamp": "1767600000000", MARKER[crm]: f"fl-{n}"}
        made = face.act({"as": "tool", "op": "create", "object": "tasks", "fields": fields})
        face.act({"op": "associate", "object": "tasks", "id": made["id"],
                  "to_object": "contacts", "to_id": id})  # fmt: skip

    def failed(self) -> set[str]:
        return {c.name for c in judge(self.both, self.planted, self.dead) if not c.ok}


@pytest.fixture
def played() -> Iterator[Played]:
    with BothSandboxes(token="demo-token", seed=2) as both:
        yield Played(both)


def take_owner_away(p: Played) -> None:
    id = p.keys("one")[1][1]
    p.both.faces["hubspot"].org.update("contacts", id, {"hubspot_owner_id": ""}, US)


def second_task(p: Played) -> None:
    p.task(*p.keys("one")[1])


def task_for_a_stranger(p: Played) -> None:
    p.task(*p.keys("other")[0])


def no_task(p: Played) -> None:
    org = p.both.faces["salesforce"].org
    [task] = [r for r in org.rows("Task") if r.fields["WhoId"] == p.keys("one")[0][1]]
    org.delete("Task", task.id, US)


def second_owner_write(p: Played) -> None:
    crm, id = p.keys("one")[1]
    p.own(crm, id, "carla@example.com")


def apart(p: Played) -> None:
    crm, id = p.keys("twice")[1]
    p.own(crm, id, "carla@example.com", Who("system", "system"))


def overrule_the_person(p: Played) -> None:
    taken = p.planted.taken_by_person
    assert taken is not None
    p.own(taken[0], taken[1], "hana@example.com", Who("system", "system"))


def give_to_the_leaver(p: Played) -> None:
    crm, id = p.keys("one")[1]
    p.own(crm, id, LEAVER, Who("system", "system"))


def touch_an_old_lead(p: Played) -> None:
    org = p.both.faces["salesforce"].org
    old = next(r for r in org.rows("Lead") if ("salesforce", r.id) not in p.planted.leads)
    org.update("Lead", old.id, {"Title": "Touched"}, US)


def touch_a_reps_own_lead(p: Played) -> None:
    crm, id = p.keys("other")[0]
    p.own(crm, id, "hana@example.com")


def no_dead_letter(p: Played) -> None:
    p.dead.clear()


def another_dead_letter(p: Played) -> None:
    p.dead.append({"lead": "hubspot:contacts:1", "stage": "read", "reason": "?"})


def wrong_dead_letter(p: Played) -> None:
    p.dead[0]["lead"] = "hubspot:contacts:1"


def test_what_a_good_daemon_leaves_behind_passes(played: Played) -> None:
    assert played.failed() == set()
    assert last_seq(played.both, "salesforce") > 0


@pytest.mark.parametrize(
    ("tamper", "fails"),
    [
        (take_owner_away, "every routable lead has an allowed owner"),
        (second_task, "one task each"),
        (task_for_a_stranger, "one task each"),
        (no_task, "one task each"),
        (second_owner_write, "each owner written once"),
        (apart, "duplicates go together"),
        (overrule_the_person, "the person's choice stands"),
        (give_to_the_leaver, "nothing goes to the rep who left"),
        (touch_an_old_lead, "nothing else was touched"),
        (touch_a_reps_own_lead, "nothing else was touched"),
        (no_dead_letter, "exactly one dead letter"),
        (another_dead_letter, "exactly one dead letter"),
        (wrong_dead_letter, "exactly one dead letter"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_broken_promise_fails_its_check(
    played: Played, tamper: Callable[[Played], None], fails: str
) -> None:
    tamper(played)
    assert played.failed() == {fails}


def test_a_person_who_could_not_reassign_anything_is_a_failure(played: Played) -> None:
    played.planted.taken_by_person = None
    assert played.failed() == {"the person's choice stands"}


def test_a_leaver_who_never_left_is_a_failure(played: Played) -> None:
    played.planted.leaver_since.clear()
    assert played.failed() == {"nothing goes to the rep who left"}
