"""The dead man's URL is called while all is well, and only then."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from notify.receiver import Receiver

from fairlead.daemon.heartbeat import Heartbeat
from fairlead.errors import ConfigError, Unavailable
from fairlead.metrics import Metrics
from fairlead.notify.heart import Heart
from fairlead.notify.tables import Heartbeat as Table


def test_it_beats_while_all_is_well_and_stops_when_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong: list[str] = []
    metrics = Metrics()
    with Receiver() as receiver:
        heart = Heart(Table(url=receiver.url, every=60, method="POST"))
        crashes: list[BaseException] = []
        beat = Heartbeat(
            heart, lambda: tuple(wrong), metrics, threading.Event(), crashes.append
        )  # fmt: skip
        caplog.set_level("INFO", logger="fairlead")
        assert beat.step() == 60
        wrong.append("salesforce: not polled yet")
        assert beat.step() == beat.step() == 10
        assert len(receiver.calls) == 1
        wrong.clear()
        beat.step()
        assert [c.method for c in receiver.calls] == ["POST", "POST"]
        receiver.status = 500
        with pytest.raises(Unavailable):
            beat.step()
        heart.close()
    lines = [r.msg for r in caplog.records if isinstance(r.msg, dict)]
    assert [x["event"] for x in lines] == ["heartbeat.withheld", "heartbeat.resumed"]
    text = metrics.render()[0].decode()
    for outcome, n in (("sent", 2), ("withheld", 2), ("failed", 1)):
        assert f'fairlead_heartbeats_total{{outcome="{outcome}"}} {n}.0' in text


def test_its_url_may_be_a_secret_and_must_be_one_that_may_be_called(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat.url"
    file.touch(mode=0o600)
    with Receiver() as receiver:
        file.write_text(receiver.url)
        heart = Heart(Table(url_file=file))
        heart.beat()
        heart.close()
        assert len(receiver.calls) == 1
    file.write_text("http://watch.example/secret-word")
    with pytest.raises(ConfigError, match="plain http") as caught:
        Heart(Table(url_file=file))
    assert "secret-word" not in str(caught.value)
