"""What goes wrong with a fake CRM: scripted per call or per record, taken in the order given.

A call is named as in `FakeConnector`: changes, read, owners, find_tasks, activities, members_of,
joined, fields, probe, write.owners, write.tasks, write.scores, write.fields, write.members,
write.poll; "write" strikes whichever part of a write comes first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fairlead.core.types import Ref
from fairlead.errors import FairleadError


class Took(StrEnum):
    """Whether a broken call's request took effect all the same."""

    NOT_APPLIED = "not applied"
    APPLIED = "applied"
    LATER = "applied later"


@dataclass(slots=True)
class CallFault:
    """One fault of a whole call. `error` None means the answer never came (a timeout).

    `times` calls are left; None is for ever.
    """

    call: str
    error: FairleadError | None = None
    effect: Took = Took.NOT_APPLIED
    delay: timedelta = timedelta(0)
    times: int | None = 1

    def strikes(self, call: str) -> bool:
        return call == self.call or call.startswith(self.call + ".")


class FakeFaults:
    """The faults in force; `clear` heals everything at once."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._calls: list[CallFault] = []
        self.refused: dict[Ref, str] = {}
        self.bad_owners: set[str] = set()
        self.read_only: set[str] = set()
        self.locked: defaultdict[Ref, int] = defaultdict(int)
        self.unanswered: dict[Ref, bool] = {}

    # -- whole calls -----------------------------------------------------------------------

    def fail_next(self, call: str, error: FairleadError, *, times: int | None = 1) -> None:
        """The next `times` such calls (None: all) raise `error` and have no effect."""
        self._calls.append(CallFault(call, error, times=times))

    def timeout_not_applied(self, call: str = "write", *, times: int | None = 1) -> None:
        """No answer comes, and the CRM never saw the request."""
        self._calls.append(CallFault(call, times=times))

    def timeout_applied(self, call: str = "write", *, times: int | None = 1) -> None:
        """No answer comes, but the request took effect."""
        self._calls.append(CallFault(call, effect=Took.APPLIED, times=times))

    def applied_later(self, seconds: float, call: str = "write", *, times: int | None = 1) -> None:
        """No answer comes; the request takes effect once the clock is `seconds` further."""
        delay = timedelta(seconds=seconds)
        self._calls.append(CallFault(call, effect=Took.LATER, delay=delay, times=times))

    def take(self, call: str) -> CallFault | None:
        """The fault that strikes this call, if any; its count goes down."""
        for fault in self._calls:
            if fault.strikes(call):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._calls.remove(fault)
                return fault
        return None

    # -- single records --------------------------------------------------------------------

    def refuse(self, ref: Ref, reason: str = "validation rule") -> None:
        """Every write to this record is refused for good."""
        self.refused[ref] = reason

    def bad_owner(self, owner_id: str) -> None:
        """This owner cannot own anything, although the list of owners says it can."""
        self.bad_owners.add(owner_id)

    def lock(self, ref: Ref, times: int = 1) -> None:
        """The next `times` writes to this record find its row locked."""
        self.locked[ref] += times

    def no_result(self, ref: Ref, *, applied: bool) -> None:
        """The next write to this record comes back without a result for its row."""
        self.unanswered[ref] = applied
