"""Every policy that was used, by its hash: when, how often, its texts, and how two differ.

Beside `commands`; only reads. What is kept is the exact text of every file, tables and roster too.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from fairlead.errors import ConfigError
from fairlead.store import decisions, history, shadow
from fairlead.store.db import Db


def policy_history(db: Db) -> list[dict[str, Any]]:
    """All versions, the first used first."""
    beside = shadow.leads_by_shadow(db)
    return [
        {
            "hash": v.hash,
            "files": list(v.files),
            "first_used_at": v.first_used_at.isoformat(),
            "last_used_at": None if v.last_used_at is None else v.last_used_at.isoformat(),
            "decisions": v.decisions,
            "shadow_leads": beside.get(v.hash),
        }
        for v in history.policy_versions(db)
    ]


def policy_texts(db: Db, hash: str) -> dict[str, Any]:
    """A version's files with their texts; `hash` may be its beginning. Raises ConfigError."""
    found = _version(db, hash)
    files, main = decisions.get_policy(db, found)
    return {"hash": found, "main": main, "files": dict(files)}


def policy_diff(db: Db, old: str, new: str) -> dict[str, Any]:
    """What differs between two versions, as one unified diff. Raises ConfigError."""
    before, after = policy_texts(db, old), policy_texts(db, new)
    lines: list[str] = []
    beside = {*before["files"], *after["files"]} - {before["main"], after["main"]}
    pairs = [(before["main"], after["main"]), *((name, name) for name in sorted(beside))]
    for then, name in pairs:
        was, now = _lines(before["files"], then), _lines(after["files"], name)
        lines += difflib.unified_diff(
            was, now, f"{before['hash'][:12]}/{then}", f"{after['hash'][:12]}/{name}"
        )
    text = "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)
    return {"old": before["hash"], "new": after["hash"], "diff": text}


def _lines(files: Mapping[str, str], name: str) -> list[str]:
    return files.get(name, "").splitlines(keepends=True)


def _version(db: Db, text: str) -> str:
    wanted = text.strip().lower()
    found = [v.hash for v in history.policy_versions(db) if v.hash.startswith(wanted)]
    if not wanted or not found:
        raise ConfigError(f"no policy {text!r} was ever used; see fairlead policy history")
    if len(found) > 1:
        raise ConfigError(f"{len(found)} policies begin with {text!r}; give more of the hash")
    return found[0]
