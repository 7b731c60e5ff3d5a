"""Logging in by JWT bearer and client credentials, and settings that cannot work."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from salesforce.wire_sf import FIXTURES, NOW, ROBOT

from fairlead.errors import AuthFailed, ConfigError, FairleadError, RateLimited, Unavailable
from fairlead.spi.connector import Direction, Wanted
from fairlead_salesforce.auth import TokenHolder
from fairlead_salesforce.connector import FACTORY, SalesforceConnector
from fairlead_salesforce.settings import SalesforceSettings

LOGIN = "https://login.salesforce.com/services/oauth2/token"
MY_DOMAIN = "https://acme.my.salesforce.com"
THEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return THEN

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(key: rsa.RSAPrivateKey, tmp_path: Path) -> Path:
    return private(
        tmp_path / "key.pem",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def granted(**changes: Any) -> dict[str, Any]:
    return {
        "access_token": "00D000000000001!granted",
        "instance_url": MY_DOMAIN,
        "id": f"https://login.salesforce.com/id/00D000000000001AAA/{ROBOT}",
        "token_type": "Bearer",
        **changes,
    }


def jwt_settings(key_file: Path, **changes: Any) -> SalesforceSettings:
    known = {
        "login": "jwt",
        "domain": "login",
        "username": "robot@acme.example",
        "consumer_key": "3MVG9",
        "private_key_file": key_file,
    }
    return SalesforceSettings.model_validate({**known, **changes})


def connector_of(settings: SalesforceSettings) -> SalesforceConnector:
    return SalesforceConnector(settings, Wanted(), TokenHolder(), clock=FixedClock())


def describe(mock: responses.RequestsMock, host: str = MY_DOMAIN) -> None:
    mock.get(
        f"{host}/services/data/v67.0/sobjects/Lead/describe",
        body=(FIXTURES / "describe_lead.json").read_text(encoding="utf-8"),
        headers={"Date": NOW},
    )


def test_jwt_bearer(mock: responses.RequestsMock, key: rsa.RSAPrivateKey, key_file: Path) -> None:
    mock.post(LOGIN, json=granted())
    describe(mock)
    connector = connector_of(jwt_settings(key_file))
    connector.fields()
    asked = mock.calls[0].request
    form = parse_qs(asked.body)
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = jwt.decode(
        form["assertion"][0],
        key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims["iss"] == "3MVG9"
    assert claims["sub"] == "robot@acme.example"
    assert claims["exp"] == THEN.timestamp() + 180
    assert asked.req_kwargs["timeout"] == (5.0, 30.0)
    assert "Authorization" not in asked.headers
    assert mock.calls[1].request.headers["Authorization"] == "Bearer 00D000000000001!granted"
    assert connector._our_ids() == (ROBOT,), "the log-in itself says who we are"
    assert connector.record_url is not None
    connector.close()


def test_client_credentials(mock: responses.RequestsMock, tmp_path: Path) -> None:
    mock.post(f"{MY_DOMAIN}/services/oauth2/token", json=granted())
    describe(mock)
    connector = connector_of(
        SalesforceSettings(
            login="client_credentials",
            domain="acme.my",
            consumer_key="3MVG9",
            consumer_secret_file=private(tmp_path / "secret", "s3cret\n"),
        )
    )
    connector.fields()
    connector.close()
    asked = mock.calls[0].request
    assert asked.body == "grant_type=client_credentials"
    basic = base64.b64encode(b"3MVG9:s3cret").decode()
    assert asked.headers["Authorization"] == f"Basic {basic}"


@pytest.mark.parametrize(
    ("domain", "audience"),
    [
        ("login", "https://login.salesforce.com"),
        ("test", "https://test.salesforce.com"),
        ("acme.my", "https://login.salesforce.com"),
        ("acme--dev.sandbox.my", "https://test.salesforce.com"),
        ("acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_the_audience_follows_the_host(key_file: Path, domain: str, audience: str) -> None:
    settings = jwt_settings(key_file, domain=domain)
    assert settings.jwt_audience == audience
    assert settings.login_host.endswith(".salesforce.com")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (
            {
                "status": 400,
                "json": {
                    "error": "invalid_grant",
                    "error_description": "user hasn't approved this consumer",
                },
            },
            AuthFailed,
            "approved",
        ),
        ({"status": 401, "json": {"error": "invalid_client"}}, AuthFailed, "invalid_client"),
        ({"status": 404, "body": "<html>"}, AuthFailed, "404"),
        (
            {"status": 403, "json": {"error": "LOGIN_RATE_EXCEEDED"}},
            RateLimited,
            "LOGIN_RATE_EXCEEDED",
        ),
        ({"status": 503, "body": "<html>"}, Unavailable, "503"),
        ({"status": 200, "body": "<html>"}, Unavailable, "no access token"),
        ({"status": 200, "json": {"access_token": 5}}, Unavailable, "no access token"),
        ({"body": requests.exceptions.ReadTimeout()}, Unavailable, "ReadTimeout"),
        (
            {"json": granted(instance_url="https://acme.my.salesforce.com.evil.example")},
            ConfigError,
            "not used",
        ),
        ({"json": granted(instance_url="http://acme.my.salesforce.com")}, ConfigError, "not used"),
        ({"json": granted(instance_url="http://127.0.0.1:1")}, ConfigError, "not used"),
        ({"json": granted(instance_url=None)}, ConfigError, "not used"),
    ],
)
def test_a_log_in_that_fails_says_what_to_do(
    mock: responses.RequestsMock,
    key_file: Path,
    answer: dict[str, Any],
    error: type[FairleadError],
    text: str,
) -> None:
    mock.post(LOGIN, **answer)
    connector = connector_of(jwt_settings(key_file))
    with pytest.raises(error, match=text) as caught:
        connector.fields()
    connector.close()
    assert type(caught.value) is error
    assert "granted" not in str(caught.value)
    assert len(mock.calls) == 1


def test_a_moved_instance_is_followed_after_a_new_log_in(
    mock: responses.RequestsMock, key_file: Path
) -> None:
    moved = "https://acme2.my.salesforce.com"
    mock.post(LOGIN, json=granted())
    mock.get(
        f"{MY_DOMAIN}/services/data/v67.0/sobjects/Lead/describe",
        status=401,
        json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}],
    )
    mock.post(LOGIN, json=granted(instance_url=moved, access_token="00D000000000001!new"))
    describe(mock, moved)
    connector = connector_of(jwt_settings(key_file))
    assert len(connector.fields()) > 10
    connector.close()
    assert mock.calls[3].request.headers["Authorization"].endswith("!new")


def test_a_renewed_token_may_be_the_same_text(mock: responses.RequestsMock, key_file: Path) -> None:
    mock.post(LOGIN, json=granted())
    mock.get(
        f"{MY_DOMAIN}/services/data/v67.0/sobjects/Lead/describe",
        status=401,
        json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}],
    )
    connector = connector_of(jwt_settings(key_file))
    with pytest.raises(AuthFailed):
        connector.fields()
    connector.close()
    assert len(mock.calls) == 4, "log-in, call, log-in, call, and then it ends"


def test_directions_with_equal_settings_share_one_log_in(
    mock: responses.RequestsMock, key_file: Path
) -> None:
    mock.post(LOGIN, json=granted())
    describe(mock)
    settings = jwt_settings(key_file)
    both = [FACTORY.build(settings, d, Wanted()) for d in (Direction.READ, Direction.WRITE)]
    for connector in both:
        connector.fields()
        connector.close()
    assert [c.request.method for c in mock.calls] == ["POST", "GET", "GET"]


def test_a_bad_key_an_open_file_and_a_missing_one_are_found_at_build(tmp_path: Path) -> None:
    no_key = private(tmp_path / "no_key.pem", "-----BEGIN NOTHING-----")
    with pytest.raises(ConfigError, match="no RSA private key"):
        FACTORY.build(jwt_settings(no_key), Direction.READ, Wanted())
    no_key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        FACTORY.build(jwt_settings(no_key), Direction.READ, Wanted())
    with pytest.raises(ConfigError, match="cannot read"):
        FACTORY.build(jwt_settings(tmp_path / "absent"), Direction.READ, Wanted())


def test_wanted_things_that_cannot_be_are_refused_at_build(key_file: Path) -> None:
    settings = jwt_settings(key_file)
    with pytest.raises(ConfigError, match="API name"):
        FACTORY.build(settings, Direction.READ, Wanted(fields=("Name FROM User",)))
    with pytest.raises(ConfigError, match="contacts"):
        FACTORY.build(settings, Direction.READ, Wanted(lead_object="contacts"))
    with pytest.raises(ConfigError, match="ca_file"):
        FACTORY.build(
            jwt_settings(key_file, ca_file=key_file.parent / "absent"), Direction.READ, Wanted()
        )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"login": "password"}, "login"),
        ({"username": None}, "also needs: username"),
        ({"domain": None}, "either domain or login_url"),
        ({"login_url": "https://acme.my.salesforce.com"}, "either domain or login_url"),
        ({"domain": None, "login_url": "http://acme.my.salesforce.com"}, "https"),
        ({"domain": None, "login_url": "https://evil.example"}, "not a Salesforce host"),
        ({"domain": None, "login_url": "https://a.salesforce.com/x"}, "scheme and a host"),
        ({"instance_url": "https://salesforce.com.evil.example"}, "not a Salesforce host"),
        ({"api_version": "v67"}, "api_version"),
        ({"lookback": 1}, "lookback"),
        ({"password": "x"}, "Extra inputs"),
        (
            {"login": "client_credentials", "consumer_secret_file": "/s"},
            "My Domain",
        ),
        ({"login": "token", "token_file": "/t"}, "also needs: instance_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    key_file: Path, changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        jwt_settings(key_file, **changes)
