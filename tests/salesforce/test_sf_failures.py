"""Every way Salesforce says no has one consequence, read from the body before the status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    FairleadError,
    PermissionMissing,
    RateLimited,
    SchemaDrift,
    Unavailable,
)
from fairlead.spi.connector import Outcome
from fairlead_salesforce.failures import (
    Problem,
    call_error,
    may_refresh,
    plain_problems,
    problems,
    retry_after,
    row_outcome,
)


def rest(code: str, message: str = "") -> list[dict[str, Any]]:
    return [{"message": message, "errorCode": code, "fields": []}]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (rest("INVALID_FIELD", "No such column"), "INVALID_FIELD", "No such column"),
        ({"error": "invalid_grant", "error_description": "x"}, "invalid_grant", "x"),
        (
            {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "b"}]},
            "UNABLE_TO_LOCK_ROW",
            "b",
        ),
        ({"exceptionCode": "InvalidSessionId", "exceptionMessage": "c"}, "InvalidSessionId", "c"),
        (
            [{"errorCode": "DUPLICATES_DETECTED", "duplicateResut": {"duplicateRule": "Leads"}}],
            "DUPLICATES_DETECTED",
            "duplicate rule Leads",
        ),
        (
            [{"errorCode": "DUPLICATES_DETECTED", "duplicateResult": {"duplicateRule": "Leads"}}],
            "DUPLICATES_DETECTED",
            "duplicate rule Leads",
        ),
    ],
)
def test_all_body_shapes_are_read(body: Any, code: str, text: str) -> None:
    [problem] = problems(body)
    assert problem.code == code
    assert text in problem.message


@pytest.mark.parametrize("body", [None, "", "<html>", 7, [], {}, [None], {"errors": []}])
def test_bodies_without_a_reason_give_none(body: Any) -> None:
    assert problems(body) == ()


@pytest.mark.parametrize(
    ("status", "body", "reading", "writing"),
    [
        (401, rest("INVALID_SESSION_ID", "Session expired or invalid"), AuthFailed, AuthFailed),
        (
            401,
            rest("INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
            PermissionMissing,
            PermissionMissing,
        ),
        (401, "<html>", AuthFailed, AuthFailed),
        (403, rest("SOMETHING_NEW"), PermissionMissing, PermissionMissing),
        (400, {"error": "invalid_grant"}, AuthFailed, AuthFailed),
        (400, {"error": "invalid_client_id"}, AuthFailed, AuthFailed),
        (403, rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit"), RateLimited, RateLimited),
        (403, rest("API_DISABLED_FOR_ORG"), PermissionMissing, PermissionMissing),
        (403, rest("INSUFFICIENT_ACCESS"), PermissionMissing, PermissionMissing),
        (403, "<html>", Unavailable, Unavailable),
        (429, "", RateLimited, RateLimited),
        (400, rest("INVALID_FIELD"), SchemaDrift, SchemaDrift),
        (400, rest("INVALID_TYPE"), PermissionMissing, PermissionMissing),
        (400, rest("MALFORMED_QUERY"), SchemaDrift, SchemaDrift),
        (404, rest("NOT_FOUND"), SchemaDrift, SchemaDrift),
        (414, "", SchemaDrift, SchemaDrift),
        (400, rest("QUERY_TIMEOUT"), Unavailable, Unavailable),
        (400, rest("UNABLE_TO_LOCK_ROW"), Unavailable, Unavailable),
        (400, "<html>", Unavailable, Unavailable),
        (420, "<html>", Unavailable, Unavailable),
        (406, "", Unavailable, Unavailable),
        (302, "", Unavailable, Unavailable),
        (408, "", Unavailable, Ambiguous),
        (500, rest("UNKNOWN_EXCEPTION"), Unavailable, Ambiguous),
        (502, "<html>", Unavailable, Ambiguous),
        (503, rest("SERVER_UNAVAILABLE"), Unavailable, Ambiguous),
        (400, rest("SOMETHING_NEW"), SchemaDrift, SchemaDrift),
    ],
)
def test_a_failed_call_has_one_consequence(
    status: int, body: Any, reading: type[FairleadError], writing: type[FairleadError]
) -> None:
    assert type(call_error(status, problems(body), writing=False)) is reading
    assert type(call_error(status, problems(body), writing=True)) is writing


def test_a_spent_day_is_told_from_a_burst_and_waits_for_minutes() -> None:
    day = call_error(403, problems(rest("REQUEST_LIMIT_EXCEEDED", "TotalRequests")), writing=True)
    burst = call_error(
        403,
        problems(rest("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")),
        writing=True,
    )
    assert isinstance(day, RateLimited)
    assert isinstance(burst, RateLimited)
    assert (day.daily, burst.daily) == (True, False)
    assert day.after is not None
    assert burst.after is not None
    assert day.after > burst.after >= 60


def test_retry_after_is_read_as_seconds_or_by_the_servers_clock() -> None:
    now = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert retry_after("30", now) == 30
    assert retry_after("Mon, 02 Mar 2026 10:02:00 GMT", now) == 120
    assert retry_after("Mon, 02 Mar 2026 09:00:00 GMT", now) == 0
    assert retry_after("soon", now) is None
    assert retry_after(None, now) is None
    assert retry_after("Mon, 02 Mar 2026 10:02:00 GMT", None) is None
    error = call_error(429, (), writing=False, after=7.0)
    assert isinstance(error, RateLimited)
    assert error.after == 7.0


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (401, rest("INVALID_SESSION_ID", "Session expired or invalid"), True),
        (401, "<html>", True),
        (
            401,
            rest("INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
            False,
        ),
        (401, rest("INVALID_SESSION_ID", "Connected app is not attached to Agent"), False),
        (403, rest("INVALID_SESSION_ID"), False),
        (401, rest("SOMETHING_ELSE"), False),
    ],
)
def test_only_an_expired_session_is_refreshed(status: int, body: Any, answer: bool) -> None:
    assert may_refresh(status, problems(body)) is answer


@pytest.mark.parametrize(
    ("code", "fields", "owner", "task"),
    [
        ("INACTIVE_OWNER_OR_USER", (), Outcome.BAD_OWNER, Outcome.BAD_OWNER),
        ("OP_WITH_INVALID_USER_TYPE_EXCEPTION", (), Outcome.BAD_OWNER, Outcome.BAD_OWNER),
        ("TRANSFER_REQUIRES_READ", (), Outcome.BAD_OWNER, Outcome.BAD_OWNER),
        ("INVALID_CROSS_REFERENCE_KEY", ("OwnerId",), Outcome.BAD_OWNER, Outcome.BAD_OWNER),
        ("INVALID_CROSS_REFERENCE_KEY", ("Id",), Outcome.GONE, Outcome.GONE),
        ("INVALID_CROSS_REFERENCE_KEY", ("WhoId",), Outcome.GONE, Outcome.GONE),
        ("ENTITY_IS_DELETED", (), Outcome.GONE, Outcome.AMBIGUOUS),
        ("ENTITY_IS_DELETED", ("WhoId",), Outcome.GONE, Outcome.GONE),
        ("CANNOT_UPDATE_CONVERTED_LEAD", (), Outcome.GONE, Outcome.GONE),
        ("UNABLE_TO_LOCK_ROW", (), Outcome.RETRY, Outcome.RETRY),
        ("REQUEST_LIMIT_EXCEEDED", (), Outcome.RETRY, Outcome.RETRY),
        ("ALL_OR_NONE_OPERATION_ROLLED_BACK", (), Outcome.RETRY, Outcome.RETRY),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", (), Outcome.REFUSED, Outcome.REFUSED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", (), Outcome.REFUSED, Outcome.REFUSED),
        ("ENTITY_IS_LOCKED", (), Outcome.REFUSED, Outcome.REFUSED),
        ("INSUFFICIENT_ACCESS_OR_READONLY", (), Outcome.REFUSED, Outcome.REFUSED),
        ("DUPLICATES_DETECTED", (), Outcome.REFUSED, Outcome.REFUSED),
        ("DUPLICATE_VALUE", (), Outcome.REFUSED, Outcome.AMBIGUOUS),
        ("UNKNOWN_EXCEPTION", (), Outcome.AMBIGUOUS, Outcome.AMBIGUOUS),
        ("NEVER_HEARD_OF", (), Outcome.REFUSED, Outcome.REFUSED),
    ],
)
def test_a_refused_row_has_one_outcome(
    code: str, fields: tuple[str, ...], owner: Outcome, task: Outcome
) -> None:
    assert row_outcome((Problem(code, "m", fields),), task=False) is owner
    assert row_outcome((Problem(code, "m", fields),), task=True) is task


def test_the_identity_services_bare_words_are_codes() -> None:
    assert plain_problems("Bad_OAuth_Token\n") == (Problem("Bad_OAuth_Token"),)
    assert may_refresh(401, plain_problems("Bad_OAuth_Token"))
    assert type(call_error(403, plain_problems("Bad_OAuth_Token"), writing=False)) is AuthFailed
    assert type(call_error(403, plain_problems("Wrong_Org"), writing=False)) is PermissionMissing
    assert plain_problems("<html><body>busy</body></html>") == ()
    assert plain_problems("") == ()


def test_a_long_message_is_cut() -> None:
    assert len(str(Problem("FIELD_CUSTOM_VALIDATION_EXCEPTION", "x" * 5_000))) == 300
