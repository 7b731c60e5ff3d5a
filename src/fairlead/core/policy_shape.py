"""From the tree of a policy file to its models: every error of shape in the admin's words.

What is broken is reported and cut out of the tree, so that the checks after this one see all the
rest, and the places of paths stay right.
"""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fairlead.core.carets import nearest
from fairlead.core.policy_document import Document, Path
from fairlead.core.policy_models import REQUIRED, PolicyShape
from fairlead.core.policy_yaml import Mapping, Node, Scalar, Sequence, child_of, data_of

_WANTED = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def shape_of(document: Document) -> PolicyShape:
    """The policy's models without the parts that are broken."""
    for key in REQUIRED:
        if key not in document.root.entries and key not in document.root.lost:
            document.report((), f"missing key {key!r}", key=True)
    _cut_empty(document, document.root, ())
    try:
        return PolicyShape.model_validate(data_of(document.root))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    for found in errors:
        _report(document, found)
    return _without(document, errors)


def _without(document: Document, errors: list[ErrorDetails]) -> PolicyShape:
    """Cut until the rest is sound; what the cutting itself breaks is no mistake of the admin."""
    while True:
        _cut(document, [tuple(found["loc"]) for found in errors])
        try:
            return PolicyShape.model_validate(data_of(document.root))
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)


def _cut_empty(document: Document, node: Node, path: Path) -> None:
    """Report keys without a value, which would otherwise be ignored; a bare rep is complete."""
    if isinstance(node, Mapping):
        for key, (_, value) in list(node.entries.items()):
            _cut_empty(document, value, (*path, key))
            if isinstance(value, Scalar) and value.value is None and path != ("reps",):
                message = f"nothing after {key!r}; give a value or remove the key"
                document.report((*path, key), message, key=True)
                del node.entries[key]
                node.lost.add(key)
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            _cut_empty(document, item, (*path, index))


def _report(document: Document, error: ErrorDetails) -> None:
    path, kind = tuple(error["loc"]), error["type"]
    if kind == "extra_forbidden":
        document.unknown_key(path, str(path[-1]), _keys_at(path[:-1]))
    elif kind == "missing":
        document.report(path[:-1], f"missing key {path[-1]!r}", key=True)
    elif path and path[-1] == "[key]":
        allowed = "no dots" if path[0] == "teams" else "letters, digits and _, a letter first"
        message = f"{path[-2]!r} cannot be a name here: {allowed}"
        document.report(path[:-1], message, key=True)
    else:
        _, node = document.node(path)
        document.report(path, *_message(error, node))


def _message(error: ErrorDetails, node: Node) -> tuple[str, str | None]:
    kind = error["type"]
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {_found(node)}", None
    if kind == "literal_error":
        expected = str(error["ctx"]["expected"])
        word = str(node.value) if isinstance(node, Scalar) else ""
        guess = nearest(word, re.findall(r"'([^']*)'", expected))
        return f"expected {expected.lower()}, found {_found(node)}", guess
    if kind == "string_too_short":
        return "this text is empty", None
    return error["msg"], None


def _found(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    value = node.value if isinstance(node, Scalar) else None
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return f"text {value[:60]!r}" if isinstance(value, str) else f"number {value}"


def _keys_at(path: tuple[Any, ...]) -> frozenset[str]:
    """The keys that the mapping at this path may have."""
    model: type[BaseModel] = PolicyShape
    for step in path:
        field = model.model_fields.get(str(step))
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for a in get_args(annotation) if (found := _model_in(a))), None)


def _cut(document: Document, paths: list[tuple[Any, ...]]) -> None:
    """Take the broken parts out; a missing key breaks what should have had it."""
    doomed: list[tuple[Node, str | int, Node]] = []
    for path in paths:
        node: Node = document.root
        found: list[tuple[Node, str | int, Node]] = []
        for step in path:
            below = child_of(node, step)
            if below is None:
                break
            found.append((node, step, below))
            node = below
        doomed.extend(found[-1:])
    for parent, step, child in doomed:
        if isinstance(parent, Mapping):
            parent.entries.pop(str(step), None)
            parent.lost.add(str(step))
        else:
            assert isinstance(parent, Sequence)
            parent.items[:] = [item for item in parent.items if item is not child]
            parent.lost.add("")
