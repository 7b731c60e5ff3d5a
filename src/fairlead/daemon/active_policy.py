"""Read a policy and the files it names from disk; the text goes to the pure reader in core."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from fairlead.core.policy import Policy
from fairlead.core.policy_file import PolicyError, load_policy, referenced_files
from fairlead.core.policy_problem import SourceText
from fairlead.core.signals import groups_of
from fairlead.errors import ConfigError
from fairlead.spi.connector import Wanted

MAX_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """A policy with the exact texts it was made from, so that it can be kept and read again."""

    policy: Policy
    files: dict[str, str]
    main: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What stands in a policy's files: those that are there, and all names the policy names."""

    files: dict[str, str]
    main: str
    named: tuple[str, ...]


def read_policy(path: Path) -> ActivePolicy:
    """Load and check a policy file; raises ConfigError (PolicyError with every place) if wrong.

    Files it names (CSV tables, the roster) are looked up beside it and may not lie elsewhere.
    """
    return load(read_texts(path))


def read_texts(path: Path) -> Texts:
    """The texts alone; raises ConfigError when one cannot be read as text."""
    files = {path.name: _text(path, path.name)}
    named = referenced_files(files[path.name])
    for name in named:
        target = (path.parent / name).resolve()
        if not target.is_relative_to(path.parent.resolve()):
            raise ConfigError(f"{path}: {name} lies outside the policy's folder")
        if target.is_file():
            files[name] = _text(target, name)
    return Texts(files, path.name, named)


def load(texts: Texts) -> ActivePolicy:
    """The policy that these texts make; raises PolicyError with every place."""
    return ActivePolicy(load_policy(texts.files, texts.main), texts.files, texts.main)


def _text(path: Path, name: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes")
        content = path.read_bytes()
    except OSError as e:
        raise ConfigError(f"cannot read the policy {path}: {e.strerror}") from e
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as e:
        good = len(content[: e.start].decode("utf-8"))
        source = SourceText(name, content.decode("utf-8", "replace"))
        message = f"this is not UTF-8 text (byte {e.start}); save the file as UTF-8"
        raise PolicyError([source.problem(good, good + 1, message)]) from e


def wanted(policy: Policy, crm: str) -> Wanted:
    """What the policy asks of a connector: its lead object, custom fields, fields to write,
    campaigns or lists to read."""
    source = policy.source_of(crm)
    fields = tuple(
        dict.fromkeys(spec.sources[crm] for spec in policy.fields.values() if crm in spec.sources)
    )
    card = policy.scoring
    writes = [] if card is None else [f for c, f in card.write_to.items() if c == crm]
    tracks = () if policy.recycling is None else policy.recycling.tracks.values()
    texts: dict[str, tuple[str, ...]] = {}
    for track in tracks:
        for values in (track.set.get(crm, {}), track.set_back.get(crm, {})):
            for name, value in values.items():
                texts[name] = tuple(dict.fromkeys((*texts.get(name, ()), value)))
    groups = tuple(dict.fromkeys(t.join[crm] for t in tracks if crm in t.join))
    watched = groups_of(policy.signals, crm)
    return Wanted(
        source.object if source else None, fields, tuple(dict.fromkeys((*writes, *texts))), groups,
        watched, MappingProxyType(texts),
    )  # fmt: skip
