"""The calls: HubSpot's own client library, led through the seam, answering raw JSON.

The library's typed calls speak urllib3 by themselves; here its transport object is replaced once by
the seam, so that every call is the house's. Its API objects are kept, because it builds a new one
at each attribute access, and its models are left out, because they parse 35 times slower than
orjson. No other module imports `hubspot`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import hubspot

from fairlead_hubspot.faults import no_answer
from fairlead_hubspot.seam import Answer, Portal, Seam
from fairlead_hubspot.settings import HubSpotSettings

Json = dict[str, Any]
MEMBERS = 250
"""Members of a list that one page holds; more is not documented."""


class HubSpotClient:
    """HubSpot's calls as raw JSON, over one session; for one thread.

    Every call raises the house's errors: RetryLater, Ambiguous (writes only), NeedsOperator, and
    `faults.RefusedCall` where HubSpot refused the input.
    """

    def __init__(
        self, settings: HubSpotSettings, portal: Portal, read_token: Callable[[], str]
    ) -> None:
        self.seam = Seam(settings, portal, read_token)
        self.sdk = hubspot.Client.create(api_factory=self._api)

    def _api(self, package: Any, name: str, config: Mapping[str, Any]) -> Any:
        # The library resets this logger's level as a side effect of a Configuration.
        urllib3_logger = logging.getLogger("urllib3")
        level = urllib3_logger.level
        api = package.ApiClient(configuration=package.Configuration())
        urllib3_logger.setLevel(level)
        api.rest_client = self.seam
        # What we hand over is JSON already; the library would walk through all of it, twice.
        api.sanitize_for_serialization = lambda given: given
        return getattr(package, name)(api_client=api)

    @cached_property
    def _search(self) -> Any:
        return self.sdk.crm.objects.search_api

    @cached_property
    def _basic(self) -> Any:
        return self.sdk.crm.objects.basic_api

    @cached_property
    def _batch(self) -> Any:
        return self.sdk.crm.objects.batch_api

    @cached_property
    def _owners(self) -> Any:
        return self.sdk.crm.owners.owners_api

    @cached_property
    def _properties(self) -> Any:
        return self.sdk.crm.properties.core_api

    @cached_property
    def _associations(self) -> Any:
        return self.sdk.crm.associations.v4.batch_api

    def search(self, kind: str, body: Json) -> tuple[list[Any], bool]:
        """One page of matches, and whether there are more behind it."""
        answer = self._search.do_search(kind, body, _preload_content=False)
        return _results(answer, writing=False), _next(answer.body) is not None

    def batch_read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        history: Sequence[str] = (),
        id_property: str | None = None,
    ) -> tuple[list[Any], list[Json]]:
        """Rows and errors; at most 100 ids, 50 with history. Rows come in any order."""
        body: Json = {
            "inputs": [{"id": i} for i in ids],
            "properties": list(properties),
            "propertiesWithHistory": list(history),
        }
        if id_property is not None:
            body["idProperty"] = id_property
        answer = self._batch.read(kind, body, _preload_content=False)
        return _results(answer, writing=False), _errors(answer.body)

    def batch_update(self, kind: str, inputs: Sequence[Json]) -> tuple[list[Any], list[Json]]:
        """Rows and errors of one update of at most 100 inputs, in any order."""
        answer = self._batch.update(kind, {"inputs": list(inputs)}, _preload_content=False)
        return _results(answer, writing=True), _errors(answer.body)

    def batch_create(self, kind: str, inputs: Sequence[Json]) -> tuple[list[Any], list[Json]]:
        """Rows and errors of one creation of at most 100 inputs, in any order."""
        answer = self._batch.create(kind, {"inputs": list(inputs)}, _preload_content=False)
        return _results(answer, writing=True), _errors(answer.body)

    def associated(self, origin: str, target: str, ids: Sequence[str]) -> list[Any]:
        """Rows {from, to: [...]}: the records of `target` that belong to each id, if any."""
        body = {"inputs": [{"id": i} for i in ids]}
        answer = self._associations.get_page(origin, target, body, _preload_content=False)
        return _results(answer, writing=False)

    def owners_page(self, *, archived: bool, after: str | None) -> tuple[list[Any], str | None]:
        """One page of owners and the key of the next one."""
        options: Json = {"limit": 500, "archived": archived, "_preload_content": False}
        if after is not None:
            options["after"] = after
        answer = self._owners.get_page(**options)
        return _results(answer, writing=False), _next(answer.body)

    def users_page(
        self, properties: Sequence[str], *, after: str | None
    ) -> tuple[list[Any], str | None]:
        """One page of user records, at most 100, and the key of the next one."""
        # In one parameter, as the guide writes it; the library would repeat it for each name.
        names = [",".join(properties)]
        options: Json = {"limit": 100, "properties": names, "_preload_content": False}
        if after is not None:
            options["after"] = after
        answer = self._basic.get_page("users", **options)
        return _results(answer, writing=False), _next(answer.body)

    def properties(self, kind: str) -> list[Any]:
        """All property definitions of an object type."""
        answer = self._properties.get_all(kind, _preload_content=False)
        return _results(answer, writing=False)

    def lists(self, ids: Sequence[str]) -> list[Any]:
        """The lists with these ids that are there."""
        params = [("listIds", i) for i in ids]
        answer = self.seam.GET("/crm/v3/lists/", query_params=params)
        return _rows(answer, "lists", writing=False)

    def memberships(self, type_id: str, ids: Sequence[str]) -> list[Any]:
        """Rows {recordId, recordListMemberships} of at most 100 records; in any order."""
        body = {"inputs": [{"objectTypeId": type_id, "recordId": i} for i in ids]}
        answer = self.seam.POST("/crm/v3/lists/records/memberships/batch/read", body=body)
        return _results(answer, writing=False)

    def joined_page(self, list_id: str, after: str | None) -> tuple[list[Any], str | None]:
        """One page of a list's members, whoever joined first first, and the key of the next."""
        params = [("limit", str(MEMBERS)), *([("after", after)] if after is not None else [])]
        path = f"/crm/v3/lists/{list_id}/memberships/join-order"
        answer = self.seam.GET(path, query_params=params)
        return _results(answer, writing=False), _next(answer.body)

    def change_members(self, list_id: str, ids: Sequence[str], *, member: bool) -> Json:
        """Put records into a list by hand, or take them out."""
        verb = "add" if member else "remove"
        path = f"/crm/v3/lists/{list_id}/memberships/{verb}"
        body: Json = self.seam.PUT(path, body=list(ids)).body
        return body

    def account(self) -> Json:
        """The portal's details: portalId, uiDomain, timeZone."""
        body: Json = self.seam.GET("/account-info/v3/details").body
        return body

    def token_info(self) -> Json:
        """What HubSpot says of a private app's token: appId, hubId, scopes."""
        body: Json = self.seam.POST(
            "/oauth/v2/private-apps/get/access-token-info", body={"tokenKey": self.seam.token}
        ).body
        return body

    def close(self) -> None:
        self.seam.session.close()


def _results(answer: Answer, *, writing: bool) -> list[Any]:
    return _rows(answer, "results", writing=writing)


def _rows(answer: Answer, name: str, *, writing: bool) -> list[Any]:
    rows = answer.body.get(name)
    if not isinstance(rows, list):
        raise no_answer(f"HTTP {answer.status} without {name}", writing=writing)
    return rows


def _errors(body: Json) -> list[Json]:
    errors = body.get("errors")
    return [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []


def _next(body: Json) -> str | None:
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return None if after is None else str(after)
