"""What domain a text names, and whether anybody can have an address there."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from publicsuffixlist import PublicSuffixList

_HOST = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]+")
_END = re.compile(r"[/?#:\\\s]")


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def free_mail_domains() -> frozenset[str]:
    """The reviewed list: registrable domains where anybody can have an address."""
    text = (files("fairlead.core") / "data" / "free_mail.txt").read_text(encoding="utf-8")
    return frozenset(ln for ln in text.split("\n") if ln and not ln.startswith("#"))


def registrable_domain(value: object) -> str | None:
    """The registrable domain of an address, URL or host name, lower case ASCII; else None.

    "https://shop.acme.co.uk/de" gives "acme.co.uk". International names come out as `xn--`. IP
    addresses, bare suffixes ("co.uk") and single words have none. Takes any value.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()[:2000].lower()
    rest = text.split("://", 1)[-1].removeprefix("//")
    host = _END.split(rest, maxsplit=1)[0].rsplit("@", 1)[-1].rstrip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return None
    if _HOST.fullmatch(host) is None:
        return None
    found: str | None = _suffixes().privatesuffix(host)
    return found


def is_free_mail(domain: str | None) -> bool:
    """Whether the domain says nothing about the company because anybody can have an address."""
    return domain in free_mail_domains()
