"""What became of leads: converted or not, and what the opportunity came to.

One query for 200 leads. The opportunity is asked for along
`ConvertedOpportunity`; where our user may not read it, only the conversion is told. Salesforce has
no mark for lost leads: a status that begins with "Closed" and did not convert, or is named
unqualified or disqualified, is taken for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.core.fate import OPEN, Fate
from fairlead.core.types import Ref
from fairlead.errors import PermissionMissing, SchemaDrift
from fairlead_salesforce import soql
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import query_all
from fairlead_salesforce.mapping import to_18
from fairlead_salesforce.schema import Schema

COLUMNS = ("Id", "IsConverted", "IsDeleted", "Status", "ConvertedOpportunityId")
DEAL = ("ConvertedOpportunity.IsWon", "ConvertedOpportunity.IsClosed")
GIVEN_UP = frozenset({"unqualified", "disqualified", "not converted", "dead", "lost", "junk"})


class FateReader:
    """Asks one org; `deals` turns False once it is known that opportunities are not shown to us."""

    def __init__(self, client: Client, schema: Schema) -> None:
        self._client = client
        self._schema = schema
        self.deals = True

    def read(self, refs: Sequence[Ref]) -> dict[Ref, Fate]:
        """An answer for each ref; one that cannot be found is open."""
        by_id: dict[str, list[Ref]] = {}
        for ref in dict.fromkeys(refs):
            try:
                by_id.setdefault(to_18(ref.id), []).append(ref)
            except ValueError:
                continue
        there = self._schema.shape("Lead").fields
        columns = tuple(c for c in COLUMNS if c in there)
        found = dict.fromkeys(refs, OPEN)
        for row in self._rows(list(by_id), columns):
            for ref in by_id.get(to_18(str(row.get("Id"))), ()):
                found[ref] = fate(row)
        return found

    def _rows(self, ids: Sequence[str], columns: tuple[str, ...]) -> list[Mapping[str, Any]]:
        if self.deals and "ConvertedOpportunityId" in columns:
            try:
                return self._ask(ids, (*columns, *DEAL))
            except (SchemaDrift, PermissionMissing):
                self.deals = False
        return self._ask(ids, columns)

    def _ask(self, ids: Sequence[str], columns: tuple[str, ...]) -> list[Mapping[str, Any]]:
        urls = []
        for some in soql.in_lists(ids):
            query = soql.select(columns, "Lead", where=soql.one_of("Id", some))
            urls.append(soql.url(self._client.settings.api_version, query, deleted_too=True))
        answers = query_all(self._client, urls, "outcomes of leads") if urls else []
        return [row for rows in answers for row in rows if isinstance(row, Mapping)]


def fate(row: Mapping[str, Any]) -> Fate:
    """One row of a lead, with its opportunity's where there is one."""
    if row.get("IsConverted") is True:
        deal = row.get("ConvertedOpportunity")
        if isinstance(deal, Mapping) and deal.get("IsWon") is True:
            return Fate(True, True, why="converted, its opportunity is won")
        if isinstance(deal, Mapping) and deal.get("IsClosed") is True:
            return Fate(True, False, why="converted, its opportunity is closed and not won")
        return Fate(True, None, why="converted")
    status = str(row.get("Status") or "").strip()
    low = status.casefold()
    if low.startswith("closed") or low in GIVEN_UP:
        return Fate(lost=True, why=f"status {status}, not converted")
    return OPEN
