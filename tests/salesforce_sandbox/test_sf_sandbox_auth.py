"""Ways in: four grants, sessions that end, and what an outsider is told."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from salesforce_sandbox.sf_face import START, TOKEN, Answer, Client

from fairlead.sandbox.wire import Request

USER = "fairlead@sandbox.example"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def key(n: int) -> rsa.RSAPrivateKey:
    """A private key; `n` tells one from another."""
    return rsa.generate_private_key(65537, 2048)


def private_pem(n: int = 0) -> bytes:
    return key(n).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(n: int = 0) -> str:
    shown = key(n).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return shown.decode()


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox.example")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key(0).public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=3650))
        .sign(key(0), hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def post(
    sf: Client, what: str, form: dict[str, str], headers: dict[str, str] | None = None
) -> Answer:
    sent = {"content-type": "application/x-www-form-urlencoded", "host": "127.0.0.1:8080"}
    body = urlencode(form).encode()
    path = f"/services/oauth2/{what}"
    return Answer(sf.face.handle(Request("POST", path, "", sent | (headers or {}), body)))


def assertion(n: int = 0, **claims: Any) -> str:
    exp = int((START + timedelta(minutes=3)).timestamp())
    said = {"iss": "app", "sub": USER, "aud": "https://login.salesforce.com", "exp": exp} | claims
    # PyJWT's own check of exp would refuse the text form, so the parts are signed by hand.
    header = {"alg": "RS256", "typ": "JWT"}
    coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, said)]
    signed = jwt.get_algorithm_by_name("RS256").sign(b".".join(coded), key(n))
    return b".".join([*coded, base64.urlsafe_b64encode(signed).rstrip(b"=")]).decode()


def by_jwt(sf: Client, n: int = 0, **claims: Any) -> Answer:
    form = {"grant_type": JWT_GRANT, "assertion": assertion(n, **claims)}
    return post(sf, "token", form)


@pytest.fixture
def app(sf: Client) -> Client:
    """An org with one connected app that may do everything."""
    entry = {"certificate": certificate(), "secret": "s3", "user": USER, "scope": "api"}
    sf.face.tune({"connected_apps": {"app": entry}, "passwords": {USER: "pw"}})
    return sf


def works(sf: Client, token: str) -> bool:
    answer = Client(sf.face, token).call("GET", "limits")
    assert answer.status in (200, 401)
    return answer.status == 200


@pytest.mark.parametrize("as_text", [False, True])
def test_a_signed_assertion_gives_a_token_that_works(app: Client, as_text: bool) -> None:
    exp = int((START + timedelta(minutes=3)).timestamp())
    answer = by_jwt(app, exp=str(exp) if as_text else exp)
    assert answer.status == 200, answer.raw
    body = answer.json
    assert body["access_token"].startswith(app.face.sb.org_id[:15] + "!")
    assert body["instance_url"] == "http://127.0.0.1:8080"
    assert body["id"].split("/")[-2:] == [app.face.sb.org_id, app.face.sb.integration.id]
    assert body["token_type"] == "Bearer"
    assert body["issued_at"].isdigit()
    assert "refresh_token" not in body
    assert works(app, body["access_token"])


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "nobody"}, "invalid_client_id"),
        ({"aud": "https://elsewhere.example"}, "invalid_grant"),
        ({"sub": "nobody@example.com"}, "invalid_grant"),
        ({"exp": int(START.timestamp())}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
    ],
)
def test_a_wrong_claim_is_refused(app: Client, claims: dict[str, Any], error: str) -> None:
    answer = by_jwt(app, **claims)
    assert (answer.status, answer.json["error"]) == (400, error)


def test_a_foreign_or_forged_signature_is_refused(app: Client) -> None:
    assert by_jwt(app, n=1).json["error_description"] == "invalid assertion"
    head, body, _ = assertion().split(".")
    form = {"grant_type": JWT_GRANT, "assertion": f"{head}.{body}."}
    assert post(app, "token", form).json["error_description"] == "invalid assertion"
    none = jwt.encode({"iss": "app", "sub": USER}, "", algorithm="none")
    form = {"grant_type": JWT_GRANT, "assertion": none}
    assert post(app, "token", form).json["error_description"] == "invalid assertion"


def test_two_keys_are_accepted_while_one_is_replaced(app: Client) -> None:
    both = {"certificates": [public_pem(0), public_pem(1)]}
    app.face.tune({"connected_apps": {"app": both}})
    assert by_jwt(app, n=0).status == by_jwt(app, n=1).status == 200


def test_a_user_must_have_approved_and_be_active(app: Client) -> None:
    entry = {"certificate": public_pem(), "approved": ["other@sandbox.example"]}
    app.face.tune({"connected_apps": {"app": entry}})
    refused = by_jwt(app).json
    assert refused == {
        "error": "invalid_grant",
        "error_description": "user hasn't approved this consumer",
    }
    app.face.tune({"connected_apps": {"app": {"certificate": public_pem()}}})
    app.act("freeze_user", id=USER)
    assert by_jwt(app).json["error"] == "inactive_user"
    assert app.call("GET", "limits").code == "INVALID_SESSION_ID"
    app.act("unfreeze_user", id=USER)
    assert by_jwt(app).status == 200


def test_client_credentials_come_in_the_header_or_the_body(app: Client) -> None:
    form = {"grant_type": "client_credentials"}
    basic = {"authorization": "Basic " + base64.b64encode(b"app:s3").decode()}
    wrong = {"authorization": "Basic " + base64.b64encode(b"app:no").decode()}
    assert post(app, "token", form, basic).status == 200
    assert post(app, "token", form | {"client_id": "app", "client_secret": "s3"}).status == 200
    assert post(app, "token", form, wrong).json["error"] == "invalid_client"
    assert post(app, "token", form).json["error"] == "invalid_client_id"


def test_a_password_login_can_be_refreshed(app: Client) -> None:
    client = {"client_id": "app", "client_secret": "s3"}
    form = {"grant_type": "password", "username": USER, "password": "pw", **client}
    first = post(app, "token", form).json
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **client}
    assert works(app, post(app, "token", again).json["access_token"])
    bad = post(app, "token", form | {"password": "no"})
    assert bad.json == {"error": "invalid_grant", "error_description": "authentication failure"}
    assert post(app, "token", again | {"refresh_token": "x"}).json["error"] == "invalid_grant"


def test_other_grants_and_bodies_are_refused(app: Client) -> None:
    form = {"grant_type": "authorization_code"}
    assert post(app, "token", form).json["error"] == "unsupported_grant_type"
    as_json = post(app, "token", form, {"content-type": "application/json"})
    assert as_json.json["error"] == "invalid_request"


def test_a_session_dies_when_it_is_not_used(app: Client) -> None:
    app.face.tune({"session_ttl": 100})
    token = by_jwt(app).json["access_token"]
    for _ in range(3):
        app.advance(60)
        assert works(app, token)
    app.advance(101)
    assert not works(app, token)


def test_sessions_expire_on_demand_with_a_list_shaped_401(app: Client) -> None:
    token = by_jwt(app).json["access_token"]
    assert app.act("expire_sessions") == {"expired": 1}
    assert not works(app, token)
    assert works(app, TOKEN)
    app.act("expire_sessions", static=True)
    refused = app.call("GET", "limits")
    assert refused.status == 401
    assert refused.json == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]
    app.face.tune({"token_accepted": True})
    assert works(app, TOKEN)


def test_a_new_login_may_void_the_older_ones(app: Client) -> None:
    app.face.tune({"login_voids_older": True})
    first, second = (by_jwt(app).json["access_token"] for _ in range(2))
    assert (works(app, first), works(app, second)) == (False, True)
    assert app.act("status")["logins"] == 2


def test_a_revoked_token_is_dead_and_introspection_says_so(app: Client) -> None:
    token = by_jwt(app).json["access_token"]
    form = {"token": token, "client_id": "app", "client_secret": "s3"}
    alive = post(app, "introspect", form).json
    assert (alive["active"], alive["username"], alive["client_id"]) == (True, USER, "app")
    assert post(app, "revoke", {"token": token}).status == 200
    assert post(app, "introspect", form).json == {"active": False}
    assert post(app, "revoke", {"token": token}).json["error"] == "unsupported_token_type"
    assert not works(app, token)


def test_userinfo_and_identity_say_who_is_asking(app: Client) -> None:
    info = app.call("GET", "/services/oauth2/userinfo").json
    assert (info["preferred_username"], info["organization_id"]) == (USER, app.face.sb.org_id)
    path = f"/id/{app.face.sb.org_id}/{app.face.sb.integration.id}"
    assert app.call("GET", path).json["user_id"] == app.face.sb.integration.id
    assert app.call("GET", f"/id/{app.face.sb.org_id}/005000000000000").status == 404


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": TOKEN}])
def test_without_a_token_nothing_is_shown(sf: Client, headers: dict[str, str]) -> None:
    for path in ("/services/data/v67.0/sobjects", "/services/data/v67.0/nonsense"):
        answer = Answer(sf.face.handle(Request("GET", path, "", headers, b"")))
        assert (answer.status, answer.code) == (401, "INVALID_SESSION_ID")
    assert sf.face.identify(Request("GET", "/", "", headers, b"")) == "anonymous"


def test_the_audit_names_the_caller_and_not_the_token(app: Client) -> None:
    token = by_jwt(app).json["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    name = app.face.identify(Request("GET", "/", "", headers, b""))
    assert name == "integration:Fairlead Integration"
