"""The whole demo, short: it ends well, and says so to people and to machines."""

from __future__ import annotations

import json
import subprocess
import sys


def test_a_short_demo_ends_with_all_as_it_should_be() -> None:
    words = ["demo", "--seconds", "6", "--leads", "40", "--seed", "4", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", *words], capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary["ok"] is True
    assert len(summary["checks"]) == 8
    assert all(c["ok"] for c in summary["checks"])
    assert set(summary["time_to_owner"]) == {"salesforce", "hubspot"}
    assert summary["status"]["dead_letters"] == 1
    assert summary["why"][0]["state"] == "assigned"
