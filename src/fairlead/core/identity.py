"""When two records are one person: exact keys, equal only if the two texts mean one mailbox."""

from __future__ import annotations

from fairlead.core.types import Lead


def identity_keys(lead: Lead) -> tuple[str, ...]:
    """The keys that this lead shares with every other record of the same person, best first.

    `email:<address in lower case>`. Plus-tags stay ("ann+demo@"): what stands before the @ belongs
    to the receiving server, and some give tags to different people. Dots in Gmail names stay for
    the same reason: hosted domains look alike and may not ignore them. Two records of one person
    are a nuisance that a later merge mends; two people taken for one cannot be mended.
    """
    email = lead.get("email")
    return (f"email:{email}",) if isinstance(email, str) else ()
