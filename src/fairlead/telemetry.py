"""What the daemon says: stable event names, a short list of fields, and no lead data.

Every line of ours is `get_logger().info("lead.decided", lead=..., rule=...)`: an event of EVENTS
with fields of FIELDS. Lines of libraries come through the same handler as `library`, so that one
formatter stands between every text and the log. On its way each line loses fields that are not on
the list, e-mail addresses, phone numbers and tokens, and every control character; of an exception
it keeps types and places, and the text only where no record can be in it.

JSON lines go to journald and Docker, readable ones to a terminal. Both end on stderr: stdout
belongs to the commands' answers.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sqlite3
import sys
import traceback
import unicodedata
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO, cast

import structlog

from fairlead.core.types import Ref
from fairlead.errors import Bug, FairleadError
from fairlead.events import EVENTS, FIELDS

QUOTED_LIBRARIES = ("apscheduler", "asyncio", "py", "uvicorn")
"""Loggers that never see a record; of any other only the template is kept, not what filled it."""

LONGEST_TEXT = 500
REDACTED = "[redacted]"

_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
    re.compile(r"\bpat-[\w-]{6,}", re.IGNORECASE),
    re.compile(r"\b(?:bearer|basic|oauth)[ :]+[\w.~+/=!-]{8,}", re.IGNORECASE),
    re.compile(r"\b00D[A-Za-z0-9]{12,15}![\w.]+"),
    re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}"),
    re.compile(
        r"(?i)\b(?:access_token|refresh_token|client_secret|assertion|password|api_?key|hapikey)"
        r"\b[\"']?\s*[=:]\s*[\"']?[^\s\"'&,}]+"
    ),
)
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\"]+")
_EMAIL = re.compile(r"[^\s<>\"'(),:;=/\[\]]+(?:@|＠|%40)[^\s<>\"'(),:;=/\[\]]+", re.IGNORECASE)
_PHONES = (
    re.compile(r"(?<![\w:.-])\+\d[\d ().\-/]{5,}\d"),
    re.compile(r"\(\d{2,5}\)[ \-/.]?\d[\d \-/.]{4,}\d"),
    re.compile(r"(?<![\w:.-])\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w.-])"),
)


def scrub(text: str) -> str:
    """`text` without e-mail addresses, phone numbers, tokens and URL queries, on one line.

    Control characters, line ends and those that turn the writing direction become visible escapes,
    so that no text can forge a line or move a terminal's cursor. At most 500 characters.
    """
    for pattern in _SECRETS:
        text = pattern.sub(REDACTED, text)
    text = _QUERY.sub(r"\1?" + REDACTED, text)
    text = _EMAIL.sub(REDACTED, text)
    for pattern in _PHONES:
        text = pattern.sub(REDACTED, text)
    text = "".join(_visible(c) for c in text)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char, f"\\u{ord(char):04x}")


def error_fields(error: BaseException) -> dict[str, Any]:
    """What may be said of an exception: `error_class`, `where`, and `error` where it is safe.

    Our own errors are written without lead data; those of the operating system and of SQLite name
    files and tables. Any other library's text may quote a record, so only its type is kept.
    """
    fields: dict[str, Any] = {"error_class": " < ".join(_classes(error)), "where": _places(error)}
    if isinstance(error, OSError) and error.strerror:
        fields["error"] = error.strerror
    elif isinstance(error, FairleadError | sqlite3.Error):
        fields["error"] = str(error)
    return fields


def _classes(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield type(at).__name__
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno}:{f.name}" for f in frames)


def get_logger(**bound: Any) -> structlog.stdlib.BoundLogger:
    """A logger for events of EVENTS; `bound` fields go on each of its lines.

    Until `configure_logging` has run, an unknown event raises `Bug`: a test finds it. A running
    daemon writes the line instead of stopping over its name.
    """
    logger = structlog.wrap_logger(
        logging.getLogger("fairlead"),
        wrapper_class=_Logger,
        processors=[
            structlog.stdlib.add_log_level,
            _only_known,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return cast(structlog.stdlib.BoundLogger, logger.bind(**bound))


_strict = True
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()}


class _Logger(structlog.stdlib.BoundLogger):
    """Lets a line that nobody hears end at once: most lines are of that kind."""

    def _proxy_to_logger(
        self, method_name: str, event: str | None = None, *event_args: str, **event_kw: Any
    ) -> Any:
        if _strict and event not in EVENTS:
            raise Bug(f"log event {event!r} is not in telemetry.EVENTS")
        if not self._logger.isEnabledFor(_LEVELS.get(method_name, logging.CRITICAL)):
            return None
        return super()._proxy_to_logger(method_name, event, *event_args, **event_kw)


def configure_logging(
    log_format: Literal["auto", "json", "text"] = "auto",
    level: str = "info",
    *,
    stream: TextIO | None = None,
) -> None:
    """Send every line of the process to `stream` (default: stderr), ours and the libraries'.

    `auto` is text on a terminal and JSON elsewhere. Libraries are heard from `warning` on, whatever
    `level` says: their debug lines carry records. Calling it again replaces the former setting.
    """
    global _strict
    _strict = False
    out = stream if stream is not None else sys.stderr
    text = log_format == "text" or (log_format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, _from_library],
            processors=[_finish, _as_text if text else _as_json],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("fairlead").setLevel(level.upper())
    logging.captureWarnings(True)
    # The alternative prints the raw line, unscrubbed, when a library's template does not fit.
    logging.raiseExceptions = False


Line = MutableMapping[str, Any]


def _only_known(_logger: Any, _method: str, line: Line) -> Line:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line.update(error_fields(error))
    unknown = sorted(k for k in line if k not in FIELDS and k not in ("event", "level"))
    for key in unknown:
        del line[key]
    if unknown:
        line["dropped"] = unknown
    return line


def _from_library(_logger: Any, _method: str, line: Line) -> Line:
    record: logging.LogRecord = line["_record"]
    text, filling = line["event"], line["positional_args"]
    if filling and record.name.split(".")[0] in QUOTED_LIBRARIES:
        text = text % filling
    fields: dict[str, Any] = {"message": text, "logger": record.name}
    if record.exc_info and record.exc_info[1] is not None:
        fields |= error_fields(record.exc_info[1])
    return {
        "event": "library",
        "level": line["level"],
        **fields,
        "_record": record,
        "_from_structlog": False,
    }


def _finish(_logger: Any, _method: str, line: Line) -> Line:
    record: logging.LogRecord = line["_record"]
    at = datetime.fromtimestamp(record.created, UTC)
    finished: Line = {
        "ts": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": line["level"],
        "event": scrub(str(line["event"])),
    }
    for key, value in line.items():
        if key in FIELDS:
            finished[key] = _plain(value)
    return finished


def _plain(value: Any) -> Any:
    """A value that JSON knows; an object is never printed, for it may be a record."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value[:50]]
    if isinstance(value, Ref | Path):
        return scrub(str(value))
    return f"<{type(value).__name__}>"


def _as_json(_logger: Any, _method: str, line: Line) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _as_text(_logger: Any, _method: str, line: Line) -> str:
    head = f"{line['ts'][11:19]}Z {line['level']:<7} {line['event']:<18}"
    rest = (f"{k}={_quoted(v)}" for k, v in line.items() if k not in ("ts", "level", "event"))
    return " ".join([head, *rest]).rstrip()


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    plain = not isinstance(value, str) or re.fullmatch(r"[^\s\"=]+", text)
    return text if plain else json.dumps(text, ensure_ascii=False)


class StateChange:
    """Says a failure once, again when its cause changes, and once when it heals.

    One object for each thing that can fail, used by one thread.
    """

    def __init__(self, log: structlog.stdlib.BoundLogger, failed: str, healed: str) -> None:
        self._log = log
        self._failed = failed
        self._healed = healed
        self._cause: str | None = None
        self.failures = 0

    @property
    def failing(self) -> bool:
        return self._cause is not None

    def fail(self, error: BaseException, **fields: Any) -> bool:
        """Count a failure; True when it was said (the first, or another type or text)."""
        said = error_fields(error)
        cause = f"{said['error_class']}: {said.get('error', '')}"
        self.failures += 1
        if cause == self._cause:
            return False
        self._cause = cause
        self._log.warning(self._failed, **said, failures=self.failures, **fields)
        return True

    def heal(self, **fields: Any) -> bool:
        """Note a success; True when it ended a failure and was said."""
        if self._cause is None:
            return False
        self._log.info(self._healed, failures=self.failures, **fields)
        self._cause = None
        self.failures = 0
        return True
