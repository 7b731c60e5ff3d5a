"""A team's method as the admin wrote it: which one, and what it is told; checked with places."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from fairlead.core.policy import MethodOptions, Role
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_method_shapes import METHOD_NAMES, MethodShape, RoleShape
from fairlead.core.policy_models import PolicyShape
from fairlead.core.schema import FieldType, Schema

ROUND_ROBIN = "round_robin"


def read_method(
    document: Document, shape: PolicyShape, path: Path, method: MethodShape, schema: Schema
) -> tuple[str, MethodOptions]:
    """The method's name and its options; `schema` has the number fields that can be summed."""
    given = [name for name in METHOD_NAMES if getattr(method, name) is not None]
    if len(given) != 1:
        if not document.lost(path) and not any(document.lost((*path, n)) for n in METHOD_NAMES):
            document.report(path, f"a team has one method: {', '.join(METHOD_NAMES)}", key=True)
        return ROUND_ROBIN, MethodOptions()
    options = MethodOptions()
    if method.least_loaded is not None:
        by, missing = method.least_loaded.by, method.least_loaded.missing
        at: Path = (*path, "least_loaded")
        numbers = [n for n, t in schema.types.items() if t is FieldType.NUMBER and "." not in n]
        if by not in ("open", *numbers):
            document.unknown((*at, "by"), "number field", by, ["open", *sorted(numbers)])
        elif by == "open" and missing is not None:
            message = "'missing' is for a field of the lead under 'by'; open leads need none"
            document.report((*at, "missing"), message, key=True)
        options = MethodOptions(by=by, missing=missing or Fraction(0))
    elif method.override is not None:
        options = MethodOptions(max_delay=method.override.max_delay)
    elif method.group is not None:
        at = (*path, "group", "roles")
        options = MethodOptions(roles=_roles(document, shape, at, method.group.roles))
    elif method.claim is not None:
        claim = method.claim
        options = MethodOptions(queue=claim.queue, unclaimed_after=claim.unclaimed_after)
    return given[0], options


def _roles(
    document: Document, shape: PolicyShape, path: Path, roles: Sequence[RoleShape]
) -> tuple[Role, ...]:
    """The roles, each with those who can take it."""
    if len(roles) < 2 and not document.lost(path):
        document.report(path, "a group has at least two roles")
    found: list[Role] = []
    for index, role in enumerate(roles):
        at: Path = (*path, index)
        if any(role.role == other.name for other in found):
            document.report((*at, "role"), f"role {role.role!r} is there twice")
        found.append(Role(role.role, _role_members(document, shape, at, role)))
    return tuple(found)


def _role_members(
    document: Document, shape: PolicyShape, path: Path, role: RoleShape
) -> tuple[str, ...]:
    if (role.members is None) is (role.team is None):
        if not document.lost((*path, "members")) and not document.lost((*path, "team")):
            document.report(path, f"role {role.role!r} has either 'members' or a 'team'", key=True)
        return tuple(role.members or ())
    if role.team is None:
        if not role.members and not document.lost((*path, "members")):
            document.report(path, f"role {role.role!r} has no members", key=True)
        return tuple(role.members or ())
    team = shape.teams.get(role.team)
    if team is None:
        if role.team not in document.names("teams"):
            document.unknown((*path, "team"), "team", role.team, document.names("teams"))
        return ()
    if team.method.group is not None:
        document.report((*path, "team"), f"team {role.team!r} is a group itself; name its members")
    return tuple(team.members or ())
