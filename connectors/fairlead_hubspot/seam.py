"""The seam: where every call to HubSpot passes, in the shape of the client library's transport.

Timeouts, the host allow-list and the size cap come from the house's session; here are added the
pace (one for all calls, one for search), the portal's wish to be left alone, the path version, the
quota counters, HubSpot's clock and the typed errors.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests

from fairlead.errors import AuthFailed, ConfigError, FairleadError, RateLimited, Unavailable
from fairlead.spi.connector import Budget
from fairlead.spi.http import Pacer, build_session, call, seconds_at, typed_error
from fairlead_hubspot.faults import error_of, retry_after
from fairlead_hubspot.settings import HubSpotSettings

LONGEST_HOLD = 10.0
"""Longest wait inside a call, seconds; a longer one is told to the caller instead."""

MOST_OWN_WRITES = 200
CALLER = "fairlead"

_LIBRARY_PATH = re.compile(r"^/crm/v[34]/(objects|owners|properties|associations|lists)(/.*)?$")
_READING_POST = ("/search", "/batch/read", "/access-token-info")


def dated(path: str, version: str) -> str:
    """The path of `version` for one of the library's v3 or v4 paths; "v3" leaves it as it is."""
    if version == "v3":
        return path
    if path.startswith("/account-info/v3/"):
        return path.replace("/v3/", f"/{version}/", 1)
    found = _LIBRARY_PATH.match(path)
    if found is None:
        return path
    return f"/crm/{found.group(1)}/{version}{(found.group(2) or '').rstrip('/')}"


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """An owner we wrote, and between which instants of HubSpot's clock."""

    owner_id: str
    began: datetime
    ended: datetime


class Portal:
    """What both directions of one connector share: the pace, and what was learnt of the portal.

    Learnt values are set once known and never unset, except `audit`, `marker` and `lists` (by id),
    which a refused write corrects. Safe between threads: pacers lock themselves, the rest is single
    assignments.
    """

    def __init__(self, settings: HubSpotSettings) -> None:
        self.burst = Pacer(settings.burst_per_10s, 10.0)
        self.search = Pacer(settings.search_per_second, 1.0)
        self.app_id = settings.app_id
        self.portal_id = settings.portal_id
        self.ui_domain = "app.hubspot.com"
        self.marker: bool | None = None
        self.audit: bool | None = None
        self.lists: dict[str, dict[str, Any]] = {}
        self._own_writes: dict[tuple[str, str], OwnWrite] = {}
        self._lock = threading.Lock()
        self._closed_until = 0.0

    def remember(self, kind: str, record_id: str, write: OwnWrite) -> None:
        """Keep a write of ours until its history tells our app id; a no-op once that is known."""
        if self.app_id is None and len(self._own_writes) < MOST_OWN_WRITES:
            self._own_writes[(kind, record_id)] = write

    def own_write(self, kind: str, record_id: str) -> OwnWrite | None:
        """The write of ours on this record whose history has not been read yet."""
        return None if self.app_id is not None else self._own_writes.get((kind, record_id))

    def learn_app(self, app_id: str) -> None:
        """Take the id under which our writes appear; a configured or earlier one stays."""
        if self.app_id is None:
            self.app_id = app_id
            self._own_writes = {}

    def url(self, type_id: str, record_id: str) -> str | None:
        """The page of a record, or None while the portal's id is not known."""
        if self.portal_id is None:
            return None
        return f"https://{self.ui_domain}/contacts/{self.portal_id}/record/{type_id}/{record_id}"

    def close_for(self, seconds: float) -> None:
        """Let no call out for `seconds`: HubSpot asked for it."""
        with self._lock:
            self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def check_open(self) -> None:
        """Raise Unavailable while the portal asked to be left alone; nothing was sent."""
        left = self._closed_until - time.monotonic()
        if left > 0:
            raise Unavailable("HubSpot asked to come back later", after=left)

    def slow_to(self, limit: int) -> None:
        """Take a lower ten-second limit than configured; 3 % are left to others."""
        allowed = max(1, limit * 97 // 100)
        if allowed < self.burst.limit:
            self.burst.limit = allowed


class Answer:
    """One answer, in the shape that the library expects of its transport, plus the parsed body."""

    def __init__(self, response: requests.Response, body: Any) -> None:
        self.status = response.status_code
        self.reason = response.reason
        self.data = response.content
        self.headers = response.headers
        self.body = body

    def getheaders(self) -> Mapping[str, str]:
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name, default)


class Seam:
    """The library's transport object, replaced: every call ends in our session.

    Raises the house's errors; the library passes them on untouched.
    """

    def __init__(
        self, settings: HubSpotSettings, portal: Portal, read_token: Callable[[], str]
    ) -> None:
        self._base = settings.base_url
        self._netloc = urlsplit(settings.base_url).netloc
        self._version = settings.api_version
        self._portal = portal
        self._token_file = settings.token_file
        self._read_token = read_token
        self._token = read_token()
        self._clock: tuple[datetime, float] | None = None
        self.budget = Budget()
        self.session = build_session(
            allowed_hosts=(settings.host,),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            deadline=settings.deadline,
            ca_file=str(settings.ca_file) if settings.ca_file else None,
        )

    def seconds(self) -> float:
        """Seconds that only grow, to tell how long something took."""
        return seconds_at(self._netloc)

    @property
    def server_now(self) -> datetime:
        """HubSpot's clock, whole seconds as its Date header tells, carried on since then."""
        if self._clock is None:
            raise Unavailable("HubSpot has not told its time yet: no Date header")
        told, at = self._clock
        return told + timedelta(seconds=self.seconds() - at)

    @property
    def token(self) -> str:
        return self._token

    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,
        _preload_content: bool = True,
        _request_timeout: Any = None,
    ) -> Answer:
        """Send once. `body` becomes JSON; timeouts are the session's, whatever the caller says.

        A token that HubSpot refuses is read from its file again; if it is another one by now, the
        call, which was not looked at, goes out once more with it.
        """
        try:
            return self._send(method, url, query_params, headers, body)
        except AuthFailed:
            if not self._token_changed():
                raise
            return self._send(method, url, query_params, headers, body)

    def _send(
        self, method: str, url: str, query_params: Any, headers: Mapping[str, str] | None, body: Any
    ) -> Answer:
        path = dated(urlsplit(url).path, self._version)
        writing = method != "GET" and not path.endswith(_READING_POST)
        self._portal.check_open()
        (self._portal.search if path.endswith("/search") else self._portal.burst).acquire()
        sent = {**(headers or {}), "Authorization": f"Bearer {self._token}", "User-Agent": CALLER}
        if body is not None:
            sent["Content-Type"] = "application/json"
        self.budget = Budget(
            self.budget.daily_limit, self.budget.daily_remaining, self.budget.calls_made + 1
        )
        try:
            response = call(
                self.session,
                method,
                self._base + path,
                sent,
                params=[(k, _query_text(v)) for k, v in _pairs(query_params)],
                body=None if body is None else orjson.dumps(body),
            )
        except requests.exceptions.RequestException as e:
            raise typed_error(e, writing=writing) from e
        self._note(response.headers)
        parsed = _parsed(response.content)
        error = error_of(
            response.status_code, response.headers, parsed, writing=writing,
            token_file=self._token_file,
        )  # fmt: skip
        if error is not None:
            self._heed(error, response)
            raise error
        return Answer(response, parsed)

    def GET(self, url: str, **options: Any) -> Answer:
        return self.request("GET", url, **options)

    def POST(self, url: str, **options: Any) -> Answer:
        return self.request("POST", url, **options)

    def PATCH(self, url: str, **options: Any) -> Answer:
        return self.request("PATCH", url, **options)

    def PUT(self, url: str, **options: Any) -> Answer:
        return self.request("PUT", url, **options)

    def DELETE(self, url: str, **options: Any) -> Answer:
        return self.request("DELETE", url, **options)

    def _note(self, headers: Mapping[str, str]) -> None:
        told = _date(headers.get("Date"))
        if told is not None:
            self._clock = (told, self.seconds())
        limit = _number(headers.get("X-HubSpot-RateLimit-Daily"))
        left = _number(headers.get("X-HubSpot-RateLimit-Daily-Remaining"))
        if limit is not None or left is not None:
            self.budget = Budget(limit, left, self.budget.calls_made)
        interval = _number(headers.get("X-HubSpot-RateLimit-Interval-Milliseconds"))
        most = _number(headers.get("X-HubSpot-RateLimit-Max"))
        if most and interval == 10_000:
            self._portal.slow_to(most)
            # Somebody else spends from the same ten seconds: let a tenth of them pass.
            if _number(headers.get("X-HubSpot-RateLimit-Remaining")) == 0:
                self._portal.burst.hold(1.0)

    def _token_changed(self) -> bool:
        """Take the token that the operator has put into the file since, if it is another one.

        An unreadable file is no news beside "the token is refused", which the caller hears.
        """
        refused = self._token
        with contextlib.suppress(ConfigError):
            self._token = self._read_token()
        return self._token != refused

    def _heed(self, error: FairleadError, response: requests.Response) -> None:
        after = retry_after(response.headers)
        if after is None and isinstance(error, RateLimited):
            after = error.after
        if after is None:
            return
        searching = (response.url or "").split("?")[0].endswith("/search")
        if after > LONGEST_HOLD:
            self._portal.close_for(after)
        elif searching and isinstance(error, RateLimited):
            self._portal.search.hold(after)
        else:
            self._portal.burst.hold(after)


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        return None


def _pairs(params: Any) -> list[tuple[str, Any]]:
    return list(params.items()) if isinstance(params, Mapping) else list(params or ())


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


@lru_cache(maxsize=16)
def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
