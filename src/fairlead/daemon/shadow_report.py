"""What the shadow has said so far, and what was really decided. Beside `commands`; only reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from fairlead.core.replay import Kind
from fairlead.core.types import Ref
from fairlead.errors import ConfigError
from fairlead.store import shadow
from fairlead.store.db import Db
from fairlead.store.shadow import Answer, ShadowRow


def shadow_report(db: Db, since: datetime | None) -> dict[str, Any]:
    """Agreement, by rep and by rule, and the leads that would have gone elsewhere.

    About the shadow that began last; with `since`, about leads it answered for from then on.
    """
    hash = shadow.last(db)
    if hash is None:
        raise ConfigError("no shadow has run; start one with: fairlead run --shadow FILE")
    begun = shadow.started(db, hash)
    rows = shadow.all_rows(db, hash, since)
    kinds = Counter(r.kind for r in rows)
    return {
        "policy": hash,
        "since": None if begun is None else begun.isoformat(),
        "leads": len(rows),
        **{kind.value: kinds[kind.value] for kind in Kind},
        "reps": _both(rows, lambda a: a.rep_id),
        "rules": _both(rows, lambda a: a.rule or None),
        "ends": _both(rows, lambda a: a.outcome),
        "changed": [_told(r) for r in rows if r.kind != Kind.SAME.value],
    }


def shadow_of(db: Db, ref: Ref) -> dict[str, Any] | None:
    """What the shadow that began last says of a lead; None when it was not asked."""
    hash = shadow.last(db)
    row = None if hash is None else shadow.latest_of(db, hash, ref)
    return None if row is None else {"policy": row.policy_hash, **_told(row)}


def _both(
    rows: Iterable[ShadowRow], name: Callable[[Answer], str | None]
) -> dict[str, dict[str, int]]:
    was = Counter(n for r in rows if (n := name(r.was)) is not None)
    would = Counter(n for r in rows if (n := name(r.would)) is not None)
    return {n: {"was": was[n], "would": would[n]} for n in sorted({*was, *would})}


def _told(row: ShadowRow) -> dict[str, Any]:
    return {
        "lead": str(row.ref),
        "decision": row.decision_id,
        "at": row.at.isoformat(),
        "kind": row.kind,
        "was": _answer(row.was),
        "would": _answer(row.would),
        "reason": row.reason,
    }


def _answer(a: Answer) -> dict[str, Any]:
    return {
        "state": a.outcome, "rule": a.rule, "place": a.place, "rep": a.rep_id, "owner": a.owner_id
    }  # fmt: skip
