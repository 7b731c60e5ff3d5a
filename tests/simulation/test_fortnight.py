"""Two simulated weeks: nothing lost, nothing twice, and the CRMs' own logs agree."""

from __future__ import annotations

import json
import subprocess
import sys


def test_two_weeks_of_a_thousand_leads_lose_none_and_fire_nothing_twice() -> None:
    words = ["simulate", "--leads", "1000", "--reps", "40", "--seed", "3", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [f for f in found["audit"] if not f["ok"]] == []
    assert len(found["audit"]) == 11
    leads, clocks, came = found["leads"], found["clocks"], found["what came of it"]
    assert (leads["arrived"], leads["lost"], clocks["fired twice"]) == (1000, 0, 0)
    assert leads["of people in both CRMs"] > 50
    assert found["leads by state"]["assigned"] == leads["routable"]
    ends = (
        "answered in time",
        "answered late",
        "ended with a reason",
        "whole path gone, no answer",
    )
    assert sum(clocks[e] for e in ends) == clocks["armed"], "each clock came to one end"
    assert min(clocks["warned"], clocks["breached"], *(clocks[e] for e in ends)) > 0
    assert min(came["managers told"], came["reassigned"], came["escalated"]) > 0
    assert set(found["effects by state"]) == {"done"}
    assert {"given on", "waits", "disqualified"} <= set(found["people"])
