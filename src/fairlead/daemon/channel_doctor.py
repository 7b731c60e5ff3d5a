"""The doctor's look at mail server, channels and heartbeat; and the message of `notify test`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

from fairlead.clock import SystemClock
from fairlead.core.policy import Policy
from fairlead.daemon.channels_known import unknown_channels
from fairlead.daemon.finding import finding
from fairlead.errors import Ambiguous, BadRecord, ConfigError, NeedsOperator, RetryLater
from fairlead.notify.heart import Heart
from fairlead.notify.outgoing import Outgoing, Way
from fairlead.notify.smtp import MailWay
from fairlead.notify.tables import Mailbox
from fairlead.notify.ways import MAIL, build_way, build_ways
from fairlead.settings import Settings
from fairlead.spi.registry import did_you_mean

TEST = "notify.test"


def examine_channels(settings: Settings, policy: Policy | None) -> list[dict[str, Any]]:
    """A finding for each way out, and for each that the policy names and nobody has set."""
    found = []
    smtp = settings.smtp
    if smtp is not None:
        found.append(_way(MAIL, "log-in", lambda: MailWay(smtp)))
    for name, spec in settings.channels.items():
        if isinstance(spec, Mailbox):
            continue
        make = _maker(name, spec)
        found.append(_way(f"channel {name}", "set up", make))
    if settings.heartbeat is not None:
        try:
            Heart(settings.heartbeat).close()
            found.append(finding("heartbeat", "set up", True, "its URL is not tried"))
        except ConfigError as e:
            found.append(finding("heartbeat", "set up", False, str(e)))
    for fault in unknown_channels(policy, settings) if policy is not None else ():
        found.append(finding("policy", "its channels are known", False, str(fault), fault.remedy))
    return found


def send_test(settings: Settings, name: str) -> dict[str, Any]:
    """Send one test message to a channel, now; raises what the way raises, and ConfigError."""
    if name not in settings.channels:
        near = did_you_mean(name, settings.channels)
        raise ConfigError(f"no channel is called {name!r}{near}; add [channels.{name}]")
    clock = SystemClock()
    with closing(build_ways(settings.smtp, {name: settings.channels[name]}, clock)) as ways:
        way = ways.of(name)
        assert way is not None
        out = Outgoing(
            f"test {uuid4()}", TEST, f"fairlead: test of {name}",
            "This is a test. Nothing is wrong, and nothing is to be done.", clock.now(),
            to=ways.to(name),
        )  # fmt: skip
        try:
            remark = ways.ways[way].send(out)
        except BadRecord as e:
            raise NeedsOperator(str(e)) from e
    return {"channel": name, "sent": True, "id": out.name, "remark": remark}


def _maker(name: str, spec: Any) -> Callable[[], Way]:
    return lambda: build_way(name, spec, SystemClock())


def _way(where: str, check: str, make: Callable[[], Way]) -> dict[str, Any]:
    try:
        with closing(make()) as way:
            return finding(where, check, True, way.check())
    except (NeedsOperator, ConfigError) as e:
        return finding(where, check, False, str(e), getattr(e, "remedy", ""))
    except (RetryLater, Ambiguous) as e:
        return finding(where, check, False, str(e), "try again; look at the server's own state")
