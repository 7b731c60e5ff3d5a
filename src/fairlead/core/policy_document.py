"""The policy file while it is being read: its tree, the places in it, the problems so far."""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.core.carets import nearest
from fairlead.core.condition_lexer import ConditionError
from fairlead.core.policy import Place
from fairlead.core.policy_problem import PolicyProblem, SourceText
from fairlead.core.policy_yaml import Mapping, Node, Scalar, child_of, place_in_scalar

Path = tuple[str | int, ...]


class Document:
    """One YAML file and all that was found wrong, in it or in the files it names.

    Paths are steps from the root: keys and list indices.
    """

    def __init__(
        self, source: SourceText, root: Mapping, problems: Iterable[PolicyProblem]
    ) -> None:
        self.source = source
        self.root = root
        self.problems = list(problems)
        # Taken before broken parts are cut out, so that one mistake is not reported as many.
        self._names = {
            section: frozenset(value.entries)
            for section, (_, value) in root.entries.items()
            if isinstance(value, Mapping)
        }

    def names(self, section: str) -> frozenset[str]:
        """The keys the admin wrote in a section, also those whose content is broken."""
        return self._names.get(section, frozenset())

    def lost(self, path: Path) -> bool:
        """Whether the value at a path, or something directly in it, was cut out as broken."""
        _, parent = self.node(path[:-1])
        below = child_of(parent, path[-1])
        return str(path[-1]) in parent.lost if below is None else bool(below.lost)

    def node(self, path: Path) -> tuple[Node, Node]:
        """The key (or the item itself) and the value at a path, as far as it leads."""
        key: Node = Scalar(0, 0, None, None)
        value: Node = self.root
        for step in path:
            below = child_of(value, step)
            if below is None:
                break
            key = value.entries[str(step)][0] if isinstance(value, Mapping) else below
            value = below
        return key, value

    def place(self, path: Path) -> Place:
        """Where the key (or the list item) at a path stands."""
        return self.source.place(self.node(path)[0].start)

    def report(
        self, path: Path, message: str, suggestion: str | None = None, *, key: bool = False
    ) -> None:
        """Note a problem with the value at a path, or with its key."""
        found = self.node(path)[0 if key else 1]
        self.problems.append(self.source.problem(found.start, found.end, message, suggestion))

    def unknown_key(self, path: Path, key: str, known: Iterable[str]) -> None:
        """Note a key that nothing reads."""
        names = sorted(known)
        guess = nearest(key, names)
        listed = "" if guess else f"; known here: {', '.join(names)}"
        self.report(path, f"unknown key {key!r}{listed}", guess, key=True)

    def unknown(
        self, path: Path, what: str, word: str, known: Iterable[str], guess: str | None = None
    ) -> None:
        """Note that the value at a path names something that does not exist."""
        names = sorted(known)
        guess = guess or nearest(word, names)
        listed = f"; known: {', '.join(names[:10])}" if names and guess is None else ""
        self.report(path, f"unknown {what} {word!r}{listed}", guess)

    def report_condition(self, path: Path, error: ConditionError) -> None:
        """Note a mistake inside a condition at its own place in the file."""
        node = self.node(path)[1]
        at = place_in_scalar(self.source, node, error.offset) if isinstance(node, Scalar) else None
        if at is None:
            found = self.source.problem(node.start, node.end, error.message, error.suggestion)
            found = PolicyProblem(found.place, found.message, found.suggestion, error.caret)
        else:
            end = at + error.length
            found = self.source.problem(at, end, error.message, error.suggestion)
        self.problems.append(found)
