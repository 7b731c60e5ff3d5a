"""Installs connectors for a test the way pip does: a package and its entry points on the path."""

from __future__ import annotations

from pathlib import Path

import pytest

CONNECTOR = """
from pydantic import BaseModel, Field, model_validator

class Table(BaseModel):
    login_host: str = "login.crm.example"
    key_file: str
    retries: int = Field(default=3, ge=0)

    @model_validator(mode="after")
    def _whole(self):
        if self.retries == 0 and self.login_host:
            raise ValueError("with no retries give no host")
        return self

class Factory:
    name = "{name}"
    settings_model = Table
    def build(self, settings, direction, wanted):
        raise NotImplementedError

FACTORY = Factory()
"""


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str, source: str = CONNECTOR
) -> None:
    """Put connectors `names` on the import path; module `fake_<name>_<folder>` holds each."""
    monkeypatch.syspath_prepend(folder)
    for name in names:
        module = f"fake_{name}_{folder.name.replace('-', '_')}"
        (folder / f"{module}.py").write_text(source.format(name=name), encoding="utf-8")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[fairlead.connectors]\n{name} = {module}:FACTORY\n", encoding="utf-8"
        )
