"""Leads put into lists and taken out, one receipt each; nothing is sent twice here.

HubSpot ignores who is in already and names the records it misses, so a list is changed by one call
for a hundred leads. What a list cannot take is known beforehand and refused without a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairlead.core.effects import SetMember
from fairlead.core.types import Gone, Record, Ref
from fairlead.errors import Ambiguous, FairleadError, NeedsOperator, PermissionMissing, RetryLater
from fairlead.spi.connector import Outcome, Receipt
from fairlead_hubspot.client import HubSpotClient
from fairlead_hubspot.faults import RefusedCall
from fairlead_hubspot.groups import Groups
from fairlead_hubspot.names import ObjectType
from fairlead_hubspot.reading import BATCH, Reader, chunks
from fairlead_hubspot.seam import Portal

Placed = tuple[int, SetMember]


class GroupWriter:
    """Writes memberships of one connector."""

    def __init__(
        self,
        client: HubSpotClient,
        portal: Portal,
        reader: Reader,
        lead: ObjectType,
        groups: Groups,
    ) -> None:
        self._client = client
        self._portal = portal
        self._reader = reader
        self._lead = lead
        self._groups = groups

    def write(self, effects: Sequence[SetMember], *, first: bool) -> list[Receipt]:
        """One receipt per effect; raises only when it is the `first` part of its write and nothing
        can have been applied.
        """
        receipts: dict[int, Receipt] = {}
        orders: dict[tuple[str, bool], list[Placed]] = {}
        sent = False
        try:
            refused = self._refusals(effects)
            for place, effect in enumerate(effects):
                why = refused.get(effect.group) or self._no_lead(effect)
                if why:
                    receipts[place] = Receipt(effect.key, Outcome.REFUSED, why)
                else:
                    orders.setdefault((effect.group, effect.member), []).append((place, effect))
            for (group, member), placed in orders.items():
                for some in chunks(placed, BATCH):
                    self._send(group, member, some, receipts)
                    sent = True
        except (RetryLater, NeedsOperator) as e:
            if first and not sent:
                raise
            self._unsent(effects, receipts, e)
        except Ambiguous as e:
            self._unsent(effects, receipts, e)
        return [receipts[place] for place in range(len(effects))]

    def _send(
        self, group: str, member: bool, some: Sequence[Placed], receipts: dict[int, Receipt]
    ) -> None:
        ids = list(dict.fromkeys(e.ref.id for _, e in some))
        try:
            answer = self._client.change_members(group, ids, member=member)
        except Ambiguous as e:
            self._all(some, receipts, Outcome.AMBIGUOUS, str(e))
            raise
        except PermissionMissing as e:
            self._all(some, receipts, Outcome.REFUSED, str(e))
            return
        except RefusedCall as e:
            self._portal.lists.pop(group, None)
            self._all(some, receipts, Outcome.REFUSED, e.detail)
            return
        missing = {str(i) for i in answer.get("recordIdsMissing") or ()}
        there = self._there([e.ref for _, e in some if e.ref.id in missing and member])
        for place, effect in some:
            if effect.ref.id not in missing:
                receipts[place] = Receipt(effect.key, Outcome.APPLIED, remote_id=effect.ref.id)
            elif not member:
                receipts[place] = Receipt(effect.key, Outcome.APPLIED, "it was no member")
            else:
                gone = isinstance(there.get(effect.ref), Gone)
                outcome = Outcome.GONE if gone else Outcome.RETRY
                receipts[place] = Receipt(effect.key, outcome, "HubSpot misses the record")

    def _there(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        if not refs:
            return {}
        try:
            found = self._reader.read(refs)
        except (RetryLater, NeedsOperator, Ambiguous):
            return {}
        merged = {ref: a for ref, a in found.items() if isinstance(a, Record) and a.ref != ref}
        return found | {ref: Gone(ref, f"merged into {a.ref}") for ref, a in merged.items()}

    def _refusals(self, effects: Sequence[SetMember]) -> dict[str, str]:
        """Why nobody can be put into a list, by list; asks HubSpot once for each."""
        groups = list(dict.fromkeys(e.group for e in effects))
        unknown = [g for g in groups if g.isdigit() and g not in self._portal.lists]
        try:
            self._groups.learn(unknown)
        except PermissionMissing:
            # Without the scope to read lists the write itself shows what may be written.
            return {g: f"{g} is no id of a list" for g in groups if not g.isdigit()}
        return {g: why for g in groups if (why := self._groups.fault(g))}

    def _no_lead(self, effect: SetMember) -> str:
        fits = effect.ref.object == self._lead.name and effect.ref.id.isdigit()
        return "" if fits else f"{effect.ref.object} are not in lists of {self._lead.name}"

    def _all(
        self, some: Sequence[Placed], receipts: dict[int, Receipt], outcome: Outcome, text: str
    ) -> None:
        for place, effect in some:
            receipts[place] = Receipt(effect.key, outcome, text)

    def _unsent(
        self, effects: Sequence[SetMember], receipts: dict[int, Receipt], error: FairleadError
    ) -> None:
        after = error.after if isinstance(error, RetryLater) else None
        for place, effect in enumerate(effects):
            if place not in receipts:
                text = f"not sent: {error}"
                receipts[place] = Receipt(effect.key, Outcome.RETRY, text, after=after)
