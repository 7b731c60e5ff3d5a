"""A number with its noun, in the singular where it is one. Below all who tell people things."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """`1 lead`, `2 leads`; `many` where the plural does not just take an s."""
    return f"{n} {one if n == 1 else many or one + 's'}"
