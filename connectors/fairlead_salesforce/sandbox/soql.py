"""SOQL: from tokens to a tree. What this grammar does not know is MALFORMED_QUERY, never skipped.

`soql_lex` below, `soql_bind` (names, types, conditions) and `soql_run` above. Grammar by the
vendor's reference: AND and OR mix only with brackets, NOT binds tightest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.soql_dates import COUNTED, PLAIN
from fairlead_salesforce.sandbox.soql_lex import Token, complain, lex

FUNCTIONS = frozenset({"count", "count_distinct", "min", "max", "sum", "avg"})
_CLAUSES = frozenset(
    {"from", "where", "order", "group", "limit", "offset"}
    | {"having", "with", "for", "all", "using", "update"}
)
_NO_NAMES = _CLAUSES | {"select"}


@dataclass(frozen=True, slots=True)
class Path:
    """A field, through parents or not: `Owner.Name`."""

    parts: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`COUNT(Id) n`; `path` None is the bare COUNT()."""

    function: str
    path: Path | None
    alias: str | None
    at: int


@dataclass(frozen=True, slots=True)
class AllFields:
    """`FIELDS(ALL)`, STANDARD or CUSTOM."""

    which: str
    at: int


class Literal(NamedTuple):
    """A constant; `kind` is string, number, date, datetime, boolean, null or range."""

    kind: str
    text: str
    at: int
    value: str = ""
    wild: tuple[bool, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator literal`, or a list of literals for IN, or a sub-select."""

    path: Path
    operator: str
    values: tuple[Literal, ...]
    inner: Query | None
    at: int


@dataclass(frozen=True, slots=True)
class Junction:
    """AND, OR over several terms, or NOT over one."""

    word: str
    terms: tuple[Condition, ...]


Condition = Compare | Junction


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key; nulls come first unless told otherwise, whatever the direction."""

    by: Path | Aggregate
    descending: bool
    nulls_first: bool


class Head(NamedTuple):
    """A statement up to the object."""

    select: tuple[Path | Aggregate | AllFields, ...]
    table: Token


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed statement; `text` is kept for messages."""

    text: str
    select: tuple[Path | Aggregate | AllFields, ...]
    table: str
    table_at: int
    where: Condition | None = None
    group: tuple[Path, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    aliases: tuple[str, ...] = field(default=())


_PLAIN_HEAD = re.compile(r"SELECT [A-Za-z0-9_.,]+ FROM [A-Za-z0-9_]+(?= )")
"""What a client begins many statements with: the same fields of the same object."""


def parse(statement: str) -> Query:
    """The tree of a whole statement; raises Refused (MALFORMED_QUERY)."""
    plain = _PLAIN_HEAD.match(statement)
    head = _plain_head(plain[0]) if plain else None
    parser = _Parser(statement, lex(statement, plain.end() if plain and head else 0))
    try:
        query = parser.query(head)
    except RecursionError:
        raise Refused("MALFORMED_QUERY", "the statement is nested too deeply") from None
    parser.expect_end()
    return query


@lru_cache(maxsize=256)
def _plain_head(text: str) -> Head | None:
    """What the beginning of a statement selects; None where more than it must be looked at."""
    try:
        head = _Parser(text, lex(text)).head()
    except Refused:
        return None
    return None if head.table.low in _CLAUSES else head


class _Parser:
    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.i = 0

    # -- tokens -----------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.i]

    def ahead(self, n: int = 1) -> Token:
        return self.tokens[min(self.i + n, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.tokens[self.i]
        if token.kind != "end":
            self.i += 1
        return token

    def bad(self, token: Token | None = None, message: str | None = None) -> Refused:
        token = token or self.token
        return complain(self.text, token.at, message or f"unexpected token: '{token.text}'")

    def word(self, *words: str) -> bool:
        """Take the given words if they come next, in that order."""
        at = self.i
        for word in words:
            token = self.tokens[at]
            if token.kind != "word" or token.text.lower() != word:
                return False
            at += 1  # the last token is no word
        self.i = at
        return True

    def sign(self, sign: str) -> bool:
        token = self.tokens[self.i]
        if token.kind == "sign" and token.text == sign:
            self.i += 1
            return True
        return False

    def need_sign(self, sign: str) -> None:
        if not self.sign(sign):
            raise self.bad()

    def need_word(self, *words: str) -> None:
        if not self.word(*words):
            raise self.bad()

    def name(self) -> Token:
        if self.token.kind != "word" or self.token.low in _NO_NAMES:
            raise self.bad()
        return self.take()

    def table(self) -> Token:
        """The object after FROM; Group is one although it is also half of GROUP BY."""
        if self.token.kind == "word" and self.token.low == "group" and self.ahead().low != "by":
            return self.take()
        return self.name()

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.bad()

    # -- statement --------------------------------------------------------------------------

    def head(self) -> Head:
        self.need_word("select")
        select = [self.selected()]
        while self.sign(","):
            select.append(self.selected())
        self.need_word("from")
        return Head(tuple(select), self.table())

    def query(self, head: Head | None = None) -> Query:
        """A whole statement, or what follows on its known head."""
        select, table = head or self.head()
        aliases: tuple[str, ...] = ()
        if self.token.kind == "word" and self.token.low not in _CLAUSES:
            aliases = (self.take().low,)
        where = self.condition() if self.word("where") else None
        group = self.paths() if self.word("group", "by") else ()
        order = self.orders() if self.word("order", "by") else ()
        limit = self.count() if self.word("limit") else None
        offset = self.count() if self.word("offset") else 0
        self._refuse_rest()
        return Query(
            self.text,
            select,
            table.text,
            table.at,
            where,
            group,
            order,
            limit,
            offset,
            aliases,
        )

    def _refuse_rest(self) -> None:
        token = self.token
        if self.word("all", "rows"):
            raise self.bad(token, "ALL ROWS not allowed in this context")
        if token.kind == "word" and token.low in ("for", "having", "with", "using", "update"):
            raise self.bad(token, f"{token.text.upper()} is not supported here")

    def selected(self) -> Path | Aggregate | AllFields:
        token = self.token
        if token.kind == "sign" and token.text == "(":
            raise self.bad(token, "child sub-selects are not supported here")
        opens = self.ahead().kind == "sign" and self.ahead().text == "("
        if token.kind == "word" and opens:
            if token.low == "fields":
                return self.all_fields()
            return self.aggregate()
        if token.kind == "word" and token.low == "typeof":
            raise self.bad(token, "TYPEOF is not supported here")
        return self.path()

    def all_fields(self) -> AllFields:
        at = self.take().at
        self.need_sign("(")
        which = self.take()
        if which.low not in ("all", "standard", "custom"):
            raise self.bad(which)
        self.need_sign(")")
        return AllFields(which.low, at)

    def aggregate(self) -> Aggregate:
        function = self.take()
        if function.low not in FUNCTIONS:
            raise self.bad(function, f"unknown or unsupported function: {function.text}")
        self.need_sign("(")
        closes = self.token.kind == "sign" and self.token.text == ")"
        path = None if closes and function.low == "count" else self.path()
        self.need_sign(")")
        alias = None
        token = self.token
        if token.kind == "word" and token.low not in _CLAUSES | {"asc", "desc", "nulls"}:
            alias = self.take().text
        return Aggregate(function.low, path, alias, function.at)

    def path(self) -> Path:
        first = self.name()
        parts = [first.text]
        while self.sign("."):
            parts.append(self.name().text)
        return Path(tuple(parts), first.at)

    def paths(self) -> tuple[Path, ...]:
        out = [self.path()]
        while self.sign(","):
            out.append(self.path())
        return tuple(out)

    def orders(self) -> tuple[Order, ...]:
        out = [self.one_order()]
        while self.sign(","):
            out.append(self.one_order())
        return tuple(out)

    def one_order(self) -> Order:
        opens = self.ahead().kind == "sign" and self.ahead().text == "("
        by: Path | Aggregate = self.aggregate() if opens else self.path()
        descending = self.word("desc")
        if not descending:
            self.word("asc")
        nulls_first = True
        if self.word("nulls"):
            nulls_first = self.word("first")
            if not nulls_first:
                self.need_word("last")
        return Order(by, descending, nulls_first)

    def count(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            raise self.bad(token)
        return int(token.text)

    # -- conditions -------------------------------------------------------------------------

    def condition(self) -> Condition:
        terms = [self.term()]
        joined = None
        while self.token.kind == "word" and self.token.low in ("and", "or"):
            token = self.take()
            if joined not in (None, token.low):
                # The vendor demands brackets where both are mixed on one level.
                raise self.bad(token)
            joined = token.low
            terms.append(self.term())
        return terms[0] if joined is None else Junction(joined, tuple(terms))

    def term(self) -> Condition:
        if self.word("not"):
            return Junction("not", (self.term(),))
        if self.sign("("):
            inner = self.condition()
            self.need_sign(")")
            return inner
        return self.comparison()

    def comparison(self) -> Compare:
        opens = self.ahead().kind == "sign" and self.ahead().text == "("
        if self.token.kind == "word" and opens:
            raise self.bad(self.token, f"function {self.token.text} is not supported in WHERE")
        path = self.path()
        token = self.token
        if self.word("not", "in"):
            return self.membership(path, "not in", token.at)
        if self.word("in"):
            return self.membership(path, "in", token.at)
        if self.word("like"):
            return Compare(path, "like", (self.literal(),), None, token.at)
        if token.kind == "sign" and token.text in ("=", "!=", "<>", "<", "<=", ">", ">="):
            self.take()
            operator = "!=" if token.text == "<>" else token.text
            return Compare(path, operator, (self.literal(),), None, token.at)
        raise self.bad()

    def membership(self, path: Path, operator: str, at: int) -> Compare:
        self.need_sign("(")
        if self.token.kind == "word" and self.token.low == "select":
            inner = self.query()
            self.need_sign(")")
            return Compare(path, operator, (), inner, at)
        values = [self.literal()]
        while self.sign(","):
            values.append(self.literal())
        self.need_sign(")")
        return Compare(path, operator, tuple(values), None, at)

    def literal(self) -> Literal:
        token = self.take()
        if token.kind == "string":
            return Literal("string", token.text, token.at, token.value, token.wild)
        if token.kind in ("number", "date", "datetime"):
            return Literal(token.kind, token.text, token.at, token.text)
        if token.kind == "word" and token.low in ("true", "false"):
            return Literal("boolean", token.text, token.at, token.low)
        if token.kind == "word" and token.low == "null":
            return Literal("null", token.text, token.at)
        if token.kind == "word" and token.low in PLAIN:
            return Literal("range", token.text, token.at, token.low)
        if token.kind == "word" and token.low in COUNTED:
            self.need_sign(":")
            return Literal("range", token.text, token.at, token.low, number=self.count())
        raise self.bad(token)
