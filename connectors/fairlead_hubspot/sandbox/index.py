"""The search index: a second store that trails the live one and is all that filters ever see.

Each change is indexed a drawn lag later, in order for one record. Archiving shows at once.
A sorted list by modified date keeps the usual poll (modified since X) cheap on big portals.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Doc:
    """One record as the index knows it."""

    id: int
    modified_ms: int
    created_ms: int
    values: Mapping[str, str]
    links: Mapping[str, frozenset[str]]


@dataclass(slots=True)
class Index:
    """The index of one object type."""

    docs: dict[int, Doc] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)
    _by_modified: list[tuple[int, int]] = field(default_factory=list)

    def put(self, doc: Doc) -> None:
        self.drop(doc.id)
        self.docs[doc.id] = doc
        insort(self._by_modified, (doc.modified_ms, doc.id))

    def drop(self, id: int) -> None:
        if (old := self.docs.pop(id, None)) is not None:
            at = bisect_left(self._by_modified, (old.modified_ms, id))
            del self._by_modified[at]

    def since(self, modified_ms: int) -> Iterator[Doc]:
        """Documents modified at or after an instant, oldest first."""
        at = bisect_left(self._by_modified, (modified_ms, 0))
        return (self.docs[id] for _, id in self._by_modified[at:])

    def not_before(self, id: int, at: datetime) -> datetime:
        """When the next change of a record may show: never before an earlier change of it."""
        self.due[id] = max(at, self.due.get(id, at))
        return self.due[id]
