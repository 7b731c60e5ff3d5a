"""One authenticated API call as the handlers see it, whether it came alone or inside a composite.

Between `app`, which makes it, and the handlers.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fairlead.sandbox.org import Who
from fairlead_salesforce.sandbox.errors import Refused
from fairlead_salesforce.sandbox.ids import canonical
from fairlead_salesforce.sandbox.rows import Save
from fairlead_salesforce.sandbox.state import Sandbox

_SAVES = ("true", "false")


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks what: `parts` is the path below `/services/data/vNN.N/`, by decoded segments.

    `given` is the body of a part of a composite, which was parsed with the whole.
    """

    sb: Sandbox
    who: Who
    version: str
    method: str
    parts: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    body: bytes
    given: Any = None

    def params(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:
        """The parsed body; raises JSON_PARSER_ERROR or a 415."""
        if "json" not in self.headers.get("content-type", ""):
            raise Refused(
                "UNSUPPORTED_MEDIA_TYPE",
                "Content type not supported; send application/json",
                status=415,
            )
        data = self.body
        if self.headers.get("content-encoding", "").lower() == "gzip":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError, zlib.error):
                raise Refused("JSON_PARSER_ERROR", "the body is not gzip") from None
        elif self.given is not None:
            return self.given
        try:
            return json.loads(data, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refused("JSON_PARSER_ERROR", f"Unexpected input: {_where(error)}") from None

    def object(self) -> dict[str, Any]:
        """The parsed body, which must be a JSON object."""
        body = self.json()
        if not isinstance(body, dict):
            raise Refused("JSON_PARSER_ERROR", "The HTTP entity body is required to be an object")
        return body

    def save(self) -> Save:
        """How this call's writes are made, by its own headers."""
        duplicate = _options(self.headers.get("sforce-duplicate-rule-header", ""), ";")
        for name, value in duplicate.items():
            if name not in ("allowsave", "includerecorddetails", "runascurrentuser") or (
                value not in _SAVES
            ):
                raise Refused("INVALID_HEADER", f"Sforce-Duplicate-Rule-Header: {name}={value}")
        return Save(
            who=self.who,
            auto_assign=self._auto_assign(),
            allow_save=duplicate.get("allowsave") == "true",
            details=duplicate.get("includerecorddetails") == "true",
            version=self.version,
        )

    def _auto_assign(self) -> bool:
        """TRUE unless told FALSE: the vendor's default, on create and update alike."""
        given = self.headers.get("sforce-auto-assign", "TRUE").strip()
        if given.upper() in ("TRUE", "FALSE"):
            return given.upper() == "TRUE"
        if canonical(given):
            return True
        raise Refused("INVALID_HEADER", f"Sforce-Auto-Assign: {given}")


def _options(text: str, separator: str) -> dict[str, str]:
    parts = [p.partition("=") for p in text.split(separator) if p.strip()]
    return {k.strip().lower(): v.strip().lower() for k, _, v in parts}


def query_batch(headers: Mapping[str, str]) -> int:
    """The page size of `Sforce-Query-Options: batchSize=`, kept within 200 and 2,000."""
    options = _options(headers.get("sforce-query-options", ""), ",")
    given = options.pop("batchsize", "2000")
    if options or not given.isdigit():
        raise Refused("INVALID_QUERY_OPTIONS", "Sforce-Query-Options: only batchSize=n is known")
    return min(2000, max(200, int(given)))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at [line:{error.lineno}, column:{error.colno}]"
    return "at [line:1, column:1]"
