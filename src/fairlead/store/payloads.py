"""Effects as texts: how the outbox keeps them, and under which kind.

Read and written by `outbox`, `shadow` and whoever shows an intended write.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from fairlead.core.effects import Effect, SetField, SetMember, SetOwner, SetScore, UpsertTask
from fairlead.core.types import Ref


class EffectKind(StrEnum):
    SET_OWNER = "set_owner"
    UPSERT_TASK = "upsert_task"
    RESTORE_OWNER = "restore_owner"
    """A SetOwner that puts back what a person chose while our write was on its way."""
    SET_SCORE = "set_score"
    SET_FIELD = "set_field"
    SET_MEMBER = "set_member"


_as_text = json.JSONEncoder(sort_keys=True).encode


def dump(effect: Effect) -> str:
    """An effect as text, for the store."""
    values: dict[str, Any] = {f: getattr(effect, f) for f in _FIELDS[type(effect)]}
    values["ref"] = str(effect.ref)
    if isinstance(effect, UpsertTask):
        values["due_at"] = effect.due_at.isoformat()
        if not effect.role:
            del values["role"]
    return _as_text(values)


def task_from(text: str) -> UpsertTask:
    """A task that `dump` wrote."""
    values = json.loads(text)
    values["ref"] = Ref.parse(values["ref"])
    values["due_at"] = datetime.fromisoformat(values["due_at"])
    return UpsertTask(**values)


_KINDS: dict[type[Effect], EffectKind] = {
    SetOwner: EffectKind.SET_OWNER,
    UpsertTask: EffectKind.UPSERT_TASK,
    SetScore: EffectKind.SET_SCORE,
    SetField: EffectKind.SET_FIELD,
    SetMember: EffectKind.SET_MEMBER,
}
_TYPES: dict[EffectKind, type[Effect]] = {
    **{kind: effect for effect, kind in _KINDS.items()},
    EffectKind.RESTORE_OWNER: SetOwner,
}
_FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in _KINDS}


def kind_of(effect: Effect) -> EffectKind:
    """The kind under which an effect is kept unless its writer says another."""
    return _KINDS[type(effect)]


@lru_cache(maxsize=4_096)
def load(kind: EffectKind, payload: str) -> Effect:
    """An effect that `dump` wrote. Kept: a row is read several times on its way to the CRM."""
    if kind is EffectKind.UPSERT_TASK:
        return task_from(payload)
    values = json.loads(payload)
    values["ref"] = Ref.parse(values["ref"])
    return _TYPES[kind](**values)
