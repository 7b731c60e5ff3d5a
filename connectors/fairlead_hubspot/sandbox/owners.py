"""Owners and the users behind them: `/crm/v3/owners`, read only, and how control makes them.

An owner is a person or a queue. A person also has a user id and a record of type users; the three
ids differ. Deactivated owners are listed only with `archived=true`, then without their user id.
"""

from __future__ import annotations

from typing import Any

from fairlead.sandbox.org import SYSTEM, Row
from fairlead.sandbox.wire import Request
from fairlead_hubspot.sandbox import asking
from fairlead_hubspot.sandbox.errors import invalid, not_found
from fairlead_hubspot.sandbox.moments import wire_time
from fairlead_hubspot.sandbox.objects import next_page
from fairlead_hubspot.sandbox.portal import Portal
from fairlead_hubspot.sandbox.types import by_plural

FIRST_OWNER, FIRST_USER = 60_000_000, 90_000_000


def wire(row: Row) -> dict[str, Any]:
    fields = row.fields
    user_id = int(fields["userId"]) if fields.get("userId") else None
    body: dict[str, Any] = {
        "id": row.id,
        "email": fields.get("email") or "",
        "type": fields["type"],
        "firstName": fields.get("firstName") or "",
        "lastName": fields.get("lastName") or "",
        "userId": None if row.deleted else user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.created_at),
        "archived": row.deleted,
    }
    if fields.get("team"):
        body["teams"] = [{"id": fields["team"], "name": fields["teamName"], "primary": True}]
    return body


def listing(portal: Portal, request: Request) -> tuple[int, Any]:
    params = asking.query(request, "limit", "after", "email", "archived")
    limit = asking.count(params, default=100, most=500)
    after, archived = asking.after(params), asking.flag(params, "archived")
    email = params.get("email", "").lower()
    rows = sorted(
        (
            r
            for r in portal.org.rows("owners")
            if r.deleted == archived
            and int(r.id) >= after
            and (not email or (r.fields.get("email") or "").lower() == email)
        ),
        key=lambda r: int(r.id),
    )
    answer: dict[str, Any] = {"results": [wire(r) for r in rows[:limit]]}
    if len(rows) > limit:
        answer["paging"] = {"next": next_page(portal, request, rows[limit].id)}
    return 200, answer


def get(portal: Portal, request: Request, id: str) -> tuple[int, Any]:
    params = asking.query(request, "idProperty", "archived")
    by, archived = params.get("idProperty", "id"), asking.flag(params, "archived")
    if by not in ("id", "userId"):
        raise invalid(f"idProperty must be id or userId, was {by}")
    for row in portal.org.rows("owners"):
        here = row.id if by == "id" else row.fields.get("userId")
        if here == id and row.deleted == archived:
            return 200, wire(row)
    raise not_found(id)


def add(
    portal: Portal,
    *,
    kind: str,
    email: str = "",
    first: str = "",
    last: str = "",
    team: str = "",
    time_zone: str = "UTC",
) -> Row:
    """A new owner, active; a person gets a user id and a users record too."""
    id = portal.new_id("owners", FIRST_OWNER)
    fields = {"type": kind, "email": email, "firstName": first, "lastName": last}
    if team:
        fields |= {"team": str(500_000 + len(team)), "teamName": team}
    if kind == "PERSON":
        fields["userId"] = portal.new_id("user ids", FIRST_USER)
    row = portal.org.create("owners", id, fields, SYSTEM, stamp=portal.now())
    if kind == "PERSON":
        user = {
            "hs_internal_user_id": fields["userId"],
            "hs_email": email,
            "hs_given_name": first,
            "hs_family_name": last,
            "hubspot_owner_id": id,
            "hs_standard_time_zone": time_zone,
            "hs_deactivated": "false",
        }
        portal.create(by_plural("users"), user, SYSTEM)
    return row


def find(portal: Portal, asked: str) -> Row:
    """The owner an id or e-mail names; raises ValueError when there is none."""
    for row in portal.org.rows("owners"):
        if row.id == asked or (row.fields.get("email") or "").lower() == asked.lower():
            return row
    raise ValueError(f"there is no owner {asked}")


def set_active(portal: Portal, row: Row, active: bool) -> None:
    """Deactivate or bring back; records keep the owner they have."""
    if active == (not row.deleted):
        return
    (portal.org.undelete if active else portal.org.delete)("owners", row.id, SYSTEM)
    users = by_plural("users")
    for user in portal.org.rows("users"):
        if user.fields.get("hubspot_owner_id") == row.id and not user.deleted:
            portal.update(users, user, {"hs_deactivated": "false" if active else "true"}, SYSTEM)
