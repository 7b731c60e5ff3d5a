"""A guest of a campaign or list is seen over the wire of both CRMs, routed again and explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.live import Stage, staged, wait_for

CRMS = ("salesforce", "hubspot")
RULE = """\
  - name: Guests
    when: 'signal("webinar_attended", within: 2d)'
    to: {team: enterprise}

"""
ENTERPRISE = ("emil@example.com", "fatima@example.com")


def signals(campaign: str, list_id: str) -> str:
    return f"""\
signals:
  webinar_attended:
    salesforce: {{campaign: {campaign}, status: Responded}}
    hubspot: {{list: {list_id}}}
reroute_on: [signal(webinar_attended)]
"""


@pytest.fixture(scope="module")
def groups() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def stage(groups: dict[str, str]) -> Iterator[Stage]:
    with staged(start=False, signal_interval=0.5) as stage:
        act = stage.crms.act
        made = act("salesforce", op="create", object="Campaign", fields={"Name": "Webinar"})
        groups["salesforce"] = str(made["id"])
        made = act(
            "hubspot", op="create_list", name="Guests", object="contacts", processing="MANUAL"
        )
        groups["hubspot"] = str(made["id"])
        path = stage.folder / "demo.yaml"
        text = path.read_text("utf-8").replace("rules:\n", f"rules:\n{RULE}")
        path.write_text(text + signals(groups["salesforce"], groups["hubspot"]), "utf-8")
        stage.start()
        yield stage


def attends(stage: Stage, crm: str, id: str, group: str) -> None:
    if crm == "hubspot":
        stage.crms.act(crm, op="join", list=group, ids=[id])
        return
    fields = {"CampaignId": group, "LeadId": id, "Status": "Responded"}
    stage.crms.act(crm, op="create", object="CampaignMember", fields=fields)


@pytest.mark.parametrize("crm", CRMS)
def test_a_guest_of_the_webinar_gets_the_specialist(
    stage: Stage, crm: str, groups: dict[str, str]
) -> None:
    id = stage.crms.lead() if crm == "salesforce" else stage.crms.contact()
    wait_for("it is routed", lambda: stage.crms.routed_once([(crm, id)]) and stage.idle())
    assert stage.crms.owner(crm, id) not in ENTERPRISE
    attends(stage, crm, id, groups[crm])
    wait_for("it is routed again", lambda: stage.crms.owner(crm, id) in ENTERPRISE)
    wait_for("all is written", stage.idle)
    said = stage.fairlead("why", id).stdout
    word = "campaign" if crm == "salesforce" else "list"
    assert f"by {word} {groups[crm]}" in said
    assert "signal(webinar_attended) was seen" in said
    assert len(stage.crms.owner_writes(crm, id)) == 2
