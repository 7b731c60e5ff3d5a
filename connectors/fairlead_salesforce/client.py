"""The transport: simple-salesforce's REST calls over the house's HTTP seam and our own token.

What we keep of simple-salesforce is its REST surface (`Salesforce.restful`, `oauth2`). Its sending
is replaced: it loses the caller's headers when it logs in again, and can log in without end. Here
an expired session is refreshed once under a lock and the call sent again once; nothing else is
ever sent twice. Constant headers stand on the session, where a new log-in cannot lose them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
import requests
from requests.adapters import BaseAdapter
from simple_salesforce.api import Salesforce

from fairlead.clock import Clock, SystemClock
from fairlead.errors import Ambiguous, FairleadError, Unavailable
from fairlead.spi.connector import Budget
from fairlead.spi.http import build_session, call, is_loopback, typed_error
from fairlead_salesforce.auth import Token, TokenHolder, log_in
from fairlead_salesforce.failures import (
    call_error,
    may_refresh,
    plain_problems,
    problems,
    retry_after,
)
from fairlead_salesforce.settings import SalesforceSettings

CONSTANT_HEADERS = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Call-Options": "client=fairlead",
    "X-PrettyPrint": "0",
    "Accept-Encoding": "gzip",
    "Accept": "application/json",
    "User-Agent": "fairlead",
}

_ORG_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
_APP_USAGE = re.compile(r"per-app-api-usage=(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed answer; `body` is None for 204 and for an empty list or object.

    `date` is the CRM's clock (UTC), None when the answer had no readable Date header.
    """

    body: Any
    date: datetime | None


class PlainLoopback(BaseAdapter):
    """Sends what simple-salesforce addressed by https as plain http, to a loopback host only."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit(parts._replace(scheme="http"))
        return self._inner.send(request, **kwargs)

    def close(self) -> None:
        self._inner.close()


class _Rest(Salesforce):  # type: ignore[misc]
    """simple-salesforce with our sending and our JSON."""

    def __init__(
        self,
        exchange: Callable[..., requests.Response],
        parse: Callable[[requests.Response], Any],
        *,
        instance_url: str,
        version: str,
        session: requests.Session,
    ) -> None:
        self._exchange = exchange
        self._parse = parse
        super().__init__(session_id="", instance_url=instance_url, version=version, session=session)

    def use(self, token: Token) -> None:
        """Point every later call at this token and its host."""
        self.session_id = token.value
        self.sf_instance = urlsplit(token.instance_url).netloc
        self.base_url = f"https://{self.sf_instance}/services/data/v{self.sf_version}/"
        self.oauth2_url = f"https://{self.sf_instance}/services/oauth2/"
        self._generate_headers()

    def _generate_headers(self) -> None:
        self.headers = {
            "Content-Type": "application/json",
            "Authorization": "Bearer " + self.session_id,
        }

    def _call_salesforce(
        self, method: str, url: str, name: str = "", **kwargs: Any
    ) -> requests.Response:
        return self._exchange(method, url, **kwargs)

    def parse_result_to_json(self, result: requests.Response) -> Any:
        return self._parse(result)


class Client:
    """One direction's line to the org. Used by one thread at a time; the token may be shared."""

    def __init__(
        self,
        settings: SalesforceSettings,
        holder: TokenHolder,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self._holder = holder
        self._clock = clock if clock is not None else SystemClock()
        self._calls = 0
        self._usage: tuple[int, int] | None = None
        self._writing = False
        self._date: datetime | None = None
        self._token: Token | None = None
        self.session = build_session(
            allowed_hosts=settings.allowed_hosts,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            deadline=settings.deadline,
            on_response=self._note,
            ca_file=str(settings.ca_file) if settings.ca_file is not None else None,
        )
        self.session.headers.update(CONSTANT_HEADERS)
        self._rest = _Rest(
            self._exchange,
            self._parse,
            instance_url=settings.instance_url or settings.login_host,
            version=settings.api_version,
            session=self.session,
        )

    @property
    def budget(self) -> Budget:
        """Quota as the last answer told it: the org's, or this app's where that is tighter."""
        if self._usage is None:
            return Budget(calls_made=self._calls)
        used, limit = self._usage
        return Budget(limit, max(0, limit - used), self._calls)

    @property
    def base_url(self) -> str:
        """Scheme and host of the org as far as known; makes no call."""
        if self._token is not None:
            return self._token.instance_url
        return (self.settings.instance_url or self.settings.login_host).rstrip("/")

    @property
    def server_now(self) -> datetime:
        """The CRM's clock at its last answer; raises Unavailable when that did not tell it."""
        if self._date is None:
            raise Unavailable("the answer has no readable Date header")
        return self._date

    def token(self) -> Token:
        """The token in use; logs in if there is none yet."""
        token = self._holder.get(self._log_in)
        if token is not self._token:
            self._adopt(token)
        return token

    def call(self, method: str, path: str, payload: Any = None, *, writing: bool = False) -> Reply:
        """One REST call below `/services/data/vXX.X/`; every failure is one of errors.py."""
        self._writing = writing
        self.token()
        data = {} if payload is None else {"data": orjson.dumps(payload)}
        body = self._rest.restful(path, method=method, **data)
        return Reply(body, self._date)

    def user_info(self) -> Reply:
        """Who the token belongs to (`/services/oauth2/userinfo`)."""
        self._writing = False
        self.token()
        return Reply(self._rest.oauth2("userinfo"), self._date)

    def close(self) -> None:
        self.session.close()

    def _log_in(self, failed: Token | None) -> Token:
        return log_in(self.settings, self.session, self._clock, failed)

    def _adopt(self, token: Token) -> None:
        parts = urlsplit(token.instance_url)
        if parts.scheme == "http" and is_loopback(parts.hostname or ""):
            plain = PlainLoopback(self.session.get_adapter("http://"))
            self.session.mount(f"https://{parts.netloc}/", plain)
        self._rest.use(token)
        self._token = token

    def _exchange(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        response, found = self._send(method, url, kwargs.get("data"))
        if self._token is not None and may_refresh(response.status_code, found):
            self._adopt(self._holder.refresh(self._token, self._log_in))
            moved = urlsplit(url)._replace(netloc=self._rest.sf_instance)
            response, found = self._send(method, urlunsplit(moved), kwargs.get("data"))
        if response.status_code >= 300:
            raise call_error(
                response.status_code,
                found,
                writing=self._writing,
                after=retry_after(response.headers.get("Retry-After"), self._date),
            )
        return response

    def _send(
        self, method: str, url: str, data: bytes | None
    ) -> tuple[requests.Response, tuple[Any, ...]]:
        try:
            response = call(self.session, method, url, self._rest.headers, body=data)
        except requests.exceptions.RequestException as e:
            raise typed_error(e, writing=self._writing) from e
        self._date = _date(response.headers.get("Date"))
        if response.status_code < 300:
            return response, ()
        try:
            return response, problems(orjson.loads(response.content))
        except orjson.JSONDecodeError:
            return response, plain_problems(response.content[:200].decode("utf-8", "replace"))

    def _parse(self, response: requests.Response) -> Any:
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError as e:
            raise self.unreadable("is no JSON") from e
        if not isinstance(body, dict | list):
            raise self.unreadable("is neither object nor list")
        return body

    def unreadable(self, what: str) -> FairleadError:
        """The error for a 2xx answer that we cannot understand: a write may have been applied."""
        text = f"the answer {what}"
        return Ambiguous(text) if self._writing else Unavailable(text)

    def _note(self, response: requests.Response) -> None:
        self._calls += 1
        header = response.headers.get("Sforce-Limit-Info", "")
        found = [m for m in (_ORG_USAGE.search(header), _APP_USAGE.search(header)) if m]
        pairs = [(int(m[1]), int(m[2])) for m in found]
        if pairs:
            self._usage = min(pairs, key=lambda pair: pair[1] - pair[0])


@lru_cache(maxsize=16)
def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except (ValueError, TypeError):
        return None
