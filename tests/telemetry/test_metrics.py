"""Metrics: their names, their labels, and that no person becomes one."""

from __future__ import annotations

import re

import pytest

from fairlead import __version__
from fairlead.metrics import Metrics

PERSONAL = ("email", "name", "lead", "person", "rep", "owner", "id", "phone", "company")


def exposed(metrics: Metrics, accept: str | None = None) -> str:
    return metrics.render(accept)[0].decode()


def test_every_metric_has_the_prefix_a_help_and_no_personal_label() -> None:
    table = Metrics().table
    for name, (text, labels) in table.items():
        assert re.fullmatch(r"fairlead_[a-z_]+", name)
        assert text
        assert not set(labels) & set(PERSONAL)


def test_what_the_table_says_is_what_is_published() -> None:
    metrics = Metrics()
    published = set(re.findall(r"^# TYPE (fairlead_\w+)", exposed(metrics), re.MULTILINE))
    assert published == set(metrics.table)


def test_an_address_in_a_label_is_hidden() -> None:
    metrics = Metrics()
    metrics.decisions_total.labels(outcome="assign", rule="leads of anna@example.com").inc()
    metrics.decisions_total.labels("hold", "ben@example.com").inc()
    text = exposed(metrics)
    assert 'fairlead_decisions_total{outcome="assign",rule="hidden"} 1.0' in text
    assert "@" not in text


def test_only_one_policy_is_in_force() -> None:
    metrics = Metrics()
    metrics.activate_config("aaaa")
    metrics.activate_config("bbbb")
    assert re.findall(r"fairlead_config_info\{.*", exposed(metrics)) == [
        'fairlead_config_info{hash="bbbb"} 1.0'
    ]


def test_the_running_version_is_published() -> None:
    assert f'fairlead_build_info{{version="{__version__}"}} 1.0' in exposed(Metrics())


def test_two_daemons_in_one_process_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.leads_seen_total.labels(crm="hubspot").inc()
    assert "fairlead_leads_seen_total{" not in exposed(two)


def test_time_to_owner_tells_seconds_from_minutes() -> None:
    metrics = Metrics()
    metrics.time_to_owner_seconds.observe(0.8)
    metrics.time_to_owner_seconds.observe(45)
    text = exposed(metrics)
    assert 'fairlead_time_to_owner_seconds_bucket{le="1.0"} 1.0' in text
    assert 'fairlead_time_to_owner_seconds_bucket{le="60.0"} 2.0' in text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_the_scraper_may_choose_the_form(accept: str | None, kind: str) -> None:
    assert Metrics().render(accept)[1].startswith(kind)


def test_a_counted_series_is_found_again_and_never_taken_away() -> None:
    metrics = Metrics()
    counted = metrics.effects_total
    one = counted.labels(kind="set_owner", outcome="applied")
    assert counted.labels(outcome="applied", kind="set_owner") is one
    assert counted.labels("set_owner", "applied") is one
    assert counted.labels(kind="set_owner", outcome="retry") is not one
    one.inc()
    assert counted.labels(kind="set_owner", outcome="applied") is one
    assert b'kind="set_owner",outcome="applied"} 1.0' in metrics.render()[0]
    for taking_away in (counted.clear, lambda: counted.remove("set_owner", "applied")):
        with pytest.raises(TypeError, match="never taken away"):
            taking_away()
