"""Points counted by the daemon stand in both CRMs, written once, and move with the lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.live import Stage, staged, wait_for

from fairlead.demo.traffic import LEAD_TABLE

CRMS = ("salesforce", "hubspot")
FIELD = {"salesforce": "Score__c", "hubspot": "lead_points"}
SIZE = {"salesforce": "AnnualRevenue", "hubspot": "annualrevenue"}
SCORING = """\
scoring:
  groups:
    fit: {points: [{when: revenue >= 100, points: 45, because: a large company}]}
    negative: {points: [{when: free_mail, points: -10}]}
  bands: {mql: 40}
  write_to: {salesforce: Score__c, hubspot: lead_points}
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(start=False) as stage:
        path = stage.folder / "demo.yaml"
        path.write_text(path.read_text("utf-8") + SCORING, "utf-8")
        points = {"name": "lead_points", "label": "Points", "groupName": "contactinformation"}
        kind = {"type": "number", "fieldType": "number"}
        stage.crms.post("hubspot", "/crm/v3/properties/contacts", {**points, **kind})
        stage.start()
        yield stage


def arrive(stage: Stage, crm: str, revenue: int) -> str:
    size: dict[str, Any] = {SIZE[crm]: revenue}
    return stage.crms.lead(**size) if crm == "salesforce" else stage.crms.contact(**size)


def shown(stage: Stage, crm: str, id: str) -> float | None:
    row = stage.crms.both.faces[crm].org.get(LEAD_TABLE[crm], id)
    assert row is not None
    held = row.fields.get(FIELD[crm])
    return None if held in (None, "") else float(str(held))


def times_written(stage: Stage, crm: str, id: str) -> int:
    return sum(w.id == id and FIELD[crm] in w.changes for w in stage.crms.our_writes(crm))


@pytest.mark.parametrize("crm", CRMS)
def test_a_lead_gets_its_score_once_and_another_when_it_changes(stage: Stage, crm: str) -> None:
    id = arrive(stage, crm, 500)
    wait_for("it is scored", lambda: shown(stage, crm, id) == 45 and stage.idle())
    wait_for("it is routed", lambda: stage.crms.routed_once([(crm, id)]))
    fields = {SIZE[crm]: 20}
    stage.crms.act(crm, op="update", object=LEAD_TABLE[crm], id=id, fields=fields)
    wait_for("it is scored again", lambda: shown(stage, crm, id) == 0 and stage.idle())
    # By now our first write was read again, and brought no other.
    assert times_written(stage, crm, id) == 2
    assert len(stage.crms.owner_writes(crm, id)) == 1


def test_why_shows_the_reasons_and_doctor_the_fields(stage: Stage) -> None:
    id = arrive(stage, "salesforce", 100)
    wait_for("it is routed", lambda: stage.crms.routed_once([("salesforce", id)]))
    said = stage.fairlead("why", id).stdout
    assert "score: 45, grade mql (fit 45, negative 0)" in said
    assert "+45  fit: a large company" in said
    found = {f["check"]: f["ok"] for f in stage.json("doctor")}
    assert found["field Score__c to write"] is True
    assert found["contacts have the property lead_points to write"] is True


def test_a_field_that_goes_away_costs_no_lead_its_owner(stage: Stage) -> None:
    stage.crms.tune("salesforce", fields_read_only=["Lead.Score__c"])
    id = arrive(stage, "salesforce", 300)
    wait_for("it is routed", lambda: stage.crms.routed_once([("salesforce", id)]) and stage.idle())
    assert stage.status()["dead_letters"] == 0
