"""Finds connectors by name: the entry-point group `fairlead.connectors`, nothing hard-wired.

Only the connector that is asked for is imported, so an org with one CRM never pays for the other's
client. Beside it stands the one way a connector's settings table becomes a model, because its
errors must name the key and never the value: a table may hold what should have been a file name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from fairlead.errors import ConfigError
from fairlead.spi.connector import ConnectorFactory

GROUP = "fairlead.connectors"

LONGEST_FILE_NAME = 4096


def known_connectors() -> tuple[str, ...]:
    """The names of all installed connectors, sorted. Imports none of them."""
    return tuple(sorted(_entries()))


def load_factory(name: str) -> ConnectorFactory:
    """The factory of the connector with this name; imports that connector and no other.

    Raises ConfigError when no installed connector has the name (listing those that are), or when
    it cannot be imported.
    """
    entry = _entries().get(name)
    if entry is None:
        known = ", ".join(known_connectors()) or "none"
        raise ConfigError(
            f"no connector is called {name!r}{did_you_mean(name, known_connectors())}"
            f" (installed: {known})"
        )
    try:
        factory = entry.load()
    except (ImportError, AttributeError) as e:
        raise ConfigError(
            f"connector {name!r} cannot be loaded from {entry.value}: {e}; reinstall it"
        ) from e
    if getattr(factory, "name", None) != name:
        raise ConfigError(
            f"connector {name!r}: {entry.value} calls itself {getattr(factory, 'name', None)!r};"
            " its entry point and its factory must agree"
        )
    return cast(ConnectorFactory, factory)


def read_table(
    factory: ConnectorFactory,
    table: Mapping[str, Any],
    *,
    where: Callable[..., str] = lambda *path: ".".join(path),
) -> BaseModel:
    """A connector's raw settings table as an instance of its own `settings_model`.

    Unknown keys are errors whatever the model says, and a `*_file` key that holds a secret instead
    of a file name is refused. `where` says where a key was written ("fairlead.toml:12: [hubspot]
    token_file"). Raises ConfigError naming key and remedy of every fault, and no value.
    """
    model = factory.settings_model
    faults = [
        f"{where(k)}: unknown key{did_you_mean(k, model.model_fields)}"
        for k in table
        if k not in _names(model)
    ]
    faults += [
        f"{where(k)}: holds a secret; put the secret into a file and name the file here"
        for k, v in table.items()
        if k.endswith("_file") and isinstance(v, str) and _is_no_file_name(v)
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    try:
        return model.model_validate(dict(table))
    except ValidationError as e:
        raise explain(e, model, where) from None


def explain(
    error: ValidationError, model: type[BaseModel], where: Callable[..., str]
) -> ConfigError:
    """A validation error in our words: one line for each fault, with key and remedy, no values.

    `where` takes the path of a key, part by part.
    """
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        key, *below = [str(part) for part in fault["loc"]] or [""]
        place = where(key, *below)
        match fault["type"]:
            case "extra_forbidden":
                near = "" if below else did_you_mean(key, model.model_fields)
                lines.append(f"{place}: unknown key{near}")
            case "missing":
                lines.append(f"{place}: is missing; add it")
            case "union_tag_invalid" | "union_tag_not_found":
                about = fault["ctx"]
                place = where(key, *below, about["discriminator"].strip("'"))
                known = about.get("expected_tags")
                lines.append(
                    f"{place}: " + (f"must be one of {known}" if known else "is missing; add it")
                )
            case _:
                text = fault["msg"].removeprefix("Value error, ")
                lines.append(f"{place}: {text[:1].lower()}{text[1:]}")
    return ConfigError("\n".join(lines))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _entries() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise ConfigError(
                f"two packages provide connector {entry.name!r}: {other.value} and {entry.value};"
                " uninstall one"
            )
    return found


def _names(model: type[BaseModel]) -> set[str]:
    return {n for name, field in model.model_fields.items() for n in (name, field.alias) if n}


def _is_no_file_name(text: str) -> bool:
    return (
        "\n" in text
        or "-----BEGIN" in text
        or text.startswith(("pat-", "Bearer "))
        or len(text) > LONGEST_FILE_NAME
    )
