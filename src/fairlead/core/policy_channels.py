"""Where a policy sends messages to: the names it takes from the settings. Above `policy`."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.core.place import Place
from fairlead.core.policy import Policy
from fairlead.core.sla_terms import EMAIL, Act, Escalate, Notify, Tell


def channels_of(policy: Policy) -> dict[str, Place]:
    """Each channel that is told something, and where it is first said, in the order of the file."""
    found: dict[str, Place] = {}
    for act, place in acts_of(policy):
        if isinstance(act, Tell):
            found.setdefault(act.channel, place)
    return found


def mails_at(policy: Policy) -> Place | None:
    """Where the policy first asks for a mail to a person; None when it asks for none."""
    for act, place in acts_of(policy):
        if isinstance(act, Notify | Escalate) and EMAIL in act.by:
            return place
    if policy.task is not None and policy.task.mail:
        return Place(policy.otherwise.place.file, 1, 1)
    return None


def acts_of(policy: Policy) -> Iterator[tuple[Act, Place]]:
    """Everything that is done about a lead that waits or goes cold, with its place."""
    for sla in policy.slas.values():
        for stage in sla.stages:
            if stage.act is not None:
                yield stage.act, sla.place
    for level in policy.decay:
        for act in level.acts:
            yield act, level.place
