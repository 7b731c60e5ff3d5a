"""What became of a lead, as a CRM knows it: the outcome that a score is calibrated with.

Pure values that connectors fill; what counts as success is for the caller to say.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fate:
    """`converted`: it became business that is worked on (an opportunity, a customer). `won` is what
    the deal came to, None while that is open or not to be seen. `lost`: it was given up or was
    unfit. `why` says in words what that rests on, by codes of the CRM, never text about the lead.
    """

    converted: bool = False
    won: bool | None = None
    lost: bool = False
    why: str = ""


OPEN = Fate(why="still open")
