"""The HTTP shell of a sandbox: what a fault does to a request, what the control surface says."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
import requests
from sandbox.plain_face import Served

HTTP = requests.Session


def put(http: HTTP, served: Served, id: str, text: str = "hello") -> requests.Response:
    return http.put(f"{served.url}/rows/{id}", data=text.encode(), timeout=10)


def get(http: HTTP, served: Served, id: str) -> requests.Response:
    return http.get(f"{served.url}/rows/{id}", timeout=10)


def control(http: HTTP, served: Served, what: str, order: Any) -> requests.Response:
    return http.post(f"{served.url}/_sandbox/{what}", json=order, timeout=10)


def fault(http: HTTP, served: Served, kind: str, **more: Any) -> None:
    answer = control(http, served, "faults", {"kind": kind, **more})
    assert answer.status_code == 200, answer.text


def audit(http: HTTP, served: Served, since: int = 0) -> dict[str, Any]:
    answer = http.get(f"{served.url}/_sandbox/audit?since={since}", timeout=10)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_request_goes_through_and_is_in_the_audit_with_its_write(
    http: HTTP, served: Served
) -> None:
    assert put(http, served, "a").status_code == 204
    answer = get(http, served, "a")
    assert (answer.text, answer.headers["Content-Type"]) == ("hello", "text/plain")
    assert "Date" in answer.headers
    seen = audit(http, served)
    made, read = seen["requests"]
    assert (made["method"], made["path"], made["status"]) == ("PUT", "/rows/a", 204)
    assert (read["method"], read["who"], read["note"]) == ("GET", "anonymous", "")
    [write] = seen["writes"]
    assert (write["op"], write["id"], write["request"]) == ("create", "a", made["seq"])
    assert write["changes"] == {"text": [None, "hello"]}
    assert audit(http, served, since=read["seq"]) == {"requests": [], "writes": []}


@pytest.mark.parametrize("kind", ["reset", "hang", "out_of_tea"])
def test_a_fault_before_the_effect_leaves_nothing_behind(
    http: HTTP, served: Served, kind: str
) -> None:
    fault(http, served, kind, where="before", seconds=0.05)
    if kind == "out_of_tea":
        assert put(http, served, "a").status_code == 418
    else:
        with pytest.raises(requests.ConnectionError):
            put(http, served, "a")
    assert get(http, served, "a").status_code == 404
    struck, _ = audit(http, served)["requests"]
    assert (struck["note"], struck["status"]) == (kind, 0)


@pytest.mark.parametrize("kind", ["reset", "hang", "out_of_tea"])
def test_a_fault_after_the_effect_hides_that_it_worked(
    http: HTTP, served: Served, kind: str
) -> None:
    fault(http, served, kind, where="after", seconds=0.05)
    if kind == "out_of_tea":
        assert put(http, served, "a").status_code == 418
    else:
        with pytest.raises(requests.ConnectionError):
            put(http, served, "a")
    assert get(http, served, "a").text == "hello"
    struck, _ = audit(http, served)["requests"]
    assert (struck["note"], struck["status"]) == (kind, 204)


def test_truncate_cuts_the_answer_in_its_middle(http: HTTP, served: Served) -> None:
    put(http, served, "a", "x" * 5000)
    fault(http, served, "truncate", where="after")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        get(http, served, "a")
    struck = audit(http, served)["requests"][-1]
    assert (struck["note"], struck["status"]) == ("truncate", 200)
    assert len(get(http, served, "a").text) == 5000
    refused = control(http, served, "faults", {"kind": "truncate", "where": "before"})
    assert refused.status_code == 400


def test_hang_holds_the_line_as_long_as_it_says(http: HTTP, served: Served) -> None:
    fault(http, served, "hang", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{served.url}/rows/a", timeout=0.2)
    began = time.monotonic()
    fault(http, served, "hang", seconds=0.3)
    with pytest.raises(requests.ConnectionError):
        get(http, served, "a")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("where", ["before", "after"])
def test_delay_answers_late_and_rightly(http: HTTP, served: Served, where: str) -> None:
    put(http, served, "a")
    fault(http, served, "delay", seconds=0.2, where=where)
    began = time.monotonic()
    assert get(http, served, "a").text == "hello"
    assert time.monotonic() - began >= 0.2


def test_latency_delays_every_answer_until_it_is_set_back(http: HTTP, served: Served) -> None:
    assert control(http, served, "settings", {"latency_ms": 120}).json()["latency_ms"] == 120
    began = time.monotonic()
    get(http, served, "a")
    get(http, served, "a")
    assert time.monotonic() - began >= 0.24


@pytest.mark.parametrize(
    ("chosen", "method", "path", "body", "strikes"),
    [
        ({"method": "PUT"}, "PUT", "/rows/a", "", True),
        ({"method": "PUT"}, "GET", "/rows/a", "", False),
        ({"path": "^/rows/b$"}, "PUT", "/rows/b", "", True),
        ({"path": "^/rows/b$"}, "PUT", "/rows/a", "", False),
        ({"body": "secret"}, "PUT", "/rows/a", "a secret", True),
        ({"body": "secret"}, "PUT", "/rows/a", "nothing", False),
        ({"body": "secret"}, "GET", "/rows/secret", "", False),
        ({"probability": 0.0}, "PUT", "/rows/a", "", False),
    ],
)
def test_a_fault_strikes_only_what_it_was_told_to(
    http: HTTP,
    served: Served,
    chosen: dict[str, Any],
    method: str,
    path: str,
    body: str,
    strikes: bool,
) -> None:
    fault(http, served, "out_of_tea", **chosen)
    answer = http.request(method, served.url + path, data=body.encode(), timeout=10)
    assert (answer.status_code == 418) is strikes


def test_a_fault_strikes_as_often_as_it_was_told_and_delete_ends_all(
    http: HTTP, served: Served
) -> None:
    fault(http, served, "out_of_tea", count=2, params={"pot": "cracked"})
    answers = [get(http, served, "a") for _ in range(3)]
    assert [a.status_code for a in answers] == [418, 418, 404]
    assert answers[0].headers["X-Pot"] == "cracked"
    fault(http, served, "out_of_tea", count=None)
    assert [get(http, served, "a").status_code for _ in range(4)] == [418] * 4
    http.delete(f"{served.url}/_sandbox/faults", timeout=10)
    assert get(http, served, "a").status_code == 404


def test_a_probable_fault_strikes_sometimes_and_the_same_way_for_one_seed(
    http: HTTP, served: Served
) -> None:
    def struck() -> list[bool]:
        served.reset()
        fault(http, served, "out_of_tea", count=None, probability=0.5)
        return [get(http, served, "a").status_code == 418 for _ in range(24)]

    first = struck()
    assert set(first) == {True, False}
    assert struck() == first


@pytest.mark.parametrize(
    ("what", "order", "said"),
    [
        ("faults", {"kind": "out_of_coffee"}, "unknown fault out_of_coffee"),
        ("faults", {"kind": "reset", "colour": 1}, "unknown fault setting colour"),
        ("faults", {"kind": "reset", "where": "during"}, "before or after"),
        ("faults", {"kind": "reset", "path": "("}, "path is no regular expression"),
        ("faults", {"kind": "reset", "body": "["}, "body is no regular expression"),
        ("faults", ["reset"], "must be a JSON object"),
        ("settings", {"size": 3}, "unknown settings"),
        ("act", {"op": "dance"}, "unknown op"),
        ("clock", {"seconds": 3}, "advance_seconds"),
    ],
)
def test_a_bad_order_is_refused_with_a_sentence_and_does_nothing(
    http: HTTP, served: Served, what: str, order: Any, said: str
) -> None:
    answer = control(http, served, what, order)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert get(http, served, "a").status_code == 404
    assert served.org.settings == {"latency_ms": 0.0}


def test_an_unknown_control_is_404_and_outside_the_audit(http: HTTP, served: Served) -> None:
    assert http.get(f"{served.url}/_sandbox/nonsense", timeout=10).status_code == 404
    assert http.get(f"{served.url}/_sandbox/act", timeout=10).status_code == 404
    assert audit(http, served) == {"requests": [], "writes": []}


def test_orders_settings_rows_and_clock_are_reached_over_http(http: HTTP, served: Served) -> None:
    health = http.get(f"{served.url}/_sandbox/health", timeout=10).json()
    assert health["name"] == "plain"
    assert control(http, served, "settings", {"colour": "red"}).json()["colour"] == "red"
    order = {"op": "write", "id": "late", "commit_delay_seconds": 3600}
    assert control(http, served, "act", order).json() == {"id": "late"}
    assert http.get(f"{served.url}/_sandbox/rows/rows", timeout=10).json() == []
    moved = control(http, served, "clock", {"advance_seconds": 3601}).json()
    assert moved["now"] > health["now"]
    [row] = http.get(f"{served.url}/_sandbox/rows/rows", timeout=10).json()
    assert (row["id"], row["fields"], row["created_by"]["kind"]) == (
        "late",
        {"text": "hers"},
        "person",
    )
    [write] = audit(http, served)["writes"]
    assert write["request"] is None


def test_long_answers_are_compressed_for_those_who_ask(http: HTTP, served: Served) -> None:
    put(http, served, "long", "x" * 5000)
    put(http, served, "short", "x" * 100)
    packed = http.get(
        f"{served.url}/rows/long", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read(decode_content=False)) == b"x" * 5000
    for id, asked in (("long", "identity"), ("short", "gzip")):
        plain = http.get(f"{served.url}/rows/{id}", headers={"Accept-Encoding": asked}, timeout=10)
        assert "Content-Encoding" not in plain.headers


def test_a_request_that_is_too_large_is_refused(
    http: HTTP, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.sandbox.server.MAX_REQUEST_BYTES", 1000)
    assert put(http, served, "a", "x" * 2000).status_code == 413
    assert get(http, served, "a").status_code == 404


def test_a_face_that_breaks_is_a_500_in_the_audit_and_the_server_goes_on(
    http: HTTP, served: Served
) -> None:
    assert http.get(f"{served.url}/boom", timeout=10).status_code == 500
    assert [r["status"] for r in audit(http, served)["requests"]] == [500]
    assert put(http, served, "a").status_code == 204


def test_answers_do_not_wait_for_a_delayed_acknowledgement(http: HTTP, served: Served) -> None:
    """An answer leaves in two pieces; with Nagle's algorithm each would take 40 ms longer."""
    put(http, served, "a")
    took = []
    for _ in range(20):
        began = time.monotonic()
        get(http, served, "a")
        took.append(time.monotonic() - began)
    assert min(took) < 0.03, json.dumps(took)
