"""Messages and alerts as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted


def human_messages(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not found:
        yield "no message waits and none has failed"
    for m in found:
        tries = f", {counted(m['attempts'], 'try', 'tries')}" if m["attempts"] else ""
        if m["attempts"] and m["state"] == "new":
            tries += f", again at {m['due_at'][:19]}Z"
        yield f"#{m['id']} {m['state']}{tries}, to {m['to']}, {m['at'][:19]}Z: {m['subject']}"
        if m["detail"]:
            yield f"   {m['detail']}"
        if m["second_copy_possible"] and "second copy" not in m["detail"]:
            yield "   an earlier try may have arrived: a second copy is possible"


def human_test(v: Mapping[str, Any]) -> Iterator[str]:
    remark = f" ({v['remark']})" if v["remark"] else ""
    yield f"sent to {v['channel']}{remark}; its id is {v['id']}"


def human_alerts(v: Mapping[str, Any]) -> Iterator[str]:
    """What `status` says of trouble that is told, and of messages."""
    for alert in v["alerts"]:
        about = f" ({alert['crm']})" if alert["crm"] else ""
        first = alert["detail"].splitlines()[0]
        yield f"alert since {alert['since'][:19]}Z: {alert['kind']}{about}: {first}"
    if v["messages"]:
        told = ", ".join(f"{n} {state}" for state, n in v["messages"].items())
        yield f"messages: {told}"
