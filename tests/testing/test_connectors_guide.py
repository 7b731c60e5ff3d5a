"""docs/connectors.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from fairlead.spi.connector import Connector
from fairlead.testing import promises

GUIDE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")


def test_the_example_with_the_fake_runs_as_written() -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    [example] = [b for b in blocks if "FakeCrm(" in b]
    assert example.count("assert ") == 2
    exec(compile(example, "docs/connectors.md", "exec"), {})


def test_every_call_of_the_protocol_is_in_the_table() -> None:
    calls = {n for n, v in vars(Connector).items() if callable(v) and not n.startswith("_")}
    listed = set(re.findall(r"^\| `(\w+)\(", GUIDE, re.MULTILINE))
    assert listed == calls


def test_every_file_of_promises_is_listed() -> None:
    there = {p.name for p in Path(promises.__path__[0]).glob("*.py")}
    listed = set(re.findall(r"^\| `(\w+\.py)` \|", GUIDE, re.MULTILINE))
    assert listed == there - {"__init__.py", "under_test.py"}
