"""What was decided and what became of it over a period: the material of a replay. Reads only.

Decisions come in the order in which they were taken, in pieces, for a month of them is large.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from sqlite3 import Row
from typing import Any

from fairlead.core.types import Ref
from fairlead.store.db import Db
from fairlead.store.decisions import DecisionRow, balances

PIECE = 500
OVER = ("lead.closed", "lead.gone", "lead.owner_changed", "lead.recycled", "lead.terminal")
"""What the journal says when a lead is nobody's open one any more, or a person's choice."""
REFUNDED, CREDITED = BACK = ("turn.refunded", "turn.credited")
"""What it says when a turn was given back."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision of the period: its id, instant, record and generation."""

    id: str
    at: datetime
    ref: Ref
    generation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of a lead; `event` is the journal's.

    Of a turn given back: the generation, and `rep` if the CRM refused them.
    """

    at: datetime
    seq: int
    event: str
    ref: Ref
    rep: str | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy that was used: when, how often, and the files it came from, the main one first."""

    hash: str
    files: tuple[str, ...]
    first_used_at: datetime
    last_used_at: datetime | None
    decisions: int


def taken(db: Db, since: datetime, until: datetime) -> list[Taken]:
    """The decisions of a period (`until` not in it), in the order in which they were taken."""
    rows = db.rows(
        "SELECT d.id, d.at, d.crm, d.object, d.lead_id, d.generation, coalesce(min(j.seq), 0) seq"
        " FROM decisions d LEFT JOIN journal j ON j.crm = d.crm AND j.object = d.object"
        " AND j.lead_id = d.lead_id AND j.decision_id = d.id AND j.event = 'lead.decided'"
        " WHERE d.at >= ? AND d.at < ? GROUP BY d.id ORDER BY d.at, seq, d.id",
        (since.isoformat(), until.isoformat()),
    )
    return [
        Taken(
            r["id"], datetime.fromisoformat(r["at"]), Ref(r["crm"], r["object"], r["lead_id"]),
            r["generation"], r["seq"],
        )
        for r in rows
    ]  # fmt: skip


def first_of_persons(db: Db, since: datetime) -> list[tuple[str, Ref]]:
    """The id and record of the first decision on each person since then, but those to leave one.

    In the order in which they were taken.
    """
    rows = db.rows(
        "SELECT d.id, d.crm, d.object, d.lead_id, min(d.at || d.id) first FROM decisions d"
        " WHERE d.at >= ? AND d.outcome <> 'leave' GROUP BY d.person_id ORDER BY first",
        (since.isoformat(),),
    )
    return [(r["id"], Ref(r["crm"], r["object"], r["lead_id"])) for r in rows]


def rows_of(db: Db, ids: Sequence[str]) -> Iterator[DecisionRow]:
    """These decisions whole, in the order asked."""
    for start in range(0, len(ids), PIECE):
        piece = ids[start : start + PIECE]
        found = {
            r["id"]: r
            for r in db.rows(
                "SELECT d.* FROM json_each(?) asked JOIN decisions d ON d.id = asked.value",
                (json.dumps(list(piece)),),
            )
        }
        yield from (_decision(found[id]) for id in piece)


def happened(db: Db, since: datetime, until: datetime) -> list[Happened]:
    """What became of leads in the period, in order of time."""
    rows = db.rows(
        "SELECT j.at, j.seq, j.event, j.crm, j.object, j.lead_id, j.detail, d.generation,"
        " coalesce(d.rep_id, d.owner_id) chosen FROM journal j"
        " LEFT JOIN decisions d ON d.id = j.decision_id"
        " WHERE j.event IN (SELECT value FROM json_each(?)) AND j.at >= ? AND j.at < ?"
        " ORDER BY j.at, j.seq",
        (json.dumps([*OVER, *BACK]), since.isoformat(), until.isoformat()),
    )
    return [
        Happened(
            datetime.fromisoformat(r["at"]), r["seq"], r["event"], _ref(r),
            r["chosen"] if json.loads(r["detail"]).get("unable") else None,
            r["generation"] if r["event"] in BACK else None,
        )
        for r in rows
    ]  # fmt: skip


def received_before(db: Db, since: datetime, until: datetime) -> dict[str, list[datetime]]:
    """The instants at which each rep got a lead; not those whose turn was given back."""
    found: dict[str, list[datetime]] = {}
    for r in db.rows(
        "SELECT rep_id, at FROM decisions WHERE at >= ? AND at < ? AND outcome = 'assign'"
        " AND rule <> '' AND NOT refunded AND rep_id IS NOT NULL ORDER BY at",
        (since.isoformat(), until.isoformat()),
    ):
        found.setdefault(r["rep_id"], []).append(datetime.fromisoformat(r["at"]))
    return found


def balances_at(db: Db, instant: datetime) -> dict[str, dict[str, Fraction]]:
    """The ledger as it was then: pool -> rep -> balance, exact."""
    found = balances(db)
    for r in db.rows(
        "SELECT pool, rep_id, delta, count(*) n FROM ledger WHERE at >= ?"
        " GROUP BY pool, rep_id, delta",
        (instant.isoformat(),),
    ):
        found[r["pool"]][r["rep_id"]] -= Fraction(r["delta"]) * r["n"]
    return found


def open_since_before(db: Db, instant: datetime) -> list[tuple[str, str, int]]:
    """(CRM, owner id, persons) of the leads that were seen before and are open until now."""
    return [
        (r["crm"], r["owner_id"], r["n"])
        for r in db.rows(
            "SELECT crm, owner_id, count(DISTINCT person_id) n FROM leads WHERE first_seen_at < ?"
            " AND owner_id IS NOT NULL AND state IN ('assigned', 'left') AND NOT closed"
            " GROUP BY crm, owner_id",
            (instant.isoformat(),),
        )
    ]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a rep's leave from the command line: `rep.away` or `rep.back`."""

    at: datetime
    seq: int
    event: str
    detail: Mapping[str, Any]


def said_of_leave(db: Db, until: datetime) -> list[Said]:
    """All that was said, in order."""
    return [
        Said(datetime.fromisoformat(r["at"]), r["seq"], r["event"], json.loads(r["detail"]))
        for r in db.rows(
            "SELECT at, seq, event, detail FROM journal WHERE event IN ('rep.away', 'rep.back')"
            " AND at < ? ORDER BY seq",
            (until.isoformat(),),
        )
    ]


def policy_versions(db: Db) -> list[PolicyVersion]:
    """Every policy that was ever used, the first used first."""
    return [
        PolicyVersion(
            r["hash"], (r["main"], *sorted({*json.loads(r["files"])} - {r["main"]})),
            datetime.fromisoformat(r["first_used_at"]),
            None if r["last"] is None else datetime.fromisoformat(r["last"]), r["n"],
        )
        for r in db.rows(
            "SELECT p.hash, p.main, p.files, p.first_used_at, max(d.at) last, count(d.id) n"
            " FROM policies p LEFT JOIN decisions d ON d.policy_hash = p.hash"
            " GROUP BY p.hash ORDER BY p.first_used_at, p.hash"
        )
    ]  # fmt: skip


def _ref(r: Row) -> Ref:
    return Ref(r["crm"], r["object"], r["lead_id"])


def _decision(r: Row) -> DecisionRow:
    return DecisionRow(
        r["id"], r["person_id"], r["generation"], r["attempt"], _ref(r),
        datetime.fromisoformat(r["at"]), r["policy_hash"], r["roster_hash"], r["inputs"],
        r["outcome"], r["state"], r["reason"], r["rule"], r["rep_id"], r["owner_id"],
    )  # fmt: skip
