"""What we know of the CRMs beside leads: connectors, cursors, users and queues, accounts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row
from uuid import uuid4

from fairlead.core.types import Account, Availability, CrmOwner, Cursor, Kind, OwnerKind, Ref
from fairlead.store import journal
from fairlead.store.db import Db

OWNERS_MARK = "owners_as_of"
"""The switch that has another value after each change of the users and queues."""


@dataclass(frozen=True, slots=True)
class ConnectorRow:
    """A connector's first contact: `baseline` is the CRM's own time then; older leads are old.

    `ready` means that everything that existed at the baseline has been read for matching.
    """

    crm: str
    baseline: datetime
    our_ids: tuple[str, ...]
    ready: bool


def get_connector(db: Db, crm: str) -> ConnectorRow | None:
    r = db.row("SELECT * FROM connectors WHERE crm = ?", (crm,))
    return None if r is None else _connector(r)


def all_connectors(db: Db) -> list[ConnectorRow]:
    """Every connector that was ever spoken to."""
    return [_connector(r) for r in db.rows("SELECT * FROM connectors ORDER BY crm")]


def _connector(r: Row) -> ConnectorRow:
    baseline = datetime.fromisoformat(r["baseline"])
    return ConnectorRow(r["crm"], baseline, tuple(json.loads(r["our_ids"])), bool(r["ready"]))


def add_connector(db: Db, crm: str, baseline: datetime, our_ids: Sequence[str]) -> None:
    """Record the first contact; a later call changes `our_ids` only, never the baseline."""
    db.execute(
        "INSERT INTO connectors (crm, baseline, our_ids) VALUES (?, ?, ?)"
        " ON CONFLICT (crm) DO UPDATE SET our_ids = excluded.our_ids",
        (crm, baseline.isoformat(), json.dumps(list(our_ids))),
    )


def set_ready(db: Db, crm: str) -> None:
    db.execute("UPDATE connectors SET ready = 1 WHERE crm = ?", (crm,))


def get_cursor(db: Db, crm: str, kind: Kind) -> Cursor | None:
    r = db.row("SELECT * FROM cursors WHERE crm = ? AND kind = ?", (crm, kind.value))
    if r is None:
        return None
    return Cursor(json.loads(r["position"]), datetime.fromisoformat(r["covered_until"]))


def put_cursor(db: Db, crm: str, kind: Kind, cursor: Cursor) -> None:
    """Store a cursor; only ever called in the transaction that stores its page's rows."""
    db.execute(
        "INSERT OR REPLACE INTO cursors (crm, kind, position, covered_until) VALUES (?, ?, ?, ?)",
        (crm, kind.value, json.dumps(dict(cursor.position)), cursor.covered_until.isoformat()),
    )


def replace_owners(db: Db, crm: str, owners: Iterable[CrmOwner]) -> bool:
    """Take over the CRM's list of users and queues; True when anything of it changed.

    Owners that are no longer listed become inactive, never unknown: their leads still name them.
    """
    before = {o.id: o for o in get_owners(db, crm)}
    fresh = {o.id: o for o in owners}
    changed = [o for o in fresh.values() if _plain(before.get(o.id)) != _plain(o)]
    gone = [o for o in before.values() if o.id not in fresh and o.active]
    db.executemany(
        "INSERT OR REPLACE INTO owners (crm, id, kind, name, email, active, availability)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (crm, o.id, o.kind.value, o.name, o.email, int(o.active), _told(o.availability))
            for o in changed
        ],
    )
    db.executemany(
        "UPDATE owners SET active = 0 WHERE crm = ? AND id = ?", [(crm, o.id) for o in gone]
    )
    if changed or gone:
        journal.set_switch(db, OWNERS_MARK, uuid4().hex)
    return bool(changed or gone)


def _plain(o: CrmOwner | None) -> tuple[object, ...] | None:
    return None if o is None else (o.kind, o.name, o.email, o.active, o.availability)


def _told(a: Availability | None) -> str | None:
    """Availability as JSON for its column; instants in ISO 8601, UTC."""
    if a is None:
        return None
    return json.dumps(
        {
            "off": [[start.isoformat(), end.isoformat()] for start, end in a.off],
            "hours": a.hours,
            "timezone": a.timezone,
            "present": a.present,
            "unreadable": a.unreadable,
        }
    )


def _availability(told: str | None) -> Availability | None:
    if told is None:
        return None
    data = json.loads(told)
    return Availability(
        tuple((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in data["off"]),
        tuple((day, start, end) for day, start, end in data["hours"]),
        data["timezone"],
        data["present"],
        tuple(data["unreadable"]),
    )


def get_owners(db: Db, crm: str | None = None) -> list[CrmOwner]:
    """Users and queues, of one CRM or all, ordered by CRM and id."""
    mark = journal.get_switch(db, OWNERS_MARK)
    kept: tuple[str | None, list[CrmOwner]] | None = db.read_before.get("owners")
    if kept is None or kept[0] != mark:
        rows = db.rows(
            "SELECT crm, id, kind, name, email, active, availability FROM owners ORDER BY crm, id"
        )
        kept = db.read_before["owners"] = (mark, [_owner(r) for r in rows])
    return [o for o in kept[1] if crm is None or o.crm == crm]


def _owner(r: Row) -> CrmOwner:
    return CrmOwner(
        r["crm"], r["id"], OwnerKind(r["kind"]), r["name"], r["email"], bool(r["active"]),
        availability=_availability(r["availability"]),
    )  # fmt: skip


def put_account(db: Db, account: Account, version: str) -> None:
    ref = account.ref
    db.execute(
        "INSERT OR REPLACE INTO accounts (crm, object, id, name, owner_id, type, industry,"
        " employees, parent_id, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ref.crm, ref.object, ref.id, account.name, account.owner_id, account.type,
            account.industry, account.employees, account.parent_id, version,
        ),
    )  # fmt: skip
    db.execute(
        "DELETE FROM account_domains WHERE crm = ? AND object = ? AND id = ?",
        (ref.crm, ref.object, ref.id),
    )
    db.executemany(
        "INSERT OR IGNORE INTO account_domains (domain, crm, object, id) VALUES (?, ?, ?, ?)",
        [(d, ref.crm, ref.object, ref.id) for d in account.domains],
    )


def drop_account(db: Db, ref: Ref) -> None:
    for table in ("accounts", "account_domains"):
        db.execute(
            f"DELETE FROM {table} WHERE crm = ? AND object = ? AND id = ?",  # noqa: S608
            (ref.crm, ref.object, ref.id),
        )


def accounts_of_domain(db: Db, crm: str, domain: str) -> list[Account]:
    """The accounts of this CRM that have this registrable domain, ordered by id."""
    rows = db.rows(
        "SELECT a.* FROM account_domains d JOIN accounts a USING (crm, object, id)"
        " WHERE d.domain = ? AND d.crm = ? ORDER BY a.id",
        (domain, crm),
    )
    return [_account(r, (domain,)) for r in rows]


def accounts_above(db: Db, account: Account) -> list[Account]:
    """The parents of an account as far as they are known, the nearest first; without domains.

    Ends at the top, at a parent that was never read, or where the parents form a circle.
    """
    found, seen, parent = list[Account](), {account.ref.id}, account.parent_id
    while parent is not None and parent not in seen:
        seen.add(parent)
        r = db.row(
            "SELECT * FROM accounts WHERE crm = ? AND object = ? AND id = ?",
            (account.ref.crm, account.ref.object, parent),
        )
        if r is None:
            break
        found.append(_account(r, ()))
        parent = found[-1].parent_id
    return found


def _account(r: Row, domains: tuple[str, ...]) -> Account:
    return Account(
        Ref(r["crm"], r["object"], r["id"]), r["name"], domains, r["owner_id"], r["type"],
        r["industry"], r["employees"], r["parent_id"],
    )  # fmt: skip


def owner_index(owners: Iterable[CrmOwner]) -> Mapping[tuple[str, str], CrmOwner]:
    """Owners by (crm, id)."""
    return {(o.crm, o.id): o for o in owners}
