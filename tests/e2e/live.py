"""The stage of these tests: both sandboxes served over HTTP, `fairlead` as a process beside them.

Leads are made as any client makes them, by plain HTTP; what happened is read off the sandboxes'
audit; what the daemon says is read off its commands, its socket and its log. Nothing here imports
the daemon's insides.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import requests
from click.testing import CliRunner

from fairlead.cli import main
from fairlead.daemon.control_socket import ControlClient
from fairlead.demo.play import policy_folder
from fairlead.demo.traffic import LEAD_TABLE, OWNER_FIELD
from fairlead.demo.verdict import MARKER, TASK_TABLE
from fairlead.errors import ConfigError
from fairlead.sandbox.both import BothSandboxes
from fairlead.sandbox.org import Row, Seen, Write

T = TypeVar("T")

TOKEN = "tok-4711-canary-of-a-secret"
POLL = 0.3
LAG = (0.1, 0.4)
"""Seconds that HubSpot's search trails, where a test does not say otherwise."""
PATIENCE = 90.0
"""Seconds that a condition gets on a busy machine; most take less than one."""

_numbers = itertools.count(1)
_stages: list[Stage] = []


def wait_for(what: str, condition: Callable[[], T], within: float = PATIENCE) -> T:
    """The first true value of a condition; fails with `what` when there is none in time."""
    ends = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            said = "\n".join(stage.said()[-4000:] for stage in _stages)
            raise AssertionError(f"in {within:g} s it never came true that {what}; log:\n{said}")
        time.sleep(0.05)


class Crms:
    """Both sandboxes with their sample org: orders, plain HTTP clients, and the truth."""

    def __init__(
        self,
        *,
        tls: bool = False,
        search_lag: Any = LAG,
        seed: int = 3,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.both = BothSandboxes(token=TOKEN, seed=seed, tls=tls, now=now)
        self.http = requests.Session()
        self.http.trust_env = False
        if self.both.ca_file is not None:
            self.http.verify = str(self.both.ca_file)
        self.reps = {crm: s.reps for crm, s in self.both.samples.items()}
        self.inbound = self.both.samples["salesforce"].queues["Inbound"]
        self.unmatched = self.both.samples["salesforce"].queues["Unmatched"]
        self.existing = {
            (crm, row.id)
            for crm in self.both.faces
            for row in self.both.faces[crm].org.rows(LEAD_TABLE[crm])
        }
        # Else polls are stretched to 40 % of what the quota gives.
        self.tune("salesforce", api_daily_limit=100_000_000)
        if search_lag != "default":
            self.tune("hubspot", search_lag_seconds=search_lag and list(search_lag))

    def url(self, crm: str) -> str:
        return self.both.servers[crm].url

    def close(self) -> None:
        self.http.close()
        self.both.__exit__()

    # -- orders ---------------------------------------------------------------------------------

    def control(self, crm: str, what: str, order: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.http.post(f"{self.url(crm)}/_sandbox/{what}", json=order, timeout=30)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def act(self, crm: str, **order: Any) -> dict[str, Any]:
        return self.control(crm, "act", order)

    def tune(self, crm: str, **settings: Any) -> None:
        self.control(crm, "settings", settings)

    def fault(self, crm: str, kind: str, **more: Any) -> None:
        self.control(crm, "faults", {"kind": kind, **more})

    def heal(self) -> None:
        for crm in self.both.faces:
            answer = self.http.delete(f"{self.url(crm)}/_sandbox/faults", timeout=30)
            assert answer.status_code == 200, answer.text

    # -- as any client does it ------------------------------------------------------------------

    def post(self, crm: str, path: str, body: Any, **headers: str) -> Any:
        answer = self.http.post(
            self.url(crm) + path,
            json=body,
            headers={"Authorization": f"Bearer {TOKEN}", **headers},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def lead(self, email: str = "", **fields: Any) -> str:
        """A web form's lead in Salesforce, waiting in the Inbound queue; its id."""
        n = next(_numbers)
        body = {
            "LastName": f"Visitor{n}",
            "Company": f"Company {n}",
            "Email": email or f"visitor{n}@company{n}.example",
            "CountryCode": "DE",
            "OwnerId": self.inbound,
            **fields,
        }
        headers = {"Sforce-Auto-Assign": "FALSE"}
        made = self.post("salesforce", "/services/data/v67.0/sobjects/Lead", body, **headers)
        return str(made["id"])

    def contact(self, email: str = "", **properties: Any) -> str:
        """A form's contact in HubSpot, in the lead stage and without an owner; its id."""
        n = next(_numbers)
        values = {
            "lastname": f"Visitor{n}",
            "email": email or f"visitor{n}@company{n}.example",
            "country": "Germany",
            "lifecyclestage": "lead",
            **properties,
        }
        made = self.post("hubspot", "/crm/v3/objects/contacts", {"properties": values})
        return str(made["id"])

    def arrivals(self, count: int) -> list[tuple[str, str]]:
        """Leads in turn in both CRMs: (crm, id) each."""
        return [
            ("salesforce", self.lead()) if i % 2 else ("hubspot", self.contact())
            for i in range(count)
        ]

    def reassign(self, crm: str, id: str, rep: str) -> None:
        """A person gives the record to a rep."""
        self.act(
            crm,
            **{"as": "person"},
            op="update",
            object=LEAD_TABLE[crm],
            id=id,
            fields={OWNER_FIELD[crm]: self.reps[crm][rep]},
        )

    # -- the truth ------------------------------------------------------------------------------

    def owner(self, crm: str, id: str) -> str | None:
        """The e-mail of the rep who owns the record; a queue's or a stranger's id; None."""
        row = self.both.faces[crm].org.get(LEAD_TABLE[crm], id)
        assert row is not None
        owner = row.fields.get(OWNER_FIELD[crm])
        names = {i: e for e, i in self.reps[crm].items()}
        return names.get(str(owner), str(owner)) if owner else None

    def owned(self, crm: str, id: str) -> bool:
        return self.owner(crm, id) in self.reps[crm]

    def task_counts(self) -> Counter[tuple[str, str]]:
        """Live tasks with our marker by lead."""
        return Counter(
            (crm, id) for crm in self.both.faces for t in self.our_tasks(crm) for id in t[1]
        )

    def our_tasks(self, crm: str) -> list[tuple[Row, list[str]]]:
        """Live tasks with our marker, and the leads each belongs to; read in place, not over HTTP,
        so that looking costs no calls."""
        face: Any = self.both.faces[crm]
        found = []
        with face.org.lock:
            for row in face.org.rows(TASK_TABLE[crm]):
                if row.deleted or not row.fields.get(MARKER[crm]):
                    continue
                if crm == "salesforce":
                    targets = [row.fields["WhoId"]]
                else:
                    targets = sorted(face.portal.links[("tasks", row.id)].get("contacts", ()))
                found.append((row, targets))
        return found

    def task_of(self, crm: str, id: str) -> Row:
        [row] = [row for row, targets in self.our_tasks(crm) if id in targets]
        return row

    def writes(self, crm: str) -> list[Write]:
        org = self.both.faces[crm].org
        with org.lock:
            return list(org.writes)

    def our_writes(self, crm: str) -> list[Write]:
        """What the daemon wrote: it changes leads and makes tasks; clients here only make leads."""
        return [
            w
            for w in self.writes(crm)
            if w.who.kind == "integration"
            and (w.op != "create" or w.table.lower().startswith("task"))
        ]

    def owner_writes(self, crm: str, id: str) -> list[Write]:
        field = OWNER_FIELD[crm]
        return [w for w in self.our_writes(crm) if w.id == id and field in w.changes]

    def requests(self, crm: str, since: int = 0) -> list[Seen]:
        org = self.both.faces[crm].org
        with org.lock:
            return [r for r in org.requests if r.seq > since]

    def last_seq(self, crm: str) -> int:
        seen = self.requests(crm)
        return seen[-1].seq if seen else 0

    def routed_once(self, keys: Sequence[tuple[str, str]]) -> bool:
        """Each has a rep and a task by now; fails at once if anything was written twice."""
        tasks = self.task_counts()
        self.assert_nothing_twice(keys, tasks)
        return all(self.owned(*k) and tasks[k] == 1 for k in keys)

    def assert_nothing_twice(
        self, keys: Sequence[tuple[str, str]], tasks: Counter[tuple[str, str]] | None = None
    ) -> None:
        counts = self.task_counts() if tasks is None else tasks
        for crm, id in keys:
            given = [w.changes[OWNER_FIELD[crm]] for w in self.owner_writes(crm, id)]
            assert len(given) <= 1, f"{crm} {id} was given away {len(given)} times: {given}"
            assert counts[crm, id] <= 1, f"{crm} {id} has {counts[crm, id]} tasks"


@dataclass(frozen=True)
class Answered:
    """How a command ended and what it said."""

    exit_code: int
    stdout: str
    stderr: str


class Stage:
    """A folder with settings, token, policy and state, and the commands run on it."""

    def __init__(self, crms: Crms, **settings: Any) -> None:
        self.crms = crms
        # Short, because a Unix socket's path may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="fl-e2e-"))
        for name in ("demo.yaml", "territories.csv"):
            shutil.copy(policy_folder() / name, self.folder / name)
        self.secret("token", TOKEN)
        self.config = self.folder / "fairlead.toml"
        self.log = self.folder / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.connectors = 2
        self.client = ControlClient(self.folder / "s.sqlite.sock", timeout=20)
        self.settings(**settings)
        _stages.append(self)

    def secret(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def settings(
        self,
        *,
        salesforce: Mapping[str, Any] | None = None,
        hubspot: Mapping[str, Any] | None = None,
        only: str | None = None,
        **plain: Any,
    ) -> None:
        """Write fairlead.toml; tables given are laid over the usual ones."""
        top = {
            "state": "s.sqlite",
            "policy": "demo.yaml",
            "listen": "127.0.0.1:0",
            "poll_interval": POLL,
            "quiet_period": 1.5,
            "log_format": "json",
            **plain,
        }
        ca = self.crms.both.ca_file
        trust = {} if ca is None else {"ca_file": str(ca)}
        tables: dict[str, dict[str, Any]] = {
            "salesforce": {
                "login": "token",
                "instance_url": self.crms.url("salesforce"),
                "token_file": "token",
                **trust,
            }
            if salesforce is None or "login" not in salesforce
            else dict(trust),
            "hubspot": {"base_url": self.crms.url("hubspot"), "token_file": "token", **trust},
        }
        tables["salesforce"].update(salesforce or {})
        tables["hubspot"].update(hubspot or {})
        self.connectors = 2 if only is None else 1
        lines = [f"{k} = {json.dumps(v)}" for k, v in top.items()]
        for name, table in tables.items():
            if only in (None, name):
                lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in table.items())]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    # -- commands -------------------------------------------------------------------------------

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "fairlead", "--config", str(self.config), *words]

    def fairlead(self, *words: str, exit_code: int | None = 0) -> Answered:
        """Run a command to its end; it must end with this exit code (None: with any), and never
        with a traceback.

        `run` and `once` are processes, since they set up logging; the others run in this one, which
        saves a second each.
        """
        done = self._process(words) if words[0] in ("run", "once") else self._here(words)
        assert "Traceback" not in done.stderr, done.stderr
        assert exit_code in (None, done.exit_code), (words, done)
        return done

    def _process(self, words: Sequence[str]) -> Answered:
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=90, env=environment()
        )
        return Answered(done.returncode, done.stdout, done.stderr)

    def _here(self, words: Sequence[str]) -> Answered:
        done = CliRunner().invoke(main, ["--config", str(self.config), *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Answered(done.exit_code, done.stdout, done.stderr)

    def json(self, *words: str, exit_code: int | None = 0) -> Any:
        return json.loads(self.fairlead(*words, "--json", exit_code=exit_code).stdout)

    # -- the daemon -----------------------------------------------------------------------------

    def start(self, *, ready: bool = True) -> None:
        """Start the daemon; with `ready`, wait until what exists in both CRMs has been read."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("run"), stdout=log, stderr=log, env=environment()
            )
        if ready:
            wait_for("the daemon has read what exists", self._ready)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        if not self.client.running():
            return False
        connectors = self.status()["connectors"]
        return len(connectors) == self.connectors and all(c["ready"] for c in connectors.values())

    def stop(self, within: float = 10.0) -> int:
        """SIGTERM; the exit code. Fails when it takes longer than `within`."""
        assert self.process is not None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"SIGTERM did not end it in {within} s:\n{self.said()}") from None

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.call("status")
        return found

    def known(self, id: str) -> dict[str, Any] | None:
        """What `why` tells of a record in the running daemon; None before it was seen."""
        try:
            [found] = self.client.call("why", lead=id)
        except ConfigError as e:
            if "has been seen" not in str(e):
                raise
            return None
        result: dict[str, Any] = found
        return result

    def idle(self) -> bool:
        """Whether nothing is left to write."""
        depth = self.status()["outbox"]
        return not any(depth.get(s) for s in ("new", "inflight", "sent"))

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        lines = [json.loads(x) for x in self.said().splitlines() if x.startswith("{")]
        return [x for x in lines if x.get("event") == name]

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        _stages.remove(self)
        shutil.rmtree(self.folder)


def environment() -> dict[str, str]:
    """Ours without settings of fairlead, so that only the file counts."""
    return {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}


@contextmanager
def staged(*, start: bool = True, crms: Mapping[str, Any] | None = None, **settings: Any) -> (
    Iterator[Stage]
):  # fmt: skip
    """Two fresh CRMs and a stage on them; the daemon runs unless `start` is False."""
    with ExitStack() as stack:
        orgs = Crms(**(crms or {}))
        stack.callback(orgs.close)
        stage = Stage(orgs, **settings)
        stack.callback(stage.close)
        if start:
            stage.start()
        yield stage
