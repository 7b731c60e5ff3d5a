"""One message on its way out, and what every way out can do. Stands between the store's rows and
the ways: `smtp`, `webhook`, `chat`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message. `key` is the same at every try; `to` are addresses, for mail only.

    `data` holds ids and names of ours for programs; `lead` what is known of the lead's person and
    company, for channels that may have it. `at` is when it was caused, UTC.
    """

    key: str
    event: str
    subject: str
    text: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    lead: Mapping[str, str] | None = None
    to: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The key as a name that is fit for headers and tells nothing: 32 hex characters."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


class Way(Protocol):
    """A way out. `send` returns a remark, mostly "".

    `send` raises RetryLater or NeedsOperator (nothing was sent, the whole way is in trouble),
    Ambiguous (it may have arrived), BadRecord (this message will never be taken). `check` looks
    whether it would work, without sending, and says what it saw; it raises the same or ConfigError.
    """

    def send(self, out: Outgoing) -> str: ...

    def check(self) -> str: ...

    def close(self) -> None: ...


def with_lead(out: Outgoing) -> str:
    """The text with what is known of the lead below it."""
    if not out.lead:
        return out.text
    return "\n".join([out.text, "", *(f"{k}: {v}" for k, v in out.lead.items())])
