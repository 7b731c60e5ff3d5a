"""Measures what the product promises to do fast, on this machine: `make bench`.

CPU seconds of one process, the best of three, and the CPU share of an idle daemon; nothing here
fails, tests hold what is right.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import clocks
import deciding
import idle
from daemon.house import POLICY, House, an_org

from fairlead.core.lint import lint
from fairlead.core.policy_file import load_policy
from fairlead.testing.clock import ManualClock

PAGE = 2_000
RULES = 200
LINES = 10_000
HOSTILE = 40
PARTS = 60
NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def best(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    runs = [measure() for _ in range(3)]
    return {name: min(run[name] for run in runs) for name in runs[0]}


def a_page() -> dict[str, float]:
    """A page of new leads decided and committed, the same page seen again, and its delivery."""
    clock = ManualClock()
    org = an_org(clock)
    house = House(None, [org], clock)
    house.start()
    clock.advance(1)
    for i in range(PAGE):
        org.create_lead(email=f"x{i}@acme{i}.test")
    ingest = house.ingests["salesforce"]
    ingest.connector.page_size = 2 * PAGE  # type: ignore[attr-defined]
    asked = ingest.cursors()
    pages = ingest.connector.changes(asked)
    try:
        return {
            f"page of {PAGE} new leads": cpu(lambda: ingest.take(pages, asked)),
            f"page of {PAGE} known leads": cpu(lambda: ingest.take(pages, ingest.cursors())),
            f"delivery of {PAGE} leads": cpu(house.deliver),
        }
    finally:
        house.close()


TABLES = {
    "keys": ("postal_code", "postal_code", lambda n: f"{10_000 + n}"),
    "prefixes": (
        "[country, {prefix: postal_code}]",
        "country,postal_code",
        lambda n: f"{COUNTRIES[n % 10]},{100 + n // 10}",
    ),
    "ranges": (
        "{range: revenue, from: low, to: high}",
        "low,high",
        lambda n: f"{n * 1000},{n * 1000 + 999}",
    ),
}
"""A look-up table's key, the columns of it, and line n."""
COUNTRIES = ("DE", "AT", "CH", "FR", "US", "GB", "NL", "BE", "ES", "IT")


def with_rules(rules: str, table: str = "") -> str:
    head, _, tail = POLICY.partition("rules:\n")
    return f"{head}{table}rules:\n{rules}{tail[tail.index('otherwise') :]}"


def a_policy() -> dict[str, float]:
    """Loading and linting many rules and a large table, of each kind of key."""
    rules = "".join(
        f'  - {{name: r{n}, when: country == "{COUNTRIES[n % 10]}" and employees >= {n * 10}'
        f" and employees < {n * 10 + 50}, to: {{team: inbound}}}}\n"
        for n in range(RULES)
    )
    last = "  - {name: by table, when: zone is not null, to: {team: zone.team}}\n"
    found: dict[str, float] = {}
    for kind, (key, columns, line) in TABLES.items():
        text = with_rules(rules + last, f"tables:\n  zone: {{csv: zone.csv, key: {key}}}\n")
        lines = "".join(f"{line(n)},inbound\n" for n in range(LINES))
        files = {"p.yaml": text, "zone.csv": f"{columns},team\n{lines}"}
        policy = load_policy(files, "p.yaml")
        what = f"{RULES} rules and {LINES} lines of {kind}"
        found[f"load {what}"] = cpu(partial(load_policy, files, "p.yaml"))
        found[f"check {what}"] = cpu(partial(lint, policy, NOW))
    return found


def a_hostile_policy() -> dict[str, float]:
    """Linting rules of long `or` chains that bear on each other, every other one denied."""
    rules = ""
    for n in range(HOSTILE):
        chain = " or ".join(
            f'(industry == "i{(n * 7 + k) % 97}" and source != "s{(n + 3 * k) % 89}"'
            f" and employees > {3 * k + n})"
            for k in range(PARTS)
        )
        when = f"not ({chain})" if n % 2 else chain
        rules += f"  - {{name: r{n}, when: '{when}', to: {{team: inbound}}}}\n"
    policy = load_policy({"p.yaml": with_rules(rules)}, "p.yaml")
    what = f"{HOSTILE} rules of {PARTS} parts each"
    return {f"check {what}": cpu(partial(lint, policy, NOW))}


def a_decision() -> dict[str, float]:
    """Deciding alone, under 200 rules, and the same rules written by hand."""
    bench = deciding.prepared()
    what = f"{deciding.LEADS} leads, {deciding.RULES} rules, {deciding.REPS} reps"
    return {
        f"decide {what}": cpu(lambda: deciding.by_policy(bench)),
        "the same rules by hand": cpu(lambda: deciding.by_hand(bench.cases)),
    }


def main() -> None:
    found = {
        **best(a_page),
        **best(a_decision),
        **clocks.a_tick(),
        **clocks.a_replanning(),
        **best(a_policy),
        **best(a_hostile_policy),
        **idle.idle_share(),
    }
    if "--json" in sys.argv:
        print(json.dumps(found, indent=2))
        return
    for name, amount in found.items():
        told = f"{amount:10.3%}" if "share" in name else f"{amount:9.5f} s"
        print(f"{name:48} {told}")


main()
