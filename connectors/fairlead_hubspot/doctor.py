"""What `fairlead doctor` says of a portal: who we are, what we may, what is missing. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from fairlead.errors import PermissionMissing
from fairlead.spi.connector import Finding
from fairlead_hubspot.activity_rows import SOURCES
from fairlead_hubspot.availability import PROPERTIES
from fairlead_hubspot.client import HubSpotClient, Json
from fairlead_hubspot.faults import RefusedCall
from fairlead_hubspot.groups import WRITE_SCOPE
from fairlead_hubspot.names import (
    AUDIT,
    COMPANIES,
    CONTACT_PREFIX,
    CONTACTS,
    LEADS,
    MARKER,
    TASKS,
    ObjectType,
)
from fairlead_hubspot.seam import Portal

GUIDE = "docs/connectors-hubspot.md"
MOST_SHOWN = 10
NOTHING: Mapping[str, Sequence[str]] = {}
T = TypeVar("T")


def activities(hidden: Collection[str]) -> Iterator[Finding]:
    """Which of people's work with leads can be read; `hidden` are object types that cannot."""
    for source in SOURCES:
        shown = source.name not in hidden
        yield Finding(
            f"{source.name} as evidence",
            shown,
            f"{source.name} of leads are read"
            if shown
            else f"{source.name} are hidden: what they would prove cannot be seen",
            "" if shown else f"grant crm.objects.contacts.read, and see {GUIDE}",
            fatal=False,
        )


def _refused(found: Json, texts: Sequence[str]) -> str:
    """Which texts a property cannot take, and why; "" when it takes all."""
    options = [o for o in found.get("options") or () if isinstance(o, Mapping)]
    if found.get("type") not in ("enumeration", "bool") or not options:
        return ""  # such as a property of owners, whose options are not its own
    values = [str(o.get("value")) for o in options]
    several = found.get("fieldType") == "checkbox"
    chosen = {p for t in texts for p in (t.split(";") if several else [t]) if p}
    missing = sorted(chosen - set(values))
    if not missing:
        return ""
    said = f"it has no option {', '.join(map(repr, missing))}, only "
    return said + ", ".join(map(repr, values[:MOST_SHOWN]))


class Doctor:
    """One examination; what it finds out about the portal stays with the portal.

    A refused token or an unreachable HubSpot raises: there is nothing to examine then.
    """

    def __init__(
        self,
        client: HubSpotClient,
        portal: Portal,
        lead: ObjectType,
        writes: Sequence[str] = (),
        fields: Sequence[str] = (),
        groups: Sequence[str] = (),
        texts: Mapping[str, Sequence[str]] = NOTHING,
    ) -> None:
        self._client = client
        self._portal = portal
        self._lead = lead
        self._writes = tuple(writes)
        self._fields = tuple(fields)
        self._groups = tuple(groups)
        self._texts = texts
        self._findings: list[Finding] = []

    def examine(self) -> list[Finding]:
        """All findings, the good ones too."""
        self._account()
        self._token()
        self._try("owners are readable", self._owners)
        self._users()
        self._objects()
        self._schema()
        return self._findings

    def _account(self) -> None:
        details = self._try("the portal answers", self._client.account)
        if details is None:
            return
        if self._portal.portal_id is None and details.get("portalId"):
            self._portal.portal_id = str(details["portalId"])
        self._portal.ui_domain = str(details.get("uiDomain") or self._portal.ui_domain)

    def _token(self) -> None:
        scopes: set[str] = set()
        try:
            info = self._client.token_info()
            if info.get("appId"):
                self._portal.learn_app(str(info["appId"]))
            if self._portal.portal_id is None and info.get("hubId"):
                self._portal.portal_id = str(info["hubId"])
            listed = info.get("scopes")
            scopes = {str(s) for s in listed} if isinstance(listed, list) else set()
        except (RefusedCall, PermissionMissing):
            # Service Keys have no such page; the app id is then learnt from our first write.
            pass
        known = self._portal.app_id is not None
        self._say(
            "our app id is known",
            known,
            f"our changes appear as app {self._portal.app_id}"
            if known
            else "unknown until our first write is read back; meanwhile owner values are compared",
            "set app_id, which the app's page in HubSpot shows",
            fatal=False,
        )
        if scopes:
            wanted = {
                f"crm.objects.{self._lead.name}.write",
                "crm.objects.contacts.write",
                "crm.objects.owners.read",
            }
            missing = sorted(wanted - scopes)
            self._say(
                "scopes for writing are granted",
                not missing,
                f"missing: {', '.join(missing)}" if missing else "all are there",
                f"grant the scopes that {GUIDE} lists",
            )
            if self._groups:
                self._say(
                    "lists can be written",
                    WRITE_SCOPE in scopes,
                    "leads can be put into lists and taken out"
                    if WRITE_SCOPE in scopes
                    else f"missing: {WRITE_SCOPE}: nobody is put into a list or taken out",
                    f"grant {WRITE_SCOPE}",
                    fatal=False,
                )
            mail = "sales-email-read" in scopes
            self._say(
                "e-mails are told in full",
                mail,
                "sent and received e-mails are told apart"
                if mail
                else "without sales-email-read HubSpot hides parts of e-mails: one whose direction "
                "is hidden proves nothing",
                "grant sales-email-read if e-mails should count as a response",
                fatal=False,
            )

    def _owners(self) -> bool:
        rows, _ = self._client.owners_page(archived=False, after=None)
        return bool(rows)

    def _users(self) -> None:
        check = "users tell who is there"
        try:
            self._client.users_page(PROPERTIES, after=None)
        except (PermissionMissing, RefusedCall):
            self._say(
                check,
                False,
                "user records are hidden: working hours, absences and presence are not told",
                "grant crm.objects.users.read, or keep hours and absences elsewhere",
                fatal=False,
            )
            return
        self._say(check, True, "working hours, absences and presence are read")

    def _searchable(self, kind: ObjectType) -> bool:
        self._client.search(kind.name, {"filterGroups": [], "properties": [], "limit": 1})
        return True

    def _objects(self) -> None:
        kinds = [self._lead, COMPANIES, *([CONTACTS] if self._lead is LEADS else [])]
        for kind in kinds:
            self._try(f"{kind.name} are searchable", partial(self._searchable, kind))

    def _schema(self) -> None:
        tasks = self._try("task properties are readable", self._properties(TASKS))
        if tasks is not None:
            unique = tasks.get(MARKER)
            self._portal.marker = unique is True
            self._say(
                f"tasks have the unique property {MARKER}",
                unique is True,
                "tasks can be found again by key"
                if unique
                else "it exists but its values are not unique"
                if MARKER in tasks
                else "it does not exist; the marker goes into the task's text instead",
                f"create it as {GUIDE} shows: a task is then never made twice",
                fatal=False,
            )
        lead = self._try(f"{self._lead.name} properties are readable", self._all(self._lead))
        if lead is not None:
            self._portal.audit = AUDIT in lead
            self._say(
                f"{self._lead.name} have the property {AUDIT}",
                AUDIT in lead,
                "the reason is written with each owner" if AUDIT in lead else "it does not exist",
                f"create it as {GUIDE} shows, if people should see the reason in HubSpot",
                fatal=False,
            )

            for name in self._writes:
                self._writable(name, lead.get(name))
            self._policys_fields(lead)

    def _policys_fields(self, lead: Mapping[str, Json]) -> None:
        """HubSpot leaves out without a word what it does not know, so a name is looked up here."""
        known = set(lead)
        of_contact = [n for n in self._fields if n.startswith(CONTACT_PREFIX)]
        if self._lead is LEADS and of_contact:
            contact = self._try("contacts properties are readable", self._all(CONTACTS))
            known |= {CONTACT_PREFIX + name for name in contact or of_contact}
        missing = [n for n in self._fields if n not in known]
        if self._fields:
            self._say(
                "properties that the policy reads",
                not missing,
                f"not there: {', '.join(missing)}; rules see them as missing"
                if missing
                else "all are there",
                "create them, or correct their names under fields: of the policy",
                fatal=False,
            )

    def _writable(self, name: str, found: Json | None) -> None:
        changes = {} if found is None else found.get("modificationMetadata")
        fixed = isinstance(changes, Mapping) and changes.get("readOnlyValue") is True
        may = found is not None and not fixed and found.get("calculated") is not True
        why = "HubSpot lets nobody write it" if found is not None else "it does not exist"
        texts = self._texts.get(name, ())
        refused = _refused(found, texts) if may and found is not None else ""
        if refused:
            self._say(
                f"{self._lead.name} have the property {name} to write",
                False,
                f"{refused}: HubSpot refuses the write, and each lead of it is a dead letter",
                f"add the option to the property {name}, or write its internal name in the policy",
                fatal=False,
            )
            return
        kind = "a text, or a drop-down with these options" if texts else "a number"
        self._say(
            f"{self._lead.name} have the property {name} to write",
            may,
            "it takes what the policy writes"
            if may
            else f"{why}: nothing is written to it, leads are routed all the same",
            f"create the property {name} ({kind}) as {GUIDE} shows, or correct its"
            " name in the policy",
            fatal=False,
        )

    def _all(self, kind: ObjectType) -> Callable[[], dict[str, Json]]:
        """The properties by name."""
        return lambda: {str(p.get("name")): p for p in self._client.properties(kind.name)}

    def _properties(self, kind: ObjectType) -> Callable[[], dict[str, bool]]:
        """Names of the properties, each with whether its values are unique."""
        return lambda: {
            str(p.get("name")): p.get("hasUniqueValue") is True
            for p in self._client.properties(kind.name)
        }

    def _try(self, check: str, look: Callable[[], T]) -> T | None:
        try:
            found = look()
        except PermissionMissing as e:
            self._say(check, False, str(e), e.remedy)
            return None
        except RefusedCall as e:
            self._say(check, False, e.detail, "check api_version and lead_object")
            return None
        self._say(check, bool(found), "yes" if found else "nothing came back")
        return found

    def _say(
        self, check: str, ok: bool, detail: str, remedy: str = "", *, fatal: bool = True
    ) -> None:
        self._findings.append(Finding(check, ok, detail, "" if ok else remedy, fatal))
