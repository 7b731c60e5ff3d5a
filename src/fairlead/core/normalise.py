"""Second step of a lead's way: a CRM's raw record to a `Lead` in our words.

Stands between a connector's `changes()` and `decide`. A field that cannot be read is missing; only
a record that cannot be trusted as a whole raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.core.domains import is_free_mail, registrable_domain
from fairlead.core.names import state_code, zone_of
from fairlead.core.policy import FieldSpec
from fairlead.core.readers import (
    BY_TYPE,
    read_bool,
    read_country,
    read_email,
    read_language,
    read_number,
    read_phone,
    read_text,
    read_zone,
)
from fairlead.core.types import CrmOwner, Lead, Record, Value
from fairlead.errors import BadRecord

__all__ = ["ABSURD_LENGTH", "normalise", "registrable_domain"]

ABSURD_LENGTH = 1_000_000
"""Characters of one field beyond which a record is not believed (CRMs end at 131,072)."""

Reader = Callable[[Any], Value]

_TEXTS = (
    "first_name last_name title company website postal_code city industry source source_detail "
    "form page status rating lifecycle_stage"
)
_READERS: Mapping[str, Reader] = {
    **dict.fromkeys(_TEXTS.split(), read_text),
    **dict.fromkeys(("employees", "revenue", "deal_value"), read_number),
    "email": read_email,
    "country": read_country,
    "timezone": read_zone,
    "language": read_language,
    "domain": registrable_domain,
    "is_converted": read_bool,
    "opted_out": read_bool,
}
"""The fields that stand on their own; state and phone numbers need the country first."""


def normalise(
    record: Record,
    sources: Mapping[str, tuple[str, ...]],
    specs: Mapping[str, FieldSpec],
    owners: Mapping[tuple[str, str], CrmOwner],
) -> Lead:
    """Read a record as a lead; a name without a value is left out.

    `sources` maps our names to the CRM's field names, of which the first that says something
    counts; `specs` are the policy's own fields. Countries, states, phones, domains and zones come
    out in their one standard form, instants in UTC. Raises BadRecord, and nothing else, for a
    record that is `unreadable` or holds text no store can keep; its message names fields, never
    their content.
    """
    if record.unreadable is not None:
        raise BadRecord(record.unreadable)
    fields = record.fields
    values: dict[str, Value] = {}
    for name, reader in _READERS.items():
        found = _first(fields, sources[name], reader) if name in sources else None
        if found is not None:
            values[name] = found
    country = values.get("country")
    place = country if isinstance(country, str) else None
    _put(values, "state", _first(fields, sources.get("state", ()), _state_reader(place)))
    for name in ("phone", "mobile"):
        _put(values, name, _first(fields, sources.get(name, ()), _phone_reader(place)))
    for name, spec in specs.items():
        source = spec.sources.get(record.ref.crm)
        if source is not None:
            _put(values, name, _first(fields, (source,), BY_TYPE[spec.type]))
    _derive(values, place)
    _identify(values, record)
    _own(values, record, owners)
    return Lead(record.ref, record.created_at, record.modified_at, record.owner_id, values)


def _put(values: dict[str, Value], name: str, value: Value) -> None:
    if value is not None:
        values[name] = value


def _first(fields: Mapping[str, Any], names: tuple[str, ...], reader: Reader) -> Value:
    for name in names:
        raw = fields.get(name)
        if raw is None or raw == "":
            continue
        _check(name, raw)
        value = reader(raw)
        if value is not None:
            return value
    return None


def _check(name: str, raw: Any) -> None:
    """Refuse what no store or CRM can hold: half characters, absurd lengths."""
    if isinstance(raw, str):
        if len(raw) > ABSURD_LENGTH:
            raise BadRecord(f"field {name} is longer than {ABSURD_LENGTH:,} characters")
        if not raw.isascii() and not _storable(raw):
            raise BadRecord(f"field {name} holds half of a character (a lone surrogate)")
    elif isinstance(raw, list | tuple):
        for part in raw:
            if isinstance(part, str):
                _check(name, part)


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _state_reader(country: str | None) -> Reader:
    def read(raw: Any) -> str | None:
        return state_code(country, raw) if isinstance(raw, str) else None

    return read


def _phone_reader(country: str | None) -> Reader:
    return lambda raw: read_phone(raw, country)


def _derive(values: dict[str, Value], country: str | None) -> None:
    """Domain, free mail and zone. The e-mail's domain counts before a website somebody typed."""
    email = values.get("email")
    mail = registrable_domain(email)
    if mail is None:
        known = values.get("domain")
        mail = known if isinstance(known, str) else None
    values["free_mail"] = is_free_mail(mail)
    if mail is None or values["free_mail"]:
        mail = registrable_domain(values.get("website")) or mail
    _put(values, "domain", mail)
    if "timezone" not in values:
        state = values.get("state")
        _put(values, "timezone", zone_of(country, state if isinstance(state, str) else None))


def _identify(values: dict[str, Value], record: Record) -> None:
    ref = record.ref
    if not all(map(_storable, (ref.crm, ref.object, ref.id))):
        raise BadRecord("the record's address holds half of a character (a lone surrogate)")
    values.update(id=ref.id, crm=ref.crm, object=ref.object, modified_at=record.modified_at)
    _put(values, "created_at", record.created_at)
    _put(values, "url", record.url)
    values["is_converted"] = record.converted or values.get("is_converted", False)


def _own(
    values: dict[str, Value], record: Record, owners: Mapping[tuple[str, str], CrmOwner]
) -> None:
    """The `owner` group: there whenever somebody owns the record, known to us or not."""
    if record.owner_id is None:
        values["owner"] = None
        return
    values["owner"] = True
    owner = owners.get((record.ref.crm, record.owner_id))
    values["owner.kind"] = "unknown" if owner is None else owner.kind.value
    if owner is not None:
        values["owner.name"] = owner.name
        _put(values, "owner.email", owner.email)
