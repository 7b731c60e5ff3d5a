"""A field holds what was written, in whatever form the CRM gives it back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.field_text import holds

SAME: list[tuple[Any, str | None]] = [
    ("Cold", "Cold"),
    (" Cold ", "Cold"),
    (None, ""),
    ("", None),
    (None, None),
    (5, "5"),
    (5.0, "5"),
    ("5.0", "5"),
    (True, "true"),
    (False, "False"),
    ("2026-03-01T09:00:00.000+0000", "2026-03-01T10:00:00+01:00"),
    ("2026-03-01T00:00:00Z", "2026-03-01"),
]
OTHER: list[tuple[Any, str | None]] = [
    ("Cold", "cold"),
    ("Cold", ""),
    (None, "Cold"),
    (0, ""),
    (5, "6"),
    (False, ""),
    (True, "1"),
    ("2026-03-01", "2026-03-02"),
    ("Cold", None),
]


@pytest.mark.parametrize(("held", "text"), SAME)
def test_the_same_in_another_form(held: Any, text: str | None) -> None:
    assert holds(held, text)


@pytest.mark.parametrize(("held", "text"), OTHER)
def test_something_else(held: Any, text: str | None) -> None:
    assert not holds(held, text)


@given(st.text())
def test_every_text_is_itself(text: str) -> None:
    assert holds(text, text)
