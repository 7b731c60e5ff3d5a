"""The face: from a request to the handler that answers it, with the gates every request passes.

The gates, in order: the path, the token, the quota, the scopes. `FACE` is the entry point.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from fairlead.sandbox.org import Org
from fairlead.sandbox.wire import Face, Request, Response
from fairlead_hubspot.sandbox import (
    account,
    asking,
    associations,
    batch,
    control,
    faults,
    lists,
    objects,
    owners,
    properties,
    search,
)
from fairlead_hubspot.sandbox.errors import (
    HTML,
    JSON,
    Refusal,
    error,
    missing_scopes,
    unauthorized,
)
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.types import ObjectType

MAX_URL = 8_192
ADMIN = "admin@example.com"
Answer = tuple[int, Any]
Handler = Callable[["HubspotFace", Request, tuple[str, ...]], Answer]
Scopes = Callable[[tuple[str, ...]], tuple[str, ...]]


def _objects(way: str) -> Scopes:
    def scopes(parts: tuple[str, ...]) -> tuple[str, ...]:
        return (f"crm.objects.{_kind(parts).scope}.{way}",)

    return scopes


def _schemas(way: str) -> Scopes:
    def scopes(parts: tuple[str, ...]) -> tuple[str, ...]:
        scope = _kind(parts).scope
        # Users have no schema scope of their own: their object scope covers their properties.
        return (f"crm.objects.users.{way}" if scope == "users" else f"crm.schemas.{scope}.{way}",)

    return scopes


def _owners_read(_: tuple[str, ...]) -> tuple[str, ...]:
    return ("crm.objects.owners.read",)


def _lists_read(_: tuple[str, ...]) -> tuple[str, ...]:
    return ("crm.lists.read",)


def _lists_write(_: tuple[str, ...]) -> tuple[str, ...]:
    return ("crm.lists.write",)


def _no_scope(_: tuple[str, ...]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the dispatch table; `bucket` is the quota it draws on."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    scopes: Scopes
    bucket: str = "burst"


def _kind(parts: tuple[str, ...]) -> ObjectType:
    return associations.kind_named(parts[0])


def _on_objects(do: Callable[[Portal, ObjectType, Request], Answer]) -> Handler:
    return lambda face, request, parts: do(face.portal, _kind(parts), request)


def _on_record(do: Callable[[Portal, ObjectType, Request, str], Answer]) -> Handler:
    return lambda face, request, parts: do(face.portal, _kind(parts), request, parts[1])


def _on_ties(do: Callable[[Portal, Request, tuple[str, ...]], Answer]) -> Handler:
    return lambda face, request, parts: do(face.portal, request, parts)


def _define(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    portal, given = face.portal, asking.body(request)
    missing = portal.knobs.fields_missing
    return 201, properties.create(portal.schema, missing, _kind(parts), given, portal.now())


def _definitions(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    params = asking.query(request, "archived", "properties", "dataSensitivity", "locale")
    if asking.flag(params, "archived"):
        return 200, {"results": []}
    return 200, properties.listing(face.portal.schema, _kind(parts))


def _definition(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    asking.query(request, "archived", "properties", "dataSensitivity", "locale")
    return 200, properties.one(face.portal.schema, _kind(parts), parts[1])


def _read_definitions(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    given = asking.inputs(asking.body(request, "inputs", "archived").get("inputs"))
    names = [asking.text(asking.keys(g, "name").get("name"), "name") for g in given]
    schema, kind = face.portal.schema, _kind(parts)
    found = [p.wire() for n in names if (p := schema.get(kind, n)) is not None]
    lacking = [n for n in names if schema.get(kind, n) is None]
    body: dict[str, Any] = {"status": "COMPLETE", "results": found}
    if not lacking:
        return 200, body
    problem = error("Some properties do not exist", "OBJECT_NOT_FOUND", context={"name": lacking})
    return 207, {**body, "numErrors": len(lacking), "errors": [problem]}


def _groups(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    asking.query(request)
    return 200, properties.groups(face.portal.schema, _kind(parts))


def _add_group(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    given = asking.body(request)
    return 201, properties.create_group(face.portal.schema, _kind(parts), given)


def _untie(face: HubspotFace, request: Request, parts: tuple[str, ...]) -> Answer:
    return associations.remove(face.portal, request, parts, face.portal.api)


def _token_info(face: HubspotFace, request: Request, _: tuple[str, ...]) -> Answer:
    admin = owners.find(face.portal, ADMIN)
    return account.token_info(face.portal, request, int(admin.fields["userId"]))


_DATES = "2026-03|2026-09"
_OBJECTS = rf"/crm/(?:v3/objects|objects/(?:{_DATES}))/([^/]+)"
_OWNERS = rf"/crm/(?:v3/owners|owners/(?:{_DATES}))"
_PROPERTIES = rf"/crm/(?:v3/properties|properties/(?:{_DATES}))/([^/]+)"
_TIES = rf"/crm/(?:v4/objects|objects/(?:{_DATES}))/([^/]+)/([^/]+)/associations"
_TIES_BATCH = rf"/crm/(?:v4/associations|associations/(?:{_DATES}))/([^/]+)/([^/]+)/batch"
_LISTS = rf"/crm/(?:v3/lists|lists/(?:{_DATES}))"
_LIST = rf"{_LISTS}/(\d+)"
_ACCOUNT = rf"/account-info/(?:v3|{_DATES})"

_READ, _WRITE = _objects("read"), _objects("write")
_TABLE: tuple[tuple[str, str, Handler, Scopes, str], ...] = (
    ("GET", rf"{_OBJECTS}", _on_objects(objects.listing), _READ, "burst"),
    ("POST", rf"{_OBJECTS}", _on_objects(objects.create), _WRITE, "burst"),
    ("POST", rf"{_OBJECTS}/search", _on_objects(search.search), _READ, "search"),
    ("POST", rf"{_OBJECTS}/merge", _on_objects(objects.merge), _WRITE, "burst"),
    ("POST", rf"{_OBJECTS}/batch/read", _on_objects(batch.read), _READ, "burst"),
    ("POST", rf"{_OBJECTS}/batch/create", _on_objects(batch.create), _WRITE, "burst"),
    ("POST", rf"{_OBJECTS}/batch/update", _on_objects(batch.update), _WRITE, "burst"),
    ("POST", rf"{_OBJECTS}/batch/upsert", _on_objects(batch.upsert), _WRITE, "burst"),
    ("POST", rf"{_OBJECTS}/batch/archive", _on_objects(batch.archive), _WRITE, "burst"),
    ("GET", rf"{_OBJECTS}/([^/]+)", _on_record(objects.get), _READ, "burst"),
    ("PATCH", rf"{_OBJECTS}/([^/]+)", _on_record(objects.patch), _WRITE, "burst"),
    ("DELETE", rf"{_OBJECTS}/([^/]+)", _on_record(objects.delete), _WRITE, "burst"),
    (
        "PUT",
        rf"{_TIES}/default/([^/]+)/([^/]+)",
        _on_ties(associations.put_default),
        _WRITE,
        "associations",
    ),
    (
        "PUT",
        rf"{_TIES}/([^/]+)/([^/]+)",
        _on_ties(associations.put_typed),
        _WRITE,
        "associations",
    ),
    ("DELETE", rf"{_TIES}/([^/]+)/([^/]+)", _untie, _WRITE, "associations"),
    ("GET", rf"{_TIES}/([^/]+)", _on_ties(associations.listing), _READ, "associations"),
    (
        "POST",
        rf"{_TIES_BATCH}/read",
        _on_ties(associations.batch_read),
        _READ,
        "associations",
    ),
    ("GET", rf"{_PROPERTIES}", _definitions, _schemas("read"), "burst"),
    ("POST", rf"{_PROPERTIES}", _define, _schemas("write"), "burst"),
    ("GET", rf"{_PROPERTIES}/groups", _groups, _schemas("read"), "burst"),
    ("POST", rf"{_PROPERTIES}/groups", _add_group, _schemas("write"), "burst"),
    ("POST", rf"{_PROPERTIES}/batch/read", _read_definitions, _schemas("read"), "burst"),
    ("GET", rf"{_PROPERTIES}/([^/]+)", _definition, _schemas("read"), "burst"),
    ("GET", rf"{_OWNERS}/?", lambda f, r, p: owners.listing(f.portal, r), _owners_read, "burst"),
    (
        "GET",
        rf"{_OWNERS}/([^/]+)/?",
        lambda f, r, p: owners.get(f.portal, r, p[0]),
        _owners_read,
        "burst",
    ),
    ("POST", rf"{_LISTS}/?", _on_ties(lists.create), _lists_write, "burst"),
    ("GET", rf"{_LISTS}/?", _on_ties(lists.several), _lists_read, "burst"),
    ("POST", rf"{_LISTS}/search", _on_ties(lists.search), _lists_read, "burst"),
    (
        "GET",
        rf"{_LISTS}/object-type-id/([^/]+)/name/([^/]+)",
        _on_ties(lists.by_name),
        _lists_read,
        "burst",
    ),
    (
        "POST",
        rf"{_LISTS}/records/memberships/batch/read",
        _on_ties(lists.of_records),
        _lists_read,
        "burst",
    ),
    (
        "GET",
        rf"{_LISTS}/records/([^/]+)/([^/]+)/memberships",
        _on_ties(lists.of_record),
        _lists_read,
        "burst",
    ),
    ("GET", _LIST, _on_ties(lists.get), _lists_read, "burst"),
    ("DELETE", _LIST, _on_ties(lists.delete), _lists_write, "burst"),
    ("GET", rf"{_LIST}/memberships", _on_ties(lists.by_record), _lists_read, "burst"),
    (
        "GET",
        rf"{_LIST}/memberships/join-order",
        _on_ties(lists.in_join_order),
        _lists_read,
        "burst",
    ),
    ("DELETE", rf"{_LIST}/memberships", _on_ties(lists.empty), _lists_write, "burst"),
    ("PUT", rf"{_LIST}/memberships/add", _on_ties(lists.put_in), _lists_write, "burst"),
    ("PUT", rf"{_LIST}/memberships/remove", _on_ties(lists.take_out), _lists_write, "burst"),
    (
        "PUT",
        rf"{_LIST}/memberships/add-and-remove",
        _on_ties(lists.put_and_take),
        _lists_write,
        "burst",
    ),
    (
        "GET",
        rf"{_ACCOUNT}/details",
        lambda f, r, p: account.details(f.portal, r),
        _no_scope,
        "burst",
    ),
    (
        "GET",
        rf"{_ACCOUNT}/api-usage/daily/private-apps",
        lambda f, r, p: account.usage(f.portal, r),
        _no_scope,
        "burst",
    ),
    (
        "POST",
        r"/oauth/v2/private-apps/get/access-token-info",
        _token_info,
        _no_scope,
        "burst",
    ),
)
ROUTES = tuple(Route(m, re.compile(p), h, s, b) for m, p, h, s, b in _TABLE)


_AS_JSON_WRITES = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class HubspotFace:
    """One HubSpot account, answering as `api.hubapi.com` does."""

    name = "hubspot"
    org: Org
    portal: Portal

    def __init__(self, org: Org, *, token: str, base_url: str) -> None:
        self.org = org
        with org.lock:
            self.portal = Portal(org, token=token, base_url=base_url)
            owners.add(self.portal, kind="PERSON", email=ADMIN, first="Ada", last="Admin")

    def handle(self, request: Request) -> Response:
        with self.org.lock:
            self.org.settle()
            correlation = self._correlation()
            bucket, headers = "burst", dict[str, str]()
            value: Any
            try:
                if len(request.raw_path or request.path) + len(request.query) > MAX_URL:
                    return Response(414, b"<html><h1>414 Request-URI Too Large</h1></html>", HTML)
                route, parts = self._route(request)
                bucket = route.bucket
                self._authenticate(request)
                self.portal.limits.take(bucket, self.portal.now(), correlation)
                self._check_scopes(route.scopes(parts))
                status, value = route.handler(self, request, parts)
            except Refusal as e:
                status, headers = e.status, dict(e.headers)
                value = {**e.body, "correlationId": correlation}
            if status not in (401, 404) or bucket == "search":
                headers |= self.portal.limits.headers(bucket, self.portal.now())
            headers["X-HubSpot-Correlation-Id"] = correlation
            if value is None:
                return Response(status, None, headers)
            return Response(status, self._written(value), {**JSON, **headers})

    def _written(self, value: Any) -> bytes:
        # orjson writes the same bytes many times faster. It refuses half a surrogate, and only what
        # a test put into a record can be a number with a fraction, which it may write differently.
        if not self.portal.corrupt:
            with contextlib.suppress(orjson.JSONEncodeError):
                return orjson.dumps(value, option=_AS_JSON_WRITES)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")

    def identify(self, request: Request) -> str:
        """The caller, without the token: "app" for the known one, else a digest of theirs."""
        given = request.headers.get("authorization", "")
        if given == f"Bearer {self.portal.token}":
            return "app"
        return f"unknown:{hashlib.sha256(given.encode()).hexdigest()[:8]}" if given else "nobody"

    def fault(self, kind: str, params: Mapping[str, Any]) -> Response:
        with self.org.lock:
            return faults.answer(kind, params, self._correlation())

    def act(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        with self.org.lock:
            self.org.settle()
            return control.act(self.portal, order)

    def tune(self, settings: Mapping[str, Any]) -> None:
        with self.org.lock:
            self.portal.knobs.set(settings)
            self.portal.schema.missing = self.portal.knobs.fields_missing

    def _correlation(self) -> str:
        return str(uuid.UUID(int=self.org.rng.getrandbits(128), version=4))

    def _route(self, request: Request) -> tuple[Route, tuple[str, ...]]:
        allowed = False
        for route in ROUTES:
            if (found := route.path.fullmatch(request.path)) is None:
                continue
            if route.method == request.method:
                return route, found.groups()
            allowed = True
        if allowed:
            raise Refusal(405, error(f"Method {request.method} not allowed"))
        raise Refusal(404, error("resource not found"))

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token != self.portal.token:
            raise unauthorized()

    def _check_scopes(self, needed: tuple[str, ...]) -> None:
        if lacking := [s for s in needed if s in self.portal.knobs.missing_scopes]:
            raise missing_scopes(lacking)


class HubspotFaceFactory:
    """Builds accounts; named by the entry point `fairlead.sandboxes`."""

    name = "hubspot"

    def build(self, org: Org, *, token: str, base_url: str) -> Face:
        return HubspotFace(org, token=token, base_url=base_url)


FACE = HubspotFaceFactory()
