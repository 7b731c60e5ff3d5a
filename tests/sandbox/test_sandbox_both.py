"""Both CRMs at once, with an org in them that is plausible and the same for one seed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from fairlead.errors import ConfigError
from fairlead.sandbox.both import BothSandboxes, load_faces
from fairlead.sandbox.sample_org import CUSTOMER_DOMAINS, REPS

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def both() -> Iterator[BothSandboxes]:
    with BothSandboxes(token="t-1", seed=5, now=lambda: NOW) as both:
        yield both


def rows(both: BothSandboxes, crm: str, table: str) -> list[Any]:
    return both.faces[crm].org.rows(table)


def test_the_installed_faces_are_found() -> None:
    assert list(load_faces()) == ["salesforce", "hubspot"]


def test_one_token_opens_both(both: BothSandboxes) -> None:
    about = both.describe()
    assert set(about) == {"salesforce", "hubspot", "token"}
    paths = {"salesforce": "/services/data/v67.0/limits", "hubspot": "/crm/v3/owners"}
    with requests.Session() as http:
        http.trust_env = False
        for crm, path in paths.items():
            for token, status in (("t-1", 200), ("t-2", 401)):
                headers = {"Authorization": f"Bearer {token}"}
                answer = http.get(about[crm] + path, headers=headers, timeout=10)
                assert answer.status_code == status


def test_the_same_reps_work_in_both(both: BothSandboxes) -> None:
    emails = {email for _, email in REPS}
    assert [set(s.reps) for s in both.samples.values()] == [emails, emails]
    assert set(both.samples["salesforce"].queues) == {"Inbound", "Unmatched"}
    assert len(rows(both, "salesforce", "Account")) == len(CUSTOMER_DOMAINS)
    assert {r.fields["domain"] for r in rows(both, "hubspot", "companies")} == set(CUSTOMER_DOMAINS)


def test_open_leads_are_hours_old_and_some_wait_for_an_owner(both: BothSandboxes) -> None:
    leads, contacts = rows(both, "salesforce", "Lead"), rows(both, "hubspot", "contacts")
    assert (len(leads), len(contacts)) == (24, 24)
    for row in leads + contacts:
        assert NOW - timedelta(hours=2) <= row.created_at <= NOW - timedelta(hours=1)
    inbound = both.samples["salesforce"].queues["Inbound"]
    assert sum(r.fields["OwnerId"] == inbound for r in leads) == 6
    assert sum(not r.fields.get("hubspot_owner_id") for r in contacts) == 6
    twice = {r.fields["Email"] for r in leads} & {r.fields["email"] for r in contacts}
    assert len(twice) == 12, "half of them are in both CRMs"


def everything(seed: int) -> dict[str, list[tuple[str, Any]]]:
    with BothSandboxes(token="t", seed=seed, now=lambda: NOW) as both:
        return {
            f"{crm}.{table}": [(r.id, r.fields) for r in face.org.rows(table)]
            for crm, face in both.faces.items()
            for table in face.org.tables()
        }


def test_one_seed_makes_one_org() -> None:
    first = everything(1)
    assert everything(1) == first
    assert everything(2) != first


def test_an_empty_one_has_no_leads() -> None:
    with BothSandboxes(token="t", sample_org=False) as empty:
        assert empty.samples == {}
        assert rows(empty, "salesforce", "Lead") + rows(empty, "hubspot", "contacts") == []


def test_a_taken_port_is_named_and_nothing_stays_behind() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot serve hubspot on port {port}"):
            BothSandboxes(token="t", ports={"hubspot": port}, sample_org=False)


def test_the_authority_ends_with_the_run() -> None:
    with BothSandboxes(token="t", tls=True, sample_org=False) as both:
        about = both.describe()
        assert about["hubspot"].startswith("https://127.0.0.1:")
        assert both.ca_file is not None
        assert both.ca_file.is_file()
    assert not both.ca_file.exists()
