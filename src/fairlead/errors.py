"""Every error of the house, named by what the caller must do.

    FairleadError
    ├── ConfigError            fix the configuration; the command exits 78
    ├── RetryLater             definitely not applied; try again after `after` seconds
    │   ├── RateLimited        the CRM's quota or burst limit answered
    │   └── Unavailable        the CRM is down or unreachable, and nothing was applied
    ├── Ambiguous              the call may have been applied; never repeat it blindly
    ├── NeedsOperator          stop this connector, keep the rest, say it once
    │   ├── AuthFailed
    │   ├── PermissionMissing
    │   └── SchemaDrift
    ├── BadRecord              dead letter, go on with the next record
    ├── UnsafePlan             hold the plan and ask a person
    ├── ThinEvidence           too few outcomes to learn from; the command exits 4
    ├── StateLocked            another daemon owns the state; the command exits 73
    └── Bug                    crash and let the supervisor restart us

Nothing below imports anything from the house: this is the bottom layer.
"""

from __future__ import annotations


class FairleadError(Exception):
    """Root of every error the house raises on purpose."""


class ConfigError(FairleadError):
    """The configuration or the policy is wrong; `str()` names file, line and remedy. Exit 78."""


class RetryLater(FairleadError):
    """Nothing was applied; the same call may be made again.

    `after` is the number of seconds to wait, or None when the other side gave no hint.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RateLimited(RetryLater):
    """The CRM refused the call for its quota; `daily` tells a spent day from a burst."""

    def __init__(self, message: str, *, after: float | None = None, daily: bool = False) -> None:
        super().__init__(message, after=after)
        self.daily = daily


class Unavailable(RetryLater):
    """The CRM could not be reached, or said that it is down, before anything was applied."""


class Ambiguous(FairleadError):
    """The call may or may not have been applied (timeout, reset, 5xx, unreadable 2xx)."""


class NeedsOperator(FairleadError):
    """A person must act; the connector stops, the others go on. `remedy` says what to do."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class AuthFailed(NeedsOperator):
    """The CRM does not accept our credentials."""


class PermissionMissing(NeedsOperator):
    """The integration user lacks a right, scope or field permission."""


class SchemaDrift(NeedsOperator):
    """A field or object that the policy or the connector needs is gone or of another type."""


class BadRecord(FairleadError):
    """One record cannot be read or routed; it goes to the dead letters with this reason."""


class UnsafePlan(FairleadError):
    """A plan changes more than the policy's safety settings allow; a person must approve it."""


class ThinEvidence(FairleadError):
    """Too few outcomes to learn from. `remedy` says what would do. Exit 4."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class StateLocked(FairleadError):
    """Another process owns the state file. Exit 73."""


class Bug(FairleadError):
    """An invariant of the house broke; crash rather than continue wrongly."""


EXIT_OK = 0
EXIT_USAGE = 2
EXIT_WOULD_CHANGE = 3
EXIT_THIN = 4
EXIT_LOCKED = 73
EXIT_TEMPORARY = 75
EXIT_CONFIG = 78
