"""Builds the ways out that the settings name. Used by the daemon, `doctor` and `notify test`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.clock import Clock
from fairlead.errors import ConfigError
from fairlead.notify.chat import ChatWay
from fairlead.notify.outgoing import Way
from fairlead.notify.smtp import MailWay
from fairlead.notify.tables import Channel, Chat, Mailbox, Smtp, Webhook
from fairlead.notify.webhook import WebhookWay

MAIL = "smtp"
"""The name of the one way that all mail takes."""


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways out by name, and the fixed readers of the channels that are mail."""

    ways: Mapping[str, Way]
    readers: Mapping[str, tuple[str, ...]]

    def of(self, target: str) -> str | None:
        """The way to a channel or an address; None when there is none."""
        if "@" in target or target in self.readers:
            return MAIL if MAIL in self.ways else None
        return target if target in self.ways and target != MAIL else None

    def to(self, target: str) -> tuple[str, ...]:
        """The mail addresses behind a channel or an address."""
        return (target,) if "@" in target else self.readers.get(target, ())

    def close(self) -> None:
        for way in self.ways.values():
            way.close()


def build_ways(smtp: Smtp | None, channels: Mapping[str, Channel], clock: Clock) -> Ways:
    """Every way that is configured, without any I/O but reading secrets; raises ConfigError."""
    ways: dict[str, Way] = {}
    readers: dict[str, tuple[str, ...]] = {}
    try:
        if smtp is not None:
            ways[MAIL] = MailWay(smtp)
        for name, spec in channels.items():
            if isinstance(spec, Mailbox):
                readers[name] = tuple(spec.to)
            else:
                ways[name] = build_way(name, spec, clock)
    except ConfigError:
        for way in ways.values():
            way.close()
        raise
    return Ways(ways, readers)


def build_way(name: str, spec: Chat | Webhook, clock: Clock) -> Way:
    """One chat or webhook; raises ConfigError."""
    return ChatWay(name, spec) if isinstance(spec, Chat) else WebhookWay(name, spec, clock)
