"""Public holidays by region, from the `holidays` package: which days, never their names.

Below `worktime`. A region is a country (`DE`) or a part of one (`DE-BE`, `GB-SCT`), as ISO 3166
names them. Days that are observed on another date count on that date, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache

import holidays


@cache
def regions() -> frozenset[str]:
    """Every region there is."""
    known = holidays.list_supported_countries(include_aliases=False)
    parts = {f"{country}-{part}" for country, found in known.items() for part in found}
    return frozenset(known) | parts


def is_holiday(names: Iterable[str], day: date) -> bool:
    """Whether this day is a public holiday in one of these regions, each one of `regions()`."""
    return any(day in _year(name, day.year) for name in names)


@lru_cache(maxsize=512)
def _year(name: str, year: int) -> frozenset[date]:
    """A year's days. A neighbour's New Year may be observed in it, so three years are looked at."""
    country, _, part = name.partition("-")
    found = holidays.country_holidays(
        country, subdiv=part or None, years=[year - 1, year, year + 1], expand=False
    )
    return frozenset(day for day in found if day.year == year)
