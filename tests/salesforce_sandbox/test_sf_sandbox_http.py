"""Over real HTTP, with an unmodified third-party client (simple-salesforce) on the other side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from salesforce_sandbox.sf_face import TOKEN, Client, new_client
from salesforce_sandbox.test_sf_sandbox_auth import USER, private_pem, public_pem
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from fairlead.sandbox.server import RunningServer, serve


class ToLoopback(HTTPAdapter):
    """Sends every https request to the sandbox, whatever its host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request: requests.PreparedRequest, *a: Any, **kw: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        target = parts._replace(scheme=self.target.scheme, netloc=self.target.netloc)
        request.url = urlunsplit(target)
        return super().send(request, *a, **kw)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Client, RunningServer]]:
    client = new_client()
    server = serve(client.face)
    yield client, server
    server.close()


@pytest.fixture
def session(served: tuple[Client, RunningServer]) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", ToLoopback(served[1].url))
        yield session


@pytest.fixture
def sf_api(session: requests.Session) -> Salesforce:
    return Salesforce(
        session_id=TOKEN, instance="acme.my.salesforce.com", session=session, version="67.0"
    )


def test_rows_go_in_and_out(sf_api: Salesforce) -> None:
    body = {"LastName": "Härtel – 李", "Company": "Acme"}
    made = sf_api.Lead.create(body, headers={"Sforce-Auto-Assign": "FALSE"})
    assert made["success"] is True
    assert sf_api.Lead.get(made["id"])["LastName"] == "Härtel – 李"
    assert sf_api.Lead.update(made["id"], {"Title": "CTO"}) == 204
    assert sf_api.Lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf_api.Lead.get(made["id"])


def test_query_all_pages_follow_themselves(
    served: tuple[Client, RunningServer], sf_api: Salesforce
) -> None:
    client, _ = served
    client.face.tune({"page_size": 3})
    for n in range(7):
        client.act("create", object="Campaign", fields={"Name": f"C{n}"})
    query = "SELECT Name FROM Campaign ORDER BY Name"
    first = sf_api.query(query)
    assert (len(first["records"]), first["done"]) == (3, False)
    assert [r["Name"] for r in sf_api.query_all(query)["records"]] == [f"C{n}" for n in range(7)]
    client.face.tune({"page_size": 2000})
    with pytest.raises(SalesforceMalformedRequest) as caught:
        sf_api.query("SELECT Nonsense FROM Campaign")
    assert caught.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_a_task_is_upserted_by_a_key_that_needs_quoting(sf_api: Salesforce) -> None:
    key = "lead/1?ä 100%"
    path = f"sobjects/Task/Fairlead_Key__c/{requests.utils.quote(key, safe='')}"
    made = sf_api.restful(path, method="PATCH", json={"Subject": "Call"})
    again = sf_api.restful(path, method="PATCH", json={"Subject": "Again"})
    assert (made["created"], again["created"]) == (True, False)
    found = sf_api.query(f"SELECT Subject FROM Task WHERE Fairlead_Key__c = '{key}'")  # noqa: S608
    assert [r["Subject"] for r in found["records"]] == ["Again"]


def test_describe_limits_and_collections(sf_api: Salesforce) -> None:
    assert "Lead" in {o["name"] for o in sf_api.describe()["sobjects"]}
    assert sf_api.Lead.describe()["keyPrefix"] == "00Q"
    assert sf_api.limits()["DailyApiRequests"]["Max"] == 100_000
    assert sf_api.api_usage["api-usage"].total == 100_000
    record = {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "c"}
    rows = sf_api.restful(
        "composite/sobjects", method="POST", json={"records": [record, {**record, "LastName": ""}]}
    )
    assert [r["success"] for r in rows] == [True, False]


def test_a_login_by_jwt_works_and_a_dead_session_is_told(
    served: tuple[Client, RunningServer], session: requests.Session
) -> None:
    client, server = served
    # The client signs with the machine's time, so the org's clock must stand before it.
    entry = {"certificate": public_pem(), "user": USER}
    client.face.tune({"connected_apps": {"app": entry}, "base_url": server.url})
    far = 10 * 365 * 86_400
    client.advance(-far)
    try:
        api = Salesforce(
            username=USER,
            consumer_key="app",
            privatekey=private_pem().decode(),
            session=session,
            version="67.0",
        )
        assert api.query("SELECT Id FROM Organization")["totalSize"] == 1
    finally:
        client.advance(far)
    dead = Salesforce(
        session_id="dead", instance="acme.my.salesforce.com", session=session, version="67.0"
    )
    with pytest.raises(SalesforceExpiredSession):
        dead.limits()


def test_the_wire_is_compressed_when_asked_and_dated_by_the_org(
    served: tuple[Client, RunningServer], session: requests.Session
) -> None:
    url = "https://acme.my.salesforce.com/services/data/v67.0/sobjects/Lead/describe"
    answer = session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Date"] == "Mon, 23 Nov 2026 09:00:00 GMT"
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")
