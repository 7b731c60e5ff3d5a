"""docs/connectors-hubspot.md names every setting, and no default that is not true."""

from __future__ import annotations

import re
from pathlib import Path

from fairlead_hubspot.settings import HubSpotSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors-hubspot.md"


def documented() -> dict[str, str | None]:
    """Setting -> default as the table tells it, None where it tells no value."""
    found: dict[str, str | None] = {}
    for names, defaults in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", PAGE.read_text(), re.M):
        keys = re.findall(r"`([a-z_0-9]+)`", names)
        values = re.findall(r"[\d.]+|\"[^\"]+\"", defaults)
        told = values if len(values) == len(keys) else [None] * len(keys)
        found.update(zip(keys, told, strict=True))
    return found


def test_every_setting_is_documented_with_its_true_default() -> None:
    told = documented()
    assert set(HubSpotSettings.model_fields) - {"token_file"} <= set(told)
    defaults = {n: f.default for n, f in HubSpotSettings.model_fields.items()}
    checked = {n: v for n, v in told.items() if n in defaults and v is not None}
    assert len(checked) >= 9
    for name, value in checked.items():
        assert type(defaults[name])(value.strip('"')) == defaults[name], name
