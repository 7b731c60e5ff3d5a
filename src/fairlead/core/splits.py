"""Shares of leads: the arm of a split that a lead is in, and whether the pilot covers it.

By a hash, so that a lead is in the same arm on every machine and after every restart, and so that
a share that grows keeps those it had. No state, no random numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction

from fairlead.core.decision import Case
from fairlead.core.domains import is_free_mail
from fairlead.core.policy import Policy, Split
from fairlead.core.types import Value

_WIDTH = 2**64
_PILOT = "pilot"


def arms_of(policy: Policy, case: Case) -> dict[str, str]:
    """The arm of every split of the policy that the case is in, by the split's name."""
    return {split.name: _arm(split, case) for split in policy.splits.values()}


def with_arms(values: Mapping[str, Value], arms: Mapping[str, str]) -> dict[str, Value]:
    """The values that conditions see, with the arms as `arm.name`."""
    named = {f"arm.{name}": arm for name, arm in arms.items()}
    return {**values, "arm": True if arms else None, **named}


def outside_pilot(policy: Policy, case: Case) -> Fraction | None:
    """Where the lead stands among all, from 0 to 1, if that is beyond the pilot's share."""
    if policy.pilot >= 1:
        return None
    point = _point(_PILOT, _key("account", case))
    return point if point >= policy.pilot else None


def _arm(split: Split, case: Case) -> str:
    point, end = _point(f"split {split.name}", _key(split.by, case)), Fraction(0)
    for name, share in split.arms.items():
        end += share
        if point < end:
            return name
    return name


def _key(by: str, case: Case) -> str:
    """What is hashed: the person, or the company's domain, so that colleagues stay together."""
    domain = case.lead.get("domain")
    if by == "account" and isinstance(domain, str) and not is_free_mail(domain):
        return f"domain {domain}"
    return f"person {case.person_id}"


def _point(salt: str, key: str) -> Fraction:
    digest = hashlib.sha256(f"{salt}\n{key}".encode("utf-8", "surrogatepass")).digest()
    return Fraction(int.from_bytes(digest[:8], "big"), _WIDTH)
