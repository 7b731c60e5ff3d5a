"""docs/capabilities.md is complete and true: each line has its key or command, and its proof."""

from __future__ import annotations

import re

import pytest
from docs.pages import DOCS, ROOT, anchors, text_of
from scenarios.story import TOPICS

PAGE = text_of("docs/capabilities.md")
SCENARIOS = ("scenarios", *TOPICS)
ROWS = [
    [cell.strip() for cell in row.strip("|").split(" | ")]
    for row in re.findall(r"(?m)^\|.*\|$", PAGE)
    if not row.startswith(("| fairlead can do |", "|---"))
]
PROOFS = [
    (what, *proof)
    for what, _, cell in ROWS
    for proof in re.findall(r"\[`(\w[\w-]*)`\]\((\S+?)\)", cell)
]
SAID = [
    (what, *said) for what, cell, _ in ROWS for said in re.findall(r"\[(.+?)\]\((\S+?)\)", cell)
]


def section(page: str, anchor: str) -> str:
    """What stands under the heading that a link leads to, up to the next one of its kind."""
    for part in re.split(r"(?m)^(?=#+ )", (DOCS / page).read_text(encoding="utf-8")):
        if anchor in anchors(part.partition("\n")[0]):
            return part
    raise AssertionError(f"{page} has no #{anchor}")


def test_each_line_says_how_and_has_a_proof() -> None:
    assert len(ROWS) > 70
    assert {what for what, *_ in ROWS} == {what for what, *_ in PROOFS} == {w for w, *_ in SAID}
    assert len({what for what, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("what", "name", "target"), PROOFS)
def test_the_proof_exists(what: str, name: str, target: str) -> None:
    path = (DOCS / target).resolve()
    assert path.is_relative_to(ROOT), what
    if path.suffix == ".py":
        assert re.search(rf"(?m)^def {name}\(", path.read_text(encoding="utf-8")), what
        assert name.startswith("test_")
    else:
        assert path in [ROOT / "fixtures" / kind / f"{name}.yaml" for kind in SCENARIOS]
        assert path.is_file(), what


def test_every_scenario_is_on_the_page() -> None:
    files = {p.stem for kind in SCENARIOS for p in (ROOT / "fixtures" / kind).glob("*.yaml")}
    assert files == {name for _, name, target in PROOFS if target.endswith(".yaml")}


@pytest.mark.parametrize(("what", "said", "target"), SAID)
def test_the_key_or_command_is_described_where_the_link_leads(
    what: str, said: str, target: str
) -> None:
    page, _, anchor = target.partition("#")
    there = section(page, anchor)
    word = re.match(r"`([\w :-]+)`$", said)
    assert word is None or word[1] in there, what
