"""Every SOQL statement of the connector is built here, and every value in one passes `literal`.

Statements stay short, because a query travels as a URL (also inside a composite), and every filter
has an indexed part: SystemModstamp, an id, or our external id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from fairlead.errors import Bug

IN_LIST = 200
"""Most values of one IN list: 200 ids are about 5 kB of URL, far from the 16 kB limit."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_SPECIAL = re.compile(r"[^A-Za-z0-9_.~-]+")
"""What stands between ids and names in a statement: the same few again and again."""
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b"}
)


def is_name(text: str) -> bool:
    """Whether `text` can be the API name of a field or object."""
    return _NAME.fullmatch(text) is not None


def literal(value: str | bool | int | datetime) -> str:
    """`value` as SOQL writes it; instants keep milliseconds only when they have any."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Bug("a naive instant cannot become SOQL")
        utc = value.astimezone(UTC)
        spec = "milliseconds" if utc.microsecond else "seconds"
        return utc.isoformat(timespec=spec).replace("+00:00", "Z")
    return "'" + value.translate(_ESCAPES) + "'"


def select(
    fields: Sequence[str], obj: str, *, where: str = "", order: str = "", limit: int | None = None
) -> str:
    """One SELECT; names and paths are checked, conditions must come from this module."""
    for name in (*(part for field in fields for part in field.split(".")), obj):
        if not is_name(name):
            raise Bug(f"not a field or object name: {name!r}")
    # Not SQL, and every name was checked above.
    parts = [f"SELECT {','.join(fields)} FROM {obj}"]  # noqa: S608
    if where:
        parts.append(f"WHERE {where}")
    if order:
        parts.append(f"ORDER BY {order}")
    if limit is not None:
        parts.append(f"LIMIT {limit}")
    return " ".join(parts)


def after(since: datetime | None, last_id: str) -> str:
    """The keyset condition: strictly after (since, last_id) in (SystemModstamp, Id) order.

    The first part alone is selective (SystemModstamp is indexed); the OR only cuts off the rows of
    the same second that were seen already.
    """
    if since is None:
        return ""
    t = literal(since)
    if not last_id:
        return f"SystemModstamp >= {t}"
    return (
        f"SystemModstamp >= {t} AND "
        f"(SystemModstamp > {t} OR (SystemModstamp = {t} AND Id > {literal(last_id)}))"
    )


def one_of(field: str, values: Sequence[str]) -> str:
    """`field IN (...)`; callers cut their values with `in_lists` first."""
    if not values or len(values) > IN_LIST or not is_name(field):
        raise Bug(f"IN list of {len(values)} values on {field!r}")
    return f"{field} IN ({','.join(literal(v) for v in values)})"


def since_days(field: str, days: int) -> str:
    """`field` at or after the start of the day `days` ago, by the org's own clock."""
    if days < 1 or not is_name(field):
        raise Bug(f"LAST_N_DAYS:{days} on {field!r}")
    return f"{field} >= LAST_N_DAYS:{days}"


def in_lists(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut values into IN lists."""
    for start in range(0, len(values), IN_LIST):
        yield values[start : start + IN_LIST]


def both(*conditions: str) -> str:
    """The conditions that are not empty, joined by AND."""
    return " AND ".join(c for c in conditions if c)


def url(version: str, statement: str, *, deleted_too: bool) -> str:
    """The path of a query, for a composite part; spaces are %20 so that a literal + survives."""
    resource = "queryAll" if deleted_too else "query"
    return f"/services/data/v{version}/{resource}?q={_SPECIAL.sub(_quoted, statement)}"


def _quoted(special: re.Match[str]) -> str:
    return _quote(special[0])


@lru_cache(maxsize=4096)
def _quote(special: str) -> str:
    return quote(special, safe="")
