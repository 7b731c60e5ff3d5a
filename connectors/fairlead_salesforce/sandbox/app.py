"""The Salesforce face: a table of addresses, the way in (auth, quota, headers), and the factory.

Entry point `fairlead.sandboxes: salesforce`. `fairlead.sandbox.server` calls `handle` for each
request; a composite calls `dispatch` for each of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

from fairlead.sandbox.org import Org
from fairlead.sandbox.wire import Request, Response
from fairlead_salesforce.sandbox import (
    acts,
    auth,
    collections,
    composite,
    faults,
    knobs,
    people,
    queries,
    records,
    replication,
    resources,
)
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import OAuthRefused, Refused, answer, not_found, refusal
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.setup_objects import LEAD_STATUSES, TASK_STATUSES
from fairlead_salesforce.sandbox.state import Sandbox

MAX_URI_BYTES = 16_384
_DATA = re.compile(r"/services/data/v(\d{2,3}\.0)(?:/(.*))?\Z", re.DOTALL)
_ID = re.compile(r"/id/([0-9A-Za-z]+)/([0-9A-Za-z]+)/?\Z")
Handler = Callable[..., Response]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "sobjects", resources.describe_global),
    ("GET", "sobjects/{}", resources.describe_brief),
    ("POST", "sobjects/{}", records.create),
    ("GET", "sobjects/{}/describe", resources.describe_full),
    ("GET", "sobjects/{}/updated", replication.updated),
    ("GET", "sobjects/{}/deleted", replication.deleted),
    ("GET", "sobjects/{}/{}", records.read),
    ("PATCH", "sobjects/{}/{}", records.update),
    ("DELETE", "sobjects/{}/{}", records.delete),
    ("GET", "sobjects/{}/{}/{}", records.read_external),
    ("PATCH", "sobjects/{}/{}/{}", records.upsert),
    ("DELETE", "sobjects/{}/{}/{}", records.delete_external),
    ("GET", "query", queries.query),
    ("GET", "queryAll", queries.query_all),
    ("GET", "query/{}", queries.more),
    ("GET", "queryAll/{}", queries.more),
    ("POST", "composite/sobjects", collections.create),
    ("PATCH", "composite/sobjects", collections.update),
    ("DELETE", "composite/sobjects", collections.delete),
    ("GET", "composite/sobjects/{}", collections.retrieve_get),
    ("POST", "composite/sobjects/{}", collections.retrieve),
    ("PATCH", "composite/sobjects/{}/{}", collections.upsert),
    ("GET", "limits", resources.limits),
    ("GET", "limits/recordCount", resources.record_count),
    ("GET", "recent", resources.recent),
)
"""Method, address below the version, handler; `{}` is one segment. First match wins."""
_BY_LENGTH: dict[int, list[tuple[str, list[str], Handler]]] = {}
for _method, _pattern, _handler in ROUTES:
    _route = (_method, _pattern.split("/"), _handler)
    _BY_LENGTH.setdefault(len(_route[1]), []).append(_route)


def dispatch(call: Call) -> Response:
    """Find the handler of a call and run it; raises Refused."""
    allowed: list[str] = []
    for method, pattern, handler in _BY_LENGTH.get(len(call.parts), ()):
        holes = _match(pattern, call.parts)
        if holes is None:
            continue
        if method == call.method:
            return handler(call, *holes)
        allowed.append(method)
    if call.parts in (("composite",), ("composite", "batch")):
        if call.method == "POST":
            run = composite.batch if len(call.parts) == 2 else composite.composite
            return run(call, dispatch)
        allowed.append("POST")
    if allowed:
        raise Refused(
            "METHOD_NOT_ALLOWED",
            f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(sorted(allowed))}",
            status=405,
        )
    raise not_found()


def _match(pattern: list[str], parts: tuple[str, ...]) -> list[str] | None:
    holes: list[str] = []
    for want, have in zip(pattern, parts, strict=True):
        if want == "{}":
            holes.append(have)
        elif want != have:
            return None
    return holes


class SalesforceFace:
    """One org's HTTP surface; see `fairlead.sandbox.wire.Face`."""

    name = "salesforce"

    def __init__(self, org: Org, *, token: str, base_url: str) -> None:
        self.org = org
        self.sb = Sandbox(org, token=token, base_url=base_url)
        with org.lock:
            _furnish(self.sb)

    # -- Face -------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request as the service would; bad input is a refusal, never an exception."""
        with self.org.lock:
            self.org.settle()
            headers = {"Date": format_datetime(self.org.now(), usegmt=True)}
            try:
                response = self._answer(request, headers)
            except Refused as error:
                response = refusal(error)
            except OAuthRefused as error:
                response = faults.oauth_refusal(error)
            return Response(response.status, response.body, {**headers, **response.headers})

    def identify(self, request: Request) -> str:
        """`kind:user name` of the bearer, or anonymous."""
        with self.org.lock:
            try:
                who = auth.bearer(self.sb, request.headers).who
            except Refused:
                return "anonymous"
            return f"{who.kind}:{who.name}"

    def fault(self, kind: str, params: Mapping[str, Any]) -> Response:
        """The service's own answer for a fault by name; raises ValueError on unknown ones."""
        return faults.fault(kind, params)

    def act(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act as somebody else; raises ValueError on a bad order."""
        with self.org.lock:
            self.org.settle()
            return acts.act(self.sb, order)

    def tune(self, settings: Mapping[str, Any]) -> None:
        """Set knobs; raises ValueError on unknown ones, and then sets none."""
        with self.org.lock:
            knobs.turn(self.sb.knobs, settings)
            self.sb.knobs.hidden_ids = [canonical(i) or i for i in self.sb.knobs.hidden_ids]
            self.sb.reshape()

    # -- the way in -------------------------------------------------------------------------

    def _answer(self, request: Request, headers: dict[str, str]) -> Response:
        raw = (request.raw_path or request.path).partition("?")[0]
        if len(raw.encode()) + len(request.query.encode()) + 1 > MAX_URI_BYTES:
            raise Refused("URI_TOO_LONG", "The URI exceeds 16,384 bytes", status=414)
        if request.path.startswith("/services/oauth2/"):
            return self._oauth(request)
        if request.path.rstrip("/") == "/services/data":
            return resources.versions()
        if match := _ID.match(request.path):
            return self._identity(request, match[1], match[2])
        match = _DATA.match(raw)
        if match is None:
            raise not_found()
        return self._api(request, match, headers)

    def _api(self, request: Request, match: re.Match[str], headers: dict[str, str]) -> Response:
        who = auth.bearer(self.sb, request.headers).who
        most = self.sb.knobs.api_daily_limit
        if self.sb.calls_used() >= most:
            headers["Sforce-Limit-Info"] = f"api-usage={self.sb.calls_used()}/{most}"
            raise Refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        self.sb.count_calls()
        try:
            call = self._call(request, match, who)
            if not call.parts:
                return resources.resource_map(call, self._base_url(request))
            return dispatch(call)
        finally:
            headers["Sforce-Limit-Info"] = f"api-usage={self.sb.calls_used()}/{most}"

    def _call(self, request: Request, match: re.Match[str], who: Any) -> Call:
        method, query = request.method, request.query
        override = re.fullmatch(r"_HttpMethod=([A-Za-z]+)", query)
        if method == "POST" and override:
            method, query = override[1].upper(), ""
        segments = (match[2] or "").rstrip("/").split("/")
        parts = tuple(unquote(s) for s in segments) if segments != [""] else ()
        return Call(self.sb, who, match[1], method, parts, query, request.headers, request.body)

    def _base_url(self, request: Request) -> str:
        host = request.headers.get("host", "127.0.0.1")
        return self.sb.knobs.base_url.rstrip("/") or f"http://{host}"

    def _oauth(self, request: Request) -> Response:
        base = self._base_url(request)
        match request.method, request.path.rstrip("/").rsplit("/", 1)[1]:
            case "POST", "token":
                return auth.token(self.sb, request, base)
            case "POST", "revoke":
                return auth.revoke(self.sb, request)
            case "POST", "introspect":
                return auth.introspect(self.sb, request)
            case (("GET" | "POST"), "userinfo"):
                return auth.userinfo(self.sb, request, base)
        raise not_found()

    def _identity(self, request: Request, org_id: str, user_id: str) -> Response:
        # Clients hand the token to this one address as a parameter too.
        token = request.params().get("oauth_token")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        auth.bearer(self.sb, {**headers, **request.headers})
        user = canonical(user_id)
        if canonical(org_id) != self.sb.org_id or self.org.get("User", user or "") is None:
            raise not_found()
        body = resources.identity(self.sb, user or "", self._base_url(request))
        return answer(200, body)


def _furnish(sb: Sandbox) -> None:
    """What every org has: itself, four users, its statuses and one queue."""
    robot, now = sb.robot, sb.now()

    def put(table: str, id: str, fields: dict[str, Any]) -> None:
        sb.org.create(table, id, fields, robot, stamp=now)

    put(
        "Organization",
        sb.org_id,
        {
            "Name": "Fairlead Sandbox",
            "OrganizationType": "Developer Edition",
            "InstanceName": "LOOP1",
            "IsSandbox": True,
            "TimeZoneSidKey": "GMT",
            "LanguageLocaleKey": "en_US",
            "DefaultLocaleSidKey": "en_US",
        },
    )
    profile = sb.ids.new("00e")
    put("Profile", profile, {"Name": "Standard User"})
    users = (
        (robot.id, "Automated", "Process", "autoproc@sandbox.example", "AutomatedProcess"),
        (sb.integration.id, "Fairlead", "Integration", "fairlead@sandbox.example", "Standard"),
        (sb.admin.id, "Ada", "Admin", "admin@sandbox.example", "Standard"),
        (sb.tool.id, "Other", "Integration", "other@sandbox.example", "Standard"),
    )
    for id, first, last, email, kind in users:
        fields = {
            "FirstName": first,
            "LastName": last,
            "Username": email,
            "Email": email,
            "UserType": kind,
            "ProfileId": profile,
        }
        people.add_user(sb, id, fields, robot)
    for i, (name, default, converted) in enumerate(LEAD_STATUSES, 1):
        shown = {"ApiName": name, "MasterLabel": name, "SortOrder": i, "IsDefault": default}
        put("LeadStatus", sb.ids.new("01J"), {**shown, "IsConverted": converted})
    for i, (name, default, closed) in enumerate(TASK_STATUSES, 1):
        shown = {"ApiName": name, "MasterLabel": name, "SortOrder": i, "IsDefault": default}
        put("TaskStatus", sb.ids.new("01K"), {**shown, "IsClosed": closed})
    people.add_queue(sb, "Unmatched", ["Lead"], robot)


class SalesforceFactory:
    """Builds an empty but working org."""

    name = "salesforce"

    def build(self, org: Org, *, token: str, base_url: str) -> SalesforceFace:
        """`token` is accepted as the integration user's; `base_url` "" follows the Host header."""
        return SalesforceFace(org, token=token, base_url=base_url)


FACE = SalesforceFactory()
