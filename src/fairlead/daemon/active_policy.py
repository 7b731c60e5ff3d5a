"""Read a policy and the files it names from disk; the text goes to the pure reader in core."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairlead.core.policy import Policy
from fairlead.core.policy_file import load_policy, referenced_files
from fairlead.errors import ConfigError
from fairlead.spi.connector import Wanted

MAX_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """A policy with the exact texts it was made from, so that it can be kept and read again."""

    policy: Policy
    files: dict[str, str]
    main: str


def read_policy(path: Path) -> ActivePolicy:
    """Load and check a policy file; raises ConfigError (PolicyError with every place) if wrong.

    Files it names (CSV tables, the roster) are looked up beside it and may not lie elsewhere.
    """
    main = path.name
    files = {main: _text(path)}
    for name in referenced_files(files[main]):
        target = (path.parent / name).resolve()
        if not target.is_relative_to(path.parent.resolve()):
            raise ConfigError(f"{path}: {name} lies outside the policy's folder")
        if target.is_file():
            files[name] = _text(target)
    return ActivePolicy(load_policy(files, main), files, main)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"cannot read the policy {path}: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path} is not UTF-8 text (byte {e.start})") from e


def wanted(policy: Policy, crm: str) -> Wanted:
    """What the policy asks of a connector: its lead object and its custom fields."""
    source = policy.source_of(crm)
    fields = tuple(
        dict.fromkeys(spec.sources[crm] for spec in policy.fields.values() if crm in spec.sources)
    )
    return Wanted(source.object if source else None, fields)
