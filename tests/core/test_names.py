"""The tables of countries, states and zones say one thing each, and never guess."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from fairlead.core.domains import free_mail_domains, is_free_mail, registrable_domain
from fairlead.core.names import country_code, fold, state_code, zone_name, zone_of


def data(name: str) -> dict[str, object]:
    text = (files("fairlead.core") / "data" / name).read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(text)
    return found


def test_no_alias_means_two_countries() -> None:
    meanings: dict[str, set[str]] = {}
    for code, names in data("countries.json").items():
        assert isinstance(names, list)
        for name in (code, *names):
            meanings.setdefault(fold(name), set()).add(code)
    assert {n: c for n, c in meanings.items() if len(c) > 1} == {}


def test_every_country_of_the_tz_database_is_known_by_code_and_name() -> None:
    listed = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    rows = [ln.split("\t") for ln in listed.splitlines() if ln and not ln.startswith("#")]
    assert len(rows) > 240
    assert {(code, name) for code, name in rows if country_code(code) != code} == set()
    assert {(code, name) for code, name in rows if country_code(name) != code} == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "DE"),
        ("DEU", "DE"),
        ("UK", "GB"),
        ("U.S.A.", "US"),
        ("the netherlands", "NL"),
        ("Österreich", "AT"),
        ("OSTERREICH", "AT"),
        ("日本", "JP"),
        ("Türkiye", "TR"),
        ("Cote d'Ivoire", "CI"),
        ("Korea", None),
        ("Congo", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_countries(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("US", "california", "CA"),
        ("US", "CA", "CA"),
        ("US", "US-CA", "CA"),
        ("US", "Bavaria", None),
        ("CA", "Québec", "QC"),
        ("AU", "New South Wales", "NSW"),
        ("DE", "de-by", "BY"),
        ("DE", "Bayern", None),
        (None, "Texas", "TX"),
        (None, "NSW", "NSW"),
        (None, "WA", None),
        (None, "Bayern", None),
    ],
)
def test_states(country: str | None, text: str, code: str | None) -> None:
    assert state_code(country, text) == code


@pytest.mark.parametrize(
    ("country", "state", "zone"),
    [
        ("US", "CA", "America/Los_Angeles"),
        ("US", None, None),
        ("JP", None, "Asia/Tokyo"),
        ("DE", "BY", "Europe/Berlin"),
        (None, None, None),
    ],
)
def test_zones_of_places(country: str | None, state: str | None, zone: str | None) -> None:
    assert zone_of(country, state) == zone


def test_every_zone_of_the_state_table_exists() -> None:
    for states in data("states.json").values():
        assert isinstance(states, dict)
        for zone, *_ in states.values():
            assert zone_name(zone) == zone


def test_free_mail_domains_are_registrable_and_plain() -> None:
    listed = free_mail_domains()
    assert len(listed) >= 150
    assert {d for d in listed if registrable_domain(d) not in (d, None)} == set()
    assert is_free_mail("gmail.com")
    assert not is_free_mail("acme.example")
    assert not is_free_mail(None)
