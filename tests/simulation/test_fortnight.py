"""Two simulated weeks: nothing lost, nothing twice, and the CRMs' own logs agree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"
GOES_BY = ("leads by state", "effects by state", "people", "calls")
"""Headings whose numbers go by what happened."""


def test_two_weeks_lose_no_lead_and_fire_nothing_twice() -> None:
    words = ["simulate", "--leads", "1000", "--reps", "40", "--seed", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [f for f in found["audit"] if not f["ok"]] == []
    assert len(found["audit"]) == 19
    leads, clocks, came = found["leads"], found["clocks"], found["what came of it"]
    assert (leads["arrived"], leads["lost"], clocks["fired twice"]) == (1000, 0, 0)
    assert leads["of people in both CRMs"] > 10
    states = found["leads by state"]
    places = ("assigned", "recycled", "terminal")
    assert sum(states[s] for s in places) == leads["routable"]
    ends = (
        "answered in time",
        "answered late",
        "ended with a reason",
        "whole path gone, no answer",
        "still running",
    )
    assert sum(clocks[e] for e in ends) == clocks["armed"], "each clock came to one end"
    assert min(clocks["warned"], clocks["breached"], *(clocks[e] for e in ends[:4])) > 0
    assert min(n for name, n in came.items() if name != "could not be reassigned") > 0
    for heading, never in (("follow-ups", "made twice"), ("levels of decay", "reached twice")):
        assert found[heading].pop(never) == 0
        assert min(found[heading].values()) > 0
    assert min(found["signals"].values()) > 0
    assert set(found["effects by state"]) <= {"done", "superseded", "cancelled"}
    assert found["people"].keys() >= {
        "given on", "waits", "disqualified", "recycled", "followed up", "asked for a demo",
    }  # fmt: skip
    _is_documented(found)


def _is_documented(found: dict[str, object]) -> None:
    """The page names each number that is printed, and each check."""
    page = " ".join(PAGE.read_text("utf-8").split())
    audit = found["audit"]
    assert isinstance(audit, list)
    assert [f["name"] for f in audit if f"| {f['name']} |" not in page] == []
    for heading, numbers in found.items():
        if isinstance(numbers, dict):
            assert heading in page
            assert heading in GOES_BY or [n for n in numbers if n not in page] == []
