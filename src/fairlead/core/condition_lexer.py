"""First step of a condition: text to tokens. Then condition_parser, condition_compiler.

Every mistake in any step is a `ConditionError` that knows its place; no other error leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from fairlead.core.carets import caret_lines
from fairlead.core.durations import parse_duration

MAX_TEXT = 20_000
MAX_NAME = 100
_MAX_DIGITS = 18


class ConditionError(ValueError):
    """A condition cannot be used: what is wrong, where (offset and length in its text), a remedy.

    `suggestion` is the text that was probably meant; `name` is the unknown name, when that is
    the mistake. `line` and `column` count from 1 within the condition's own text.
    """

    def __init__(
        self,
        message: str,
        text: str,
        offset: int,
        length: int = 1,
        *,
        suggestion: str | None = None,
        name: str | None = None,
    ) -> None:
        self.message = message
        self.offset = min(max(offset, 0), len(text))
        self.length = max(1, length)
        self.suggestion = suggestion
        self.name = name
        before = text[: self.offset]
        self.line = before.count("\n") + 1
        self.column = self.offset - (before.rfind("\n") + 1) + 1
        self.caret = caret_lines(text.split("\n")[self.line - 1], self.column, self.length)
        hint = f" (did you mean {suggestion!r}?)" if suggestion else ""
        super().__init__(f"col {self.column}: {message}{hint}\n{self.caret}")


class Kind(Enum):
    """What a token is. The value of a literal token is already the value it stands for."""

    NAME = auto()
    WORD = auto()
    SYMBOL = auto()
    TEXT = auto()
    NUMBER = auto()
    BOOL = auto()
    DATE = auto()
    INSTANT = auto()
    DURATION = auto()
    END = auto()


LiteralValue = str | int | float | bool | datetime | timedelta


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    value: LiteralValue
    start: int
    end: int


WORDS = frozenset({"and", "or", "not", "in", "contains", "matches", "is", "null"})
_CONSTANTS = {"true": True, "false": False}
RESERVED = WORDS | frozenset(_CONSTANTS)
"""Words of the language; no field or table may have one as its name."""

_SPACE = re.compile(r"[ \t\r\n]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]*(?:Z|[+-][0-9]{2}:[0-9]{2})?)?")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_GLUED = re.compile(r"[A-Za-z0-9_.]+")
_SYMBOL = re.compile(r"==(?!=)|!=|<=|>=|<(?!>)|>|\(|\)|\[|\]|,|:")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
# Longest first: the first that fits is the one meant.
_MISTAKES = {
    "===": "==",
    "=~": "matches",
    "&&": "and",
    "||": "or",
    "<>": "!=",
    "=": "==",
    "&": "and",
    "|": "or",
    "!": "not",
}
_QUOTES = "“”„‘’«»`"


def tokens_of(text: str) -> list[Token]:
    """Cut a condition into tokens, ending with END; raises ConditionError at the first mistake."""
    if len(text) > MAX_TEXT:
        raise ConditionError(
            f"the condition is longer than {MAX_TEXT} characters; put long lists into a table",
            text,
            MAX_TEXT,
        )
    found: list[Token] = []
    at = 0
    while at < len(text):
        space = _SPACE.match(text, at)
        if space:
            at = space.end()
            continue
        token = _token(text, at)
        found.append(token)
        at = token.end
    found.append(Token(Kind.END, "", len(text), len(text)))
    return found


def _token(text: str, at: int) -> Token:
    char = text[at]
    if char in "\"'":
        return _text_literal(text, at)
    if char.isascii() and (char.isdigit() or (char == "-" and text[at + 1 : at + 2].isdigit())):
        return _number_or_date(text, at)
    name = _NAME.match(text, at)
    if name:
        return _word(text, name[0], at)
    symbol = _SYMBOL.match(text, at)
    if symbol:
        return Token(Kind.SYMBOL, symbol[0], at, symbol.end())
    for wrong, right in _MISTAKES.items():
        if text.startswith(wrong, at):
            message = f"{wrong!r} is not an operator here"
            raise ConditionError(message, text, at, len(wrong), suggestion=right)
    if char in _QUOTES:
        raise ConditionError("text needs straight quotes", text, at, suggestion='"')
    raise ConditionError(f"unexpected character {char!r}", text, at)


def _word(text: str, word: str, at: int) -> Token:
    end = at + len(word)
    if len(word) > MAX_NAME:
        raise ConditionError("this name is too long", text, at, len(word))
    if word in WORDS:
        return Token(Kind.WORD, word, at, end)
    if word in _CONSTANTS:
        return Token(Kind.BOOL, _CONSTANTS[word], at, end)
    return Token(Kind.NAME, word, at, end)


def _text_literal(text: str, at: int) -> Token:
    quote, pos = text[at], at + 1
    out: list[str] = []
    while pos < len(text):
        char = text[pos]
        if char == quote:
            return Token(Kind.TEXT, "".join(out), at, pos + 1)
        if char == "\\":
            following = text[pos + 1 : pos + 2]
            if following not in _ESCAPES:
                raise ConditionError(
                    f"unknown escape \\{following}; a backslash itself is written twice",
                    text,
                    pos,
                    2,
                    suggestion=f"\\\\{following}",
                )
            out.append(_ESCAPES[following])
            pos += 2
            continue
        out.append(char)
        pos += 1
    raise ConditionError("this text has no closing quote", text, at, len(text) - at)


def _number_or_date(text: str, at: int) -> Token:
    date = _DATE.match(text, at)
    if date:
        return _date_literal(text, date[0], at)
    number = _NUMBER.match(text, at)
    assert number is not None, "the caller saw a digit"
    end, digits = number.end(), number[0]
    glued = _GLUED.match(text, end)
    if glued:
        word = text[at : glued.end()]
        try:
            return Token(Kind.DURATION, parse_duration(word), at, glued.end())
        except ValueError as error:
            message = f"{word[:40]!r} is neither a number nor a duration; {error}"
            raise ConditionError(message, text, at, len(word)) from None
    if len(digits) > _MAX_DIGITS:
        raise ConditionError("this number has too many digits", text, at, len(digits))
    if re.match(r"-?0[0-9]", digits):
        # Also catches [1,000], which would otherwise be read as the two numbers 1 and 0.
        message = "a number neither begins with 0 nor has thousands separators; quote it as text"
        raise ConditionError(message, text, at, len(digits))
    value: int | float = float(digits) if "." in digits else int(digits)
    return Token(Kind.NUMBER, value, at, end)


def _date_literal(text: str, word: str, at: int) -> Token:
    end = at + len(word)
    if text[end : end + 1].isalnum():
        raise ConditionError("this date goes on too long", text, at, len(word) + 1)
    try:
        when = datetime.fromisoformat(word)
    except ValueError:
        message = "no such date; write 2026-12-28 or 2026-12-28T09:00:00Z"
        raise ConditionError(message, text, at, len(word)) from None
    if "T" not in word:
        return Token(Kind.DATE, when.replace(tzinfo=UTC), at, end)
    if when.tzinfo is None:
        message = "an instant needs its zone: Z for UTC, or +01:00"
        raise ConditionError(message, text, at, len(word), suggestion=f"{word}Z")
    try:
        return Token(Kind.INSTANT, when.astimezone(UTC), at, end)
    except OverflowError:
        raise ConditionError("this instant is out of range", text, at, len(word)) from None
