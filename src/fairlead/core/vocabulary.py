"""What a field can hold after normalising: the reason why `country == "Germany"` never matches.

Follows `readers` and `names`: a text outside a field's vocabulary cannot come out of `normalise`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from fairlead.core.domains import registrable_domain
from fairlead.core.names import country_code, country_codes, state_code, zone_name
from fairlead.core.types import OwnerKind

ALWAYS_THERE = frozenset(
    {"id", "crm", "object", "modified_at", "now", "free_mail", "is_converted", "score", "grade"}
)
"""Names that `normalise` and `decide` give to every lead that a condition can be asked of."""


def always_there(name: str) -> bool:
    """Whether no lead lacks it; a group of points is there as the score is."""
    return name in ALWAYS_THERE or name.startswith("score.")


NOT_A_CODE = "is no ISO code, and a lead's country always is one"
_STATE = re.compile(r"[A-Z0-9]{1,3}")


def _country(text: str) -> bool:
    return country_code(text) == text.upper()


def _zone(text: str) -> bool:
    return (zone_name(text) or "").casefold() == text.casefold()


_CAN_BE: Mapping[str, tuple[Callable[[str], bool], str]] = MappingProxyType(
    {
        "country": (_country, NOT_A_CODE),
        "state": (
            lambda text: _STATE.fullmatch(text.upper()) is not None,
            "is no state code, and a lead's state always is one, such as CA",
        ),
        "timezone": (_zone, "is no time zone's name, such as Europe/Berlin"),
        "language": (
            lambda text: "_" not in text,
            "has an underscore; languages are written with a hyphen, such as pt-br",
        ),
        "domain": (
            lambda text: registrable_domain(text) == text.casefold(),
            "is no registrable domain: a lead's domain has no www. and no name before it",
        ),
        "owner.kind": (
            lambda text: text.casefold() in [kind.value for kind in OwnerKind],
            "is no kind of owner: rep, queue or unknown",
        ),
    }
)


def cannot_be(name: str, text: str) -> str | None:
    """Why this field never holds this text, in any case of letters; None when it may."""
    row = _CAN_BE.get(name)
    return None if row is None or row[0](text.strip()) else row[1]


def meant(name: str, text: str) -> str | None:
    """The text of the field's vocabulary that was probably meant, if one is surely."""
    found: str | None = None
    if name == "country":
        found = country_code(text)
    elif name == "state":
        found = next((s for c in ("US", "CA", "AU") if (s := state_code(c, text))), None)
    elif name == "timezone":
        found = zone_name(text)
    elif name == "language":
        found = text.lower().replace("_", "-")
    elif name == "domain":
        found = registrable_domain(text)
    return found if found is not None and cannot_be(name, found) is None else None


def shown(name: str, text: str) -> str:
    """A text of the field as `normalise` writes it; tables keep their keys in small letters."""
    if name in ("country", "state", "postal_code"):
        return text.upper()
    return (zone_name(text) or text) if name == "timezone" else text


_SAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "state": ("CA", "NY", "BY", "NSW", "ZZ", "Z9"),
        "timezone": ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Lagos"),
        "owner.kind": tuple(kind.value for kind in OwnerKind),
        "email": ("sam@acme.example", "kim@other.example"),
        "domain": ("acme.example", "other.example"),
        "website": ("https://acme.example", "https://other.example"),
        "postal_code": ("10115", "99999"),
        "crm": ("salesforce", "hubspot"),
    }
)
PLENTY = ("something else", "nothing of that kind", "yet another text")
_COUNTRIES = ("DE", "US", "GB", "FR", "BR", "JP", "ZA")


def samples(name: str) -> tuple[str, ...]:
    """Texts that the field may hold, for an example that is none of those a policy names."""
    if name == "country":
        return (*_COUNTRIES, *sorted(set(country_codes().values())))
    if name in ("owner.kind",):
        return _SAMPLES[name]
    return (*_SAMPLES.get(name, ()), *(() if name in _CAN_BE else PLENTY))


def is_closed(name: str) -> bool:
    """Whether `samples` lists every text that the field can hold."""
    return name in ("country", "owner.kind")
