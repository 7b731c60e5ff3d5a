"""Playing everybody else: people, other tools and the platform itself (`Face.act`).

An order names who acts (`as`, `user`), what is done (`op`) and to what; the table of ops and their
keys is in docs/sandbox-salesforce.md. With `commit_delay_seconds` the change is checked now, keeps
the stamp of now, holds its row's lock, and shows only when the delay is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fairlead.sandbox.org import Row, Who
from fairlead_salesforce.sandbox import absences, activities, campaigns, rows, rules
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.people import Result, activity, freezing, need, seed_people
from fairlead_salesforce.sandbox.render import stamp
from fairlead_salesforce.sandbox.rows import Save
from fairlead_salesforce.sandbox.schema import ObjectDef
from fairlead_salesforce.sandbox.state import Sandbox
from fairlead_salesforce.sandbox.values import parse_instant

_COMMON = {"as", "user", "op"}
_TARGET = {"object", "id", "commit_delay_seconds"}
_GARBAGE = {"CreatedDate": {"unexpected": "object"}, "Email": ["not", "text"]}


class _Dry(Exception):
    """Takes a trial run back."""


def act(sb: Sandbox, order: Mapping[str, Any]) -> Result:
    """Carry out an order; raises ValueError on one that is wrong or that the org refuses."""
    op = str(order.get("op"))
    if op not in OPS:
        raise ValueError(f"unknown op {op!r}; known: {', '.join(sorted(OPS))}")
    do, keys = OPS[op]
    unknown = set(order) - _COMMON - keys
    if unknown:
        raise ValueError(f"op {op}: unknown keys {sorted(unknown)}")
    try:
        return do(sb, order, _actor(sb, order))
    except Refused as error:
        raise ValueError(f"refused: {error}") from error


def _actor(sb: Sandbox, order: Mapping[str, Any]) -> Who:
    kinds = {"person": sb.admin, "tool": sb.tool, "system": sb.robot, "integration": sb.integration}
    kind = order.get("as", "person")
    if kind not in kinds:
        raise ValueError(f"as: one of {', '.join(kinds)}, not {kind!r}")
    if "user" not in order:
        return kinds[kind]
    row = sb.find_user(str(order["user"]))
    if row is None:
        raise ValueError(f"no user {order['user']!r}")
    name = str(row.fields.get("Username", ""))
    return Who(kind, row.id, name)


def _object(sb: Sandbox, order: Mapping[str, Any]) -> ObjectDef:
    obj = sb.schema.find(str(order.get("object", "Lead")))
    if obj is None or not obj.prefix:
        raise ValueError(f"no object {order.get('object')!r}")
    return obj


def _row(sb: Sandbox, obj: ObjectDef, given: Any, *, deleted: bool = False) -> Row:
    row = sb.org.get(obj.name, canonical(given) or "")
    if row is None or row.deleted != deleted:
        raise ValueError(f"no {'deleted ' if deleted else ''}{obj.name} {given!r}")
    return row


def _when(order: Mapping[str, Any]) -> datetime | None:
    if "at" not in order:
        return None
    at = parse_instant(str(order["at"]))
    if at is None:
        raise ValueError(f"at: not an instant with a zone: {order['at']!r}")
    return at


def _save(order: Mapping[str, Any], who: Who, at: datetime | None, id: str | None = None) -> Save:
    return Save(
        who=who,
        auto_assign=bool(order.get("auto_assign", False)),
        allow_save=True,
        privileged=who.kind == "system",
        at=at,
        id=id,
    )


# -- late commits ---------------------------------------------------------------------------


def _commit(
    sb: Sandbox, order: Mapping[str, Any], locks: list[str], do: Callable[[datetime], None]
) -> Result:
    """Run `do(stamp)` now or, with a delay, later with the stamp of now."""
    start = _when(order) or sb.now()
    delay = float(order.get("commit_delay_seconds", 0))
    if delay <= 0:
        do(start)
        return {"stamp": stamp(start)}
    try:
        with sb.transaction():
            do(start)
            raise _Dry
    except _Dry:
        pass
    number = max(sb.pending, default=0) + 1
    sb.pending[number] = start
    for id in locks:
        sb.locked[id] = sb.locked.get(id, 0) + 1

    def commit() -> None:
        if sb.in_transaction:
            # Another request's writes may yet be taken back; ours must not go with them.
            sb.org.later(sb.org.now() + timedelta(milliseconds=50), commit)
            return
        del sb.pending[number]
        for id in locks:
            sb.locked[id] -= 1
        try:
            do(start)
        except Refused as error:
            sb.failed_commits.append(str(error))

    visible = sb.org.now() + timedelta(seconds=delay)
    sb.org.later(visible, commit)
    return {"stamp": stamp(start), "visible_at": visible.isoformat()}


# -- rows -----------------------------------------------------------------------------------


def _create(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    fields = dict(order.get("fields", {}))
    if who.kind == "system" and obj.find("OwnerId"):
        fields.setdefault("OwnerId", sb.admin.id)
    id = sb.ids.new(obj.prefix)

    def do(at: datetime) -> None:
        rows.create(sb, obj, fields, _save(order, who, at, id))

    return {"id": id, **_commit(sb, order, [], do)}


def _update(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    row = _row(sb, obj, order.get("id"))
    fields = dict(order.get("fields", {}))

    def do(at: datetime) -> None:
        rows.update(sb, obj, row, fields, _save(order, who, at))

    return {"id": row.id, **_commit(sb, order, [row.id], do)}


def _delete(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    row = _row(sb, obj, order.get("id"))

    def do(at: datetime) -> None:
        rows.delete(sb, obj, row, _save(order, who, at))

    return {"id": row.id, **_commit(sb, order, [row.id], do)}


def _undelete(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    row = _row(sb, obj, order.get("id"), deleted=True)
    gone_at = row.deleted_at
    for field in obj.fields:
        value = row.fields.get(field.name)
        if field.unique and value and sb.by_key(obj.name, field.name, str(value)):
            raise ValueError(f"{field.name} {value!r} is taken by a live row")

    def do(at: datetime) -> None:
        sb.restore(row, who, at)
        for table in ("Task", "Event"):
            for child in sb.org.rows(table):
                if (
                    child.deleted
                    and child.deleted_at == gone_at
                    and child.fields["WhoId"] == row.id
                ):
                    sb.restore(child, who, at)

    return {"id": row.id, **_commit(sb, order, [], do)}


def _merge(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    if obj.name not in ("Lead", "Contact", "Account"):
        raise ValueError(f"{obj.name} cannot be merged")
    master = _row(sb, obj, order.get("id"))
    losers = [_row(sb, obj, i) for i in order.get("losers", [])]
    if not 1 <= len(losers) <= 2 or master in losers:
        raise ValueError("losers: one or two other ids")
    if any(r.fields.get("IsConverted") for r in (master, *losers)):
        raise ValueError("a converted lead cannot be merged")

    def do(at: datetime) -> None:
        for row in (master, *losers):
            rules.check_lock(sb, row)
        for loser in losers:
            _move_activities(sb, loser.id, master.id, who, at)
            sb.remove(loser, who, at, merged_into=master.id)
        rows.update(sb, obj, master, dict(order.get("fields", {})), _save(order, who, at))
        rules.add_history(sb, master, "leadMerged", None, None, who, at)

    ids = [master.id, *(r.id for r in losers)]
    return {"id": master.id, **_commit(sb, order, ids, do)}


def _move_activities(sb: Sandbox, old: str, new: str, who: Who, at: datetime) -> None:
    activities.move_mail(sb, old, new, who, at)
    campaigns.move(sb, old, new, who, at)
    for child in rows.children(sb, old):
        if child.table in ("Task", "Event"):
            sb.change(child, {"WhoId": new}, who, at)


def _convert(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    lead = _row(sb, need(sb, "Lead"), order.get("id"))
    if lead.fields.get("IsConverted"):
        raise ValueError(f"lead {lead.id} is converted already")
    rules.check_lock(sb, lead)
    made = {
        "account": canonical(order.get("account")) or sb.ids.new("001"),
        "contact": canonical(order.get("contact")) or sb.ids.new("003"),
        "opportunity": sb.ids.new("006") if order.get("opportunity") else None,
    }

    def do(at: datetime) -> None:
        rules.check_lock(sb, lead)
        save = Save(who=who, privileged=True, at=at)
        _make_parents(sb, lead, made, save)
        _move_activities(sb, lead.id, str(made["contact"]), who, at)
        before = lead.fields.get("Status")
        status = str(order.get("status", "Closed - Converted"))
        fields = {
            "IsConverted": True,
            "ConvertedDate": at.date().isoformat(),
            "ConvertedAccountId": made["account"],
            "ConvertedContactId": made["contact"],
            "ConvertedOpportunityId": made["opportunity"],
            "Status": status,
            "IsUnreadByOwner": False,
        }
        sb.change(lead, fields, who, at)
        diff = {"Status": (before, status)}
        rules.write_history(sb, need(sb, "Lead"), lead, diff, who, at)
        rules.add_history(sb, lead, "leadConverted", None, None, who, at)

    return {"id": lead.id, **made, **_commit(sb, order, [lead.id], do)}


def _make_parents(sb: Sandbox, lead: Row, made: Mapping[str, str | None], save: Save) -> None:
    f = lead.fields
    owner = f["OwnerId"] if str(f["OwnerId"]).startswith("005") else save.who.id
    plans: list[tuple[str, str | None, dict[str, Any]]] = [
        ("Account", made["account"], {"Name": f["Company"], "OwnerId": owner}),
        (
            "Contact",
            made["contact"],
            {
                "LastName": f["LastName"],
                "FirstName": f.get("FirstName"),
                "Email": f.get("Email"),
                "Phone": f.get("Phone"),
                "AccountId": made["account"],
                "OwnerId": owner,
            },
        ),
        (
            "Opportunity",
            made["opportunity"],
            {
                "Name": f"{f['Company']}-",
                "AccountId": made["account"],
                "StageName": "Prospecting",
                "CloseDate": save.stamp(sb).date().isoformat(),
                "OwnerId": owner,
            },
        ),
    ]
    for name, id, fields in plans:
        if id is None or sb.org.get(name, id):
            continue
        given = Save(who=save.who, privileged=True, at=save.at, id=id)
        rows.create(sb, need(sb, name), fields, given)


def _touch(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    row = _row(sb, _object(sb, order), order.get("id"))

    def do(at: datetime) -> None:
        sb.touch(row, {}, who, at)

    return {"id": row.id, **_commit(sb, order, [], do)}


def _corrupt(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    obj = _object(sb, order)
    row = _row(sb, obj, order.get("id"))
    garbage = dict(order.get("fields", _GARBAGE))
    unknown = [n for n in garbage if not (f := obj.find(n)) or f.name != n]
    if unknown:
        raise ValueError(f"no such fields, by exact name: {unknown}")
    sb.corrupt[row.id] = garbage
    sb.touch(row, {}, who, sb.now())
    return {"id": row.id}


def _mend(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    row = _row(sb, _object(sb, order), order.get("id"))
    sb.corrupt.pop(row.id, None)
    sb.touch(row, {}, who, sb.now())
    return {"id": row.id}


def _expire(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    count = len(sb.sessions)
    sb.sessions.clear()
    if order.get("static"):
        sb.knobs.token_accepted = False
    return {"expired": count}


def _status(sb: Sandbox, order: Mapping[str, Any], who: Who) -> Result:
    return {
        "logins": sb.logins,
        "api_calls": sb.calls_used(),
        "open_transactions": len(sb.pending),
        "failed_commits": list(sb.failed_commits),
        "integration_user": sb.integration.id,
        "admin_user": sb.admin.id,
        "other_integration_user": sb.tool.id,
        "organization": sb.org_id,
    }


OPS: Mapping[str, tuple[Callable[[Sandbox, Mapping[str, Any], Who], Result], set[str]]] = {
    "create": (_create, {*_TARGET, "fields", "at", "auto_assign"} - {"id"}),
    "update": (_update, {*_TARGET, "fields", "at", "auto_assign"}),
    "delete": (_delete, {*_TARGET, "at"}),
    "undelete": (_undelete, {*_TARGET}),
    "merge": (_merge, {*_TARGET, "losers", "fields"}),
    "convert": (_convert, {*_TARGET, "account", "contact", "opportunity", "status"}),
    "touch": (_touch, {*_TARGET}),
    "corrupt": (_corrupt, {"object", "id", "fields"}),
    "mend": (_mend, {"object", "id"}),
    "deactivate_user": (activity(False), {"id", "object"}),
    "activate_user": (activity(True), {"id", "object"}),
    "freeze_user": (freezing(True), {"id", "object"}),
    "unfreeze_user": (freezing(False), {"id", "object"}),
    "set_out_of_office": (absences.out_of_office, {"id", "start", "end", "message", "enabled"}),
    "set_presence": (absences.presence, {"id", "state"}),
    "log_call": (
        activities.log_call,
        {"id", "day", "seconds", "direction", "disposition", "owner"},
    ),
    "log_email": (
        activities.log_email,
        {"id", "how", "incoming", "at", "automation", "draft", "owner"},
    ),
    "log_meeting": (activities.log_meeting, {"id", "start", "minutes", "owner"}),
    "archive": (activities.archive, {"object", "id"}),
    "seed_people": (seed_people, {"people", "queues"}),
    "expire_sessions": (_expire, {"static"}),
    "status": (_status, set()),
}
