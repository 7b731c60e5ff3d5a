"""What a running daemon cannot change: its settings, and what its connectors were built to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairlead.daemon.acceptance import Fault
from fairlead.daemon.active_policy import ActivePolicy, wanted
from fairlead.errors import ConfigError
from fairlead.settings import PLAIN_KEYS, TABLES, Settings
from fairlead.spi.connector import Wanted

RESTART = "restart the daemon; it will start with this policy"


def unserved(new: ActivePolicy, served: Mapping[str, Wanted]) -> list[Fault]:
    """What this policy asks of a CRM that the connectors in use were not built for."""
    found = []
    for crm, built in sorted(served.items()):
        asked = wanted(new.policy, crm)
        if asked.lead_object != built.lead_object:
            source = new.policy.source_of(crm)
            line = source.place.line if source else None
            column = source.place.column if source else None
            now, then = asked.lead_object or "the default", built.lead_object or "the default"
            message = f"needs a restart: {crm} is read with object {then}, not {now}"
            found.append(Fault(new.main, line, column, message, RESTART))
        # A text that is written unread would go over what somebody else has written there.
        needed = dict.fromkeys((*asked.fields, *asked.texts))
        missing = [f for f in needed if f not in (*built.fields, *built.writes)]
        if missing:
            message = f"needs a restart: {crm} is read without {', '.join(missing)}"
            found.append(Fault(new.main, None, None, message, RESTART))
    return found


def changed_settings(running: Settings, again: Callable[[], Settings]) -> list[str]:
    """One line for each setting that differs from the one in use; never a value."""
    try:
        now = again()
    except ConfigError as e:
        return [f"the settings have a mistake, so a restart would fail: {e}"]
    changed = [key for key in PLAIN_KEYS if getattr(now, key) != getattr(running, key)]
    changed += [f"[{key}]" for key in TABLES if getattr(now, key) != getattr(running, key)]
    for name in sorted({*now.connectors, *running.connectors}):
        new, old = now.connectors.get(name), running.connectors.get(name)
        if new is None or old is None:
            changed.append(f"[{name}]")
        else:
            keys = sorted(k for k in {*new, *old} if new.get(k) != old.get(k))
            changed += [f"[{name}] {key}" for key in keys]
    return [f"needs a restart: the setting {key} has changed" for key in changed]
