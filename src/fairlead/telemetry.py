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

EVENTS: dict[str, str] = {
    "lead.seen": "a lead was read that was not known, or that has changed",
    "lead.decided": "a decision was committed, with its effects",
    "lead.held": "nobody can take the lead now; it waits for the named thing",
    "lead.left": "the lead is not ours to route, for the named reason",
    "lead.claimed": "somebody took a lead out of a claim queue",
    "lead.scored": "a lead's score or grade has changed, by news of it or by time",
    "lead.gone": "the lead was deleted, merged away or converted",
    "lead.rerouted": "a field of `reroute_on` has changed, and another rule takes the lead now",
    "lead.ordered": "a lead is routed by order: backfill, reassign, by hand, or a step of an SLA",
    "clock.armed": "a lead was given to somebody; the clock of an SLA runs",
    "clock.paused": "the lead waits for the buyer; its clock stands",
    "clock.resumed": "the lead waits for the buyer no longer; its clock goes on",
    "clock.answered": "the lead has its answer, in time or late",
    "clock.ended": "a clock ended without an answer, for the named reason",
    "clock.fired": "a step of a clock came due, and its effect is committed",
    "clock.nobody": "the person a step tells has no active user in the lead's CRM",
    "clock.untrusted": "the machine's clock and the CRM's disagree; nothing fires",
    "effect.claimed": "a write is about to be sent; its quiet period runs",
    "effect.sent": "the CRM said yes to a write",
    "effect.retry": "a write was not applied and will be tried again",
    "effect.ambiguous": "a write got no answer; it is looked up after the quiet period",
    "effect.verified": "the record was read back and shows our write",
    "effect.superseded": "somebody else changed the record first; theirs stands",
    "effect.restored": "a person's change was found under our write and put back",
    "effect.bad_owner": "the CRM refuses this owner; another is chosen",
    "effect.refused": "the CRM refused a write for good",
    "dead_letter.added": "work that needs a person was set aside",
    "dead_letter.retried": "a person sent a dead letter round again",
    "dead_letter.dropped": "a person gave a dead letter up",
    "peak.began": "many leads wait for a team, so another joins it, as the policy plans for peaks",
    "peak.ended": "few leads wait for the team again; it is on its own",
    "score.failed": "a lead whose grade time has changed cannot be scored; tried again in a minute",
    "turn.credited": "a lead was not worth a turn; its rep has the turn back",
    "fairness.restarted": "somebody left a pool; its rotation begins again, balances carried over",
    "weights.changed": "weights follow the results of the team's reps",
    "rep.away": "a person said that a rep takes no new leads for a time",
    "rep.back": "a person said that a rep takes leads again",
    "batch.planned": "a plan for many leads was made; nothing is written",
    "batch.applying": "a plan is being applied from here on, also after a restart",
    "batch.done": "every lead of a plan was looked at",
    "batch.stopped": "a plan ended before every lead was looked at, for the named reason",
    "rep.inactive": "a user who owns leads was deactivated in the CRM; count is their open leads",
    "bootstrap.read": "what existed before the first start was read",
    "poll.done": "one look at a CRM ended well",
    "poll.failed": "looks at a CRM began to fail, or fail for another reason",
    "poll.healed": "looks at a CRM work again",
    "connector.ready": "first contact: who we are and who can own leads is known",
    "connector.limited": "a CRM works with less than it could: what is missing, and the remedy",
    "availability.unreadable": "what a CRM says of a user's availability cannot be understood",
    "connector.stopped": "a connector stopped until a person acts",
    "connector.healed": "a stopped connector works again",
    "auth.lost": "a CRM does not accept our credentials any more",
    "auth.refreshed": "a CRM gave us a new access token",
    "sweep.done": "the due work of one sweep is done",
    "deliver.failed": "deliveries began to fail, or fail for another reason",
    "deliver.healed": "deliveries work again",
    "killswitch.set": "the kill-switch file appeared; nothing is written to any CRM",
    "killswitch.cleared": "the kill-switch file is gone; writing goes on",
    "config.activated": "a policy took effect, with the one before and how its dry run ended",
    "config.rejected": "a changed policy has faults; the last good one stays",
    "config.healed": "the files of a refused policy are again what is in force",
    "config.restart_needed": "settings have changed that only the next start takes up",
    "reload.failed": "a changed policy could not be taken up; the last good one stays",
    "reload.healed": "changes of the policy can be taken up again",
    "shadow.activated": "a second policy decides alongside and only records",
    "shadow.rejected": "the shadow's file has faults; the last good one stays, if there was one",
    "shadow.failed": "the shadow could not take a decision; the real one stands as it is",
    "daemon.starting": "the daemon has its settings and opens its state",
    "daemon.ready": "the daemon works: every loop runs",
    "daemon.paused": "a person paused routing",
    "daemon.resumed": "a person let routing go on",
    "daemon.stopping": "the daemon finishes what is in hand",
    "daemon.stopped": "the daemon has closed its state",
    "daemon.crashed": "an invariant broke; the supervisor should restart us",
    "control.called": "a command came over the control socket",
    "control.failed": "a command over the control socket broke",
    "library": "a library wrote a line of its own",
}
"""Every event and what it means; names are API: they stay once released (docs/operations.md)."""

FIELDS: dict[str, str] = {
    "crm": "connector name",
    "object": "the CRM's object name",
    "kind": "kind of record or effect",
    "lead": "record reference crm:object:id",
    "ref": "record reference crm:object:id",
    "person": "our own id of the person",
    "generation": "which time this person is routed",
    "decision": "our own id of the decision",
    "effect": "the effect's key",
    "batch": "id of a plan for many leads",
    "owner": "owner id in the CRM",
    "expected_owner": "owner id the decision saw",
    "actor": "us, person, automation or unknown",
    "pool": "team name",
    "rule": "rule name",
    "outcome": "how it ended",
    "state": "state of a lead or of an outbox row",
    "stage": "where in the flow",
    "score": "a lead's whole points",
    "grade": "the band that these are in",
    "sla": "name of an SLA",
    "step": "name of a step of an SLA",
    "reason": "one sentence, without values of the lead",
    "remedy": "what a person can do",
    "error_class": "type of the exception",
    "error": "its text, where no record can be in it",
    "where": "innermost places of the exception, newest last",
    "http_status": "status the CRM answered",
    "crm_request_id": "the CRM's own id of the call",
    "attempt": "number of tries so far",
    "failures": "number of failures since the first",
    "count": "how many",
    "records": "how many records",
    "decided": "how many decisions",
    "effects": "how many effects",
    "latency_ms": "milliseconds it took",
    "lag_seconds": "seconds behind",
    "seconds": "a duration in seconds",
    "due": "when, UTC",
    "budget_left": "API calls left today",
    "policy_hash": "hash of the policy",
    "old_policy_hash": "hash of the policy before",
    "elsewhere": "how many of these leads would now go elsewhere",
    "path": "a file of ours",
    "command": "name of a command",
    "version": "version of fairlead",
    "pid": "process id",
    "address": "local address",
    "logger": "the library's logger",
    "message": "the library's text",
    "dropped": "names of fields that are not on this list",
}
"""Every field a line may have beside ts, level and event."""

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
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.add_log_level,
            _only_known,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return cast(structlog.stdlib.BoundLogger, logger.bind(**bound))


_strict = True


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
    if line["event"] not in EVENTS and _strict:
        raise Bug(f"log event {line['event']!r} is not in telemetry.EVENTS")
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
