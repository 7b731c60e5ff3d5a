"""The sandbox through real HTTP, driven by HubSpot's own Python client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import urllib3
from hubspot import Client
from hubspot.crm.contacts import BatchInputSimplePublicObjectBatchInput, ForwardPaging
from hubspot.crm.contacts.exceptions import ApiException
from hubspot_sandbox.calls import TOKEN

from fairlead.clock import SystemClock
from fairlead.sandbox.org import Org, SandboxClock
from fairlead.sandbox.server import RunningServer, serve
from fairlead_hubspot.sandbox.app import FACE

WAIT = (2.0, 5.0)


@dataclass(frozen=True)
class Served:
    url: str
    client: Any
    server: RunningServer

    def control(self, what: str, order: dict[str, Any]) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/{what}", json=order, timeout=WAIT)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def served() -> Iterator[Served]:
    org = Org(SandboxClock(SystemClock().now))
    with serve(FACE.build(org, token=TOKEN, base_url="http://127.0.0.1")) as server:
        client = Client.create(access_token=TOKEN, host=server.url, base_url=server.url)
        yield Served(server.url, client, server)


def closed(api: Any) -> None:
    """Close the sockets that each API object of this client keeps to itself."""
    pool: urllib3.PoolManager = api.api_client.rest_client.pool_manager
    pool.clear()
    api.api_client.close()


def test_typed_calls_work_unchanged(served: Served) -> None:
    basic = served.client.crm.contacts.basic_api
    batch = served.client.crm.contacts.batch_api
    try:
        made = basic.create(
            simple_public_object_input_for_create={"properties": {"email": "a@acme.example"}},
            _request_timeout=WAIT,
        )
        read = basic.get_by_id(
            "a@acme.example",
            id_property="email",
            properties=["city"],
            properties_with_history=["email"],
            _request_timeout=WAIT,
        )
        assert (read.id, read.properties["city"]) == (made.id, None)
        assert read.properties_with_history["email"][0].source_type == "INTEGRATION"
        assert read.created_at.tzinfo is not None
        inputs = [{"id": made.id, "properties": {"city": "Oslo"}}]
        done = batch.update(
            BatchInputSimplePublicObjectBatchInput(inputs=inputs), _request_timeout=WAIT
        )
        assert done.results[0].properties["city"] == "Oslo"
        with pytest.raises(ApiException) as refused:
            basic.create(
                simple_public_object_input_for_create={"properties": {"email": "a@acme.example"}},
                _request_timeout=WAIT,
            )
        assert refused.value.status == 409
        assert json.loads(refused.value.body)["category"] == "CONFLICT"
        for n in range(3):
            basic.create(
                simple_public_object_input_for_create={"properties": {"city": f"{n}"}},
                _request_timeout=WAIT,
            )
        page = basic.get_page(limit=2, _request_timeout=WAIT)
        assert isinstance(page.paging, ForwardPaging)
        assert requests.get(
            page.paging.next.link, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=WAIT
        ).json()["results"]
        basic.archive(made.id, _request_timeout=WAIT)
    finally:
        closed(basic)
        closed(batch)


def test_search_owners_properties_and_ties_work_typed(served: Served) -> None:
    served.control("settings", {"search_lag_seconds": None})
    crm = served.client.crm
    apis = [
        crm.contacts.basic_api,
        crm.contacts.search_api,
        crm.owners.owners_api,
        crm.properties.core_api,
        crm.objects.basic_api,
        crm.associations.v4.basic_api,
    ]
    contacts, search, owners, properties, objects, ties = apis
    try:
        contact = contacts.create(
            simple_public_object_input_for_create={"properties": {"email": "a@acme.example"}},
            _request_timeout=WAIT,
        )
        filters = [{"propertyName": "email", "operator": "EQ", "value": "a@acme.example"}]
        found = search.do_search(
            {"filterGroups": [{"filters": filters}], "limit": 200, "after": "0"},
            _request_timeout=WAIT,
        )
        assert (found.total, found.results[0].id) == (1, contact.id)
        [admin] = owners.get_page(_request_timeout=WAIT).results
        assert (admin.type, admin.email) == ("PERSON", "admin@example.com")
        names = {p.name for p in properties.get_all("tasks", _request_timeout=WAIT).results}
        assert {"fairlead_key", "hs_timestamp"} <= names
        task = objects.create(
            "tasks",
            simple_public_object_input_for_create={
                "properties": {"hs_timestamp": "1767600000000", "fairlead_key": "k-1"}
            },
            _request_timeout=WAIT,
        )
        ties.create_default("tasks", task.id, "contacts", contact.id, _request_timeout=WAIT)
        back = ties.get_page("contacts", contact.id, "tasks", _request_timeout=WAIT)
        assert str(back.results[0].to_object_id) == task.id
        again = objects.get_by_id("0-27", "k-1", id_property="fairlead_key", _request_timeout=WAIT)
        assert again.id == task.id
    finally:
        for api in apis:
            closed(api)


def test_dated_paths_work_through_api_request(served: Served) -> None:
    made = served.client.api_request(
        {
            "method": "POST",
            "path": "/crm/objects/2026-09/companies",
            "body": {"properties": {"name": "Acme"}},
        }
    )
    assert made.status_code == 201
    path = f"/crm/objects/2026-09/0-2/{made.json()['id']}"
    read = served.client.api_request({"path": path, "qs": {"properties": "name"}})
    assert read.json()["properties"]["name"] == "Acme"
    assert read.headers["Content-Type"] == "application/json;charset=utf-8"


def test_faults_and_orders_come_in_through_the_control_surface(served: Served) -> None:
    served.control("faults", {"kind": "bad_gateway_502_html", "path": "/crm/v3/owners"})
    broken = served.client.api_request({"path": "/crm/v3/owners"})
    assert (broken.status_code, "502" in broken.text) == (502, True)
    assert served.client.api_request({"path": "/crm/v3/owners"}).status_code == 200
    ben = served.control("act", {"op": "create_owner", "email": "ben@example.com"})["id"]
    served.control("act", {"op": "create", "object": "contacts", "fields": {"city": "Oslo"}})
    owners = served.client.api_request({"path": f"/crm/v3/owners/{ben}"}).json()
    assert owners["email"] == "ben@example.com"
    unknown = requests.post(f"{served.url}/_sandbox/settings", json={"colour": 1}, timeout=WAIT)
    assert unknown.status_code == 400


def test_a_write_can_take_effect_and_its_answer_be_lost(served: Served) -> None:
    fault = {"kind": "reset", "method": "POST", "path": "/crm/v3/objects/tasks", "where": "after"}
    served.control("faults", fault)
    body = {"properties": {"hs_timestamp": "1767600000000", "fairlead_key": "k-1"}}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{served.url}/crm/v3/objects/tasks"
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json=body, headers=headers, timeout=WAIT)
    found = requests.get(f"{url}/k-1?idProperty=fairlead_key", headers=headers, timeout=WAIT)
    assert found.status_code == 200
    assert requests.post(url, json=body, headers=headers, timeout=WAIT).status_code == 409
