"""The connectors that the settings name, built for one policy, both directions of each."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.daemon.active_policy import ActivePolicy, wanted
from fairlead.settings import Settings
from fairlead.spi.connector import Connector, Direction


@dataclass(frozen=True, slots=True)
class Pair:
    """A connector's two directions."""

    reader: Connector
    writer: Connector


def build_connectors(settings: Settings, active: ActivePolicy) -> dict[str, Pair]:
    """The configured connectors, both directions, without any I/O; raises ConfigError."""
    pairs = {}
    for name in settings.connectors:
        factory, model = settings.connector(name)
        want = wanted(active.policy, name)
        pairs[name] = Pair(
            factory.build(model, Direction.READ, want), factory.build(model, Direction.WRITE, want)
        )
    return pairs


def try_build(settings: Settings, active: ActivePolicy) -> None:
    """Build the connectors and throw them away; raises ConfigError where a start would."""
    for pair in build_connectors(settings, active).values():
        pair.reader.close()
        pair.writer.close()
