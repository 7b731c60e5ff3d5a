"""Second step of a condition: tokens to a tree, by recursive descent with a depth limit.

    or < and < not < comparison < value

Names and types are not looked at here; condition_compiler does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fairlead.core.carets import nearest
from fairlead.core.condition_lexer import (
    WORDS,
    ConditionError,
    Kind,
    LiteralValue,
    Token,
    tokens_of,
)

MAX_DEPTH = 50
MAX_ITEMS = 1_000

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
SIGNAL = "signal"
"""`signal("x")` is written for a test of the instant `signal.x`, and is that test from here on."""
_WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Name:
    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    start: int
    end: int
    kind: Kind
    value: LiteralValue


@dataclass(frozen=True, slots=True)
class ListOf:
    start: int
    end: int
    items: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Call:
    start: int
    end: int
    function: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    start: int
    end: int
    op: str
    op_start: int
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class IsNull:
    start: int
    end: int
    operand: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    start: int
    end: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or` over two or more parts."""

    start: int
    end: int
    op: str
    parts: tuple[Node, ...]


Node = Name | Literal | ListOf | Call | Compare | IsNull | Not | Logic

_LITERALS = frozenset(
    {Kind.TEXT, Kind.NUMBER, Kind.BOOL, Kind.DATE, Kind.INSTANT, Kind.DURATION},
)


def parse(text: str) -> Node:
    """Read a whole condition; raises ConditionError at the first mistake."""
    parser = _Parser(text, tokens_of(text))
    if parser.ended():
        raise ConditionError("the condition is empty", text, 0)
    tree = parser.either(0)
    if not parser.ended():
        raise parser.unexpected("'and', 'or' or the end")
    return tree


class _Parser:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self._tokens = tokens
        self._at = 0

    @property
    def now(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self.now
        self._at += 1
        return token

    def ended(self) -> bool:
        return self.now.kind is Kind.END

    def sees(self, *values: str) -> bool:
        return self.now.kind in (Kind.WORD, Kind.SYMBOL) and self.now.value in values

    def expect(self, value: str) -> Token:
        if not self.sees(value):
            raise self.unexpected(repr(value))
        return self.take()

    def error(self, message: str, token: Token, suggestion: str | None = None) -> ConditionError:
        length = token.end - token.start
        return ConditionError(message, self.text, token.start, length, suggestion=suggestion)

    def unexpected(self, wanted: str) -> ConditionError:
        token = self.now
        if token.kind is Kind.END:
            return self.error(f"the condition ends too early; expected {wanted}", token)
        word = self.text[token.start : token.end]
        guess = nearest(word, WORDS) if token.kind is Kind.NAME else None
        return self.error(f"expected {wanted}, found {word[:40]!r}", token, guess)

    def either(self, depth: int) -> Node:
        return self._chain("or", depth)

    def _chain(self, op: str, depth: int) -> Node:
        parts = [self._operand(op, depth)]
        while self.sees(op):
            self.take()
            parts.append(self._operand(op, depth))
        if len(parts) == 1:
            return parts[0]
        return Logic(parts[0].start, parts[-1].end, op, tuple(parts))

    def _operand(self, op: str, depth: int) -> Node:
        return self._chain("and", depth) if op == "or" else self._negation(depth)

    def _negation(self, depth: int) -> Node:
        if not self.sees("not"):
            return self._comparison(depth)
        word = self.take()
        operand = self._negation(self._deeper(depth, word))
        return Not(word.start, operand.end, operand)

    def _deeper(self, depth: int, token: Token) -> int:
        if depth >= MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels", token)
        return depth + 1

    def _comparison(self, depth: int) -> Node:
        left = self._value(depth)
        if self.sees("is"):
            return self._is_null(left)
        start = self.now
        op = self._operator()
        if op is None:
            return left
        right = self._list() if self.sees("[") else self._value(depth)
        if self.sees(*COMPARISONS):
            message = "comparisons do not chain; write a < b and b < c"
            raise self.error(message, self.now, "and")
        return Compare(left.start, right.end, op, start.start, left, right)

    def _operator(self) -> str | None:
        if self.sees(*COMPARISONS, "in", "contains", "matches"):
            return str(self.take().value)
        if self.sees("not"):
            self.take()
            if self.sees("contains", "matches"):
                word = self.now.value
                raise self.error(f"write not (… {word} …)", self.now)
            self.expect("in")
            return "not in"
        return None

    def _is_null(self, operand: Node) -> Node:
        self.take()
        negated = self.sees("not")
        if negated:
            self.take()
        end = self.expect("null")
        return IsNull(operand.start, end.end, operand, negated)

    def _value(self, depth: int) -> Node:
        token = self.now
        if token.kind in _LITERALS:
            self.take()
            return Literal(token.start, token.end, token.kind, token.value)
        if token.kind is Kind.NAME:
            self.take()
            if self.sees("("):
                return self._signal(token) if token.value == SIGNAL else self._call(token, depth)
            return Name(token.start, token.end, str(token.value))
        if self.sees("("):
            self.take()
            inner = self.either(self._deeper(depth, token))
            self.expect(")")
            return inner
        if self.sees("null"):
            raise self.error("null is not compared; write 'is null' or 'is not null'", token)
        if self.sees("["):
            raise self.error("a list stands only to the right of 'in' or 'not in'", token)
        raise self.unexpected("a field, a value or '('")

    def _call(self, name: Token, depth: int) -> Call:
        depth = self._deeper(depth, name)
        self.take()
        args: list[Node] = []
        while not self.sees(")"):
            if args:
                self.expect(",")
            args.append(self._value(depth))
        end = self.take()
        return Call(name.start, end.end, str(name.value), tuple(args))

    def _signal(self, word: Token) -> Node:
        """Whether a signal was seen at all, or `within` a time."""
        self.take()
        token = self.now
        if token.kind is not Kind.TEXT:
            quoted = f'"{token.value}"' if token.kind is Kind.NAME else None
            raise self.error("signal() takes the name of a signal in quotes", token, quoted)
        self.take()
        name = Name(token.start, token.end, f"{SIGNAL}.{token.value}")
        within: Literal | None = None
        if self.sees(","):
            self.take()
            within = self._within()
        end = self.expect(")").end
        if within is None:
            return IsNull(word.start, end, name, negated=True)
        age = Call(word.start, end, "age", (name,))
        return Compare(word.start, end, "<=", within.start, age, within)

    def _within(self) -> Literal:
        key = self.now
        if key.kind is not Kind.NAME or key.value != _WITHIN:
            shown = self.text[key.start : key.end]
            bare = key.kind is Kind.DURATION
            guess = f"{_WITHIN}: {shown}" if bare else nearest(shown, (_WITHIN,))
            raise self.error("signal() takes 'within:' and a time, such as 2d", key, guess)
        self.take()
        self.expect(":")
        token = self.now
        long = token.kind is Kind.DURATION and isinstance(token.value, timedelta)
        if not long or not token.value:
            raise self.error("'within:' is a time longer than 0s, such as 2d or 4h", token)
        self.take()
        return Literal(token.start, token.end, token.kind, token.value)

    def _list(self) -> ListOf:
        start = self.take()
        items: list[Literal] = []
        while not self.sees("]"):
            if items:
                self.expect(",")
                if self.sees("]"):
                    break
            token = self.now
            if token.kind not in _LITERALS:
                word = self.text[token.start : token.end]
                quoted = f'"{word}"' if token.kind is Kind.NAME else None
                raise self.error("a list holds constants only", token, quoted)
            if len(items) >= MAX_ITEMS:
                message = f"a list holds {MAX_ITEMS} values at most; use a table for more"
                raise self.error(message, token)
            self.take()
            items.append(Literal(token.start, token.end, token.kind, token.value))
        end = self.take()
        if not items:
            raise self.error("an empty list matches nothing", start)
        return ListOf(start.start, end.end, tuple(items))
