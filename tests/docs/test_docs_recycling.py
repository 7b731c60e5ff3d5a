"""docs/recycling.md tells the truth: its policy loads and does what the page says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.house import House, owner_email
from docs.pages import ROOT, blocks, text_of

from fairlead.core.activity import ActivityKind
from fairlead.core.policy_file import load_policy
from fairlead.core.types import LeadState
from fairlead.reports.policy_docs import markdown
from fairlead.reports.recycling import human_recycling
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

[PART] = [b.text for b in blocks(ROOT / "docs" / "recycling.md") if b.name == "policy"]
[STORY] = [b.text for b in blocks(ROOT / "docs" / "recycling.md") if not b.kind]
# The fake CRM calls its status as we do.
POLICY = (
    "version: 1\nsources: {sf: {crm: salesforce}}\n"
    "reps: {anna@example.com: {}, ben@example.com: {}}\n"
    "teams: {inbound: {members: [anna@example.com]}, second_chance: {members: [ben@example.com]}}\n"
    "scoring: {groups: {fit: {points: [{when: rating == 'Hot', points: 60}]}}}\n"
    "rules: [{name: All, to: {team: inbound}}]\notherwise: {to: {team: inbound}}\n"
    + PART.replace("{Status:", "{status:")
)


def test_a_lead_goes_the_way_of_the_page_and_its_next_owner_reads_the_story() -> None:
    clock = ManualClock(datetime(2027, 1, 4, 9, 59, tzinfo=UTC))
    fake = FakeCrm(clock, name="salesforce")
    for email in ("anna@example.com", "ben@example.com"):
        fake.add_user(email)
    fake.add_queue("Nurture")
    fake.groups.create("Budget", id="701000000000001AAA")
    house = House(None, [fake], clock, policy=POLICY)
    house.start()

    def after(**so_long: int) -> None:
        clock.advance(timedelta(**so_long))
        house.round()
        house.sweep()
        house.round()

    clock.advance(60)
    ref = fake.create_lead(email="x@acme.example", status="New")
    house.round()
    clock.advance(timedelta(minutes=30))
    fake.activities.log(ref, ActivityKind.CALL, by=fake.owner_of(ref))
    clock.advance(timedelta(minutes=30))
    fake.update(ref, status="Recycle", Lost_Reason__c="Budget")
    house.round()
    assert house.state(ref) is LeadState.RECYCLED
    assert fake.groups.members("701000000000001AAA") == [ref]
    [listed] = house.commands.routes()["recycling"]({})["leads"]
    assert (listed["reason"], listed["cycle"]) == ("no_budget", 1)
    after(days=1)
    fake.update(ref, rating="Hot")
    after(days=12)
    assert house.state(ref) is LeadState.RECYCLED
    after(days=2)
    assert owner_email(fake, ref) == "ben@example.com"
    assert fake.groups.members("701000000000001AAA") == []
    task = list(fake.tasks.values())[-1]
    assert task.body.partition("\n\n")[2] == STORY.strip()
    house.close()


def test_what_is_listed_reads_like_the_page() -> None:
    clock = ManualClock(datetime(2027, 1, 4, 10, tzinfo=UTC))
    fake = FakeCrm(clock, name="salesforce")
    fake.add_user("anna@example.com")
    house = House(None, [fake], clock, policy=POLICY)
    house.start()
    clock.advance(1)
    fake.create_lead(email="x@acme.example", status="Disqualified", Lost_Reason__c="Spam")
    house.round()
    lines = list(human_recycling(house.commands.routes()["recycling"]({})))
    assert lines[0] == "0 leads are recycled, 1 at their end"
    assert "fairlead reassign LEAD --to REP" in lines[-1]
    assert "fairlead reassign LEAD --to REP" in text_of("docs/recycling.md")
    house.close()


def test_the_page_of_a_policy_tells_its_second_chances() -> None:
    page = markdown(load_policy({"p.yaml": POLICY}, "p.yaml"), "Leads")
    assert "Second chances" in page
    assert "half a year" in page or "180 days" in page
