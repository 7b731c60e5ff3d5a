"""The policy that uses every key, at work: both CRMs, a day of leads, each decision recomputed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from daemon.house import House, owner_email, user_id

from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.core.types import Kind, LeadState, Ref
from fairlead.daemon.active_policy import ActivePolicy
from fairlead.store import leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "policies"
MAIN = "complete.yaml"
TEXT = (FOLDER / MAIN).read_text(encoding="utf-8")
FILES = {n: (FOLDER / n).read_text(encoding="utf-8") for n in (MAIN, *referenced_files(TEXT))}
POLICY = load_policy(FILES, MAIN)
QUEUES = ("Inbound", "Events", "Live chat", "Tenders", "Not for sales", "Call back")
TUESDAY = datetime(2026, 12, 1, 14, 30, tzinfo=UTC)
"""Afternoon in Europe, morning in New York, six in San Francisco, night in Sydney."""


class Company(House):
    """The daemon of the company whose policy this is."""

    def _first_policy(self) -> ActivePolicy:
        return ActivePolicy(POLICY, FILES, MAIN)


def org(clock: ManualClock, name: str) -> FakeCrm:
    fake = FakeCrm(clock, name=name, lead_object="Lead" if name == "salesforce" else "contacts")
    for rep in POLICY.roster.values():
        shown = {"email": rep.id, "name": rep.name, "active": True}
        fake.create(Kind.REP, shown, id=rep.crm_ids.get(name))
    fake.add_user("dorit@example.com")
    if name == "salesforce":
        for queue in QUEUES:
            fake.add_queue(queue)
    return fake


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(TUESDAY)


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return org(clock, "salesforce")


@pytest.fixture
def hs(clock: ManualClock) -> FakeCrm:
    return org(clock, "hubspot")


@pytest.fixture
def company(sf: FakeCrm, hs: FakeCrm, clock: ManualClock) -> Iterator[Company]:
    company = Company(None, [sf, hs], clock)
    company.start()
    clock.advance(1)
    yield company
    company.close()


def queue(fake: FakeCrm, name: str) -> str:
    return next(r.ref.id for r in fake.rows(Kind.QUEUE) if r.fields["name"] == name)


def inbound(sf: FakeCrm, email: str, **fields: Any) -> Ref:
    return sf.create_lead({"email": email, **fields}, owner_id=queue(sf, "Inbound"))


def test_a_day_of_leads_goes_where_the_page_says(
    company: Company, sf: FakeCrm, hs: FakeCrm, clock: ManualClock
) -> None:
    large = {"employees": 4000, "country": "FR"}
    sf.create(
        Kind.ACCOUNT,
        {"account.name": "Depot", "account.domain": "depot.example", "account.type": "customer"},
        owner_id=user_id(sf, "fenna@example.com"),
    )
    day = {
        "customer": inbound(sf, "a@depot.example"),
        "key account": inbound(sf, "b@bigshop.example", country="DE"),
        "public sector": inbound(sf, "c@parts.example", industry="Government", **large),
        "student": inbound(sf, "d@parts.example", title="Student of logistics"),
        "chat": inbound(sf, "e@parts.example", source="Chat"),
        "demo": inbound(sf, "f@parts.example", industry="retail", page="x/demo", **large),
        "postal area": inbound(sf, "g@parts.example", country="GB", postal_code="EC1A"),
        "outside the pilot": inbound(sf, "h@pallets.example", country="DE"),
        "unsorted": inbound(sf, "i@parts.example", country="ZA"),
        "waits for its vertical": inbound(sf, "j@parts.example", **large),
        "score": hs.create_lead(
            email="k@parts.example", country="IE", lifecycle_stage="lead", hubspotscore="51"
        ),
        "no score": hs.create_lead(
            email="l@parts.example", country="IE", lifecycle_stage="lead", hubspotscore="50"
        ),
        "known": hs.create_lead(
            email="g@parts.example", country="GB", lifecycle_stage="lead", hubspotscore="80"
        ),
    }  # fmt: skip
    company.round()
    crms = {"salesforce": sf, "hubspot": hs}
    owners = {
        who: owner_email(crms[ref.crm], ref) or crms[ref.crm].owner_of(ref)
        for who, ref in day.items()
    }
    assert owners["customer"] == "fenna@example.com"
    assert owners["key account"] == "anja@example.com"
    assert owners["public sector"] == queue(sf, "Tenders")
    assert owners["student"] == queue(sf, "Not for sales")
    assert owners["chat"] == queue(sf, "Live chat")
    assert owners["postal area"] == owners["known"] == "edwin@example.com"
    assert owners["unsorted"] == "noor@example.com"
    assert owners["score"] in ("edwin@example.com", "fenna@example.com")
    assert owners["no score"] is None
    assert company.reason(day["outside the pilot"]) == "outside the pilot"
    assert company.state(day["waits for its vertical"]) is LeadState.HELD
    of_demo = {t.owner_id for t in sf.tasks.values() if t.ref == day["demo"]}
    [engineer] = of_demo - {sf.owner_of(day["demo"])}
    assert engineer in {user_id(sf, e) for e in ("rafiq@example.com", "selma@example.com")}
    clock.advance(15 * 60)
    for ingest in company.ingests.values():
        ingest.release_held()
    company.round()
    assert company.state(day["waits for its vertical"]) is LeadState.ASSIGNED
    for ref in day.values():
        assert recomputed(company, ref), ref


def recomputed(company: Company, ref: Ref) -> bool:
    """Whether the lead's decision, taken again from what is kept, comes out equal."""
    row = leads.get_lead(company.db, ref)
    assert row is not None
    assert row.decision_id is not None
    return bool(company.commands.routes()["replay"]({"decision": row.decision_id})["equal"])
