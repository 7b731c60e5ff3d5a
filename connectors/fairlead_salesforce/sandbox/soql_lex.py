"""SOQL text to tokens, and the vendor's way of pointing at a mistake.

Bottom of the query side: `soql` parses these tokens. A string token keeps its characters together
with whether each is a LIKE wildcard, so that an escaped `\\%` stays a per cent sign.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fairlead_salesforce.sandbox.errors import Refused

MAX_STATEMENT = 100_000
MAX_LITERAL = 4_000
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?P<time>T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SIGN = re.compile(r"<>|!=|<=|>=|[=<>(),:]|\.(?!\d)")
_USUAL = re.compile(
    rf"\s*(?:(?P<word>{_WORD.pattern})|(?P<sign>{_SIGN.pattern})|'(?P<string>[^'\\%_]*)')"
)
"""Most tokens with the space before them; for the others `_next` looks closer."""


class Token(NamedTuple):
    """One token; `kind` is word, string, number, date, datetime, sign or end."""

    kind: str
    text: str
    at: int
    value: str = ""
    wild: tuple[bool, ...] = ()

    @property
    def low(self) -> str:
        return self.text.lower()


def complain(statement: str, at: int, message: str, code: str = "MALFORMED_QUERY") -> Refused:
    """A 400 with the part of the statement, a caret below it, row and column."""
    row = statement.count("\n", 0, at) + 1
    column = at - (statement.rfind("\n", 0, at) + 1) + 1
    begin = max(0, at - 40)
    snippet = statement[begin : at + 40].replace("\n", " ")
    caret = " " * (at - begin) + "^"
    return Refused(code, f"\n{snippet}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def lex(statement: str, start: int = 0) -> list[Token]:
    """All tokens from there on, closed by one of kind end; raises Refused for text that is none."""
    if len(statement) > MAX_STATEMENT:
        raise Refused(
            "MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_STATEMENT} characters."
        )
    out: list[Token] = []
    at = start
    while at < len(statement):
        if found := _USUAL.match(statement, at):
            at = found.end()
            out.append(_usual(found))
        elif statement[at].isspace():
            at += 1
        else:
            token, at = _next(statement, at)
            out.append(token)
    out.append(Token("end", "<EOF>", len(statement)))
    return out


def _usual(found: re.Match[str]) -> Token:
    kind = found.lastgroup or ""
    text, at = found[kind], found.start(kind)
    if kind != "string":
        return Token(kind, text, at)
    if len(text) > MAX_LITERAL:
        raise _too_long(found.string, at - 1)
    return Token(kind, f"'{text}'", at - 1, text, (False,) * len(text))


def _next(statement: str, at: int) -> tuple[Token, int]:
    if statement[at] == "'":
        return _string(statement, at)
    if match := _WORD.match(statement, at):
        return Token("word", match[0], at), match.end()
    if match := _SIGN.match(statement, at):
        return Token("sign", match[0], at), match.end()
    if match := _DATE.match(statement, at):
        kind = "datetime" if match["time"] else "date"
        return Token(kind, match[0], at), _clean_end(statement, match.end())
    if match := _NUMBER.match(statement, at):
        return Token("number", match[0], at), _clean_end(statement, match.end())
    raise complain(
        statement, at, f"line 1:{at} no viable alternative at character '{statement[at]}'"
    )


def _clean_end(statement: str, end: int) -> int:
    if end < len(statement) and (statement[end].isalnum() or statement[end] in "_-+:"):
        raise complain(statement, end, f"unexpected token: '{statement[end]}'")
    return end


def _string(statement: str, start: int) -> tuple[Token, int]:
    chars: list[str] = []
    wild: list[bool] = []
    at = start + 1
    while at < len(statement):
        char = statement[at]
        if char == "'":
            if len(chars) > MAX_LITERAL:
                raise _too_long(statement, start)
            text = statement[start : at + 1]
            return Token("string", text, start, "".join(chars), tuple(wild)), at + 1
        if char == "\\":
            char, at = _escape(statement, at + 1)
            chars.append(char)
            wild.append(False)
            continue
        chars.append(char)
        wild.append(char in "%_")
        at += 1
    raise complain(
        statement, start, f"line 1:{len(statement)} mismatched character '<EOF>' expecting '''"
    )


def _too_long(statement: str, start: int) -> Refused:
    return complain(statement, start, f"string literal longer than {MAX_LITERAL}")


def _escape(statement: str, at: int) -> tuple[str, int]:
    char = statement[at : at + 1]
    if char in ("%", "_"):
        return char, at + 1
    if char.lower() == "u" and re.match(r"[0-9A-Fa-f]{4}", statement[at + 1 : at + 5]):
        return chr(int(statement[at + 1 : at + 5], 16)), at + 5
    known = _ESCAPES.get(char) or (_ESCAPES.get(char.lower()) if char else None)
    if known is None:
        raise complain(statement, at, f"Invalid string literal: unknown escape '\\{char}'")
    return known, at + 1
