"""Bad days of the CRMs: late commits, dead sessions, storms, lost answers, trailing indexes.

Salesforce is logged in to with a JWT here, over plain loopback.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.live import TOKEN, Stage, staged, wait_for
from salesforce_sandbox.test_sf_sandbox_auth import USER, private_pem, public_pem

WRITES = {"path": "/composite$", "body": '"method":"PATCH"'}
"""The one address of Salesforce that carries reads and writes, when it carries writes."""

CALLS = {"salesforce": "/composite$", "hubspot": "/2026-09/", "search": "/2026-09/.*/search$"}
"""What the daemon calls and the clients of these tests do not."""


def with_jwt(stage: Stage) -> None:
    crms = stage.crms
    app = {"certificate": public_pem(), "user": USER}
    crms.tune("salesforce", connected_apps={"app-key": app}, base_url=crms.url("salesforce"))
    stage.secret("salesforce.key", private_pem().decode())
    stage.settings(
        salesforce={
            "login": "jwt",
            "login_url": crms.url("salesforce"),
            "username": USER,
            "consumer_key": "app-key",
            "private_key_file": "salesforce.key",
            "read_timeout": 2,
        },
        hubspot={"read_timeout": 2},
    )


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with staged(start=False) as stage:
        with_jwt(stage)
        stage.start()
        yield stage


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    yield running
    running.crms.heal()
    assert running.events("daemon.crashed") == []
    assert running.events("connector.stopped") == []


def routed(stage: Stage, keys: list[tuple[str, str]]) -> None:
    wait_for("all are routed", lambda: stage.crms.routed_once(keys) and stage.idle())
    stage.crms.assert_nothing_twice(keys)


def struck(stage: Stage, crm: str, since: int, note: str) -> int:
    return sum(r.note == note for r in stage.crms.requests(crm, since))


def test_a_lead_whose_transaction_commits_many_polls_later_is_routed(stage: Stage) -> None:
    crms = stage.crms
    fields = {"LastName": "Late", "Company": "Late", "OwnerId": crms.inbound, "CountryCode": "US"}
    late = crms.act("salesforce", op="create", fields=fields, commit_delay_seconds=4)
    since = crms.last_seq("salesforce")
    routed(stage, [("salesforce", crms.lead())])
    assert crms.both.faces["salesforce"].org.get("Lead", late["id"]) is None
    wait_for("it is routed", lambda: has_row(stage, late["id"]) and
             crms.routed_once([("salesforce", late["id"])]))  # fmt: skip
    assert len(crms.requests("salesforce", since)) > 5


def has_row(stage: Stage, id: str) -> bool:
    return stage.crms.both.faces["salesforce"].org.get("Lead", id) is not None


def test_sessions_that_end_are_renewed_and_nobody_notices(stage: Stage) -> None:
    crms = stage.crms
    before = crms.act("salesforce", op="status")
    for _ in range(3):
        crms.act("salesforce", op="expire_sessions")
        routed(stage, [("salesforce", crms.lead())])
    crms.fault("salesforce", "expired_session", path=CALLS["salesforce"])
    routed(stage, [("salesforce", crms.lead())])
    after = crms.act("salesforce", op="status")
    assert after["logins"] > before["logins"]
    assert stage.events("poll.failed") == []


@pytest.mark.parametrize(
    ("crm", "kind", "more"),
    [
        ("salesforce", "server_unavailable", {"count": 2}),
        ("salesforce", "request_limit", {"count": 2, "params": {"retry_after": 1}}),
        ("salesforce", "too_many_requests", {"count": 3, "params": {"retry_after": 1}}),
        ("hubspot", "ten_secondly_429", {"count": 3, "params": {"retry_after": 1}}),
        ("hubspot", "secondly_429", {"count": 3}),
        ("hubspot", "unavailable_503", {"count": 2}),
    ],
)
def test_a_storm_of_refusals_delays_leads_and_loses_none(
    stage: Stage, crm: str, kind: str, more: dict[str, object]
) -> None:
    crms = stage.crms
    since = crms.last_seq(crm)
    crms.fault(crm, kind, path=CALLS["search" if kind == "secondly_429" else crm], **more)
    keys = [(crm, crms.lead() if crm == "salesforce" else crms.contact()) for _ in range(3)]
    routed(stage, keys)
    assert struck(stage, crm, since, kind) >= 1


@pytest.mark.parametrize(
    ("crm", "fault"),
    [
        ("salesforce", {"kind": "reset", "where": "before", **WRITES}),
        ("salesforce", {"kind": "reset", "where": "after", **WRITES}),
        ("salesforce", {"kind": "truncate", "where": "after", **WRITES}),
        ("salesforce", {"kind": "server_unavailable", "where": "after", **WRITES}),
        ("salesforce", {"kind": "hang", "where": "after", "seconds": 5, **WRITES}),
        ("hubspot", {"kind": "reset", "where": "after", "path": "/contacts/batch/update$"}),
        ("hubspot", {"kind": "hang", "where": "after", "seconds": 5, "path": "/tasks/batch/"}),
        ("hubspot", {"kind": "reset", "where": "after", "path": "/tasks/batch/"}),
        ("hubspot", {"kind": "reset", "where": "before", "path": "/tasks/batch/"}),
        ("hubspot", {"kind": "internal_500", "where": "after", "path": "/tasks/batch/"}),
    ],
)
def test_an_answer_lost_around_a_write_makes_no_second_owner_and_no_second_task(
    stage: Stage, crm: str, fault: dict[str, object]
) -> None:
    crms = stage.crms
    since = crms.last_seq(crm)
    crms.control(crm, "faults", {"count": 1, **fault})
    keys = [(crm, crms.lead() if crm == "salesforce" else crms.contact()) for _ in range(3)]
    routed(stage, keys)
    assert struck(stage, crm, since, str(fault["kind"])) >= 1
    assert [len(crms.owner_writes(*k)) for k in keys] == [1, 1, 1]


def test_assignment_rules_never_run_because_of_us(stage: Stage) -> None:
    crms = stage.crms
    routed(stage, [("salesforce", crms.lead()) for _ in range(3)])
    ours = [w for w in crms.our_writes("salesforce") if "OwnerId" in w.changes]
    assert ours
    assert crms.unmatched not in {w.changes["OwnerId"][1] for w in ours}
    # The rule is alive: whoever leaves the header out has it run.
    id = crms.lead()
    wait_for("it is routed", lambda: crms.routed_once([("salesforce", id)]))
    answer = crms.http.patch(
        f"{crms.url('salesforce')}/services/data/v67.0/sobjects/Lead/{id}",
        json={"Title": "CTO"},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
    assert answer.status_code == 204
    assert crms.owner("salesforce", id) == crms.unmatched


def test_with_hubspots_usual_lag_all_contacts_are_routed_once() -> None:
    with staged(crms={"search_lag": "default"}) as stage:
        keys = [("hubspot", stage.crms.contact()) for _ in range(12)]
        routed(stage, keys)
        assert stage.stop() == 0
