"""Logging in: JWT bearer, client credentials, or a token from a file; and the one shared token.

simple-salesforce's own log-in is not used: it sets no timeout, lets exceptions of three kinds out,
throws our user id away, and logs in once per thread when a token expires. Secrets are read from
their files at every log-in, so that a rotated key needs no restart.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson
import requests

from fairlead.clock import Clock
from fairlead.errors import AuthFailed, ConfigError, NeedsOperator, Unavailable
from fairlead.spi.http import is_loopback, typed_error
from fairlead.spi.secrets import read_secret
from fairlead_salesforce.failures import call_error, problems, retry_after
from fairlead_salesforce.mapping import to_18
from fairlead_salesforce.settings import SalesforceSettings

JWT_LIFETIME = 180
"""Seconds; Salesforce accepts an assertion for at most five minutes."""

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path, not a secret


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One log-in's result; compared by identity, since a new log-in may return the same text."""

    value: str
    instance_url: str
    user_id: str | None = None
    org_id: str | None = None

    def __repr__(self) -> str:
        return f"Token(instance_url={self.instance_url!r}, user_id={self.user_id!r})"


LogIn = Callable[["Token | None"], Token]
"""Gets a new token, told the one that failed, if any."""


class TokenHolder:
    """The token that both directions of one connector share. Thread-safe.

    Of many threads that meet one expired token, one logs in and the others take its token.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Token | None = None
        self.logins = 0

    def get(self, log_in: LogIn) -> Token:
        """The current token; logs in when there is none."""
        with self._lock:
            if self._current is None:
                self._take(log_in, None)
            assert self._current is not None
            return self._current

    def refresh(self, failed: Token, log_in: LogIn) -> Token:
        """A token other than `failed`; logs in only when nobody else did meanwhile."""
        with self._lock:
            if self._current is None or self._current is failed:
                self._current = None
                self._take(log_in, failed)
            assert self._current is not None
            return self._current

    def _take(self, log_in: LogIn, failed: Token | None) -> None:
        self.logins += 1
        self._current = log_in(failed)


def check_secrets(settings: SalesforceSettings) -> None:
    """Read every secret once; raises ConfigError when a file is missing, open to all, or no key."""
    if settings.login == "jwt":
        assertion(settings, now=0)
    elif settings.login == "client_credentials":
        _secret(settings, "consumer_secret_file")
    else:
        _secret(settings, "token_file")


def _secret(settings: SalesforceSettings, name: str) -> str:
    path = getattr(settings, name)
    if path is None:
        raise ConfigError(f"salesforce: {name} is not set")
    return read_secret(path, f"salesforce {name}")


def assertion(settings: SalesforceSettings, *, now: int) -> str:
    """The signed JWT of the bearer flow; `now` is seconds since 1970."""
    key = _secret(settings, "private_key_file")
    claims = {
        "iss": settings.consumer_key,
        "sub": settings.username,
        "aud": settings.jwt_audience,
        "exp": now + JWT_LIFETIME,
    }
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as e:
        raise ConfigError(
            f"salesforce private_key_file: {settings.private_key_file} is no RSA private key"
        ) from e


def log_in(
    settings: SalesforceSettings, session: requests.Session, clock: Clock, failed: Token | None
) -> Token:
    """A new token by the configured flow.

    Raises AuthFailed when Salesforce does not accept us, Unavailable or RateLimited when it could
    not be asked, ConfigError for a bad key file or a host that is none of Salesforce's.
    """
    if settings.login == "token":
        value = _secret(settings, "token_file")
        if failed is not None and failed.value == value:
            raise AuthFailed(
                "the access token has expired or is not valid",
                remedy=f"put a new token into {settings.token_file}",
            )
        return Token(value, (settings.instance_url or "").rstrip("/"))
    headers = {"Accept": "application/json"}
    if settings.login == "jwt":
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": assertion(settings, now=int(clock.now().timestamp())),
        }
    else:
        form = {"grant_type": "client_credentials"}
        pair = f"{settings.consumer_key}:{_secret(settings, 'consumer_secret_file')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    try:
        response = session.post(
            settings.login_host + TOKEN_PATH, data=form, headers=headers, allow_redirects=False
        )
    except requests.exceptions.RequestException as e:
        raise typed_error(e, writing=False) from e
    return _token(settings, response)


def _token(settings: SalesforceSettings, response: requests.Response) -> Token:
    try:
        body: Any = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if response.status_code != 200:
        error = call_error(
            response.status_code,
            problems(body),
            writing=False,
            after=retry_after(response.headers.get("Retry-After"), None),
            what="log-in",
        )
        if isinstance(error, NeedsOperator) and not isinstance(error, AuthFailed):
            raise AuthFailed(str(error), remedy=error.remedy)
        raise error
    if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
        raise Unavailable("log-in: the answer holds no access token")
    instance = settings.instance_url or body.get("instance_url")
    if not isinstance(instance, str) or not _trusted(settings, instance):
        raise ConfigError("log-in returned an instance that is no Salesforce host; token not used")
    org_id, user_id = _identity(body.get("id"))
    return Token(body["access_token"], instance.rstrip("/"), user_id, org_id)


def _trusted(settings: SalesforceSettings, url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not is_loopback(host):
        return False
    return any(
        host == known or (known.startswith(".") and host.endswith(known))
        for known in settings.allowed_hosts
    )


def _identity(url: Any) -> tuple[str | None, str | None]:
    """Org and user id out of the identity URL `https://host/id/<org>/<user>`."""
    parts = url.rsplit("/", 2) if isinstance(url, str) else []
    try:
        return to_18(parts[-2]), to_18(parts[-1])
    except (IndexError, ValueError):
        return None, None
