"""CPU that a daemon takes while nothing happens: `run` beside both sandboxes, with armed clocks,
levels of decay and follow-ups.

The daemon is a process of its own with its usual rhythm; the sandboxes are in this one. Only its
CPU time over some seconds counts, user and system, as Linux tells it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from clocks import ARMED, SLAS, arm
from e2e.live import Stage, staged, wait_for

from fairlead.clock import SystemClock
from fairlead.store.db import Db

WINDOW = 5.0
SETTLES_WITHIN = 120.0
WATCHED = 20.0
UNPLANNED = r"SELECT 1 FROM meta WHERE name LIKE '%\_under\_way' ESCAPE '\' LIMIT 1"


def idle_share() -> dict[str, float]:
    """The share of one core; {} where the system does not tell a process's CPU time."""
    if not Path("/proc/self/stat").exists():
        return {}
    with usual_stage() as stage:
        stage.start()
        stage.stop(within=30)
        with closing(Db(stage.folder / "s.sqlite")) as db:
            now = SystemClock().now()
            arm(db, now.isoformat(), (now + timedelta(days=1)).isoformat())
        stage.start()
        wait_for("nothing is left to do", stage.idle)
        settle(stage)
        before, began = cpu_of(stage), time.monotonic()
        time.sleep(WATCHED)
        used, passed = cpu_of(stage) - before, time.monotonic() - began
        assert stage.process is not None
        assert stage.process.poll() is None, stage.said()
        stage.stop(within=30)
    return {f"idle share of a core, {ARMED} armed clocks, levels, follow-ups": used / passed}


def settle(stage: Stage) -> None:
    """Wait until what a start brings is over: nothing is left to plan anew, and a stretch of time
    takes no more CPU than the one before it. RuntimeError when that never comes."""
    ends, last = time.monotonic() + SETTLES_WITHIN, float("inf")
    while time.monotonic() < ends:
        began = cpu_of(stage)
        time.sleep(WINDOW)
        used = cpu_of(stage) - began
        if used >= last / 2 and used <= 2 * last and not unplanned(stage):
            return
        last = used or 1 / os.sysconf("SC_CLK_TCK")
    raise RuntimeError("the daemon never comes to rest")


def unplanned(stage: Stage) -> bool:
    """Whether the daemon still plans anew, as its state file tells."""
    with closing(sqlite3.connect(f"file:{stage.folder / 's.sqlite'}?mode=ro", uri=True)) as state:
        return state.execute(UNPLANNED).fetchone() is not None


@contextmanager
def usual_stage() -> Iterator[Stage]:
    """Both CRMs, and settings that leave the rhythm as it is by default."""
    with staged(start=False) as stage:
        text = stage.config.read_text(encoding="utf-8")
        kept = [
            line for line in text.splitlines() if not line.startswith(("poll_interval", "quiet_"))
        ]
        stage.config.write_text("\n".join(kept) + "\n", encoding="utf-8")
        with (stage.folder / "demo.yaml").open("a", encoding="utf-8") as policy:
            policy.write(SLAS)
        yield stage


def cpu_of(stage: Stage) -> float:
    """Seconds of CPU that the daemon has had."""
    assert stage.process is not None
    stat = Path(f"/proc/{stage.process.pid}/stat").read_text(encoding="utf-8")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
