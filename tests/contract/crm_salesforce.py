"""The Salesforce sandbox as the contract suite sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contract.sandboxed import TOKEN, ServedSandbox, deserted_url

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Ref
from fairlead.sandbox.org import Row
from fairlead.spi.connector import Connector, Direction, Wanted
from fairlead.testing.contract import Abilities, Breakage, TaskTruth
from fairlead_salesforce.connector import FACTORY
from fairlead_salesforce.sandbox.app import FACE

NAMES = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "email": "Email",
    "company": "Company",
    "title": "Title",
    "employees": "NumberOfEmployees",
}
FAULTS = {
    Breakage.RATE_LIMITED: ("request_limit", "before"),
    Breakage.SERVER_ERROR: ("internal_error", "before"),
    Breakage.PROXY_PAGE: ("login_page_200_html", "before"),
    Breakage.DROPPED: ("reset", "before"),
    Breakage.DROPPED_AFTER: ("reset", "after"),
    Breakage.TRUNCATED: ("truncate", "after"),
}
REPORT = "00OAA0000000001YAA"
API = "^/services/data"
SUBTYPES = {ActivityKind.MESSAGE: "LinkedIn", ActivityKind.TASK_DONE: "Task"}
LOGS = {
    ActivityKind.CALL: "log_call",
    ActivityKind.EMAIL: "log_email",
    ActivityKind.MEETING: "log_meeting",
}


class SalesforceUnderTest:
    """Changes show at once unless a commit is held back, and stamps are whole seconds.

    Pages are a tenth of what Salesforce allows, so that the suite's bursts cross their edges.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = {"page_size": 200, **settings}
        self.abilities = Abilities(
            late=timedelta(minutes=10),
            activities=frozenset({*LOGS, *SUBTYPES, ActivityKind.STATUS_CHANGE}),
            text_written="Title",
            number_written="Score__c",
        )
        self.sandbox = ServedSandbox(FACE)

    def connector(self, direction: Direction) -> Connector:
        return self._build(direction, TOKEN, self.sandbox.url)

    def impostor(self) -> Connector:
        return self._build(Direction.WRITE, "stolen-and-revoked", self.sandbox.url)

    def stranded(self) -> Connector:
        return self._build(Direction.WRITE, TOKEN, deserted_url())

    def _build(self, direction: Direction, token: str, url: str) -> Connector:
        settings = FACTORY.settings_model(
            login="token",
            token_file=self.sandbox.secret(f"token-{token}", token),
            instance_url=url,
            **self.settings,
        )
        return FACTORY.build(settings, direction, Wanted(writes=("Title", "Score__c")))

    def now(self) -> datetime:
        return self.sandbox.now()

    def pass_time(self, seconds: float) -> None:
        self.sandbox.pass_time(seconds)

    def wait_visible(self, ref: Ref) -> None:
        assert self.sandbox.row(ref.object, ref.id).table == ref.object

    def add_user(self, email: str, *, active: bool = True) -> str:
        person = {"name": email.split("@")[0].title() + " Rep", "email": email, "active": active}
        return str(self.sandbox.act(op="seed_people", people=[person])["users"][email])

    def add_queue(self, name: str) -> str:
        return str(self.sandbox.act(op="seed_people", queues=[{"name": name}])["queues"][name])

    def deactivate(self, owner_id: str) -> None:
        self.sandbox.act(op="deactivate_user", id=owner_id)

    def out_of_office(self, owner_id: str, start: datetime, end: datetime) -> None:
        span = {"start": start.isoformat(), "end": end.isoformat()}
        self.sandbox.act(op="set_out_of_office", id=owner_id, **span)

    def set_present(self, owner_id: str, present: bool) -> None:
        self.sandbox.tune(omni_channel=True)
        state = "available" if present else "away"
        self.sandbox.act(op="set_presence", id=owner_id, state=state)

    def create_lead(self, fields: Mapping[str, Any], *, owner_id: str | None = None) -> Ref:
        return self._create("Lead", _lead(fields, owner_id))

    def _create(self, table: str, fields: Mapping[str, Any], **more: Any) -> Ref:
        made = self.sandbox.act(op="create", object=table, fields=fields, **more)
        return Ref("salesforce", table, str(made["id"]))

    def create_twins(self, count: int) -> Sequence[Ref]:
        # Stamps are cut down to the second, so a stamp of now may lie before now.
        stamp = (self.now() + timedelta(seconds=1)).replace(microsecond=0)
        self.pass_time(2)
        return [
            self._create("Lead", _lead({"email": f"twin{i}@acme.example"}), at=stamp.isoformat())
            for i in range(count)
        ]

    def create_late_lead(self, delay: timedelta) -> Ref:
        fields = _lead({"email": "late@acme.example"})
        return self._create("Lead", fields, commit_delay_seconds=delay.total_seconds())

    def create_account(self, name: str, domain: str) -> Ref:
        return self._create("Account", {"Name": name, "Website": domain})

    def edit(self, ref: Ref, fields: Mapping[str, Any]) -> None:
        self.update(ref, {NAMES[k]: v for k, v in fields.items()})

    def update(self, ref: Ref, fields: Mapping[str, Any], **who: str) -> None:
        self.sandbox.act(op="update", object=ref.object, id=ref.id, fields=fields, **who)

    def person_sets_owner(self, ref: Ref, owner_id: str, *, person: str) -> None:
        self.update(ref, {"OwnerId": owner_id}, user=person)

    def automation_sets_owner(self, ref: Ref, owner_id: str) -> None:
        self.update(ref, {"OwnerId": owner_id}, **{"as": "system"})

    def delete(self, ref: Ref) -> None:
        self.sandbox.act(op="delete", object=ref.object, id=ref.id)

    def merge(self, loser: Ref, survivor: Ref) -> Ref:
        self.sandbox.act(op="merge", object="Lead", id=survivor.id, losers=[loser.id])
        return survivor

    def convert(self, ref: Ref) -> None:
        self.sandbox.act(op="convert", id=ref.id)

    def corrupt(self, ref: Ref) -> None:
        self.sandbox.act(op="corrupt", object=ref.object, id=ref.id)

    def log_activity(
        self,
        ref: Ref,
        kind: ActivityKind,
        *,
        person: str,
        incoming: bool = False,
        seconds: int | None = None,
    ) -> str:
        more: dict[str, Any] = {"incoming": True} if incoming else {}
        more |= {} if seconds is None else {"seconds": seconds}
        return self._log(ref, kind, user=person, **more)

    def automation_logs(self, ref: Ref, kind: ActivityKind) -> None:
        owner = {"owner": self.owner_of(ref)} if kind in LOGS else {}
        self._log(ref, kind, **{"as": "system"}, **owner)

    def _log(self, ref: Ref, kind: ActivityKind, **order: Any) -> str:
        if kind in LOGS:
            return str(self.sandbox.act(op=LOGS[kind], id=ref.id, **order)["id"])
        if kind is ActivityKind.STATUS_CHANGE:
            self.update(ref, {"Status": "Working - Contacted"}, **order)
            moves = [r for r in self.sandbox.org.rows("LeadHistory") if _moved(r.fields, ref)]
            return moves[-1].id
        fields = {"WhoId": ref.id, "Status": "Completed", "TaskSubtype": SUBTYPES[kind]}
        return self._create("Task", fields, **order).id

    def complete_task(self, marker: str, *, person: str) -> None:
        rows = self.sandbox.org.rows("Task")
        [id] = [r.id for r in rows if r.fields.get("Fairlead_Key__c") == marker]
        self.update(Ref("salesforce", "Task", id), {"Status": "Completed"}, user=person)

    def create_group(self, name: str, *, dynamic: bool = False) -> str:
        # Salesforce has no campaign that fills itself: a report in its place takes nobody.
        return REPORT if dynamic else self._create("Campaign", {"Name": name}).id

    def join(self, refs: Sequence[Ref], group: str, *, late: timedelta | None = None) -> None:
        delay = {"commit_delay_seconds": late.total_seconds()} if late else {}
        for ref in refs:
            self._create("CampaignMember", {"CampaignId": group, "LeadId": ref.id}, **delay)

    def leave(self, ref: Ref, group: str) -> None:
        self.delete(self._membership(ref, group))

    def set_member_status(self, ref: Ref, group: str, status: str) -> None:
        self.update(self._membership(ref, group), {"Status": status})

    def _membership(self, ref: Ref, group: str) -> Ref:
        [row] = [r for r in self._memberships(group) if r.fields["LeadId"] == ref.id]
        return Ref("salesforce", "CampaignMember", row.id)

    def _memberships(self, group: str) -> list[Row]:
        rows = self.sandbox.org.rows("CampaignMember")
        return [r for r in rows if not r.deleted and r.fields["CampaignId"] == group]

    def wait_joined(self) -> None:
        """Salesforce shows what is committed."""

    def wait_logged(self) -> None:
        """Salesforce shows what is committed."""

    def missing_ref(self) -> Ref:
        return Ref("salesforce", "Lead", "00QAA00000000012AA")

    def missing_owner(self) -> str:
        return "005AA0000000001YAA"

    def missing_group(self) -> str:
        return "701AA0000000001YAA"

    def value_of(self, ref: Ref, field: str) -> str:
        value = self.sandbox.row(ref.object, ref.id).fields.get(field)
        return "" if value is None else str(value)

    def members(self, group: str) -> Sequence[Ref]:
        return [Ref("salesforce", "Lead", r.fields["LeadId"]) for r in self._memberships(group)]

    def owner_of(self, ref: Ref) -> str | None:
        owner: str | None = self.sandbox.row(ref.object, ref.id).fields.get("OwnerId")
        return owner

    def audit_of(self, ref: Ref) -> str | None:
        reason: str | None = self.sandbox.row(ref.object, ref.id).fields.get("Fairlead_Reason__c")
        return reason

    def tasks(self, marker: str) -> Sequence[TaskTruth]:
        found = []
        for row in self.sandbox.org.rows("Task"):
            if row.deleted or row.fields.get("Fairlead_Key__c") != marker:
                continue
            f = row.fields
            due = datetime.fromisoformat(f["ActivityDate"]).replace(hour=12, tzinfo=UTC)
            lead = Ref("salesforce", "Lead", f["WhoId"])
            found.append(TaskTruth(lead, f["OwnerId"], f["Subject"], f["Description"], due))
        return found

    def took_effect(self) -> Sequence[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        for write in self.sandbox.our_writes():
            if write.table == "Task":
                marker = self.sandbox.row("Task", write.id).fields["Fairlead_Key__c"]
                seen.append(("task", marker))
            elif write.table == "Lead" and "OwnerId" in write.changes:
                seen.append(("owner", write.id))
            elif write.table == "Lead" and write.changes.keys() - {"LastActivityDate"}:
                seen.append(("field", write.id))
            elif write.table == "CampaignMember":
                seen.append(("member", self.sandbox.row(write.table, write.id).fields["LeadId"]))
        return seen

    def calls(self) -> int:
        return sum(r.path.startswith("/services/data") for r in self.sandbox.org.requests)

    def break_calls(self, how: Breakage, *, writes_only: bool = False) -> None:
        # One address carries reads and writes; the suite warms a writer up before it breaks writes.
        kind, where = FAULTS[how]
        self.sandbox.break_calls(kind, path=API, where=where)

    def heal(self) -> None:
        self.sandbox.heal()

    def close(self) -> None:
        self.sandbox.close()


def _moved(fields: Mapping[str, Any], ref: Ref) -> bool:
    return fields["LeadId"] == ref.id and fields["Field"] == "Status"


def _lead(fields: Mapping[str, Any], owner_id: str | None = None) -> dict[str, Any]:
    own = {"OwnerId": owner_id} if owner_id else {}
    named = {NAMES[name]: value for name, value in fields.items()}
    return {"LastName": "Twin", "Company": "Acme", **named, **own}
