"""The registry: connectors by entry point, importing only the one that is configured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from settings.fake_connectors import install

from fairlead.errors import ConfigError
from fairlead.spi.registry import known_connectors, load_factory


def test_the_product_brings_both_crms() -> None:
    assert {"hubspot", "salesforce"} <= set(known_connectors())


def test_only_the_asked_connector_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "alpha", "beta")
    assert load_factory("alpha").name == "alpha"
    loaded = {m.split("_")[1] for m in sys.modules if m.startswith("fake_") and m.count("_") > 1}
    assert "alpha" in loaded
    assert not any(m.startswith(f"fake_beta_{tmp_path.name}") for m in sys.modules)


def test_an_unknown_name_lists_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "acmecrm")
    with pytest.raises(ConfigError) as caught:
        load_factory("acmcrm")
    assert "no connector is called 'acmcrm'; did you mean 'acmecrm'?" in str(caught.value)
    assert "acmecrm" in str(caught.value).split("installed: ")[1]


def test_a_connector_that_cannot_be_imported_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "broken", source="import fairlead_missing_part\n")
    with pytest.raises(ConfigError, match="connector 'broken' cannot be loaded"):
        load_factory("broken")


def test_a_factory_of_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "mine", source="class F: name = 'other'\nFACTORY = F()\n")
    with pytest.raises(ConfigError, match="calls itself 'other'"):
        load_factory("mine")


def test_two_packages_may_not_provide_one_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        install(folder, monkeypatch, "twice")
    with pytest.raises(ConfigError, match="two packages provide connector 'twice'"):
        load_factory("twice")
