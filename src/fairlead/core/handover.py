"""What a rep reads when a lead becomes theirs: the text of their task. Pure, and the only place.

It stands in the CRM beside the lead and may hold lead data. One text for all CRMs: plain, of
bounded length, each line by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairlead.core.decision import RECYCLE, Case, Decision, rule_told
from fairlead.core.policy import Policy
from fairlead.core.types import Ref

MOST_LINES = 5
"""Of duplicates, former owners and activities; of more the newest are told."""
LINE, BODY = 200, 2000
"""Characters of a line and of the text; what is longer ends in an ellipsis."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What the house knows of a lead beside its decision; each line for people, the oldest first.

    `due` is when the answer is due, by the rep's own clock, and for which SLA.
    """

    due: str = ""
    duplicates: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


NOTHING = Handover()


def handover(
    case: Case,
    decision: Decision,
    policy: Policy,
    known: Handover = NOTHING,
    ref: Ref | None = None,
) -> str:
    """Who it is, why it is theirs, by when to answer, what was before, and where to find it.

    `ref` is the record the task hangs on, where that is another one of the same person.
    """
    found = _lines(case, decision, policy, known, ref or case.lead.ref)
    text = "\n".join(_short(line, LINE) for line in found)
    return _short(text, BODY)


def _lines(
    case: Case, decision: Decision, policy: Policy, known: Handover, ref: Ref
) -> Iterator[str]:
    who = _who(case)
    yield f"fairlead gave you this lead: {who}" if who else "fairlead gave you this lead."
    if decision.follows is not None:
        yield f"You already own another record of this person: {decision.follows}"
    if decision.rule:
        yield f"Rule: {rule_told(decision.rule, case.order)}"
    yield f"Why: {decision.reason}"
    if case.order is not None and case.order.reason:
        yield f"Ordered: {case.order.reason} ({case.order.by})"
    if known.due:
        yield f"Please answer by: {known.due}"
    back = case.lead.get("recycle_reason")
    if back is not None and (case.order is None or case.order.kind != RECYCLE):
        yield f"It was recycled before: {_plain(back)}"
    for title, lines in (
        ("Had it before", known.before),
        ("Done so far", known.done),
        ("Other records of this person", known.duplicates),
    ):
        if lines:
            yield f"{title}:"
            yield from (f"- {_plain(line)}" for line in lines[-MOST_LINES:])
    url = case.lead.get("url")
    if url is not None and ref == case.lead.ref:
        yield f"Record: {url}"
    yield f"Policy: {policy.hash[:12]}"


def _who(case: Case) -> str:
    """Name, title and company, as far as the lead has them."""
    lead = case.lead
    name = " ".join(_plain(v) for n in ("first_name", "last_name") if (v := lead.get(n)))
    return ", ".join(filter(None, (name, _plain(lead.get("title")), _plain(lead.get("company")))))


def _plain(value: object) -> str:
    """A value on one line."""
    return "" if value is None else " ".join(str(value).split())


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
