"""Whether the settings have what a policy sends messages to; asked at start, reload and `check`."""

from __future__ import annotations

from fairlead.core.place import Place
from fairlead.core.policy import Policy
from fairlead.core.policy_channels import channels_of, mails_at
from fairlead.daemon.acceptance import Fault
from fairlead.settings import Settings
from fairlead.spi.registry import did_you_mean


def unknown_channels(policy: Policy, settings: Settings) -> list[Fault]:
    """One fault for each channel or mail server that the policy needs and nobody has set."""
    found = []
    for name, place in channels_of(policy).items():
        if name not in settings.channels:
            near = did_you_mean(name, settings.channels)
            message = f"no channel is called {name!r} in the settings{near}"
            found.append(_fault(place, message, f"add [channels.{name}] to fairlead.toml"))
    mail = mails_at(policy)
    if mail is not None and settings.smtp is None:
        message = "the policy sends mail, and the settings have no mail server"
        found.append(_fault(mail, message, "add [smtp] to fairlead.toml"))
    return found


def not_known(policy: Policy) -> str:
    """What `check` says where there are no settings to look at; "" when nothing is needed."""
    needed = [f"channel {name}" for name in channels_of(policy)]
    needed += ["[smtp]"] if mails_at(policy) is not None else []
    return f"not checked, there are no settings here: {', '.join(needed)}" if needed else ""


def _fault(place: Place, message: str, remedy: str) -> Fault:
    return Fault(place.file, place.line, place.column, message, f"{remedy}, and restart")
