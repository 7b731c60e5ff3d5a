"""One line of the doctor."""

from __future__ import annotations

from typing import Any


def finding(
    where: str, check: str, ok: bool, detail: str, remedy: str = "", *, fatal: bool = True
) -> dict[str, Any]:
    """One line of the doctor, JSON-safe."""
    return {
        "where": where, "check": check, "ok": ok, "detail": detail, "remedy": remedy,
        "fatal": fatal,
    }  # fmt: skip
