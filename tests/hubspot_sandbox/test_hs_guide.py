"""The guide names every knob, order and fault there is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from fairlead_hubspot.sandbox.control import _KEYS
from fairlead_hubspot.sandbox.faults import KINDS
from fairlead_hubspot.sandbox.knobs import Knobs

GUIDE = Path(__file__).parents[2] / "docs" / "sandbox-hubspot.md"


@pytest.mark.parametrize("name", [*(f.name for f in fields(Knobs)), *_KEYS, *KINDS])
def test_the_guide_names_it(name: str) -> None:
    assert f"`{name}`" in GUIDE.read_text(encoding="utf-8")
