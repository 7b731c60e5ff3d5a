"""Logs: stable names, few fields, and nothing in any line that belongs to a lead."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fairlead import telemetry
from fairlead.core.types import Ref
from fairlead.errors import Bug, Unavailable
from fairlead.telemetry import StateChange, configure_logging, error_fields, get_logger, scrub


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """JSON logging into a buffer; the process's own logging is put back afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("fairlead")
    before = (list(root.handlers), root.level, ours.level)
    monkeypatch.setattr(telemetry, "_strict", True)
    stream = io.StringIO()
    configure_logging("json", "debug", stream=stream)
    yield stream
    logging.captureWarnings(False)
    logging.raiseExceptions = True
    root.handlers[:], root.level, level = before
    ours.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


class TestLines:
    def test_a_line_is_json_with_time_level_and_event_first(self, out: io.StringIO) -> None:
        get_logger(crm="hubspot").info("poll.done", records=3, latency_ms=12.5)
        (line,) = lines(out)
        assert list(line)[:3] == ["ts", "level", "event"]
        assert datetime.fromisoformat(line["ts"]).tzinfo == UTC
        assert line["ts"].endswith("Z")
        assert (line["level"], line["event"]) == ("info", "poll.done")
        assert (line["crm"], line["records"], line["latency_ms"]) == ("hubspot", 3, 12.5)

    def test_on_a_terminal_a_line_reads_well(self, out: io.StringIO) -> None:
        configure_logging("text", stream=out)
        get_logger().warning("lead.held", lead="salesforce:Lead:00Q1", reason="nobody is in")
        clock, _, rest = out.getvalue().partition(" ")
        assert len(clock) == len("08:13:18Z")
        assert rest == (
            'warning lead.held          lead=salesforce:Lead:00Q1 reason="nobody is in"\n'
        )

    def test_auto_is_text_on_a_terminal_and_json_elsewhere(self, out: io.StringIO) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal = Terminal()
        configure_logging("auto", stream=terminal)
        get_logger().info("daemon.ready")
        assert not terminal.getvalue().startswith("{")
        configure_logging("auto", stream=out)
        get_logger().info("daemon.ready")
        assert out.getvalue().startswith("{")

    def test_lines_below_the_level_are_not_written(self, out: io.StringIO) -> None:
        configure_logging("json", "warning", stream=out)
        get_logger().info("daemon.ready")
        get_logger().error("daemon.crashed")
        assert [line["event"] for line in lines(out)] == ["daemon.crashed"]

    def test_values_are_written_in_forms_that_json_knows(self, out: io.StringIO) -> None:
        get_logger().info(
            "effect.sent",
            ref=Ref("hubspot", "contacts", "12345678901"),
            path=Path("/var/lib/fairlead"),
            due=datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
            seconds=float("inf"),
            count=[1, "two", None],
            budget_left=Fraction(1, 3),
        )
        (line,) = lines(out)
        assert line["ref"] == "hubspot:contacts:12345678901"
        assert line["path"] == "/var/lib/fairlead"
        assert line["due"] == "2026-03-08T07:30:00Z"
        assert line["seconds"] == "inf"
        assert line["count"] == [1, "two", None]
        assert line["budget_left"] == "<Fraction>"


class TestNames:
    def test_an_unknown_event_is_found_by_any_test_that_reaches_it(self) -> None:
        assert telemetry._strict
        with pytest.raises(Bug, match=r"'lead\.lost' is not in telemetry\.EVENTS"):
            get_logger().debug("lead.lost")

    def test_a_running_daemon_writes_it_instead_of_stopping(self, out: io.StringIO) -> None:
        get_logger().info("lead.lost")
        assert [line["event"] for line in lines(out)] == ["lead.lost"]

    def test_every_name_has_a_meaning_and_one_form(self) -> None:
        for name, meaning in telemetry.EVENTS.items():
            assert meaning
            assert name == "library" or name.replace("_", "").replace(".", "", 1).isalpha()

    def test_a_field_that_is_not_on_the_list_is_left_out_and_its_name_told(
        self, out: io.StringIO
    ) -> None:
        get_logger().info("lead.seen", lead="hubspot:contacts:1", name="Jane Canary", company="X")
        (line,) = lines(out)
        assert "Canary" not in out.getvalue()
        assert line["dropped"] == ["company", "name"]


HOSTILE = [
    "jane.canary@mail.example",
    "jane.canary%40mail.example",
    "+49 30 1234567",
    "+14155550123",
    "(030) 123-4567",
    "415-555-0123",
    "pat-eu1-0a1b2c3d-1111-2222-3333-444455556666",
    "Bearer abcDEF123.456-789",
    "00D5g000004XyZ1!AQ4AQFakeSession.Token_abc",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjYW5hcnkifQ.c2ln",
    "client_secret=canarysecret",
    "'access_token': 'canarytoken'",
    "-----BEGIN PRIVATE KEY-----\nMIICanary\n-----END PRIVATE KEY-----",
]


class TestScrubbing:
    @pytest.mark.parametrize("secret", HOSTILE)
    def test_what_looks_like_a_person_or_a_secret_never_reaches_a_line(
        self, secret: str, out: io.StringIO
    ) -> None:
        log = get_logger()
        log.warning("effect.refused", reason=f"row 3: {secret} is not valid", error=secret)
        log.warning(secret)
        logging.getLogger("urllib3").warning("retry " + secret.replace("%", "%%"))
        logging.getLogger("apscheduler").error("job %s", secret)
        try:
            raise Unavailable(f"no answer for {secret}")
        except Unavailable:
            log.exception("poll.failed")
        written = out.getvalue()
        assert len(lines(out)) == 5
        inner = (
            secret.split("\n")[1] if "\n" in secret else secret.split("=")[-1].split("'")[-2:][0]
        )
        assert inner not in written
        assert "anary" not in written
        assert written.count("[redacted]") >= 5

    @pytest.mark.parametrize(
        "text",
        [
            "hubspot:contacts:12345678901",
            "salesforce:Lead:00Q5g00000ABCDEFGH",
            "2026-11-22T08:13:18.123+00:00",
            "127.0.0.1:9464",
            "9f86d081884c7d659a2feaa0c55ad015",
            "Enterprise DACH",
            "rule 12: 1,000 of 2,500 done in 120 s",
            "país: España",
        ],
    )
    def test_ids_times_and_plain_words_stay(self, text: str) -> None:
        assert scrub(text) == text

    def test_a_query_in_an_address_is_cut_off(self) -> None:
        assert scrub("GET /services/query?q=SELECT+Name+FROM+Lead failed") == (
            "GET /services/query?[redacted] failed"
        )

    def test_no_text_can_forge_a_line_or_steer_a_terminal(self, out: io.StringIO) -> None:
        evil = 'x\n{"event":"forged"}\r\x1b[2J\x07\x9b31m\x7f\u202e\u2028\u0000y'
        get_logger().info("lead.left", reason=evil)
        written = out.getvalue()
        assert written.count("\n") == 1
        assert all(c.isprintable() for c in written.rstrip("\n"))
        configure_logging("text", stream=out)
        get_logger().info("lead.left", reason=evil)
        assert out.getvalue().count("\n") == 2
        assert all(c.isprintable() for c in out.getvalue().replace("\n", ""))

    def test_a_long_text_is_cut(self) -> None:
        assert len(scrub("word " * 1000)) == telemetry.LONGEST_TEXT


class TestExceptions:
    def test_the_text_of_a_foreign_exception_is_not_written(self, out: io.StringIO) -> None:
        try:
            {}["Jane Canary"]
        except KeyError:
            get_logger(crm="hubspot").exception("poll.failed")
        (line,) = lines(out)
        assert "Canary" not in out.getvalue()
        assert line["error_class"] == "KeyError"
        assert "test_telemetry.py:" in line["where"]
        assert "error" not in line

    def test_the_text_of_our_own_and_of_the_disk_is(self) -> None:
        assert error_fields(Unavailable("the CRM is down"))["error"] == "the CRM is down"
        assert error_fields(sqlite3.OperationalError("disk full"))["error"] == "disk full"
        assert error_fields(OSError(28, "No space left"))["error"] == "No space left"

    def test_the_chain_of_causes_is_named(self) -> None:
        error = Unavailable("no answer")
        error.__cause__ = ValueError("Canary")
        assert error_fields(error)["error_class"] == "Unavailable < ValueError"

    def test_a_librarys_exception_is_treated_the_same(self, out: io.StringIO) -> None:
        try:
            {}["Jane Canary"]
        except KeyError:
            logging.getLogger("urllib3.pool").exception("broke on %s", "Jane Canary")
        (line,) = lines(out)
        assert (line["event"], line["logger"]) == ("library", "urllib3.pool")
        assert line["message"] == "broke on %s"
        assert line["error_class"] == "KeyError"
        assert "Canary" not in out.getvalue()

    def test_a_librarys_broken_template_does_not_print_its_values(
        self, out: io.StringIO, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger("apscheduler").warning("%d leads", "Jane Canary")
        assert "Canary" not in capsys.readouterr().err + out.getvalue()

    def test_a_librarys_debug_lines_are_never_heard(self, out: io.StringIO) -> None:
        logging.getLogger("urllib3").debug("GET /contacts/Jane")
        logging.getLogger("apscheduler").info("added job")
        assert out.getvalue() == ""

    def test_a_python_warning_becomes_a_line(self, out: io.StringIO) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)
            warnings.warn("old call", DeprecationWarning, stacklevel=1)
        (line,) = lines(out)
        assert line["logger"] == "py.warnings"
        assert "old call" in line["message"]


class TestStateChange:
    def test_a_failure_is_said_once_and_its_end_once(self, out: io.StringIO) -> None:
        state = StateChange(get_logger(crm="hubspot"), "poll.failed", "poll.healed")
        assert not state.heal()
        said = [state.fail(Unavailable("down")) for _ in range(3)]
        assert said == [True, False, False]
        assert state.failing
        assert state.heal()
        assert not state.heal()
        assert not state.failing
        first, healed = lines(out)
        assert (first["event"], first["error"], first["failures"]) == ("poll.failed", "down", 1)
        assert (healed["event"], healed["crm"], healed["failures"]) == ("poll.healed", "hubspot", 3)

    def test_another_cause_is_said_again(self, out: io.StringIO) -> None:
        state = StateChange(get_logger(), "poll.failed", "poll.healed")
        state.fail(Unavailable("down"))
        state.fail(Unavailable("no route"))
        assert [line["error"] for line in lines(out)] == ["down", "no route"]
