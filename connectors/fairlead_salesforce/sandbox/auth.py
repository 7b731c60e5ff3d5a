"""`/services/oauth2/…`: tokens by four grants, and what is known about them.

Connected apps live in the `connected_apps` knob: consumer key → `{certificate, secret, user,
approved, scope}`. JWT bearer is verified for real (RS256); `exp` may be a string, as one client
sends it. Lifetimes are by the org's clock. Wire facts: reference §1.1, §7.3 item 1.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fairlead.sandbox.org import Row, Who
from fairlead.sandbox.wire import Request, Response
from fairlead_salesforce.sandbox.errors import OAuthRefused, answer, bad_session
from fairlead_salesforce.sandbox.resources import identity
from fairlead_salesforce.sandbox.state import Sandbox, Session

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
_MY_DOMAIN = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)*\.my\.salesforce\.com\Z")
_STATIC_APP = "sandbox"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token a request carries."""

    who: Who
    token: str


def bearer(sb: Sandbox, headers: Mapping[str, str]) -> Bearer:
    """The user behind `Authorization: Bearer` (or `OAuth`); raises INVALID_SESSION_ID."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() not in ("bearer", "oauth") or not token:
        raise bad_session()
    user_id = _user_of(sb, token)
    row = sb.org.get("User", user_id) if user_id else None
    if row is None or not row.fields.get("IsActive") or _frozen(sb, row.id):
        raise bad_session()
    return Bearer(sb.who(row.id), token)


def _user_of(sb: Sandbox, token: str) -> str | None:
    if token == sb.token:
        return sb.integration.id if sb.knobs.token_accepted else None
    session = sb.sessions.get(token)
    if session is None or sb.expired(session):
        sb.sessions.pop(token, None)
        return None
    session.used_at = sb.org.now()
    return session.user_id


def _frozen(sb: Sandbox, user_id: str) -> bool:
    return any(
        r.fields.get("UserId") == user_id and r.fields.get("IsFrozen")
        for r in sb.org.having("UserLogin", "UserId", [user_id])
    )


# -- endpoints ------------------------------------------------------------------------------


def token(sb: Sandbox, request: Request, base_url: str) -> Response:
    """`POST /services/oauth2/token`."""
    form = _form(request)
    basic = _basic(request)
    grant = form.get("grant_type", "")
    if grant == _JWT_GRANT:
        app, user = _by_jwt(sb, form, base_url)
    elif grant == "client_credentials":
        app = _client(sb, form, basic)
        user = _user(sb, str(sb.knobs.connected_apps[app].get("user", "")))
    elif grant == "password":
        app = _client(sb, form, basic)
        user = _by_password(sb, form)
    elif grant == "refresh_token":
        return _refresh(sb, form, basic, base_url)
    else:
        raise OAuthRefused("unsupported_grant_type", "grant type not supported")
    return _issue(sb, app, user, base_url, refreshable=grant == "password")


def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "")
    if request.body and "application/x-www-form-urlencoded" not in kind:
        raise OAuthRefused(
            "invalid_request", "must use content-type application/x-www-form-urlencoded"
        )
    pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs) | request.params()


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthRefused("invalid_client", "invalid client credentials") from None
    return id, secret


def _client(sb: Sandbox, form: Mapping[str, str], basic: tuple[str, str] | None) -> str:
    key, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
    app = sb.knobs.connected_apps.get(key)
    if app is None:
        raise OAuthRefused("invalid_client_id", "client identifier invalid")
    if not app.get("secret") or secret != app["secret"]:
        raise OAuthRefused("invalid_client", "invalid client credentials")
    return key


def _user(sb: Sandbox, name: str) -> Row:
    row = sb.find_user(name)
    if row is None:
        raise OAuthRefused("invalid_grant", "user hasn't approved this consumer")
    if not row.fields.get("IsActive") or _frozen(sb, row.id):
        raise OAuthRefused("inactive_user", "user is inactive")
    return row


def _by_password(sb: Sandbox, form: Mapping[str, str]) -> Row:
    known = sb.knobs.passwords.get(form.get("username", ""))
    if known is None or form.get("password") != known:
        raise OAuthRefused("invalid_grant", "authentication failure")
    return _user(sb, form["username"])


# -- JWT bearer -----------------------------------------------------------------------------


def _by_jwt(sb: Sandbox, form: Mapping[str, str], base_url: str) -> tuple[str, Row]:
    assertion = form.get("assertion", "")
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
        algorithm = jwt.get_unverified_header(assertion).get("alg")
    except jwt.PyJWTError:
        raise OAuthRefused("invalid_grant", "invalid assertion") from None
    key = str(unverified.get("iss", ""))
    app = sb.knobs.connected_apps.get(key)
    if app is None:
        raise OAuthRefused("invalid_client_id", "client identifier invalid")
    if algorithm != "RS256" or not _signed(app, assertion):
        raise OAuthRefused("invalid_grant", "invalid assertion")
    _check_claims(sb, unverified, base_url)
    name = str(unverified.get("sub") or unverified.get("prn") or "")
    approved = app.get("approved")
    if approved is not None and name not in approved:
        raise OAuthRefused("invalid_grant", "user hasn't approved this consumer")
    return key, _user(sb, name)


def _signed(app: Mapping[str, Any], assertion: str) -> bool:
    pems = [app["certificate"]] if app.get("certificate") else []
    for pem in [*pems, *app.get("certificates", [])]:
        try:
            # Times are checked by the org's clock, below.
            jwt.decode(
                assertion,
                _public_key(str(pem)),
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_aud": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError:
            continue
        return True
    return False


def _public_key(pem: str) -> RSAPublicKey:
    data = pem.encode()
    if "BEGIN CERTIFICATE" in pem:
        key = x509.load_pem_x509_certificate(data).public_key()
    else:
        key = load_pem_public_key(data)  # type: ignore[assignment]
    if not isinstance(key, RSAPublicKey):
        raise OAuthRefused("invalid_grant", "invalid assertion")
    return key


def _check_claims(sb: Sandbox, claims: Mapping[str, Any], base_url: str) -> None:
    audience = str(claims.get("aud", "")).rstrip("/")
    if audience not in (*_AUDIENCES, base_url.rstrip("/")) and not _MY_DOMAIN.match(audience):
        raise OAuthRefused("invalid_grant", "audience is invalid")
    try:
        # One widespread client sends the instant as a string.
        expires = float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        raise OAuthRefused("invalid_grant", "invalid assertion") from None
    if expires <= sb.org.now().timestamp():
        raise OAuthRefused("invalid_grant", "expired authorization code")


# -- tokens ---------------------------------------------------------------------------------


def _issue(
    sb: Sandbox, app: str, user: Row, base_url: str, *, refreshable: bool, with_refresh: str = ""
) -> Response:
    now = sb.org.now()
    sb.logins += 1
    if sb.knobs.login_voids_older:
        for old in [t for t, s in sb.sessions.items() if s.user_id == user.id]:
            del sb.sessions[old]
    secret = hashlib.sha256(f"{app}{user.id}{sb.logins}{sb.org.rng.random()}".encode()).digest()
    fresh = f"{sb.org_id[:15]}!{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
    sb.sessions[fresh] = Session(user.id, app, now)
    scope = str(sb.knobs.connected_apps.get(app, {}).get("scope", "api"))
    body = {
        "access_token": fresh,
        "instance_url": base_url,
        "id": f"{base_url}/id/{sb.org_id}/{user.id}",
        "token_type": "Bearer",
        "issued_at": str(int(now.timestamp() * 1000)),
        "signature": base64.b64encode(hashlib.sha256(secret).digest()).decode(),
        "scope": scope,
    }
    if refreshable:
        refresh = "5Aep" + hashlib.sha256(secret + b"refresh").hexdigest()
        sb.refresh_tokens[refresh] = Session(user.id, app, now)
        body["refresh_token"] = refresh
    return answer(200, body)


def _refresh(
    sb: Sandbox, form: Mapping[str, str], basic: tuple[str, str] | None, base_url: str
) -> Response:
    app = _client(sb, form, basic)
    known = sb.refresh_tokens.get(form.get("refresh_token", ""))
    if known is None or known.app != app:
        raise OAuthRefused("invalid_grant", "expired access/refresh token")
    return _issue(sb, app, _user(sb, known.user_id), base_url, refreshable=False)


def revoke(sb: Sandbox, request: Request) -> Response:
    """`POST /services/oauth2/revoke`: the token is dead afterwards."""
    gone = _form(request).get("token", "")
    if gone == sb.token and sb.knobs.token_accepted:
        sb.knobs.token_accepted = False
    elif sb.sessions.pop(gone, None) is None and sb.refresh_tokens.pop(gone, None) is None:
        raise OAuthRefused("unsupported_token_type", "this token type is not supported")
    return answer(200)


def introspect(sb: Sandbox, request: Request) -> Response:
    """`POST /services/oauth2/introspect`, for a client that shows its secret."""
    form = _form(request)
    app = _client(sb, form, _basic(request))
    session = sb.sessions.get(form.get("token", ""))
    if session is None or sb.expired(session) or session.app != app:
        return answer(200, {"active": False})
    row = sb.org.get("User", session.user_id)
    expires = session.used_at.timestamp() + sb.knobs.session_ttl
    return answer(
        200,
        {
            "active": True,
            "scope": str(sb.knobs.connected_apps[app].get("scope", "api")),
            "client_id": app,
            "username": row.fields.get("Username") if row else None,
            "sub": f"https://login.salesforce.com/id/{sb.org_id}/{session.user_id}",
            "token_type": "access_token",
            "exp": int(expires),
        },
    )


def userinfo(sb: Sandbox, request: Request, base_url: str) -> Response:
    """`GET /services/oauth2/userinfo`."""
    me = identity(sb, bearer(sb, request.headers).who.id, base_url)
    return answer(
        200,
        {
            "sub": me["id"],
            "user_id": me["user_id"],
            "organization_id": me["organization_id"],
            "preferred_username": me["username"],
            "nickname": me["nick_name"],
            "name": me["display_name"],
            "email": me["email"],
            "email_verified": True,
            "zoneinfo": me["timezone"],
            "active": me["active"],
            "user_type": me["user_type"],
            "urls": me["urls"],
        },
    )
