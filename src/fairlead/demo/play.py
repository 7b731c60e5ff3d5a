"""Run the demo: sandboxes in this process, the real daemon in another, traffic, a verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fairlead.daemon.control_socket import ControlClient
from fairlead.demo import telling
from fairlead.demo.traffic import Traffic, script
from fairlead.demo.verdict import Check, judge, times_to_owner
from fairlead.errors import ConfigError, Unavailable
from fairlead.sandbox.both import BothSandboxes

START_WITHIN = 60.0
SETTLE_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo found; `ok` is the exit code's reason."""

    checks: tuple[Check, ...]
    status: dict[str, Any]
    times: dict[str, list[float]]
    calls: dict[str, int]
    why: list[dict[str, Any]]

    @property
    def ok(self) -> bool:
        return all(c.ok for c in self.checks)


def run_demo(
    *, seconds: float, leads: int, seed: int, keep: bool, as_json: bool = False
) -> Summary:
    """Play the whole demo; prints progress and the summary. `keep` waits for Ctrl-C at the end."""
    say = telling.Progress(quiet=as_json)
    token = f"demo-{os.urandom(8).hex()}"
    with (
        tempfile.TemporaryDirectory(prefix="fairlead-demo-") as folder,
        BothSandboxes(token=token, seed=seed) as both,
    ):
        place = Path(folder)
        config = write_config(place, both)
        say.line("Two CRMs are up on loopback, with reps, queues, accounts and open leads.")
        with daemon(place, config) as client:
            wait_ready(client)
            say.line("The daemon has read what exists. Leads begin to arrive.")
            traffic = Traffic(both, seed)
            play(traffic, client, say, script(leads, seconds, seed), seconds)
            wait_settled(client, len(traffic.planted.leads), say)
            summary = sum_up(both, traffic, client)
            say.done()
            if as_json:
                print(json.dumps(telling.as_dict(summary), indent=2))
            else:
                telling.tell(summary, both)
            if keep:
                telling.kept(both, config)
                wait_for_interrupt()
    return summary


def write_config(place: Path, both: BothSandboxes) -> Path:
    """Settings, token file and policy in the demo's folder; returns the settings file."""
    token = place / "token"
    token.touch(mode=0o600)
    token.write_text(both.token, encoding="utf-8")
    source = policy_folder()
    for name in ("demo.yaml", "territories.csv"):
        (place / name).write_text((source / name).read_text("utf-8"), encoding="utf-8")
    config = place / "fairlead.toml"
    config.write_text(
        f"""\
state = "state.sqlite"
policy = "demo.yaml"
listen = "127.0.0.1:0"
poll_interval = 0.5
quiet_period = 5
log_format = "json"

[salesforce]
login = "token"
instance_url = "{both.servers["salesforce"].url}"
token_file = "token"

[hubspot]
base_url = "{both.servers["hubspot"].url}"
token_file = "token"
""",
        encoding="utf-8",
    )
    return config


def policy_folder() -> Path:
    """Where the shipped policies are: inside the installed package, or in the checkout."""
    installed = Path(str(files("fairlead"))) / "_fixtures" / "policies"
    checkout = Path(__file__).parents[3] / "fixtures" / "policies"
    for folder in (installed, checkout):
        if (folder / "demo.yaml").is_file():
            return folder
    raise ConfigError("the demo's policy is missing from this installation; reinstall fairlead")


@contextmanager
def daemon(place: Path, config: Path) -> Iterator[ControlClient]:
    """The real daemon as a process of its own, its log in the demo's folder."""
    client = ControlClient(place / "state.sqlite.sock", timeout=20)
    with (place / "daemon.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fairlead", "--config", str(config), "run"],
            stdout=log,
            stderr=log,
        )
        try:
            ends = time.monotonic() + START_WITHIN
            while not client.running():
                if process.poll() is not None or time.monotonic() > ends:
                    raise ConfigError(
                        "the daemon did not start:\n"
                        + (place / "daemon.log").read_text("utf-8")[-2000:]
                    )
                time.sleep(0.05)
            yield client
        finally:
            process.terminate()
            try:
                process.wait(timeout=12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_ready(client: ControlClient) -> None:
    """Wait until both CRMs' existing records have been read."""
    ends = time.monotonic() + START_WITHIN
    while time.monotonic() < ends:
        connectors = client.call("status")["connectors"]
        if len(connectors) == 2 and all(c["ready"] for c in connectors.values()):
            return
        time.sleep(0.1)
    raise Unavailable("the daemon could not read the sandboxes in time")


def play(
    traffic: Traffic, client: ControlClient, say: telling.Progress, arrivals: Any, seconds: float
) -> None:
    """Let the script happen in its own time; people act on their own marks."""
    start = time.monotonic()
    doings = [(seconds * 0.35, "reassign"), (seconds * 0.5, "leave")]
    for arrival in arrivals:
        while (wait := start + arrival.at - time.monotonic()) > 0:
            time.sleep(min(wait, 0.25))
            if say.due():
                say.update(client.call("status"), len(traffic.planted.leads))
        traffic.arrive(arrival)
        if doings and time.monotonic() - start > doings[0][0]:
            what = doings[0][1]
            if what == "leave":
                traffic.somebody_leaves()
                doings.pop(0)
            elif traffic.somebody_reassigns():
                doings.pop(0)


def wait_settled(client: ControlClient, planted: int, say: telling.Progress) -> None:
    """Wait until every lead that arrived has been seen and nothing is left to write."""
    ends = time.monotonic() + SETTLE_WITHIN
    existing: int | None = None
    while time.monotonic() < ends:
        status = client.call("status")
        say.update(status, planted)
        seen = sum(n for s in status["leads"].values() for k, n in s.items() if k != "pre_existing")
        open_rows = sum(status["outbox"].get(s, 0) for s in ("new", "inflight", "sent"))
        held = sum(s.get("held", 0) for s in status["leads"].values())
        if seen >= planted and open_rows == 0 and held == 0:
            # One more look: HubSpot bumps a contact's date once more, seconds after its creation.
            if existing == seen:
                return
            existing = seen
            time.sleep(1.0)
            continue
        time.sleep(0.25)


def sum_up(both: BothSandboxes, traffic: Traffic, client: ControlClient) -> Summary:
    """Judge and gather the numbers."""
    planted = traffic.planted
    dead = client.call("dead-letters", all=False)
    times = times_to_owner(both, planted)
    calls = {n: len(f.org.requests) for n, f in both.faces.items()}
    found = (client.call("why", lead=rid) for _, rid in planted.leads)
    why: list[dict[str, Any]] = next((w for w in found if is_telling(w)), [])
    return Summary(tuple(judge(both, planted, dead)), client.call("status"), times, calls, why)


def is_telling(why: list[dict[str, Any]]) -> bool:
    """Whether this explanation shows a rule, a team and its balances."""
    return any(
        "balances in" in line for w in why if w["decision"] for line in w["decision"]["text"]
    )


def wait_for_interrupt() -> None:
    """Block until Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
