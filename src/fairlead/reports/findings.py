"""The findings of `check` as lines for people; takes what `LintFinding.as_json` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fairlead.core.counted import counted


def human_findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each finding with its place, an example lead and the remedy; control characters shown."""
    for f in findings:
        place = f"{printable(f['file'])}:{f['line']}:{f['column']}"
        yield f"{place}: {f['severity']}: {printable(f['message'])}"
        if f["example"] is not None:
            said = ", ".join(f"{name} {shown(value)}" for name, value in f["example"].items())
            outcome = f" -> {f['outcome']}" if f["outcome"] else ""
            yield printable(f"    example: {said or 'a lead without any of these fields'}{outcome}")
        elif not f["analysed"]:
            yield "    example: not analysed"
        yield printable(f"    remedy: {f['remedy']}")
    if findings:
        counts = {s: sum(f["severity"] == s for f in findings) for s in ("error", "warning")}
        told = ", ".join(counted(n, what) for what, n in counts.items())
        yield f"{told}, {len(findings)} in all"


def shown(value: Any) -> str:
    """A lead's value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value)


def printable(text: str) -> str:
    """A text without line breaks, escapes or other characters that would move the cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
