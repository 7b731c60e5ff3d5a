"""Every page holds together: links resolve, blocks parse, and nothing in it is of one machine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from docs.pages import ROOT, Block, all_blocks, anchors, name_of, pages, prose

from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.core.policy_problem import SourceText
from fairlead.core.policy_yaml import read_yaml
from fairlead.settings import load_settings

BLOCKS = all_blocks()
LANGUAGES = {
    "", "condition", "console", "csv", "ini", "json", "python", "sh", "toml", "xml", "yaml",
}  # fmt: skip
VENDORS = (
    "github.com", "keepachangelog.com", "semver.org",
    "hubapi.com", "salesforce.com", "force.com", "soap.sforce.com", "w3.org",
)  # fmt: skip


def links() -> list[tuple[Path, str]]:
    found = []
    for page in pages():
        text = prose(page.read_text(encoding="utf-8"))
        found += [(page, target) for target in re.findall(r"(?<!!)\]\(([^)\s]+)\)", text)]
    return found


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda x: str(x).rpartition("/")[2])
def test_every_link_leads_somewhere(page: Path, target: str) -> None:
    if target.startswith("https://"):
        return
    path, _, anchor = target.partition("#")
    linked = (page.parent / path).resolve() if path else page
    assert linked.is_relative_to(ROOT), f"{name_of(page)}: {target} leaves the repository"
    assert linked.exists(), f"{name_of(page)}: {target}"
    assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    todo, seen = [ROOT / "README.md"], set()
    graph: dict[Path, list[Path]] = {}
    for page, target in links():
        if target.partition("#")[0].endswith(".md") and "://" not in target:
            graph.setdefault(page, []).append((page.parent / target.partition("#")[0]).resolve())
    while todo:
        page = todo.pop()
        if page not in seen:
            seen.add(page)
            todo += graph.get(page, [])
    lost = {p for p in pages() if p.is_relative_to(ROOT / "docs")} - seen
    assert lost == set()


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_is_of_a_known_kind_and_closed(block: Block) -> None:
    assert block.kind in LANGUAGES, f"{block}: {block.kind!r}"
    assert "```" not in block.text


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_fences_come_in_pairs(page: Path) -> None:
    assert len(re.findall(r"(?m)^```", page.read_text(encoding="utf-8"))) % 2 == 0


@pytest.mark.parametrize(
    "block",
    [
        b
        for b in BLOCKS
        if b.kind in ("json", "toml", "xml", "yaml", "python") and b.name != "complete"
    ],
    ids=str,
)
def test_every_block_of_data_parses(block: Block) -> None:
    """Parts of the complete policy are read as one file, in test_docs_complete."""
    match block.kind:
        case "json":
            json.loads(block.text)
        case "toml":
            tomllib.loads(block.text)
        case "xml":
            ElementTree.fromstring(block.text.encode())
        case "python":
            compile(block.text, str(block), "exec")
        case _:
            assert isinstance(yaml.safe_load(block.text), dict)
            assert read_yaml(SourceText(str(block), block.text))[1] == ()


def test_every_whole_policy_loads() -> None:
    whole = [b for b in BLOCKS if b.kind == "yaml" and b.text.startswith("version: 1\n")]
    assert whole
    for block in whole:
        assert not referenced_files(block.text), f"{block} needs files that nobody sees"
        load_policy({"policy.yaml": block.text}, "policy.yaml")


SETTINGS = [
    b for b in BLOCKS if b.kind == "toml" and re.search(r"(?m)^\[(salesforce|hubspot)\]", b.text)
]


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_every_settings_file_is_one_that_loads(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = tmp_path / "fairlead.toml"
    file.write_text(block.text, encoding="utf-8")
    settings = load_settings(file)
    assert settings.connectors
    for name in settings.connectors:
        settings.connector(name)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_no_path_of_somebody_s_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(/(home|Users|root)/|[A-Z]:\\|/t[m]p/\w)", text)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_hosts_and_addresses_are_examples_or_the_vendors(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for host in re.findall(r"https?://([\w.-]+)", text):
        known = host in VENDORS or host.endswith(tuple(f".{v}" for v in VENDORS))
        assert known or host.endswith((".example", ".test")) or host == "127.0.0.1", host
    for domain in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", prose(text)):
        assert domain == "example.com" or domain.endswith((".example", ".test")), domain


def test_the_people_of_the_examples_stay_in_the_examples() -> None:
    names = {
        n.capitalize() for b in BLOCKS for n in re.findall(r"\b([a-z]+)@example\.com", b.text)
    } - {"Admin"}
    assert len(names) >= 3
    for page in pages():
        words = re.findall(
            r"\b[A-Z][a-z]+\b", re.sub(r"`[^`]*`", "", prose(page.read_text("utf-8")))
        )
        assert not names & set(words), name_of(page)
