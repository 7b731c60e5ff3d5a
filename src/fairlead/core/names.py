"""Countries, states and time zones by whatever name people type: the tables behind `normalise`.

The aliases in `data/` are ours; zones come from the tz database that ships with the house. What no
table knows is None: a guess would route a lead to the wrong territory with confidence.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

# Two zones in zone.tab that have told the same time for decades.
_SAME_CLOCK = {"DE": "Europe/Berlin", "MY": "Asia/Kuala_Lumpur"}
_BARE_STATE = re.compile(r"[A-Z0-9]{1,3}")


def fold(text: str) -> str:
    """Text with case, accents, punctuation and a leading "the" taken off, words by one space."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    kept = "".join(c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join(kept.split()).removeprefix("the ")


def _data(name: str) -> Any:
    return json.loads((files("fairlead.core") / "data" / name).read_text(encoding="utf-8"))


@cache
def country_codes() -> Mapping[str, str]:
    """Folded name or alias, and each code, to the ISO 3166-1 alpha-2 code."""
    table: dict[str, str] = {}
    for code, names in _data("countries.json").items():
        table[code.lower()] = code
        table.update({fold(n): code for n in names})
    return table


@lru_cache(maxsize=4096)
def country_code(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country by code or name in many languages, else None.

    "Korea" and "Congo" name two countries each and are None.
    """
    return country_codes().get(fold(text[:100]))


@cache
def _states() -> tuple[Mapping[tuple[str, str], str], Mapping[str, str], Mapping[str, str]]:
    by_country: dict[tuple[str, str], str] = {}
    zones: dict[str, str] = {}
    anywhere: dict[str, set[str]] = {}
    for country, states in _data("states.json").items():
        for code, (zone, *names) in states.items():
            zones[f"{country}-{code}"] = zone
            for name in (code, f"{country} {code}", *names):
                by_country[country, fold(name)] = code
                anywhere.setdefault(fold(name), set()).add(code)
    return by_country, {n: min(c) for n, c in anywhere.items() if len(c) == 1}, zones


@lru_cache(maxsize=4096)
def state_code(country: str | None, text: str) -> str | None:
    """The part of the ISO 3166-2 code after the country, else None.

    Names and codes are known for US, CA and AU; elsewhere only a code is taken ("BY", "DE-BY").
    Without a country a name counts only when one state of the three has it ("WA" is two).
    """
    by_country, anywhere, _ = _states()
    folded = fold(text[:100])
    if country is None:
        return anywhere.get(folded) if _one_country(folded) else None
    if (country, folded) in by_country:
        return by_country[country, folded]
    if any(c == country for c, _ in by_country):
        return None
    bare = text.strip().upper().removeprefix(f"{country}-")
    return bare if _BARE_STATE.fullmatch(bare) else None


def _one_country(folded: str) -> bool:
    by_country, _, _ = _states()
    return sum(1 for _, name in by_country if name == folded) == 1


@cache
def _zones() -> tuple[Mapping[str, str], Mapping[str, str]]:
    root = files("tzdata")
    known = (root / "zones").read_text(encoding="utf-8").split()
    of_country: dict[str, list[str]] = {}
    for line in (root / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            of_country.setdefault(code, []).append(zone)
    single = {code: zones[0] for code, zones in of_country.items() if len(zones) == 1}
    single.update(_SAME_CLOCK)
    return {z.casefold(): z for z in known}, single


@lru_cache(maxsize=4096)
def zone_name(text: str) -> str | None:
    """The IANA name of a time zone, also as HubSpot spells it (`europe_slash_berlin`)."""
    spelt = text.strip().casefold().replace("_slash_", "/").replace("_hyphen_", "-")
    return _zones()[0].get(spelt.replace(" ", "_"))


@lru_cache(maxsize=4096)
def zone_of(country: str | None, state: str | None) -> str | None:
    """The one time zone of a state (US, CA, AU: its largest) or country; None when it has several.

    Source: the tz database's zone.tab.
    """
    if country is None:
        return None
    return _states()[2].get(f"{country}-{state}") or _zones()[1].get(country)
