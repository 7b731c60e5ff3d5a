"""Quotas, their headers, and who may ask at all."""

from __future__ import annotations

import pytest
from hubspot_sandbox.calls import TOKEN, Account

WINDOW = {
    "X-HubSpot-RateLimit-Interval-Milliseconds",
    "X-HubSpot-RateLimit-Max",
    "X-HubSpot-RateLimit-Remaining",
}
DAILY = {"X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining"}


def test_190_calls_go_through_in_ten_seconds_then_429(account: Account) -> None:
    answers = [account.get("/crm/v3/owners") for _ in range(191)]
    assert [a.status for a in answers] == [200] * 190 + [429]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "190"
    assert answers[0].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert answers[189].headers["X-HubSpot-RateLimit-Remaining"] == "0"
    body = answers[190].body
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["policyName"], body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert "category" not in body
    assert "Retry-After" not in answers[190].headers
    account.pass_seconds(10)
    assert account.get("/crm/v3/owners").status == 200


def test_the_window_rolls(account: Account) -> None:
    account.tune(burst_limit=2)
    account.get("/crm/v3/owners")
    account.pass_seconds(6)
    account.get("/crm/v3/owners")
    assert account.get("/crm/v3/owners").status == 429
    account.pass_seconds(4.5)
    assert account.get("/crm/v3/owners").status == 200
    assert account.get("/crm/v3/owners").status == 429


def test_five_searches_a_second_of_their_own_quota(account: Account) -> None:
    account.tune(burst_limit=1)
    answers = [account.search("contacts") for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    refused = answers[5]
    assert {k: v for k, v in refused.body.items() if k != "correlationId"} == {
        "status": "error",
        "message": "You have reached your secondly limit.",
        "category": "RATE_LIMITS",
    }
    for answer in answers:
        assert set(answer.headers) >= DAILY
        assert not WINDOW & set(answer.headers)
    account.pass_seconds(1)
    assert account.search("contacts").status == 200
    assert account.get("/crm/v3/owners").status == 200


def test_searches_and_refused_calls_use_up_the_day(account: Account) -> None:
    account.tune(daily_limit=8)
    for _ in range(6):
        last = account.search("contacts")
    assert last.status == 429
    assert last.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "2"
    assert account.get("/crm/v3/owners").status == 200
    assert account.get("/crm/v3/owners").status == 200
    spent = account.get("/crm/v3/owners")
    assert (spent.status, spent.body["policyName"]) == (429, "DAILY")
    assert spent.body["requestId"]
    assert account.search("contacts").body["policyName"] == "DAILY"


def test_the_day_ends_at_midnight_of_the_account(account: Account) -> None:
    account.tune(daily_limit=1, time_zone="America/New_York")
    assert account.get("/crm/v3/owners").status == 200
    account.pass_seconds(19.9 * 3600)
    assert account.get("/crm/v3/owners").status == 429
    account.pass_seconds(0.2 * 3600)
    usage = account.get("/account-info/v3/api-usage/daily/private-apps").body["results"][0]
    assert (usage["currentUsage"], usage["usageLimit"]) == (1, 1)
    assert usage["resetsAt"] == "2026-01-07T05:00:00Z"


def test_associations_have_a_quota_of_their_own(account: Account) -> None:
    id = account.make("contacts", email="a@acme.example")
    account.tune(associations_limit=2, burst_limit=10)
    path = f"/crm/v4/objects/contacts/{id}/associations/tasks"
    assert [account.get(path).status for _ in range(3)] == [200, 200, 429]
    assert account.get("/crm/v3/owners").status == 200


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x"])
def test_a_wrong_token_is_401(account: Account, token: str | None) -> None:
    refused = account.call("GET", "/crm/v3/owners", token=token)
    assert (refused.status, refused.body["category"]) == (401, "INVALID_AUTHENTICATION")
    assert account.face.portal.limits.used_today == 0


@pytest.mark.parametrize(
    ("scope", "method", "target"),
    [
        ("crm.objects.contacts.read", "GET", "/crm/v3/objects/contacts"),
        ("crm.objects.contacts.read", "POST", "/crm/v3/objects/contacts/search"),
        ("crm.objects.contacts.write", "POST", "/crm/v3/objects/tasks"),
        ("crm.objects.leads.write", "POST", "/crm/v3/objects/leads/batch/update"),
        ("crm.objects.owners.read", "GET", "/crm/v3/owners"),
        ("crm.objects.users.read", "GET", "/crm/v3/objects/users"),
        ("crm.schemas.contacts.write", "POST", "/crm/v3/properties/tasks"),
    ],
)
def test_a_missing_scope_is_named(account: Account, scope: str, method: str, target: str) -> None:
    account.tune(missing_scopes=[scope])
    refused = account.call(method, target, {})
    assert (refused.status, refused.body["category"]) == (403, "MISSING_SCOPES")
    assert refused.body["errors"][0]["context"] == {"requiredGranularScopes": [scope]}
    account.tune(missing_scopes=[])
    assert account.call(method, target, {}).status != 403


def test_the_caller_is_named_without_the_token(account: Account) -> None:
    from fairlead.sandbox.wire import Request

    def name(header: str) -> str:
        return account.face.identify(Request("GET", "/", "", {"authorization": header}, b""))

    assert name(f"Bearer {TOKEN}") == "app"
    assert name("") == "nobody"
    assert name("Bearer stolen").startswith("unknown:")
    assert "stolen" not in name("Bearer stolen")
