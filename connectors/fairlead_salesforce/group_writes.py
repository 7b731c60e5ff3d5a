"""Leads put into campaigns and taken out, one receipt each; nothing is sent twice here.

A lead and a campaign have one membership at most; Salesforce refuses a second, so a creation that
is refused for it is done. A membership goes by its own id, which is looked up first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairlead.core.effects import SetMember
from fairlead.core.types import Gone, Record, Ref
from fairlead.errors import (
    Ambiguous,
    FairleadError,
    NeedsOperator,
    PermissionMissing,
    RetryLater,
    SchemaDrift,
)
from fairlead.spi.connector import Outcome, Receipt
from fairlead_salesforce.client import Client
from fairlead_salesforce.composite import PARTS, ROWS, WRITE_HEADERS, Answer, Part, send
from fairlead_salesforce.failures import Problem, call_error, problems, row_outcome
from fairlead_salesforce.groups import MEMBER, Groups, Pair, chunks, pair_of

_NOT_IN = {"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"}
_DOUBTFUL = {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"}
"""Said of the lead as well as of the campaign; only reading the lead tells which."""

Placed = tuple[int, SetMember, Pair]


class GroupWriter:
    """Writes memberships of one connector."""

    def __init__(self, client: Client, groups: Groups) -> None:
        self._client = client
        self._groups = groups
        self._url = f"/services/data/v{client.settings.api_version}/composite/sobjects"

    def write(self, effects: Sequence[SetMember], *, first: bool) -> list[Receipt]:
        """One receipt per effect. Raises only when it is the `first` part of its write and nothing
        was applied. A receipt of GONE is still to be told from a campaign that is gone: `settle`.
        """
        receipts: dict[int, Receipt] = {}
        ready: list[Placed] = []
        for place, effect in enumerate(effects):
            pair = pair_of(effect.ref, effect.group)
            if pair is None:
                text = f"{effect.group} is no id of a campaign, or {effect.ref.object} no lead"
                receipts[place] = Receipt(effect.key, Outcome.REFUSED, text)
            else:
                ready.append((place, effect, pair))
        try:
            for some in chunks([r for r in ready if r[1].member], PARTS * ROWS):
                self._create(some, receipts)
            for some in chunks([r for r in ready if not r[1].member], PARTS * ROWS):
                self._delete(some, receipts)
        except (RetryLater, NeedsOperator) as e:
            sent = any(place in receipts for place, _, _ in ready)
            if first and not sent:
                raise
            self._unsent(ready, receipts, e)
        except Ambiguous as e:
            self._unsent(ready, receipts, e)
        return [receipts[place] for place in range(len(effects))]

    def _create(self, some: Sequence[Placed], receipts: dict[int, Receipt]) -> None:
        groups = list(chunks(some, ROWS))
        parts = []
        for group in groups:
            rows = [
                {"attributes": {"type": MEMBER}, "CampaignId": campaign, "LeadId": lead}
                for _, _, (lead, campaign) in group
            ]
            parts.append(
                Part("POST", self._url, {"allOrNone": False, "records": rows}, WRITE_HEADERS)
            )
        for group, answer in zip(groups, self._sent(parts, some, receipts), strict=True):
            self._receive(group, answer, receipts, {"DUPLICATE_VALUE": "it was a member already"})

    def _delete(self, some: Sequence[Placed], receipts: dict[int, Receipt]) -> None:
        try:
            rows = self._groups.memberships([pair for _, _, pair in some])
        except (PermissionMissing, SchemaDrift) as e:
            for place, effect, _ in some:
                receipts[place] = Receipt(effect.key, Outcome.REFUSED, str(e))
            return
        there: list[Placed] = []
        for place, effect, pair in some:
            if pair in rows:
                there.append((place, effect, pair))
            else:
                receipts[place] = Receipt(effect.key, Outcome.APPLIED, "it was no member")
        groups = list(chunks(there, ROWS))
        base = f"{self._url}?allOrNone=false&ids="
        parts = [
            Part("DELETE", base + ",".join(rows[pair] for _, _, pair in group), None, WRITE_HEADERS)
            for group in groups
        ]
        if not parts:
            return
        for group, answer in zip(groups, self._sent(parts, there, receipts), strict=True):
            self._receive(group, answer, receipts, dict.fromkeys(_NOT_IN, "it was no member"))

    def _sent(
        self,
        parts: Sequence[Part],
        some: Sequence[Placed],
        receipts: dict[int, Receipt],
    ) -> list[Answer]:
        try:
            answers, _ = send(self._client, parts, writing=True)
        except Ambiguous as e:
            for place, effect, _ in some:
                receipts.setdefault(place, Receipt(effect.key, Outcome.AMBIGUOUS, str(e)))
            raise
        return answers

    def _receive(
        self,
        group: Sequence[Placed],
        answer: Answer,
        receipts: dict[int, Receipt],
        done: Mapping[str, str],
    ) -> None:
        """Write the receipts of one part; problems with the codes of `done` mean that it is so."""
        if answer.status is not None and not answer.ok:
            error = call_error(answer.status, problems(answer.body), writing=True)
            if isinstance(error, Ambiguous):
                outcome = Outcome.AMBIGUOUS
            elif isinstance(error, PermissionMissing | SchemaDrift):
                outcome = Outcome.REFUSED
            else:
                outcome = Outcome.RETRY
            after = error.after if isinstance(error, RetryLater) else None
            for place, effect, _ in group:
                receipts[place] = Receipt(effect.key, outcome, str(error), after=after)
            return
        rows = answer.body if isinstance(answer.body, list) else []
        for number, (place, effect, _) in enumerate(group):
            row = rows[number] if len(rows) == len(group) else None
            receipts[place] = _row_receipt(effect, row, done)

    def _unsent(
        self,
        ready: Sequence[Placed],
        receipts: dict[int, Receipt],
        error: FairleadError,
    ) -> None:
        after = error.after if isinstance(error, RetryLater) else None
        for place, effect, _ in ready:
            if place not in receipts:
                text = f"not sent: {error}"
                receipts[place] = Receipt(effect.key, Outcome.RETRY, text, after=after)


def settle(
    effects: Sequence[SetMember],
    receipts: Sequence[Receipt],
    there: Mapping[Ref, Record | Gone] | None,
) -> list[Receipt]:
    """Tell a lead that is gone from a campaign that is; `there` None: not to be read now."""
    return [_settled(e, r, there) for e, r in zip(effects, receipts, strict=True)]


def _settled(
    effect: SetMember, receipt: Receipt, there: Mapping[Ref, Record | Gone] | None
) -> Receipt:
    if receipt.outcome is not Outcome.GONE:
        return receipt
    found = None if there is None else there.get(effect.ref)
    if found is None:
        return replace(receipt, outcome=Outcome.RETRY)
    if isinstance(found, Record) and found.ref == effect.ref and not found.converted:
        text = f"the campaign is not there: {receipt.detail}"
        said = f"the campaign is not there: {receipt.said or receipt.detail}"
        return replace(receipt, outcome=Outcome.REFUSED, detail=text, said=said)
    return receipt


def _row_receipt(effect: SetMember, row: Any, done: Mapping[str, str]) -> Receipt:
    success = row.get("success") if isinstance(row, Mapping) else None
    if success is True:
        return Receipt(effect.key, Outcome.APPLIED, remote_id=str(row.get("id") or "") or None)
    if success is not False:
        return Receipt(effect.key, Outcome.AMBIGUOUS, "no result for this row")
    found = problems(row)
    for problem in found:
        if problem.code in done:
            return Receipt(effect.key, Outcome.APPLIED, done[problem.code])
    codes = "; ".join(p.bare for p in found[:3]) or "refused without a reason"
    words = "; ".join(str(p) for p in found[:3])
    return Receipt(effect.key, _outcome(found), codes, said=words)


def _outcome(found: tuple[Problem, ...]) -> Outcome:
    if any(p.code in _DOUBTFUL for p in found):
        return Outcome.GONE
    outcome = row_outcome(found, task=False)
    return Outcome.REFUSED if outcome is Outcome.BAD_OWNER else outcome
