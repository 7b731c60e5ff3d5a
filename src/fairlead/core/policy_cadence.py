"""The cadences of the policy: each has follow-ups, and each of them comes after the one before."""

from __future__ import annotations

from datetime import timedelta

from fairlead.core.cadence_terms import Cadence, FollowUp
from fairlead.core.policy_build import Builder
from fairlead.core.policy_document import Path
from fairlead.core.sla_terms import short

_ZERO = timedelta(0)


def read_cadences(builder: Builder) -> dict[str, Cadence]:
    """The cadences, in the order of the file."""
    document, found = builder.document, dict[str, Cadence]()
    for name, shapes in builder.shape.cadences.items():
        path: Path = ("cadences", name)
        if not shapes and not document.lost(path):
            document.report(path, f"cadence {name!r} has no follow-ups", key=True)
        last = _ZERO
        for index, shape in enumerate(shapes):
            if shape.after <= last:
                message = f"{short(shape.after)} does not come after {short(last)}"
                document.report((*path, index), f"{message}; all count from one beginning")
            last = shape.after
        steps = tuple(FollowUp(s.after, s.subject, s.body) for s in shapes)
        found[name] = Cadence(name, steps, document.place(path))
    return found
