"""Time zones from the pinned `tzdata` package, never from the machine: the same answer everywhere.

Below `worktime` and the policy reader. The zones are IANA's; VERSION names their edition and goes
into every decision's inputs.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.metadata import version
from zoneinfo import ZoneInfo

VERSION = ", ".join(f"{name} {version(name)}" for name in ("tzdata", "holidays"))
"""The editions of zones and public holidays in use, as `why` shows them."""


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name there is."""
    text = (resources.files("tzdata") / "zones").read_text(encoding="utf-8")
    return frozenset(text.split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises ValueError for any other text."""
    if name not in zone_names():
        raise ValueError(f"unknown time zone {name!r}")
    with (resources.files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
