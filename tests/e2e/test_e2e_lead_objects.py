"""HubSpot's Lead objects: speed and second chances do with them what they do with contacts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from e2e.virtual import Days, days

OF_CONTACT = 578
POLICY = """\
slas:
  hot: {{respond_within: 30m, hours: always, when: city == "Berlin", on_breach: []}}
cadences:
  standard: [1d, 3d]
decay:
  - name: cold
    when: city == "Oslo"
    after: {{silence: 3d}}
    do: [{{escalate: dana@example.com}}]
signals:
  webinar_attended: {{hubspot: {{list: {webinar}}}}}
recycling:
  cool_down: 1d
  tracks:
    no_budget:
      when: status == "unqualified-stage-id"
      set: {{hubspot: {{hs_lead_label: COLD}}}}
      set_back: {{hubspot: {{hs_pipeline_stage: new-stage-id, hs_lead_label: WARM}}}}
      join: {{hubspot: {warm}}}
      after: 180d
      reenter_when: signal("webinar_attended")
"""
RULES = """\
  - {name: Followed, when: city == "Lyon", to: {team: americas}, cadence: standard}

"""


@pytest.fixture(scope="module")
def lists() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def stage(lists: dict[str, str]) -> Iterator[Days]:
    with days(rules=RULES, start=False, signal_interval=30, only="hubspot") as stage:
        for use in ("webinar", "warm"):
            order = {"op": "create_list", "name": use, "object": "leads", "processing": "MANUAL"}
            lists[use] = str(stage.crms.act("hubspot", **order)["id"])
        path = stage.folder / "demo.yaml"
        text = path.read_text("utf-8")
        text = text.replace("object: contacts", "object: leads")
        text = text.replace(
            'owner is null and lifecycle_stage in ["lead", "marketingqualifiedlead"]',
            "owner is null",
        )
        path.write_text(text + POLICY.format(**lists), "utf-8")
        stage.start()
        yield stage


def arrive(stage: Days, city: str = "") -> tuple[str, str]:
    """A contact and its Lead object, routed by now; the ids of the Lead and of the contact."""
    contact = stage.crms.contact(city=city)
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": OF_CONTACT}
    body = {
        "properties": {"hs_lead_name": f"A lead of {contact}"},
        "associations": [{"to": {"id": contact}, "types": [kind]}],
    }
    id = str(stage.crms.post("hubspot", "/crm/v3/objects/leads", body)["id"])
    stage.settle()
    assert owner(stage, id) is not None
    return id, contact


def shows(stage: Days, id: str, name: str) -> Any:
    row = stage.crms.both.faces["hubspot"].org.get("leads", id)
    assert row is not None
    return row.fields.get(name)


def owner(stage: Days, id: str) -> str | None:
    names = {i: e for e, i in stage.crms.reps["hubspot"].items()}
    return names.get(str(shows(stage, id, "hubspot_owner_id")))


def tasks(stage: Days, id: str) -> list[dict[str, Any]]:
    face: Any = stage.crms.both.faces["hubspot"]
    found = [
        {"id": row.id, "body": row.fields.get("hs_task_body") or "", "made": row.created_at}
        for row in face.org.rows("tasks")
        if not row.deleted and id in face.portal.links[("tasks", row.id)].get("leads", ())
    ]
    return sorted(found, key=lambda t: t["made"])


def sets(stage: Days, id: str, **fields: str) -> None:
    stage.crms.act("hubspot", op="update", object="leads", id=id, fields=fields)


def test_a_lead_object_goes_round_by_its_stage_and_comes_back_by_a_list(
    stage: Days, lists: dict[str, str]
) -> None:
    id, _ = arrive(stage, "Berlin")
    first = owner(stage, id)
    sets(stage, id, hs_pipeline_stage="unqualified-stage-id")
    stage.settle()
    assert stage.told(id)["state"] == "recycled"
    assert shows(stage, id, "hs_lead_label") == "COLD"
    assert stage.members("hubspot", lists["warm"]) == {id}
    stage.crms.act("hubspot", op="join", list=lists["webinar"], ids=[id])
    stage.pass_time(days=1, hours=1)
    stage.settle()
    assert stage.told(id)["state"] == "assigned"
    assert owner(stage, id) not in (None, first)
    assert shows(stage, id, "hs_pipeline_stage") == "new-stage-id"
    assert shows(stage, id, "hs_lead_label") == "WARM"
    assert stage.members("hubspot", lists["warm"]) == set()
    assert "signal webinar_attended" in tasks(stage, id)[-1]["body"]
    stage.pass_time(minutes=40)
    assert stage.told(id)["clocks"][-1]["state"] == "running"


def test_a_call_with_its_contact_ends_the_silence_of_a_lead_object(stage: Days) -> None:
    id, contact = arrive(stage, "Oslo")
    stage.pass_time(days=2)
    stage.crms.act("hubspot", op="log", object="calls", contact=contact)
    stage.pass_time(days=2)
    journal = stage.told(id)["journal"]
    assert [j for j in journal if j["event"] == "lead.decayed"] == []
    stage.pass_time(days=1, hours=1)
    [j] = [j for j in stage.told(id)["journal"] if j["event"] == "lead.decayed"]
    assert stage.clock.now() - datetime.fromisoformat(j["at"]) < timedelta(hours=2)


def test_a_lead_object_is_followed_up_until_its_contact_writes(stage: Days) -> None:
    id, contact = arrive(stage, "Lyon")
    stage.pass_time(days=1, hours=1)
    [one] = [t for t in tasks(stage, id) if "cadence standard" in t["body"]]
    done = {"hs_task_status": "COMPLETED"}
    stage.crms.act("hubspot", op="update", object="tasks", id=one["id"], fields=done)
    stage.crms.act("hubspot", op="log", object="emails", contact=contact, incoming=True)
    stage.pass_time(days=3, step=timedelta(days=1))
    assert len([t for t in tasks(stage, id) if "cadence standard" in t["body"]]) == 1
    assert stage.told(id)["cadences"][-1]["state"] == "the buyer has answered"
