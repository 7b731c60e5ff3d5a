"""What `why` tells of a lead's decay, and `policy docs` of its levels, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.core.condition_words import duration_words, in_words
from fairlead.core.decay_terms import Level, Measure
from fairlead.core.sla_terms import told


def human_decay(v: Mapping[str, Any]) -> Iterator[str]:
    """The levels of one lead, reached and to come."""
    at = f"at level {v['level']}" if v["level"] else "at no level"
    stands = ", stands: nobody of ours has it" if v["stands"] else ""
    since = f"aged since {_at(v['since'])}, silent since {_at(v['silent_since'])}"
    yield f"decay: {at}, {since}{stands}"
    for one in v["levels"]:
        if v["stands"] and not one["reached"]:
            continue
        when = f"at {_at(one['due'])} unless something is done" if one["due"] else "not in sight"
        if one["reached"]:
            when = f"reached {_at(one['reached'])}: {one['by']}"
        does = f"; {', '.join(one['does'])}" if one["does"] else ""
        yield f"  {one['level']}{' (critical)' if one['critical'] else ''}: {when}{does}"


def level_row(level: Level) -> tuple[str, ...]:
    """A level in plain words: its name, when a lead comes to it, for which leads, what is done."""
    after = {
        Measure.AGE: f"{duration_words(level.length)} after it came to us",
        Measure.SILENCE: f"nothing done with it for {duration_words(level.length)}",
        Measure.BELOW: f"its score falls under {level.band} with time",
    }[level.measure]
    which = "every lead somebody has" if level.when is None else in_words(level.when.text)
    acts = ", ".join(told(act) for act in level.acts) or "–"
    return level.name + (" (critical)" if level.critical else ""), after, which, acts


def _at(iso: str | None) -> str:
    return "never" if iso is None else f"{iso[:19]}Z"
