"""YAML 1.2, strict: text to nodes that know their place; every mistake is a PolicyProblem.

Stock PyYAML reads `country: NO` as False and keeps the last of two equal keys in silence. Here the
events of the C parser become our own nodes: only null, true/false, whole and decimal numbers
are not text; duplicate and non-text keys, anchors, aliases, tags and second documents are mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from fairlead.core.policy_problem import PolicyProblem, SourceText

MAX_TEXT = 2_000_000
MAX_DEPTH = 40

Data = bool | int | Decimal | str | list["Data"] | dict[str, "Data"] | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# A leading zero (an id, a postal code) is text, never an octal number.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
# Characters that editors do not show, or that YAML 1.1 and 1.2 read differently.
_HIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


@dataclass(slots=True)
class Node:
    """A scalar, list or mapping, with the characters it spans in its source.

    `lost` are the keys that were cut out because their values were broken; for a list "".
    """

    start: int
    end: int
    lost: set[str] = field(default_factory=set, kw_only=True)


@dataclass(slots=True)
class Scalar(Node):
    value: bool | int | Decimal | str | None
    quote: str | None


@dataclass(slots=True)
class Sequence(Node):
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping(Node):
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None


def data_of(node: Node) -> Data:
    """The plain values of a tree."""
    if isinstance(node, Mapping):
        return {key: data_of(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [data_of(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def child_of(node: Node, step: str | int) -> Node | None:
    """The value under a key or index, None when there is none."""
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def read_yaml(source: SourceText) -> tuple[Node | None, tuple[PolicyProblem, ...]]:
    """Read one document; the node is None when the text has no usable structure at all."""
    hidden = _HIDDEN.search(source.text)
    if hidden:
        at = hidden.start()
        name = f"U+{ord(hidden[0]):04X}"
        message = f"invisible character {name}; remove it or write it as an escape"
        return None, (source.problem(at, at + 1, message),)
    if len(source.text) > MAX_TEXT:
        message = f"the file is longer than {MAX_TEXT} characters; put data into CSV tables"
        return None, (source.problem(0, 1, message),)
    reader = _Reader(source)
    try:
        node = reader.document()
    except yaml.MarkedYAMLError as error:
        at = min(_index(error.problem_mark or error.context_mark), len(source.text))
        told = str(error.problem or error.context)
        if told.startswith("mapping values"):
            told = f"{told}; a text with ': ' in it needs quotes around it"
        if "expected ',' or" in told:
            told = f"{told}; between {{ }} or [ ] a text that holds any of , [ ] {{ }} needs quotes"
        reader.problem(at, at + 1, f"this is not YAML: {told}")
        node = None
    except _TooDeep as error:
        reader.problem(error.start, error.start + 1, f"nested deeper than {MAX_DEPTH} levels")
        node = None
    return node, tuple(reader.problems)


class _TooDeep(Exception):
    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Reader:
    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.problems: list[PolicyProblem] = []
        self._events: Iterator[yaml.Event] = iter(yaml.parse(source.text, Loader=yaml.CSafeLoader))

    def problem(self, start: int, end: int, message: str) -> None:
        self.problems.append(self.source.problem(start, end, message))

    def document(self) -> Node | None:
        node: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    at = _index(event.start_mark)
                    self.problem(at, at + 3, "a policy file is one document; remove this '---'")
                    return node
                if event.version or event.tags:
                    at = _index(event.start_mark)
                    self.problem(at, at + 1, "YAML directives are not used here; remove this line")
                node = self._node(next(self._events), 0)
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node | None:
        """One node with all below it; None for an alias, which is reported and left out."""
        start, end = _index(event.start_mark), _index(event.end_mark)
        if depth > MAX_DEPTH:
            raise _TooDeep(start)
        if isinstance(event, yaml.AliasEvent):
            self.problem(start, end, "aliases (*name) are not used here; write the value again")
            return None
        assert isinstance(event, yaml.NodeEvent)
        if event.anchor is not None:
            self.problem(start, start + 1, "anchors (&name) are not used here; remove it")
        if getattr(event, "tag", None) is not None:
            self.problem(start, start + 1, "tags (!name) are not used here; remove it")
        if isinstance(event, yaml.ScalarEvent):
            quote = event.style if event.style in ("'", '"', "|", ">") else None
            value = event.value if quote else _plain(event.value)
            return Scalar(start, end, value, quote)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(start, depth)
        return self._mapping(start, depth)

    def _sequence(self, start: int, depth: int) -> Sequence:
        node = Sequence(start, start)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            if item is None:
                node.lost.add("")
            else:
                node.items.append(item)
                node.end = item.end
        node.end = node.end if node.items else _index(event.end_mark)
        return node

    def _mapping(self, start: int, depth: int) -> Mapping:
        node = Mapping(start, start)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            node.end = key.end if key else node.end
            node.end = value.end if value else node.end
            if key is None:
                continue
            if not (isinstance(key, Scalar) and isinstance(key.value, str)):
                self.problem(key.start, key.end, "a key must be text; put it in quotes")
            elif key.value in node.entries:
                first = self.source.place(node.entries[key.value][0].start)
                message = f"duplicate key {key.value!r}; the first is in line {first.line}"
                self.problem(key.start, key.end, message)
            elif value is None:
                node.lost.add(key.value)
            else:
                node.entries[key.value] = (key, value)
        if not node.entries:
            node.end = max(node.end, _index(event.end_mark))
        return node


def _index(mark: Any) -> int:
    """The character a mark stands at; the stubs allow no mark, the C parser always has one."""
    return int(mark.index) if mark is not None else 0


def _plain(text: str) -> bool | int | Decimal | str | None:
    """The YAML 1.2 core types without octal, hexadecimal, exponents, infinities."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def place_in_scalar(source: SourceText, node: Scalar, offset: int) -> int | None:
    """Where the character at `offset` of a text scalar stands in the file.

    Walks value and source side by side, over quotes, folded line ends and indents; None where an
    escape such as \\u0041 makes the two differ.
    """
    text, at = source.text, node.start
    if node.quote in ("|", ">"):
        at = text.find("\n", at) + 1
    elif node.quote is not None:
        at += 1
    value = node.value if isinstance(node.value, str) else ""
    start = at
    for wanted in value[: offset + 1]:
        while at < node.end and text[at].isspace() and not wanted.isspace():
            at += 1
        start, shown = at, text[at : min(at + 1, node.end)]
        if (node.quote == "'" and shown == "'") or (node.quote == '"' and shown == "\\"):
            at += 1
            shown = text[at : at + 1]
        if shown != wanted and not (shown.isspace() and wanted.isspace()):
            return None
        at += 1
    return start if offset < len(value) else at
