"""The HubSpot connector: the house's protocol over the parts beside this file.

`seam` carries every call, `client` names the calls, `polling` knows where to go on, `reading` and
`writing` do the two directions, `doctor` looks at rights and schema, `mapping` translates.
"""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import BaseModel

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.effects import Effect
from fairlead.core.fate import Fate
from fairlead.core.types import CrmOwner, Gone, Kind, Record, Ref
from fairlead.errors import ConfigError, FairleadError
from fairlead.spi.connector import (
    ActivitiesOf,
    Budget,
    Capabilities,
    ChangePage,
    Cursor,
    Direction,
    FieldMap,
    MemberPage,
    Probe,
    RemoteField,
    TaskFound,
    Wanted,
    Written,
)
from fairlead.spi.secrets import read_secret
from fairlead_hubspot import mapping, polling
from fairlead_hubspot.activities import ActivityReader
from fairlead_hubspot.client import HubSpotClient
from fairlead_hubspot.doctor import Doctor
from fairlead_hubspot.doctor import activities as doctor_of_activities
from fairlead_hubspot.fates import fate
from fairlead_hubspot.group_writes import GroupWriter
from fairlead_hubspot.groups import Groups
from fairlead_hubspot.names import (
    CONTACT_FIELDS,
    CONTACT_PREFIX,
    CONTACTS,
    CRM,
    LEAD_FIELDS,
    LEADS,
    OBJECTS,
)
from fairlead_hubspot.reading import BATCH, Reader
from fairlead_hubspot.seam import Portal
from fairlead_hubspot.settings import HubSpotSettings
from fairlead_hubspot.users import Users
from fairlead_hubspot.writing import Writer


class HubSpotConnector:
    """One portal, one direction, for one thread at a time. See `fairlead.spi.connector`.

    What it learns (portal id, app id, whether marker and audit properties exist) is shared with
    the other direction through `portal`.
    """

    name = CRM

    def __init__(
        self,
        settings: HubSpotSettings,
        portal: Portal,
        lead_object: str,
        wanted: Wanted,
    ) -> None:
        self._settings = settings
        self._portal = portal
        self._lead = OBJECTS[lead_object]
        self._client = HubSpotClient(
            settings, portal, lambda: read_secret(settings.token_file, "hubspot token_file")
        )
        self._reader = Reader(self._client, portal, self._lead, (*wanted.fields, *wanted.writes))
        self._wanted = wanted
        self._users = Users(self._client)
        self._activities = ActivityReader(self._client, portal, self._lead)
        self._owner_of_user: dict[str, str] = {}
        self._strangers: set[str] = set()
        self._shown: defaultdict[Kind, polling.Shown] = defaultdict(polling.Shown)
        back = timedelta(seconds=settings.look_back_seconds)
        self._groups = Groups(self._client, portal, self._lead, back)
        members = GroupWriter(self._client, portal, self._reader, self._lead, self._groups)
        self._writer = Writer(self._client, portal, self._reader, self._lead, members)

    @property
    def capabilities(self) -> Capabilities:
        """Marker and audit count as absent until `probe()` or the first write has looked."""
        return Capabilities(
            queues=True,
            owner_history=True,
            carries_poll=False,
            audit_field=self._portal.audit is True,
            task_marker=self._portal.marker is True,
            max_effects=BATCH,
            lead_objects=(self._lead.name,),
            activities=self._activities.kinds,
            groups=not self._groups.hidden,
        )

    @property
    def field_map(self) -> FieldMap:
        return CONTACT_FIELDS if self._lead is CONTACTS else LEAD_FIELDS

    @property
    def budget(self) -> Budget:
        return self._client.seam.budget

    def start_cursor(self, kind: Kind, *, since: datetime | None) -> Cursor:
        self._reader.object_of(kind)
        position = polling.start(since)
        return Cursor(position.as_json(), mapping.from_ms(position.walk.at))

    def changes(self, cursors: Mapping[Kind, Cursor]) -> Mapping[Kind, ChangePage]:
        return {kind: self._page(kind, cursor) for kind, cursor in cursors.items()}

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        return self._reader.read(refs)

    def owners(self) -> Sequence[CrmOwner]:
        found: dict[str, CrmOwner] = {}
        for archived in (False, True):
            after: str | None = None
            while True:
                rows, following = self._client.owners_page(archived=archived, after=after)
                for row in rows:
                    owner = mapping.owner(row, archived=archived)
                    if owner is not None:
                        found.setdefault(owner.id, owner)
                if following is None or following == after:
                    break
                after = following
        self._owner_of_user = {
            str(o.fields["userId"]): o.id for o in found.values() if o.fields.get("userId")
        }
        self._users.read()
        return tuple(replace(o, availability=self._users.of(o)) for o in found.values())

    def find_tasks(self, markers: Sequence[str]) -> Mapping[str, TaskFound]:
        """Empty in a portal without the marker property: there `write` looks for itself."""
        if not markers:
            return {}
        self._writer.learn_schema()
        return self._reader.tasks(markers) if self._portal.marker else {}

    def activities(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = tuple(ActivityKind)
    ) -> Mapping[Ref, Sequence[Activity]]:
        """See the protocol; `fairlead_hubspot.activities` tells how many calls it takes."""
        return self._activities.read(asked, kinds, self._owners_of)

    def members_of(self, asked: Sequence[tuple[Ref, str]]) -> Mapping[tuple[Ref, str], bool]:
        return self._groups.members_of(asked)

    def joined(self, groups: Collection[str], cursor: Cursor | None) -> MemberPage:
        return self._groups.joined(groups, cursor)

    def became(self, refs: Sequence[Ref]) -> Mapping[Ref, Fate]:
        """See the protocol; as many calls as `read()` makes."""
        return {ref: fate(answer) for ref, answer in self.read(refs).items()}

    def write(
        self, effects: Sequence[Effect], then_poll: Mapping[Kind, Cursor] | None = None
    ) -> Written:
        receipts = self._writer.write(effects)
        if not then_poll:
            return Written(receipts)
        try:
            return Written(receipts, self.changes(then_poll))
        except FairleadError:
            # The receipts must not be lost for a poll, which the next tick makes anyway.
            return Written(receipts)

    def probe(self) -> Probe:
        want = self._wanted
        doctor = Doctor(
            self._client,
            self._portal,
            self._lead,
            want.writes,
            want.fields,
            want.groups,
            want.texts,
        )
        findings = doctor.examine()
        self._activities.try_all()
        findings += doctor_of_activities(self._activities.hidden)
        findings += self._groups.findings(want.groups, want.watched)
        return Probe(
            server_now=self._client.seam.server_now,
            account=self._portal.portal_id or "unknown portal",
            our_ids=(self._portal.app_id,) if self._portal.app_id else (),
            capabilities=self.capabilities,
            findings=tuple(findings),
        )

    def fields(self) -> Sequence[RemoteField]:
        rows = [(r, "") for r in self._client.properties(self._lead.name)]
        if self._lead is LEADS:
            rows += [(r, CONTACT_PREFIX) for r in self._client.properties(CONTACTS.name)]
        found = (mapping.remote_field(r, prefix) for r, prefix in rows)
        return tuple(f for f in found if f is not None)

    def record_url(self, ref: Ref) -> str:
        """Empty until the portal's id is known from the settings or a probe."""
        kind = OBJECTS.get(ref.object)
        return (kind and self._portal.url(kind.type_id, ref.id)) or ""

    def close(self) -> None:
        self._client.close()

    def _owners_of(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        """Owner ids by user id, read anew when a stranger turns up; a lasting one only once."""
        unknown = set(user_ids) - self._owner_of_user.keys() - self._strangers
        if unknown:
            self.owners()
            self._strangers |= unknown - self._owner_of_user.keys()
        return self._owner_of_user

    def _page(self, kind: Kind, cursor: Cursor) -> ChangePage:
        target = self._reader.object_of(kind)
        look_back = self._settings.look_back_seconds * 1000
        position = polling.Position.of_json(cursor.position)
        rows, keys, more = self._reader.page(target, position.walk)
        now = self._client.seam.server_now
        now_ms = mapping.to_ms(now)
        position, again, covered_ms = polling.follow(
            position, keys, more=more, now_ms=now_ms, look_back_ms=look_back
        )
        position = polling.slow_due(
            position,
            now_ms=now_ms,
            look_back_ms=look_back,
            behind_ms=self._settings.reconcile_seconds * 1000,
            every_ms=self._settings.reconcile_every_seconds * 1000,
        )
        shown = self._shown[kind]
        shown.add(keys, keep_from=now_ms - self._settings.reconcile_seconds * 1000)
        if position.slow is not None and not again:
            late, keys, more = self._reader.page(target, position.slow)
            position = polling.follow_slow(
                position, keys, more=more, now_ms=now_ms, look_back_ms=look_back
            )
            rows = [*rows, *(r for r in late if mapping.key(r, target) not in shown)]
        covered = max(cursor.covered_until, mapping.from_ms(covered_ms))
        return ChangePage(
            kind=kind,
            records=sorted(self._reader.records(target, rows), key=lambda r: r.modified_at),
            cursor=Cursor(position.as_json(), covered),
            more=again,
            server_now=now,
        )


class HubSpotFactory:
    """What the entry point names; both directions of one portal share what it keeps of it."""

    name = CRM
    settings_model: type[BaseModel] = HubSpotSettings

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._portals: weakref.WeakValueDictionary[HubSpotSettings, Portal] = (
            weakref.WeakValueDictionary()
        )

    def build(self, settings: BaseModel, direction: Direction, wanted: Wanted) -> HubSpotConnector:
        """See `ConnectorFactory.build`; the direction makes no difference to this connector."""
        if not isinstance(settings, HubSpotSettings):
            raise ConfigError("the HubSpot connector needs HubSpotSettings")
        lead_object = wanted.lead_object or settings.lead_object
        if lead_object not in (CONTACTS.name, LEADS.name):
            raise ConfigError(f"HubSpot leads live in contacts or leads, not in {lead_object!r}")
        with self._lock:
            portal = self._portals.get(settings)
            if portal is None:
                portal = self._portals[settings] = Portal(settings)
        return HubSpotConnector(settings, portal, lead_object, wanted)


FACTORY = HubSpotFactory()
