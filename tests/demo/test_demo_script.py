"""The demo's arrivals: one seed, one script, with everything in it that the demo shows."""

from __future__ import annotations

from collections import Counter

import pytest

from fairlead.demo.telling import percentile
from fairlead.demo.traffic import script


def test_one_seed_makes_one_script_and_another_makes_another() -> None:
    assert script(300, 30.0, 1) == script(300, 30.0, 1)
    assert script(300, 30.0, 1) != script(300, 30.0, 2)


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_script_shows_all_that_the_demo_is_about(seed: int) -> None:
    arrivals = script(300, 30.0, seed)
    assert len(arrivals) == 301
    assert [a.at for a in arrivals] == sorted(a.at for a in arrivals)
    assert 0 <= arrivals[0].at <= arrivals[-1].at < 30.0
    kinds = Counter(a.kind for a in arrivals)
    assert kinds["unreadable"] == 1
    assert kinds["not_ours"] >= 3
    crms = Counter(a.crm for a in arrivals)
    assert min(crms.values()) > 90
    people = Counter(a.email for a in arrivals if a.kind == "routable")
    assert sum(n > 1 for n in people.values()) > 15
    across = {
        email
        for email, n in people.items()
        if n > 1 and len({a.crm for a in arrivals if a.email == email}) == 2
    }
    assert len(across) > 5
    # Nobody comes twice to HubSpot, which keeps one contact for an address.
    hubspot = Counter(a.email for a in arrivals if a.crm == "hubspot")
    assert max(hubspot.values()) == 1


def test_leads_come_in_three_bursts() -> None:
    arrivals = script(300, 30.0, 1)
    for burst in (4.5, 15.0, 24.0):
        assert sum(burst <= a.at < burst + 0.3 for a in arrivals) > 25


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1.0], 0.5, 1.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), ([1.0, 2.0, 3.0, 4.0], 0.99, 4.0)],
)
def test_percentiles_are_values_that_occurred(
    values: list[float], share: float, found: float
) -> None:
    assert percentile(values, share) == found
