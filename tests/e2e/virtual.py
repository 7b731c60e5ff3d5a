"""The stage of tests that take days: real HTTP, real connectors, and a clock moved by hand.

Both sandboxes are served over loopback on the test's own clock. The daemon is whole
(`daemon.app.App`); only its threads are left out: `pass_time` lets time go on in steps and does
what the two threads of each connector do at each of them. So nothing sleeps, and nothing depends on
the machine's speed. Commands reach it over its control socket, as they reach a daemon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from e2e.live import TOKEN, Crms, Stage

from fairlead.daemon.active_policy import read_policy
from fairlead.daemon.app import App
from fairlead.daemon.connecting import build_connectors
from fairlead.daemon.control_socket import ControlServer, serve_control
from fairlead.demo.traffic import LEAD_TABLE
from fairlead.settings import load_settings
from fairlead.testing.clock import ManualClock

CRMS = ("salesforce", "hubspot")
MONDAY = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
SETTLES = timedelta(seconds=40)
"""Until HubSpot's search, lists and calculated values show what was done."""
UNLIMITED = 10**9
STATUS = {"salesforce": "Status", "hubspot": "hs_lead_status"}


class Ticking(ManualClock):
    """Moved by hand, and a little with each look, so that no two instants are equal for luck."""

    def now(self) -> datetime:
        return self.advance(timedelta(microseconds=1))


class Days(Stage):
    """A stage whose daemon lives in this process and whose time is moved by hand."""

    def __init__(self, clock: ManualClock, crms: Crms, **settings: Any) -> None:
        self.clock = clock
        self.app: App | None = None
        self._control: ControlServer | None = None
        # Calls of minutes fall into one instant here, so limits by the second say nothing.
        limits = ("burst_limit", "associations_limit", "search_per_second")
        crms.both.faces["hubspot"].tune(dict.fromkeys(limits, UNLIMITED))
        pace = {"burst_per_10s": UNLIMITED, "search_per_second": UNLIMITED}
        super().__init__(crms, hubspot={**pace, **settings.pop("hubspot", {})}, **settings)

    # -- the daemon -----------------------------------------------------------------------------

    def start(self, *, ready: bool = True) -> None:
        settings = load_settings(self.config)
        active = read_policy(settings.policy)
        self.app = App(settings, active, build_connectors(settings, active), clock=self.clock)
        self._control = serve_control(settings.socket_path, self.app.commands.routes())
        self.settle()

    def stop(self, within: float = 10.0) -> int:
        assert self.app is not None
        assert self._control is not None
        self._control.close()
        self.app.close()
        self.app = self._control = None
        return 0

    def close(self) -> None:
        if self.app is not None:
            self.stop()
        super().close()

    def round(self) -> None:
        """What the threads do until nothing is left to do at this instant."""
        assert self.app is not None
        for crm, reader in self.app.readers.items():
            reader.held_due.set()
            while reader.step() == 0.0:
                continue
            while self.app.writers[crm].step() == 0.0:
                continue

    # -- time -----------------------------------------------------------------------------------

    def pass_time(
        self, *, step: timedelta | None = None, settle: bool = True, **span: float
    ) -> None:
        """Let so much time pass, looking every `step` (else at its end), and what was written then
        settle: `pass_time(days=2, step=timedelta(hours=6))`."""
        left = timedelta(**span)
        tail = SETTLES if settle and left > 2 * SETTLES else timedelta()
        left -= tail
        while left > timedelta():
            part = min(left, step or left)
            self.clock.advance(part)
            self.round()
            left -= part
        if tail:
            self.clock.advance(tail)
            self.round()

    def settle(self) -> None:
        """Time for HubSpot to show what was done, and for us to see it and write what follows."""
        for _ in range(2):
            self.clock.advance(SETTLES)
            self.round()

    # -- what people and tools do ----------------------------------------------------------------

    def arrive(self, crm: str, *, city: str = "", **fields: Any) -> str:
        """A lead of a form, routed by now; its id."""
        if city:
            fields["City" if crm == "salesforce" else "city"] = city
        id = self.crms.lead(**fields) if crm == "salesforce" else self.crms.contact(**fields)
        self.settle()
        assert self.owned_by(crm, id) in self.crms.reps[crm]
        return id

    def sets(self, crm: str, id: str, *, who: Mapping[str, str] | None = None, **f: Any) -> None:
        """Somebody edits the lead: a person, unless `who` says otherwise."""
        order = {"op": "update", "object": LEAD_TABLE[crm], "id": id, "fields": f}
        self.crms.act(crm, **(who or {"as": "person"}), **order)

    def calls(self, crm: str, id: str, *, seconds: int = 120) -> None:
        """The owner logs a call."""
        order = {"as": "person", "user": self.crms.owner(crm, id), "seconds": seconds}
        if crm == "salesforce":
            self.crms.act(crm, **order, op="log_call", id=id)
        else:
            self.crms.act(crm, **order, op="log", object="calls", contact=id)

    def writes_mail(self, crm: str, id: str) -> None:
        """The buyer's e-mail, as the CRM logs it."""
        if crm == "salesforce":
            self.crms.act(crm, op="log_email", id=id, how="enhanced", incoming=True)
        else:
            self.crms.act(crm, op="log", object="emails", contact=id, incoming=True)

    # -- the truth ------------------------------------------------------------------------------

    def shows(self, crm: str, id: str, field: str) -> Any:
        row = self.crms.both.faces[crm].org.get(LEAD_TABLE[crm], id)
        assert row is not None
        return row.fields.get(field)

    def tasks(self, crm: str, id: str) -> list[dict[str, Any]]:
        """Our live tasks of a lead, in the order they were made: subject, body, open, id."""
        names = (
            ("Subject", "Description", "Status", "Completed", "ActivityDate")
            if crm == "salesforce"
            else ("hs_task_subject", "hs_task_body", "hs_task_status", "COMPLETED", "hs_timestamp")
        )
        subject, body, status, done, due = names
        return [
            {
                "id": row.id,
                "subject": row.fields[subject],
                "body": row.fields.get(body) or "",
                "open": row.fields[status] != done,
                "due": row.fields.get(due),
                "made": row.created_at,
            }
            for row, targets in sorted(self.crms.our_tasks(crm), key=lambda t: t[0].created_at)
            if id in targets
        ]

    def does(self, crm: str, task: Mapping[str, Any]) -> None:
        """A person completes a task."""
        fields = {"Status": "Completed"} if crm == "salesforce" else {"hs_task_status": "COMPLETED"}
        table = "Task" if crm == "salesforce" else "tasks"
        order = {"op": "update", "object": table, "id": task["id"], "fields": fields}
        self.crms.act(crm, **{"as": "person"}, **order)

    def members(self, crm: str, group: str) -> set[str]:
        return members(self.crms, crm, group)

    def joins(self, crm: str, id: str, group: str) -> None:
        """The lead responds to a campaign, or comes onto a list."""
        if crm == "hubspot":
            self.crms.act(crm, op="join", list=group, ids=[id])
            return
        fields = {"CampaignId": group, "LeadId": id, "Status": "Responded"}
        self.crms.act(crm, op="create", object="CampaignMember", fields=fields)

    def owned_by(self, crm: str, id: str) -> str | None:
        """The e-mail of the rep who owns the lead, the queue's name, None for nobody."""
        owner = self.crms.owner(crm, id)
        queues = self.crms.both.samples[crm].queues
        return {i: name for name, i in queues.items()}.get(owner or "", owner)

    def told(self, id: str) -> dict[str, Any]:
        found = self.known(id)
        assert found is not None
        return found


def members(crms: Crms, crm: str, group: str) -> set[str]:
    """The leads that are in a campaign or list, as the CRM shows it."""
    if crm == "salesforce":
        rows = crms.both.faces[crm].org.rows("CampaignMember")
        live = [r for r in rows if not r.deleted and r.fields["CampaignId"] == group]
        return {str(r.fields["LeadId"]) for r in live}
    found = crms.http.get(
        f"{crms.url(crm)}/crm/v3/lists/{group}/memberships",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
    assert found.status_code == 200, found.text
    return {str(m["recordId"]) for m in found.json()["results"]}


@contextmanager
def days(
    policy: str = "",
    *,
    rules: str = "",
    start: bool = True,
    now: datetime = MONDAY,
    **settings: Any,
) -> Iterator[Days]:
    """Two fresh CRMs and a daemon beside them at `now`; `policy` is added to the demo's, `rules`
    stand before its own."""
    with ExitStack() as stack:
        clock = Ticking(now)
        crms = Crms(search_lag="default", now=clock.now)
        stack.callback(crms.close)
        stage = Days(clock, crms, **settings)
        stack.callback(stage.close)
        path = stage.folder / "demo.yaml"
        text = path.read_text("utf-8").replace("rules:\n", f"rules:\n{rules}", 1)
        path.write_text(text + policy, "utf-8")
        if start:
            stage.start()
        yield stage
