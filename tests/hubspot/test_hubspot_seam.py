"""Every call goes through the house's session, at its pace, and every answer has one meaning."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from fairlead.core.effects import SetOwner
from fairlead.core.types import Kind, Ref
from fairlead.errors import (
    AuthFailed,
    ConfigError,
    PermissionMissing,
    RateLimited,
    SchemaDrift,
    Unavailable,
)
from fairlead.spi.connector import Direction, Outcome, Wanted
from fairlead_hubspot.connector import HubSpotConnector, HubSpotFactory
from fairlead_hubspot.seam import dated
from fairlead_hubspot.settings import HubSpotSettings

Connect = Callable[..., HubSpotConnector]

OWNER_WRITE = SetOwner("k1", Ref("hubspot", "contacts", "7301"), "501", None)


def poll(connector: HubSpotConnector) -> Any:
    cursor = connector.start_cursor(Kind.LEAD, since=datetime(2026, 11, 1, tzinfo=UTC))
    return connector.changes({Kind.LEAD: cursor})[Kind.LEAD]


@pytest.mark.parametrize(
    ("path", "version", "expected"),
    [
        ("/crm/v3/objects/contacts/search", "2026-09", "/crm/objects/2026-09/contacts/search"),
        ("/crm/v3/owners/", "2026-09", "/crm/owners/2026-09"),
        ("/crm/v3/properties/tasks", "2026-03", "/crm/properties/2026-03/tasks"),
        (
            "/crm/v4/associations/leads/contacts/batch/read",
            "2026-09",
            "/crm/associations/2026-09/leads/contacts/batch/read",
        ),
        ("/account-info/v3/details", "2026-09", "/account-info/2026-09/details"),
        ("/oauth/v2/private-apps/get/x", "2026-09", "/oauth/v2/private-apps/get/x"),
        ("/crm/v3/owners/", "v3", "/crm/v3/owners/"),
        ("/crm/v4/associations/leads/contacts/batch/read", "v3",
         "/crm/v4/associations/leads/contacts/batch/read"),
    ],
)  # fmt: skip
def test_one_setting_moves_every_path(path: str, version: str, expected: str) -> None:
    assert dated(path, version) == expected


def test_the_library_s_typed_calls_go_through_our_session(connect: Connect, wire: Any) -> None:
    wire.on("/crm/owners/2026-09", {"results": [{"id": "501", "type": "PERSON"}]}, method="GET")
    connector = connect(connect_timeout=1.5, read_timeout=7.0)

    page = connector._client.sdk.crm.owners.owners_api.get_page(limit=3, archived=False)

    assert page.results[0].id == "501"
    (call,) = wire.mock.calls
    assert call.request.headers["Authorization"] == "Bearer pat-test-token"
    assert call.request.url.endswith("/crm/owners/2026-09?limit=3&archived=false")
    assert call.request.req_kwargs["timeout"] == (1.5, 7.0)


def test_building_the_library_leaves_the_loggers_alone(connect: Connect, wire: Any) -> None:
    import logging

    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        wire.on("search", {"results": []})
        poll(connect())
        assert logger.level == logging.INFO
    finally:
        logger.setLevel(before)


def test_api_objects_are_made_once(connect: Connect) -> None:
    client = connect()._client
    assert client._search is client._search
    assert client._batch.api_client.rest_client is client.seam


CONTACT_ANSWERS = [
    # status, headers, body, error of a read, outcome or error of a write
    (400, {}, {"category": "VALIDATION_ERROR"}, SchemaDrift, Outcome.REFUSED),
    (404, {}, {"message": "resource not found"}, SchemaDrift, Outcome.GONE),
    (401, {}, {"category": "INVALID_AUTHENTICATION"}, AuthFailed, AuthFailed),
    (403, {}, {"category": "MISSING_SCOPES"}, PermissionMissing, PermissionMissing),
    (429, {}, {"message": "You have reached your secondly limit."}, RateLimited, RateLimited),
    (408, {}, {"status": "error"}, Unavailable, Outcome.AMBIGUOUS),
    (423, {}, {"status": "error"}, Unavailable, Outcome.AMBIGUOUS),
    (477, {"Retry-After": "3600"}, {"status": "error"}, Unavailable, Outcome.AMBIGUOUS),
    (500, {}, {"status": "error"}, Unavailable, Outcome.AMBIGUOUS),
    (502, {}, "<html>bad gateway</html>", Unavailable, Outcome.AMBIGUOUS),
    (503, {}, "", Unavailable, Outcome.AMBIGUOUS),
    (521, {}, "<html>", Unavailable, Outcome.AMBIGUOUS),
    (302, {"Location": "https://elsewhere.example/"}, "", Unavailable, Outcome.AMBIGUOUS),
    (403, {}, "<html>blocked</html>", Unavailable, Outcome.AMBIGUOUS),
    (200, {}, "{\"results\": [", Unavailable, Outcome.AMBIGUOUS),
    (200, {}, {"status": "COMPLETE"}, Unavailable, Outcome.AMBIGUOUS),
    (200, {}, "[]", Unavailable, Outcome.AMBIGUOUS),
    (204, {}, "", Unavailable, Outcome.AMBIGUOUS),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "error", "_write"), CONTACT_ANSWERS)
def test_what_an_answer_means_for_a_read(
    connect: Connect, wire: Any, status: int, headers: Any, body: Any, error: Any, _write: Any
) -> None:
    wire.on("search", body, status=status, headers=headers)
    with pytest.raises(error):
        poll(connect())
    assert len(wire.mock.calls) == 1, "nothing is retried behind the house's back"


@pytest.mark.parametrize(("status", "headers", "body", "_read", "meaning"), CONTACT_ANSWERS)
def test_what_an_answer_means_for_a_write(
    connect: Connect, wire: Any, status: int, headers: Any, body: Any, _read: Any, meaning: Any
) -> None:
    wire.schema()
    wire.on("update", body, status=status, headers=headers)
    connector = connect()
    if isinstance(meaning, Outcome):
        (receipt,) = connector.write([OWNER_WRITE]).receipts
        assert receipt.outcome is meaning
    else:
        with pytest.raises(meaning):
            connector.write([OWNER_WRITE])
    assert len(wire.asked("update")) == 1


def test_a_connection_cut_in_a_write_is_ambiguous_and_in_a_read_is_not(
    connect: Connect, wire: Any
) -> None:
    cut = requests.exceptions.ConnectionError("reset by peer")
    wire.schema()
    wire.on("update", cut)
    wire.on("search", cut)
    connector = connect()
    (receipt,) = connector.write([OWNER_WRITE]).receipts
    assert receipt.outcome is Outcome.AMBIGUOUS
    with pytest.raises(Unavailable):
        poll(connector)


@pytest.mark.parametrize(
    ("body", "headers", "after", "daily"),
    [
        ({"message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}, {}, 1.0,
         False),
        ({"message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT"}, {}, 1.0,
         False),
        ({"message": "You have reached your ten_secondly_rolling limit.",
          "policyName": "TEN_SECONDLY_ROLLING"}, {}, 10.0, False),
        ({"message": "You have reached your ten_secondly_rolling limit.",
          "policyName": "TEN_SECONDLY_ROLLING"}, {"Retry-After": "4"}, 4.0, False),
        ({"message": "You have reached your daily limit.", "policyName": "DAILY"}, {}, None, True),
        ("", {"Retry-After": "7"}, 7.0, False),
    ],
)  # fmt: skip
def test_a_spent_second_is_told_from_a_spent_day(
    connect: Connect, wire: Any, body: Any, headers: Any, after: float | None, daily: bool
) -> None:
    wire.on("search", body, status=429, headers=headers)
    with pytest.raises(RateLimited) as caught:
        poll(connect())
    assert (caught.value.after, caught.value.daily) == (after, daily)


def test_missing_scopes_are_named(connect: Connect, wire: Any) -> None:
    body = {
        "category": "MISSING_SCOPES",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}],
    }
    wire.on("search", body, status=403)
    with pytest.raises(PermissionMissing) as caught:
        poll(connect())
    assert "crm.objects.contacts.read" in caught.value.remedy


def test_no_lead_data_reaches_the_text_of_an_error(
    connect: Connect, wire: Any, payload: Any
) -> None:
    wire.schema()
    refusal = payload("refusals")["invalid_value"]
    wire.on("update", refusal["body"], status=refusal["status"])
    (receipt,) = connect().write([OWNER_WRITE]).receipts
    assert "broken.example" not in receipt.detail
    assert "INVALID_LONG hs_priority" in receipt.detail


def test_a_long_retry_after_closes_the_portal_for_both_directions(
    settings: Callable[..., HubSpotSettings], wire: Any
) -> None:
    wire.on("search", {"status": "error"}, status=477, headers={"Retry-After": "86400"})
    factory = HubSpotFactory()
    reading = factory.build(settings(), Direction.READ, Wanted())
    writing = factory.build(settings(), Direction.WRITE, Wanted())
    try:
        with pytest.raises(Unavailable):
            poll(reading)
        with pytest.raises(Unavailable) as caught:
            writing.write([OWNER_WRITE])
        assert caught.value.after is not None
        assert 86_000 < caught.value.after <= 86_400
        assert len(wire.mock.calls) == 1, "nothing was sent to a portal that asked for quiet"
    finally:
        reading.close()
        writing.close()


def test_a_short_retry_after_on_search_holds_search_alone(connect: Connect, wire: Any) -> None:
    wire.on("search", {"message": "secondly"}, status=429, headers={"Retry-After": "0.9"})
    wire.on("search", {"results": []})
    wire.on("/crm/owners/2026-09", {"results": []}, method="GET")
    wire.users()
    connector = connect()
    connector.owners()
    with pytest.raises(RateLimited):
        poll(connector)
    began = time.monotonic()
    connector.owners()
    assert time.monotonic() - began < 0.8
    poll(connector)
    assert time.monotonic() - began >= 0.8


def test_search_keeps_its_own_pace(connect: Connect, wire: Any) -> None:
    wire.on("search", {"results": []})
    connector = connect(search_per_second=2)
    began = time.monotonic()
    for _ in range(3):
        poll(connector)
    assert time.monotonic() - began >= 0.95


def test_a_lower_limit_in_the_headers_is_taken(connect: Connect, wire: Any) -> None:
    headers = {
        "X-HubSpot-RateLimit-Max": "100",
        "X-HubSpot-RateLimit-Remaining": "60",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Daily": "250000",
        "X-HubSpot-RateLimit-Daily-Remaining": "249990",
    }
    wire.on("/crm/owners/2026-09", {"results": []}, method="GET", headers=headers)
    wire.users()
    connector = connect(burst_per_10s=184)
    connector.owners()
    assert connector._portal.burst.limit == 97
    budget = connector.budget
    assert (budget.daily_limit, budget.daily_remaining, budget.calls_made) == (250000, 249990, 3)


def test_a_new_token_in_the_file_heals_a_refused_one(
    settings: Callable[..., HubSpotSettings], connect: Connect, wire: Any
) -> None:
    wire.on("search", {"category": "INVALID_AUTHENTICATION"}, status=401)
    wire.on("search", {"results": []})
    connector = connect()
    settings().token_file.write_text("pat-new-token")
    poll(connector)
    sent = [call.request.headers["Authorization"] for call in wire.mock.calls]
    assert sent[-1] == "Bearer pat-new-token"
    assert sent.count("Bearer pat-new-token") == 1


def test_a_refused_token_that_is_still_the_one_in_the_file_is_not_sent_again(
    connect: Connect, wire: Any
) -> None:
    wire.on("search", {"category": "INVALID_AUTHENTICATION"}, status=401)
    with pytest.raises(AuthFailed):
        poll(connect())
    assert len(wire.mock.calls) == 1


def test_without_a_date_header_the_poll_is_not_trusted(connect: Connect, wire: Any) -> None:
    wire.mock.add("POST", "https://api.hubapi.com" + wire.path("search"), json={"results": []})
    with pytest.raises(Unavailable, match="Date"):
        poll(connect())


@pytest.fixture
def silent_server() -> Iterator[tuple[str, list[bytes]]]:
    """A real server on loopback that takes requests and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
                held.append(peer)
                heard.append(peer.recv(65536))
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for peer in held:
        peer.close()


def test_a_silent_server_is_left_after_the_timeout_and_asked_once(
    connect: Connect, silent_server: tuple[str, list[bytes]]
) -> None:
    base, heard = silent_server
    connector = connect(base_url=base, read_timeout=0.2)
    connector._portal.marker = connector._portal.audit = True
    (receipt,) = connector.write([OWNER_WRITE]).receipts
    assert receipt.outcome is Outcome.AMBIGUOUS
    assert len(heard) == 1
    with pytest.raises(Unavailable):
        poll(connector)
    assert len(heard) == 2


def test_a_refused_connection_was_never_sent(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connector = connect(base_url=f"http://127.0.0.1:{port}")
    connector._portal.marker = connector._portal.audit = True
    with pytest.raises(Unavailable):
        connector.write([OWNER_WRITE])


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://api.hubapi.com"},
        {"base_url": "https://api.hubapi.com/crm"},
        {"base_url": "https://user@api.hubapi.com"},
        {"api_version": "latest"},
        {"lead_object": "deals"},
        {"tokenfile": "x"},
        {"app_id": "not a number"},
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: Callable[..., HubSpotSettings], options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        settings(**options)


def test_numbers_are_taken_for_ids(settings: Callable[..., HubSpotSettings]) -> None:
    assert settings(app_id=424242).app_id == "424242"


def test_a_missing_or_open_token_file_is_a_configuration_error(
    connect: Connect, settings: Callable[..., HubSpotSettings]
) -> None:
    path = settings().token_file
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        connect()
    path.unlink()
    with pytest.raises(ConfigError, match="cannot read"):
        connect()


def test_another_lead_object_is_a_configuration_error(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="deals"):
        connect(wanted=Wanted(lead_object="deals"))


def test_both_directions_share_one_pace(settings: Callable[..., HubSpotSettings]) -> None:
    factory = HubSpotFactory()
    one = factory.build(settings(), Direction.READ, Wanted())
    two = factory.build(settings(), Direction.WRITE, Wanted())
    other = factory.build(settings(portal_id="99"), Direction.READ, Wanted())
    try:
        assert one._portal is two._portal
        assert other._portal is not one._portal
    finally:
        for connector in (one, two, other):
            connector.close()
