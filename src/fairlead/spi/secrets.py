"""Secrets are read from files, once, and only from files that others cannot read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fairlead.errors import ConfigError


def read_secret(path: Path, what: str) -> str:
    """The stripped text of a secret file.

    Relative names are looked up in systemd's credentials directory first, so that
    `LoadCredential=` works without naming its path. Raises ConfigError, naming the file and the
    remedy, when it is missing, empty, or readable by others.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and not path.is_absolute() and (Path(credentials) / path).exists():
        path = Path(credentials) / path
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as e:
        raise ConfigError(f"{what}: cannot read {path}: {e.strerror}") from e
    if stat.S_IMODE(mode) & 0o007:
        raise ConfigError(f"{what}: {path} is readable by everybody; run: chmod 600 {path}")
    if not text:
        raise ConfigError(f"{what}: {path} is empty")
    return text
