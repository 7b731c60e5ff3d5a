"""What kept answers show of touches that may have been for the clock's sake, as JSON-safe values.

Used by `commands`; reads the state only.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fairlead.core.indicators import INDICATORS, LEAST, Answer, Count, count
from fairlead.core.policy import Policy
from fairlead.core.roster import join_roster
from fairlead.store import answers, directory
from fairlead.store.answers import CHANGE, AnswerRow
from fairlead.store.db import Db

SHOWN = 20
"""Records named for each person and indicator, the latest; the count of the rest is told."""


def indicators(
    db: Db, policy: Policy | None, since: datetime, now: datetime, limit: int = SHOWN
) -> dict[str, Any]:
    """Each indicator with its counts by person since then; instants in UTC."""
    rows = answers.since(db, since)
    found = _answers(rows, _names(db, policy))
    return {
        "since": since.isoformat(),
        "at": now.isoformat(),
        "answers": len(found),
        "least": LEAST,
        "not_looked_at": len({(r.ref, r.at) for r in rows if r.look_at is not None}),
        "indicators": [
            {
                "name": i.name,
                "means": i.words,
                "can_also_mean": i.reasons,
                "people": [_counted(c, limit) for c in count(i, found)],
            }
            for i in INDICATORS
        ],
    }


def _counted(c: Count, limit: int) -> dict[str, Any]:
    assert c.share is not None
    latest = sorted(c.evidence, key=lambda a: (a.at, str(a.ref)), reverse=True)
    return {
        "who": c.who,
        "answers": c.asked,
        "count": c.shown,
        "share": c.share.value,
        "share_low": c.share.low,
        "share_high": c.share.high,
        "others": c.expected,
        "compared": c.compared,
        "evidence": [
            {
                "lead": str(a.ref),
                "record": a.proof,
                "at": a.at.isoformat(),
                "kind": a.kind,
                "sla": list(a.slas),
                "seconds_before_due": None if a.left is None else a.left.total_seconds(),
                "seconds": a.seconds,
            }
            for a in latest[:limit]
        ],
        "more": max(0, len(latest) - limit),
    }


def _answers(rows: Iterable[AnswerRow], names: dict[tuple[str, str], str]) -> list[Answer]:
    """One for each thing that was done, however many clocks it stopped."""
    together: dict[tuple[str, datetime, str], list[AnswerRow]] = {}
    for r in rows:
        together.setdefault((str(r.ref), r.at, r.proof), []).append(r)
    found = []
    for same in together.values():
        r = same[0]
        owner = r.by or r.owner_id
        own = r.rep_id if owner == r.owner_id else None
        before = [x.left for x in same if x.left is not None]
        # The due that it came nearest to, from before; one that was over already tells nothing.
        left = min((x for x in before if x.total_seconds() >= 0), default=max(before, default=None))
        found.append(
            Answer(
                r.ref, own or names.get((r.ref.crm, owner), owner), r.at,
                tuple(sorted({x.sla for x in same})), r.kind, r.proof, left, r.seconds,
                r.kind == CHANGE, r.others,
            )
        )  # fmt: skip
    return found


def _names(db: Db, policy: Policy | None) -> dict[tuple[str, str], str]:
    """Rep ids, else e-mails or names, by CRM and owner id."""
    owners = directory.get_owners(db)
    found = {(o.crm, o.id): o.email or o.name for o in owners}
    reps = {} if policy is None else join_roster(policy, owners)
    found.update({(crm, id): rep.id for rep in reps.values() for crm, id in rep.crm_ids.items()})
    return found
