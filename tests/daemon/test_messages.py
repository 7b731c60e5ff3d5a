"""Messages are rows, sent by a thread of their own: once, again when it failed, never lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from notify.mailhost import MailHost
from notify.receiver import Receiver

from fairlead.daemon.message_list import drop_message, list_messages, retry_messages
from fairlead.daemon.sender import MOST_TRIES, Sender, Senders
from fairlead.errors import Ambiguous, BadRecord, ConfigError, NeedsOperator, Unavailable
from fairlead.metrics import Metrics
from fairlead.notify.outgoing import Outgoing
from fairlead.notify.smtp import MailWay
from fairlead.notify.tables import Smtp, Webhook
from fairlead.notify.ways import MAIL, Ways
from fairlead.notify.webhook import WebhookWay
from fairlead.reports.messages import human_messages
from fairlead.store import messages
from fairlead.store.db import Db
from fairlead.store.messages import MessageState
from fairlead.testing.clock import ManualClock

AT = datetime(2027, 1, 4, 10, tzinfo=UTC)
READER = "mona@example.com"


class Killed(BaseException):
    """What kill -9 is to a test."""


@dataclass
class Pipe:
    """A way out that fails as it is told."""

    errors: list[BaseException] = field(default_factory=list)
    always: BaseException | None = None
    sent: list[Outgoing] = field(default_factory=list)
    tried: int = 0

    def send(self, out: Outgoing) -> str:
        self.tried += 1
        error = self.errors.pop(0) if self.errors else self.always
        if error is not None and not isinstance(error, Killed | Ambiguous):
            raise error
        self.sent.append(out)
        if error is not None:
            raise error
        return ""

    def check(self) -> str:
        return "a pipe"

    def close(self) -> None:
        """Nothing is open."""


class Post:
    """A state with messages and a sender over two pipes; no threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock(AT)
        self.mail, self.ops = Pipe(), Pipe()
        self.db = Db(path)
        self.metrics = Metrics()
        self.crashes: list[BaseException] = []
        self.sender = self._sender()

    def _sender(self, ways: Ways | None = None) -> Senders:
        """Over these ways; None: the two pipes."""
        if ways is None:
            people = {"managers": (READER, "dana@example.com")}
            ways = Ways({MAIL: self.mail, "ops": self.ops}, people)
        return Senders(
            self.db, ways, self.clock, self.metrics, threading.Event(), self.crashes.append,
            jitter=lambda: 1.0,
        )  # fmt: skip

    def add(self, key: str, target: str = "ops") -> bool:
        with self.db.transaction():
            return messages.add(
                self.db, key, target, f"about {key}", "text", self.clock.now(),
                lead={"Company": "Acme"},
            )  # fmt: skip

    def restart(self) -> None:
        self.db.close()
        self.db = Db(self.path)
        self.sender = self._sender()

    def run(self, hours: float = 0.0) -> None:
        """Turn until nothing goes, then once a minute."""
        for _ in range(int(hours * 60) + 1):
            while self.sender.turn():
                pass
            self.clock.advance(60)

    def states(self) -> dict[str, MessageState]:
        return {m.key: m.state for m in messages.listed(self.db, everything=True)}

    def one(self, key: str) -> messages.MessageRow:
        return next(m for m in messages.listed(self.db, everything=True) if m.key == key)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path / "state.sqlite")
    yield post
    post.db.close()


def test_the_same_cause_makes_one_message_and_it_goes_once(post: Post) -> None:
    assert post.add("a")
    assert not post.add("a")
    post.run(1)
    assert [o.key for o in post.ops.sent] == ["a"]
    assert post.states() == {"a": MessageState.SENT}


def test_a_rolled_back_cause_sends_nothing(post: Post) -> None:
    with suppress(ZeroDivisionError), post.db.transaction():
        messages.add(post.db, "a", "ops", "s", "t", AT)
        raise ZeroDivisionError
    post.run()
    assert post.ops.sent == []


def test_a_channel_of_mail_has_all_its_readers_and_an_address_has_one(post: Post) -> None:
    post.add("a", "managers")
    post.add("b", READER)
    post.run()
    assert [o.to for o in post.mail.sent] == [(READER, "dana@example.com"), (READER,)]


def test_of_a_lead_nothing_is_kept_once_its_message_has_gone(post: Post) -> None:
    post.add("a")
    assert post.one("a").lead == {"Company": "Acme"}
    post.run()
    assert post.ops.sent[0].lead == {"Company": "Acme"}
    assert post.one("a").lead is None


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_sending_and_noting_it_is_sent_again_by_the_same_name(
    post: Post, when: str
) -> None:
    post.add("a")
    if when == "before":
        with post.db.transaction():
            assert messages.claim(post.db, post.one("a").id)
    else:
        post.ops.errors = [Killed()]
        with pytest.raises(Killed):
            post.sender.turn()
        assert len(post.ops.sent) == 1
    assert post.states() == {"a": MessageState.SENDING}
    post.restart()
    post.run()
    assert post.states() == {"a": MessageState.SENT}
    assert {o.name for o in post.ops.sent} == {post.ops.sent[0].name}
    assert len(post.ops.sent) == (1 if when == "before" else 2)
    assert "a second copy is possible" in post.one("a").detail
    [told] = list_messages(post.db, everything=True)
    assert told["second_copy_possible"] is True


def test_an_answer_that_never_came_is_tried_again_and_the_doubt_is_said(post: Post) -> None:
    post.ops.errors = [Ambiguous("ops did not confirm")]
    post.add("a")
    post.sender.turn()
    assert post.one("a").detail == "ops did not confirm; a second copy is possible"
    post.run(1)
    assert [o.key for o in post.ops.sent] == ["a", "a"]
    assert post.one("a").maybe


def test_a_broken_channel_is_said_once_and_once_when_it_heals_and_all_that_waited_goes(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="fairlead")
    post.ops.errors = [Unavailable("ops is down")] * 3
    for n in range(30):
        post.add(f"m{n}")
    post.run(0.2)
    assert post.ops.tried == 3 + 30
    assert len(post.ops.sent) == 30
    lines = [r.msg for r in caplog.records if isinstance(r.msg, dict)]
    events = [x["event"] for x in lines if str(x["event"]).startswith("channel.")]
    assert events == ["channel.failed", "channel.healed"]
    [failed] = [x for x in lines if x["event"] == "channel.failed"]
    assert "fairlead notify test ops" in failed["remedy"]


def test_a_message_that_was_tried_once_is_listed_in_the_singular(post: Post) -> None:
    post.ops.always = Unavailable("ops is down")
    post.add("a")
    post.sender.turn()
    [line, _] = human_messages(list_messages(post.db, everything=False))
    assert ", 1 try, again at 2027-01-04T10:00:30Z, to ops" in line


def test_one_broken_channel_keeps_nothing_from_the_others(post: Post) -> None:
    post.mail.always = Unavailable("down")
    post.add("a", READER)
    post.add("b", "ops")
    post.run()
    assert [o.key for o in post.ops.sent] == ["b"]
    assert post.states()["a"] is MessageState.NEW


class Hung(Pipe):
    """A server that takes a call and says nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = threading.Event(), threading.Event()

    def send(self, out: Outgoing) -> str:
        self.reached.set()
        assert self.let_go.wait(30)
        return super().send(out)


def test_a_server_that_hangs_keeps_no_other_channel_waiting(post: Post) -> None:
    hung, stopping = Hung(), threading.Event()
    ways = Ways({MAIL: hung, "ops": post.ops}, {})
    senders = Senders(post.db, ways, post.clock, post.metrics, stopping, post.crashes.append)
    post.add("a", READER)
    for loop in senders.loops:
        loop.thread.start()
    assert hung.reached.wait(30)
    post.add("b", "ops")
    post.add("c", "nowhere")
    ends = time.monotonic() + 30
    others = {"b": MessageState.SENT, "c": MessageState.FAILED}
    while not others.items() <= post.states().items() and time.monotonic() < ends:
        for loop in senders.loops:
            loop.wake()
        stopping.wait(0.01)
    assert [o.key for o in post.ops.sent] == ["b"]
    assert post.states()["a"] is MessageState.SENDING
    hung.let_go.set()
    stopping.set()
    for loop in senders.loops:
        loop.wake()
        loop.thread.join(30)
        assert not loop.thread.is_alive()
    assert post.states() == {
        "a": MessageState.SENT, "b": MessageState.SENT, "c": MessageState.FAILED,
    }  # fmt: skip
    assert post.crashes == []


def test_each_sender_takes_up_only_what_its_own_way_was_sending(post: Post) -> None:
    post.add("a", READER)
    post.add("b", "ops")
    with post.db.transaction():
        for m in messages.listed(post.db):
            messages.claim(post.db, m.id)
    ways = Ways({MAIL: post.mail, "ops": post.ops}, {})
    mine = Sender(
        post.db, "ops", ways, post.clock, post.metrics, threading.Event(), post.crashes.append,
        lambda: 1.0,
    )  # fmt: skip
    mine.turn()
    assert post.states() == {"a": MessageState.SENDING, "b": MessageState.SENT}


def test_it_gives_up_after_so_many_tries_and_lists_what_failed(post: Post) -> None:
    post.ops.always = Unavailable("ops is down")
    post.add("a")
    post.run(30)
    assert post.ops.tried == MOST_TRIES
    [failed] = list_messages(post.db, everything=False)
    assert failed["state"] == "failed"
    assert failed["detail"] == f"given up after {MOST_TRIES} tries: ops is down"
    post.ops.always = None
    assert retry_messages(post.db, failed["id"], post.clock.now()) == {"retried": 1}
    post.run()
    assert [o.key for o in post.ops.sent] == ["a"]
    assert list_messages(post.db, everything=False) == []


def test_the_pauses_grow_to_four_hours(post: Post) -> None:
    post.ops.always = Unavailable("down")
    post.add("a")
    gaps = []
    for _ in range(MOST_TRIES - 1):
        while not post.sender.turn():
            post.clock.advance(10)
        gaps.append((post.one("a").due_at - post.clock.now()) / timedelta(seconds=1))
    assert gaps == [min(30.0 * 2**n, 4 * 3600.0) for n in range(MOST_TRIES - 1)]


def test_what_a_receiver_will_never_take_fails_at_once_and_the_channel_is_in_order(
    post: Post,
) -> None:
    post.ops.errors = [BadRecord("ops answered 410; the receiver is gone for good")]
    post.add("a")
    post.add("b")
    post.run()
    assert post.states() == {"a": MessageState.FAILED, "b": MessageState.SENT}
    assert "gone for good" in post.one("a").detail


def test_what_nobody_has_thought_of_fails_one_message_and_stops_nothing(post: Post) -> None:
    post.ops.errors = [ZeroDivisionError("text of a record")]
    post.add("a")
    post.add("b")
    post.run()
    assert post.states() == {"a": MessageState.FAILED, "b": MessageState.SENT}
    assert post.one("a").detail == "a mistake of fairlead, please report it: ZeroDivisionError"


def test_what_has_gone_is_listed_for_thirty_days_and_what_failed_until_a_person_acts(
    post: Post,
) -> None:
    post.ops.errors = [BadRecord("never")]
    post.add("failed")
    post.add("sent")
    post.run()
    post.clock.advance(timedelta(days=31))
    post.run()
    assert post.states() == {"failed": MessageState.FAILED}


def test_a_channel_that_is_no_more_in_the_settings_says_what_to_do(post: Post) -> None:
    post.add("a", "sales_room")
    post.run()
    assert post.one("a").state is MessageState.FAILED
    assert "add it to fairlead.toml" in post.one("a").detail


def test_a_person_can_give_one_up_and_no_number_is_guessed(post: Post) -> None:
    post.ops.always = NeedsOperator("no log-in", remedy="set the password")
    post.add("a")
    post.run()
    assert "set the password" in post.one("a").detail
    assert drop_message(post.db, post.one("a").id, AT) == {"dropped": 1}
    assert post.states() == {"a": MessageState.DROPPED}
    with pytest.raises(ConfigError):
        drop_message(post.db, 99, AT)
    with pytest.raises(ConfigError):
        retry_messages(post.db, 1, AT)


def test_over_real_servers_a_restart_between_taking_and_saying_makes_two_of_one_name(
    post: Post, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("shared")
    with MailHost() as host, Receiver() as receiver:
        smtp = Smtp.model_validate(
            {"host": "127.0.0.1", "port": host.port, "from": "us@example.com", "tls": "none"}
        )
        hook = Webhook(kind="webhook", url=receiver.url, secret_file=secret)
        ways = Ways({MAIL: MailWay(smtp), "ops": WebhookWay("ops", hook, post.clock)}, {})
        post.sender = post._sender(ways)
        host.hang_up_after_data = 1
        receiver.drop = True
        post.add("a", READER)
        post.add("b", "ops")
        post.sender.turn()
        receiver.drop = False
        post.run(0.1)
        ways.close()
    assert post.states() == {"a": MessageState.SENT, "b": MessageState.SENT}
    assert len({m.parsed["Message-ID"] for m in host.mails}) == 1
    assert len(host.mails) == 2
    assert len({c.headers["Idempotency-Key"] for c in receiver.calls}) == 1
    assert len(receiver.calls) == 2
