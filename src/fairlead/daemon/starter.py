"""Init: a starter policy from what the CRMs really have; read only, valid when written.

The reps are the active users with an e-mail, the queues and custom fields are the org's own. What
an admin must decide (teams, territories) is left as one team of everybody and commented examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fairlead.core.policy_file import load_policy
from fairlead.core.schema import CUSTOM_TYPES
from fairlead.core.types import CrmOwner, OwnerKind
from fairlead.errors import Bug, ConfigError, FairleadError
from fairlead.settings import Settings
from fairlead.spi.connector import Connector, Direction, RemoteField, Wanted
from fairlead.spi.patience import patiently

MOST_REPS = 200
MOST_FIELDS = 40
_PLAIN_EMAIL = re.compile(r"[a-z0-9][a-z0-9._+-]*@[a-z0-9.-]+\.[a-z]{2,}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Found:
    """What one CRM has: its lead object, users and queues, and its fields."""

    lead_object: str
    owners: Sequence[CrmOwner]
    fields: Sequence[RemoteField]


def starter_policy(settings: Settings) -> str:
    """The text of a policy for the configured CRMs, checked by the policy reader.

    Raises ConfigError when no CRM is configured, and what the connectors raise.
    """
    if not settings.connectors:
        raise ConfigError("no CRM is configured; add a [salesforce] or [hubspot] table")
    found: dict[str, Found] = {}
    for name in settings.connectors:
        factory, model = settings.connector(name)
        connector = factory.build(model, Direction.READ, Wanted())
        try:
            found[name] = patiently(partial(_look, connector))
        finally:
            connector.close()
    text = write(found)
    try:
        load_policy({"policy.yaml": text}, "policy.yaml")
    except FairleadError as e:
        raise Bug(f"the starter policy is not valid: {e}") from e
    return text


def _look(connector: Connector) -> Found:
    ours = connector.probe().our_ids
    owners = [o for o in connector.owners() if o.id not in ours]
    return Found(connector.capabilities.lead_objects[0], owners, connector.fields())


def write(found: Mapping[str, Found]) -> str:
    """The policy's text; every value from a CRM is quoted as YAML needs it."""
    reps = _reps(found)
    if not reps:
        raise ConfigError("no CRM has an active user with an e-mail address; add reps first")
    queues = sorted({o.name for f in found.values() for o in f.owners if _is_queue(o)})
    lines = [
        "# Who gets which lead. First match wins; `fairlead check` finds mistakes,",
        "# `fairlead plan` shows what would be written. See docs/policy.md.",
        "version: 1",
        "",
        "# Where leads come from, and which of them are ours to route.",
        "sources:",
    ]
    for crm, f in found.items():
        lines += _source(crm, f)
    if len(found) > 1:
        lines += ["", "# Whose owner counts when one person is in both CRMs.",
                  f"owner_authority: {next(iter(found))}"]  # fmt: skip
    lines += _fields(found)
    lines += ["", "# The e-mail links the CRMs. weight: 2 gets twice as many leads.", "reps:"]
    lines += [f"  {_quoted(email)}: {{name: {_quoted(name)}}}" for email, name in reps.items()]
    lines += ["", "# Reps who share leads in turn. Start with everybody, then split.", "teams:",
              "  everybody:", "    members:"]  # fmt: skip
    lines += [f"      - {_quoted(email)}" for email in reps]
    lines += [
        "",
        "rules:",
        "  - name: Known accounts go to their owner",
        "    when: account is not null",
        "    to: {account_owner: true}",
        "    if_away: {team: everybody}",
        "  # - name: Larger companies in German-speaking countries",
        '  #   when: country in ["DE", "AT", "CH"] and employees >= 500 and not free_mail',
        "  #   to: {team: ...}",
        "  #   priority: high",
        "",
        "# Routing is total: what no rule takes goes here.",
        "otherwise: {to: {team: everybody}}",
    ]
    if queues:
        lines.append(f"# Queues that could take leads instead: {', '.join(map(_quoted, queues))}")
        lines.append(f"# otherwise: {{to: {{queue: {_quoted(queues[0])}}}}}")
    lines += ["", "# Every rep who gets a lead gets this task with it.",
              "task: {subject: Contact this new lead, due_in: 1h}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _reps(found: Mapping[str, Found]) -> dict[str, str]:
    reps: dict[str, str] = {}
    for f in found.values():
        for o in sorted(f.owners, key=lambda o: (o.email or "", o.id)):
            email = (o.email or "").lower()
            usable = o.kind is OwnerKind.REP and o.active and _PLAIN_EMAIL.fullmatch(email)
            if usable and len(reps) < MOST_REPS:
                reps.setdefault(email, _printable(o.name).strip() or email)
    return dict(sorted(reps.items()))


def _source(crm: str, f: Found) -> list[str]:
    lines = [f"  {crm}:", f"    crm: {crm}"]
    if crm == "hubspot":
        lines.append(f"    object: {f.lead_object}")
    queues = [o.name for o in f.owners if _is_queue(o)]
    if queues:
        listed = ", ".join(map(_quoted, queues))
        condition = f'owner.kind == "queue" and owner.name in [{listed}]'
        lines.append("    # Take out the queues whose leads are not for the reps below.")
        lines.append(f"    pick_up: {_quoted(condition)}")
    elif f.lead_object == "contacts":
        stage = 'owner is null and lifecycle_stage in ["lead", "marketingqualifiedlead"]'
        lines.append(f"    pick_up: {_quoted(stage)}")
    return lines


def _fields(found: Mapping[str, Found]) -> list[str]:
    """Custom fields as commented lines; one of the same name and type in both CRMs is one field."""
    known: dict[tuple[str, str], dict[str, str]] = {}
    for crm, f in found.items():
        for x in [x for x in f.fields if x.custom][:MOST_FIELDS]:
            name = re.sub(r"__c$", "", x.name).lower()
            if _PLAIN_NAME.fullmatch(name) and x.type in CUSTOM_TYPES:
                known.setdefault((name, x.type), {})[crm] = x.name
    if not known:
        return []
    lines = ["", "# Custom fields that rules could use; take the # away from those.", "# fields:"]
    for (name, kind), sources in sorted(known.items()):
        where = ", ".join(f"{crm}: {field}" for crm, field in sources.items())
        lines.append(f"#   {name}: {{type: {kind}, {where}}}")
    return lines


def _is_queue(o: CrmOwner) -> bool:
    """A queue that can be named in a text; control characters cannot."""
    return o.kind is OwnerKind.QUEUE and o.active and bool(o.name.strip()) and o.name.isprintable()


def _quoted(text: str) -> str:
    """A double-quoted scalar, equal in YAML and in conditions; what cannot be printed is left out.

    JSON escapes nothing but quotes and backslashes then.
    """
    return json.dumps(_printable(text), ensure_ascii=False)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
