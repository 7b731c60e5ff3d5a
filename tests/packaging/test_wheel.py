"""What pip installs: both import roots, their data, the command and the entry points."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fairlead import __version__

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return zipfile.Path(built)


def names(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def test_it_holds_every_module_and_type_marker_of_both_roots(wheel: zipfile.Path) -> None:
    for folder in ("src/fairlead", "connectors/fairlead_salesforce", "connectors/fairlead_hubspot"):
        root = ROOT / folder
        modules = {str(p.relative_to(root.parent)) for p in root.rglob("*.py")}
        assert modules | {f"{root.name}/py.typed"} <= names(wheel)


def test_it_holds_nothing_else(wheel: zipfile.Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    info = f"fairlead-{__version__}.dist-info"
    assert tops == {"fairlead", "fairlead_salesforce", "fairlead_hubspot", info}


def test_it_brings_the_command_and_both_connectors(wheel: zipfile.Path) -> None:
    text = (wheel / f"fairlead-{__version__}.dist-info" / "entry_points.txt").read_text()
    assert "fairlead = fairlead.cli:main" in text
    assert re.search(r"\[fairlead\.connectors\]\nhubspot = .*\nsalesforce = ", text)
