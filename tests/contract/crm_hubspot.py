"""The HubSpot sandbox as the contract suite sees it; leads are contacts or Lead objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from contract.sandboxed import TOKEN, ServedSandbox, deserted_url

from fairlead.core.activity import ActivityKind
from fairlead.core.types import Ref
from fairlead.spi.connector import Connector, Direction, Wanted
from fairlead.testing.contract import Abilities, Breakage, TaskTruth
from fairlead_hubspot.connector import FACTORY
from fairlead_hubspot.sandbox.app import FACE, HubspotFace

NAMES = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "company": "company",
    "title": "jobtitle",
}
FAULTS = {
    Breakage.RATE_LIMITED: ("secondly_429", "before"),
    Breakage.SERVER_ERROR: ("internal_500", "before"),
    Breakage.PROXY_PAGE: ("login_page_200_html", "before"),
    Breakage.DROPPED: ("reset", "before"),
    Breakage.DROPPED_AFTER: ("reset", "after"),
    Breakage.TRUNCATED: ("truncate", "after"),
}
LOGGED = {
    ActivityKind.CALL: "calls",
    ActivityKind.EMAIL: "emails",
    ActivityKind.MEETING: "meetings",
    ActivityKind.MESSAGE: "communications",
    ActivityKind.NOTE: "notes",
}
STATUS = {
    "contacts": {"hs_lead_status": "CONNECTED"},
    "leads": {"hs_pipeline_stage": "connected-stage-id"},
}


class HubSpotUnderTest:
    """Search shows changes at once unless `lag` says otherwise; the second bump of the modified
    date after a create stays on, because every connector must live with it.
    """

    lead_object = "contacts"

    def __init__(self, *, lag: tuple[float, float] | None = None, **settings: Any) -> None:
        self._settings = {"search_per_second": 1000, "burst_per_10s": 10_000, **settings}
        self.abilities = Abilities(
            convert=False,
            tells_deletions=False,
            late=timedelta(seconds=50),
            number_field=None,
            text_written="jobtitle",
            number_written="annualrevenue",
            member_status=False,
        )
        self.sandbox = ServedSandbox(FACE)
        assert isinstance(self.sandbox.face, HubspotFace)
        self.portal = self.sandbox.face.portal
        self._lag = list(lag) if lag else None
        self.sandbox.tune(
            search_lag_seconds=self._lag,
            list_lag_seconds=None,
            search_per_second=1000,
            burst_limit=10_000,
        )

    def connector(self, direction: Direction) -> Connector:
        return self._build(direction, TOKEN, self.sandbox.url)

    def impostor(self) -> Connector:
        return self._build(Direction.WRITE, "stolen-and-revoked", self.sandbox.url)

    def stranded(self) -> Connector:
        return self._build(Direction.WRITE, TOKEN, deserted_url())

    def _build(self, direction: Direction, token: str, url: str) -> Connector:
        settings = FACTORY.settings_model(
            token_file=self.sandbox.secret(f"token-{token}", token),
            base_url=url,
            **self._settings,
        )
        a = self.abilities
        writes = tuple(f for f in (a.text_written, a.number_written) if f is not None)
        wanted = Wanted(lead_object=self.lead_object, writes=writes)
        return FACTORY.build(settings, direction, wanted)

    def now(self) -> datetime:
        return self.sandbox.now()

    def pass_time(self, seconds: float) -> None:
        self.sandbox.pass_time(seconds)

    def wait_visible(self, ref: Ref) -> None:
        for _ in range(1000):
            row = self.sandbox.row(ref.object, ref.id)
            doc = self.portal.index[ref.object].docs.get(int(ref.id))
            if doc is not None and doc.modified_ms == _ms(row.modified_at):
                return
            self.pass_time(0.5)
        raise AssertionError(f"the index never showed {ref}")

    def add_user(self, email: str, *, active: bool = True) -> str:
        id = str(self.sandbox.act(op="create_owner", email=email)["id"])
        if not active:
            self.deactivate(id)
        return id

    def add_queue(self, name: str) -> str:
        return str(self.sandbox.act(op="create_queue", name=name)["id"])

    def deactivate(self, owner_id: str) -> None:
        self.sandbox.act(op="deactivate_owner", id=owner_id)

    def out_of_office(self, owner_id: str, start: datetime, end: datetime) -> None:
        spans = [{"startTimestamp": _ms(start), "endTimestamp": _ms(end)}]
        self._edit_user(owner_id, hs_out_of_office_hours=json.dumps(spans))

    def set_present(self, owner_id: str, present: bool) -> None:
        self._edit_user(owner_id, hs_availability_status="available" if present else "away")

    def _edit_user(self, owner_id: str, **fields: str) -> None:
        email = self.sandbox.row("owners", owner_id).fields["email"]
        self.sandbox.act(op="update", object="users", id=email, fields=fields)

    def create_lead(self, fields: Mapping[str, Any], *, owner_id: str | None = None) -> Ref:
        own = {"hubspot_owner_id": owner_id} if owner_id else {}
        return self._create("contacts", {**_theirs(fields), **own})

    def _create(self, table: str, fields: Mapping[str, str], **more: Any) -> Ref:
        made = self.sandbox.act(op="create", object=table, fields=fields, **more)
        return Ref("hubspot", table, str(made["id"]))

    def create_twins(self, count: int) -> Sequence[Ref]:
        items = [{"email": f"twin{i}@acme.example", "lastname": "Twin"} for i in range(count)]
        stamp = str(_ms(self.now()))
        made = self.sandbox.act(op="create", object="contacts", items=items, at=stamp, settled=True)
        return [Ref("hubspot", "contacts", str(id)) for id in made["ids"]]

    def create_late_lead(self, delay: timedelta) -> Ref:
        usual = self.portal.knobs.bump_seconds["contacts"]
        self.sandbox.tune(search_lag_seconds=delay.total_seconds(), bump_seconds={"contacts": None})
        ref = self.create_lead({"email": "late@acme.example"})
        self.sandbox.tune(search_lag_seconds=self._lag, bump_seconds={"contacts": usual})
        return ref

    def create_account(self, name: str, domain: str) -> Ref:
        return self._create("companies", {"name": name, "domain": domain})

    def edit(self, ref: Ref, fields: Mapping[str, Any]) -> None:
        self.sandbox.act(op="update", object=ref.object, id=ref.id, fields=_theirs(fields))

    def person_sets_owner(self, ref: Ref, owner_id: str, *, person: str) -> None:
        self._set_owner(ref, owner_id, user=person)

    def automation_sets_owner(self, ref: Ref, owner_id: str) -> None:
        self._set_owner(ref, owner_id, **{"as": "workflow"})

    def _set_owner(self, ref: Ref, owner_id: str, **who: str) -> None:
        fields = {"hubspot_owner_id": owner_id}
        self.sandbox.act(op="update", object=ref.object, id=ref.id, fields=fields, **who)

    def delete(self, ref: Ref) -> None:
        self.sandbox.act(op="archive", object=ref.object, id=ref.id)

    def merge(self, loser: Ref, survivor: Ref) -> Ref:
        order = {"object": loser.object, "id": loser.id, "into": survivor.id}
        return Ref("hubspot", loser.object, str(self.sandbox.act(op="merge", **order)["id"]))

    def convert(self, ref: Ref) -> None:
        raise NotImplementedError("HubSpot converts no contacts; Abilities says so")

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
        owner = {"owner": self.owner_of(ref)} if kind in LOGGED else {}
        self._log(ref, kind, **{"as": "workflow"}, **owner)

    def _log(self, ref: Ref, kind: ActivityKind, **order: Any) -> str:
        lead = {"contact" if ref.object == "contacts" else "lead": ref.id}
        if kind in LOGGED:
            return str(self.sandbox.act(op="log", object=LOGGED[kind], **lead, **order)["id"])
        if kind is ActivityKind.STATUS_CHANGE:
            fields = STATUS[ref.object]
            self.sandbox.act(op="update", object=ref.object, id=ref.id, fields=fields, **order)
            return ref.id
        due = {"hs_timestamp": str(_ms(self.now()))}
        task = self._create("tasks", due, **order)
        contact = {"to_object": "contacts", "to_id": self.contact_of(ref)}
        self.sandbox.act(op="associate", object="tasks", id=task.id, **contact)
        done = {"hs_task_status": "COMPLETED"}
        self.sandbox.act(op="update", object="tasks", id=task.id, fields=done, **order)
        return task.id

    def contact_of(self, ref: Ref) -> str:
        return ref.id

    def create_group(self, name: str, *, dynamic: bool = False) -> str:
        kind = "DYNAMIC" if dynamic else "MANUAL"
        made = self.sandbox.act(
            op="create_list", name=name, object=self.lead_object, processing=kind
        )
        return str(made["id"])

    def join(self, refs: Sequence[Ref], group: str, *, late: timedelta | None = None) -> None:
        self.sandbox.tune(list_lag_seconds=late.total_seconds() if late else None)
        self.sandbox.act(op="join", list=group, ids=[r.id for r in refs])
        self.sandbox.tune(list_lag_seconds=None)

    def leave(self, ref: Ref, group: str) -> None:
        self.sandbox.act(op="leave", list=group, ids=[ref.id])

    def set_member_status(self, ref: Ref, group: str, status: str) -> None:
        raise NotImplementedError("HubSpot keeps no status in a list; Abilities says so")

    def wait_joined(self) -> None:
        """Lists show at once unless a test makes them trail."""

    def complete_task(self, marker: str, *, person: str) -> None:
        rows = self.sandbox.org.rows("tasks")
        [id] = [r.id for r in rows if r.fields.get("fairlead_key") == marker]
        done = {"hs_task_status": "COMPLETED"}
        self.sandbox.act(op="update", object="tasks", id=id, fields=done, user=person)

    def wait_logged(self) -> None:
        """Past the longest time after which HubSpot shows on the contact what was logged."""
        span = self.portal.knobs.calculated_seconds
        self.pass_time(span[1] if span else 0)

    def missing_ref(self) -> Ref:
        return Ref("hubspot", self.lead_object, "999999999")

    def missing_owner(self) -> str:
        return "999999999"

    def missing_group(self) -> str:
        return "99999"

    def value_of(self, ref: Ref, field: str) -> str:
        return self._field(ref, field) or ""

    def members(self, group: str) -> Sequence[Ref]:
        rows = self.sandbox.org.rows("list_memberships")
        inside = [r for r in rows if not r.deleted and r.fields["list"] == group]
        return [Ref("hubspot", self.lead_object, r.fields["record"]) for r in inside]

    def owner_of(self, ref: Ref) -> str | None:
        return self._field(ref, "hubspot_owner_id")

    def audit_of(self, ref: Ref) -> str | None:
        return self._field(ref, "fairlead_reason")

    def _field(self, ref: Ref, name: str) -> str | None:
        value: str | None = self.sandbox.row(ref.object, ref.id).fields.get(name)
        return value or None

    def tasks(self, marker: str) -> Sequence[TaskTruth]:
        found = []
        for row in self.sandbox.org.rows("tasks"):
            if row.deleted or row.fields.get("fairlead_key") != marker:
                continue
            [lead] = self.portal.links[("tasks", row.id)][self.lead_object]
            found.append(
                TaskTruth(
                    Ref("hubspot", self.lead_object, lead),
                    row.fields["hubspot_owner_id"],
                    row.fields["hs_task_subject"],
                    row.fields["hs_task_body"],
                    _instant(row.fields["hs_timestamp"]),
                )
            )
        return found

    def took_effect(self) -> Sequence[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        for write in self.sandbox.our_writes():
            if write.table == "tasks":
                marker = self.sandbox.row("tasks", write.id).fields["fairlead_key"]
                seen.append(("task", marker))
            elif write.table == "list_memberships":
                seen.append(("member", self.sandbox.row(write.table, write.id).fields["record"]))
            elif "hubspot_owner_id" in write.changes:
                seen.append(("owner", write.id))
            elif write.changes:
                seen.append(("field", write.id))
        return seen

    def calls(self) -> int:
        return len(self.sandbox.org.requests)

    def break_calls(self, how: Breakage, *, writes_only: bool = False) -> None:
        kind, where = FAULTS[how]
        path = "/(batch/(create|update|upsert)|memberships/(add|remove))$" if writes_only else ""
        self.sandbox.break_calls(kind, path=path, where=where)

    def heal(self) -> None:
        self.sandbox.heal()

    def close(self) -> None:
        self.sandbox.close()


class HubSpotLeadsUnderTest(HubSpotUnderTest):
    """Leads are objects of type lead; what is known of the person stands in their contact.

    Editing the contact alone does not touch the lead, in HubSpot as here; a person who works on a
    lead changes both.
    """

    lead_object = "leads"

    def __init__(self) -> None:
        super().__init__()
        self.abilities = replace(
            self.abilities, merge=False, text_written="hs_lead_name", number_written=None
        )
        self._contacts: dict[Ref, Ref] = {}

    def create_lead(self, fields: Mapping[str, Any], *, owner_id: str | None = None) -> Ref:
        contact = super().create_lead(fields)
        own = {"hubspot_owner_id": owner_id} if owner_id else {}
        lead = self._create("leads", {"hs_lead_name": "A lead", **own}, associations=_of(contact))
        self._contacts[lead] = contact
        return lead

    def contact_of(self, ref: Ref) -> str:
        return self._contacts[ref].id

    def create_twins(self, count: int) -> Sequence[Ref]:
        contact = super().create_lead({"email": "twins@acme.example"})
        items = [{"hs_lead_name": f"Twin {i}"} for i in range(count)]
        made = self.sandbox.act(
            op="create",
            object="leads",
            items=items,
            associations=_of(contact),
            at=str(_ms(self.now())),
            settled=True,
        )
        leads = [Ref("hubspot", "leads", str(id)) for id in made["ids"]]
        self._contacts |= dict.fromkeys(leads, contact)
        return leads

    def edit(self, ref: Ref, fields: Mapping[str, Any]) -> None:
        super().edit(self._contacts[ref], fields)
        name = {"hs_lead_name": " ".join(map(str, fields.values()))}
        self.sandbox.act(op="update", object="leads", id=ref.id, fields=name)


def _of(contact: Ref) -> list[dict[str, Any]]:
    """The association of a lead with its primary contact."""
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 578}
    return [{"to": {"id": contact.id}, "types": [kind]}]


def _theirs(fields: Mapping[str, Any]) -> dict[str, str]:
    return {NAMES[name]: str(value) for name, value in fields.items()}


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _instant(text: str) -> datetime:
    if re.fullmatch(r"\d+", text):
        return datetime.fromtimestamp(int(text) / 1000).astimezone()
    return datetime.fromisoformat(text)
