"""`/composite` and `/composite/batch`: several calls in one, with references between them.

A composite counts as one API call and a batch as one per part. Parts inherit only Accept,
Authorization and Content-Type (reference §4.2): Sforce-Auto-Assign must stand in each of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from fairlead.sandbox.wire import Response
from fairlead_salesforce.sandbox.call import Call
from fairlead_salesforce.sandbox.errors import JsonAnswer, Refused, answer, refusal

Dispatch = Callable[[Call], Response]
MAX_PARTS = 25
MAX_QUERIES = 5
_INHERITED = ("accept", "authorization", "content-type")
_ADDRESS = re.compile(r"/services/data/v(\d+\.\d)/(.+)\Z", re.DOTALL)
_BATCH_ADDRESS = re.compile(r"/?(?:services/data/)?v(\d+\.\d)/(.+)\Z", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*\Z")
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."


@dataclass(frozen=True, slots=True)
class _Part:
    method: str
    url: str
    name: str
    headers: Mapping[str, str]
    body: Any


class _Undone(Exception):
    def __init__(self, results: list[dict[str, Any]], guilty: int) -> None:
        super().__init__()
        self.results = results
        self.guilty = guilty


def composite(call: Call, dispatch: Dispatch) -> Response:
    """`POST /composite`."""
    body = call.object()
    _only(body, {"compositeRequest", "allOrNone", "collateSubrequests"})
    parts = _parts(body.get("compositeRequest"))
    _check_queries(parts)
    if not body.get("allOrNone", False):
        results: list[dict[str, Any]] = []
        for part in parts:
            results.append(_run(call, part, results, dispatch))
        return answer(200, {"compositeResponse": results})
    try:
        with call.sb.transaction():
            results = []
            for i, part in enumerate(parts):
                results.append(_run(call, part, results, dispatch))
                if results[-1]["httpStatusCode"] >= 400:
                    raise _Undone(results, i)
    except _Undone as undone:
        return answer(200, {"compositeResponse": _all_halted(parts, undone)})
    return answer(200, {"compositeResponse": results})


def batch(call: Call, dispatch: Dispatch) -> Response:
    """`POST /composite/batch`."""
    body = call.object()
    _only(body, {"batchRequests", "haltOnError"})
    asked = body.get("batchRequests")
    if not isinstance(asked, list) or not asked:
        raise Refused("JSON_PARSER_ERROR", "batchRequests: a list is required")
    if len(asked) > MAX_PARTS:
        raise _too_many()
    call.sb.count_calls(len(asked) - 1)
    results: list[dict[str, Any]] = []
    halted = False
    for one in asked:
        if halted:
            gone = Refused("BATCH_PROCESSING_HALTED", "Batch processing halted per request")
            results.append({"statusCode": 412, "result": gone.rest()})
            continue
        response = _batch_part(call, one, dispatch)
        results.append({"statusCode": response.status, "result": _body(response)})
        halted = response.status >= 400 and bool(body.get("haltOnError"))
    failed = any(r["statusCode"] >= 400 for r in results)
    return answer(200, {"hasErrors": failed, "results": results})


# -- parts ----------------------------------------------------------------------------------


def _only(body: Mapping[str, Any], known: set[str]) -> None:
    if set(body) - known:
        raise Refused("JSON_PARSER_ERROR", f"Unrecognized field: {sorted(set(body) - known)[0]}")


def _too_many() -> Refused:
    return Refused("LIMIT_EXCEEDED", f"no more than {MAX_PARTS} subrequests in one call")


def _parts(asked: Any) -> list[_Part]:
    if not isinstance(asked, list) or not asked or any(not isinstance(a, dict) for a in asked):
        raise Refused("JSON_PARSER_ERROR", "compositeRequest: a list of objects is required")
    if len(asked) > MAX_PARTS:
        raise _too_many()
    parts = [_part(a) for a in asked]
    names = [p.name for p in parts]
    for name in names:
        if names.count(name) > 1:
            raise Refused("DUPLICATE_VALUE", f"Duplicate ReferenceId provided ({name}).")
    return parts


def _part(asked: dict[str, Any]) -> _Part:
    _only(asked, {"method", "url", "referenceId", "httpHeaders", "body"})
    method, url, name = (asked.get(k) for k in ("method", "url", "referenceId"))
    if method not in ("GET", "POST", "PATCH", "PUT", "DELETE") or not isinstance(url, str):
        raise Refused("JSON_PARSER_ERROR", "each subrequest needs a method and a url")
    if not isinstance(name, str) or not _NAME.match(name):
        raise Refused(
            "INVALID_INPUT",
            f"Provided referenceId ('{name}') must start with a letter or a number, and it can "
            "contain only letters, numbers and underscores ('_').",
        )
    headers = asked.get("httpHeaders") or {}
    if not isinstance(headers, dict) or any(not isinstance(v, str) for v in headers.values()):
        raise Refused("JSON_PARSER_ERROR", "httpHeaders: texts by name")
    lower = {k.lower(): v for k, v in headers.items()}
    if set(lower) & set(_INHERITED):
        raise Refused("INVALID_HEADER", "Accept, Authorization and Content-Type are inherited")
    return _Part(method, url, name, lower, asked.get("body"))


def _check_queries(parts: list[_Part]) -> None:
    heavy = [
        p for p in parts if re.match(r"/services/data/v[\d.]+/(query|composite/sobjects)", p.url)
    ]
    if len(heavy) > MAX_QUERIES:
        raise Refused(
            "LIMIT_EXCEEDED", f"no more than {MAX_QUERIES} queries or collections in one composite"
        )


def _run(
    call: Call, part: _Part, results: list[dict[str, Any]], dispatch: Dispatch
) -> dict[str, Any]:
    known = {r["referenceId"]: r for r in results}
    try:
        url = _resolved(part.url, known)
        body = _resolved(part.body, known)
        match = _ADDRESS.match(str(url))
        if match is None:
            raise Refused("NOT_FOUND", "The requested resource does not exist", status=404)
        _check_nesting(match[2])
        response = dispatch(_sub_call(call, part.method, match, part.headers, body))
    except Refused as error:
        response = refusal(error)
    location = response.headers.get("Location")
    return {
        "body": _body(response),
        "httpHeaders": {"Location": location} if location else {},
        "httpStatusCode": response.status,
        "referenceId": part.name,
    }


def _check_nesting(below: str) -> None:
    first = below.split("?")[0].strip("/")
    fine = first.startswith(("sobjects", "composite/sobjects", "query"))
    if not fine:
        raise Refused("INVALID_INPUT", f"{first} is not supported as a composite subrequest")


def _sub_call(
    call: Call, method: str, match: re.Match[str], headers: Mapping[str, str], body: Any
) -> Call:
    path, _, query = match[2].partition("?")
    inherited = {k: v for k, v in call.headers.items() if k in _INHERITED}
    return replace(
        call,
        version=match[1],
        method=method,
        parts=tuple(unquote(p) for p in path.strip("/").split("/")),
        query=query,
        headers={**inherited, "content-type": "application/json", **headers},
        body=b"",
        given=body,
    )


def _batch_part(call: Call, one: Any, dispatch: Dispatch) -> Response:
    try:
        if not isinstance(one, dict):
            raise Refused("JSON_PARSER_ERROR", "each batch request is an object")
        _only(one, {"method", "url", "richInput"})
        match = _BATCH_ADDRESS.match(str(one.get("url")))
        if match is None:
            raise Refused("NOT_FOUND", "The requested resource does not exist", status=404)
        if match[2].split("?")[0].strip("/") in ("composite", "composite/batch", "composite/graph"):
            raise Refused("INVALID_INPUT", "a batch cannot be nested")
        return dispatch(_sub_call(call, str(one.get("method")), match, {}, one.get("richInput")))
    except Refused as error:
        return refusal(error)


def _body(response: Response) -> Any:
    if isinstance(response, JsonAnswer):
        return response.value
    return json.loads(response.body) if response.body else None


def _all_halted(parts: list[_Part], undone: _Undone) -> list[dict[str, Any]]:
    halted = Refused("PROCESSING_HALTED", _HALTED).rest()
    out = []
    for i, part in enumerate(parts):
        if i == undone.guilty:
            out.append(undone.results[i])
        else:
            out.append(
                {
                    "body": halted,
                    "httpHeaders": {},
                    "httpStatusCode": 400,
                    "referenceId": part.name,
                }
            )
    return out


# -- references -----------------------------------------------------------------------------


def _resolved(value: Any, known: Mapping[str, dict[str, Any]]) -> Any:
    if isinstance(value, dict):
        return {k: _resolved(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolved(v, known) for v in value]
    if not isinstance(value, str):
        return value
    if "@{" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _look_up(whole, known)
    return _REFERENCE.sub(lambda m: str(_look_up(m, known)), value)


def _look_up(match: re.Match[str], known: Mapping[str, dict[str, Any]]) -> Any:
    result = known.get(match[1])
    at: Any = result["body"] if result and result["httpStatusCode"] < 400 else None
    for step in _STEP.finditer(match[2]):
        name, index = step[1], step[2]
        if name is not None and isinstance(at, dict) and name in at:
            at = at[name]
        elif index is not None and isinstance(at, list) and int(index) < len(at):
            at = at[int(index)]
        else:
            at = None
            break
    if at is None or not match[2]:
        path = match[2].lstrip(".")
        raise Refused(
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {match[1]}.{path} found in {match[1]}. "
            "Provided references: " + ", ".join(known),
        )
    return at
