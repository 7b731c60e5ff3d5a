"""Log-ins: JWT bearer and client credentials, over TLS and over plain loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.live import Crms, Stage, staged
from salesforce_sandbox.test_sf_sandbox_auth import USER, certificate, private_pem

LOGINS: dict[str, dict[str, Any]] = {
    "jwt": {"username": USER, "private_key_file": "salesforce.key"},
    "client_credentials": {"consumer_secret_file": "salesforce.secret"},
}


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tls"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with staged(start=False, crms={"tls": request.param, "search_lag": None}) as stage:
        crms = stage.crms
        app = {"certificate": certificate(), "secret": "s3cret-of-the-app", "user": USER}
        crms.tune("salesforce", connected_apps={"app-key": app}, base_url=crms.url("salesforce"))
        stage.secret("salesforce.key", private_pem().decode())
        stage.secret("salesforce.secret", "s3cret-of-the-app\n")
        stage.fairlead("once")
        yield stage


def table(crms: Crms, login: str) -> dict[str, Any]:
    return {
        "login": login,
        "login_url": crms.url("salesforce"),
        "consumer_key": "app-key",
        **LOGINS[login],
    }


@pytest.mark.parametrize("login", sorted(LOGINS))
def test_leads_are_routed_with_this_log_in(stage: Stage, login: str) -> None:
    crms = stage.crms
    stage.settings(salesforce=table(crms, login))
    keys = crms.arrivals(2)
    # Only a log-in can work: the built-in token is for the clients of these tests.
    crms.tune("salesforce", token_accepted=False)
    try:
        before = crms.act("salesforce", op="status")["logins"]
        stage.fairlead("once")
        assert crms.act("salesforce", op="status")["logins"] > before
    finally:
        crms.tune("salesforce", token_accepted=True)
    assert crms.routed_once(keys)


def test_a_wrong_secret_is_said_in_one_line(stage: Stage) -> None:
    stage.secret("salesforce.secret", "not-the-secret")
    stage.settings(salesforce=table(stage.crms, "client_credentials"))
    try:
        said = stage.fairlead("doctor", exit_code=78).stdout
    finally:
        stage.secret("salesforce.secret", "s3cret-of-the-app\n")
    [bad] = [x for x in said.splitlines() if x.startswith("BAD")]
    assert bad.startswith("BAD  salesforce: log-in and rights:")
    assert "not-the-secret" not in said
