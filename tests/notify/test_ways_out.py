"""Each way out over a real connection: what arrives, and what is said when it does not."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from notify.mailhost import MailHost
from notify.receiver import Receiver

from fairlead.clock import SystemClock
from fairlead.errors import (
    Ambiguous,
    AuthFailed,
    BadRecord,
    ConfigError,
    NeedsOperator,
    RetryLater,
    Unavailable,
)
from fairlead.notify.chat import ChatWay
from fairlead.notify.outgoing import Outgoing
from fairlead.notify.smtp import MailWay
from fairlead.notify.tables import Chat, Smtp, Webhook
from fairlead.notify.webhook import WebhookWay
from fairlead.sandbox.authority import make_authority

AT = datetime(2027, 1, 4, 10, 0, tzinfo=UTC)
READER = "mona@example.com"
OUT = Outgoing(
    "sla 1 step 1 mona", "sla.breached", "Answer time\nof a lead", "Please look.\n.dots too.", AT,
    {"items": [{"lead": "salesforce:Lead:1"}]}, {"Company": "Acme"}, (READER,),
)  # fmt: skip


def secret(folder: Path, text: str) -> Path:
    file = folder / "secret"
    file.touch(mode=0o600)
    file.write_text(text)
    return file


def smtp(host: MailHost, **more: object) -> Smtp:
    plain = {"host": "127.0.0.1", "port": host.port, "from": "fairlead@example.com", "tls": "none"}
    return Smtp.model_validate({**plain, **more})


class TestMail:
    def test_it_arrives_as_text_with_its_own_name_and_says_that_a_program_wrote_it(self) -> None:
        with MailHost() as host:
            assert MailWay(smtp(host)).send(OUT) == ""
        [mail] = host.mails
        assert (mail.sender, mail.to) == ("fairlead@example.com", (READER,))
        got = mail.parsed
        assert got["Subject"] == "Answer time of a lead"
        assert got["Message-ID"] == f"<{OUT.name}@example.com>"
        assert got["Auto-Submitted"] == "auto-generated"
        assert got["Date"].datetime == AT
        assert got["To"] == READER
        assert got.get_content_type() == "text/plain"
        assert got.get_content().splitlines() == [
            "Please look.", ".dots too.", "", "Company: Acme",
        ]  # fmt: skip

    @pytest.mark.parametrize("tls", ["starttls", "tls"])
    def test_over_tls_it_logs_in_with_the_password_of_the_file(
        self, tls: str, tmp_path: Path
    ) -> None:
        ca, files = make_authority(tmp_path, SystemClock().now())
        told = {
            "tls": tls, "ca_file": ca, "user": "fairlead",
            "password_file": secret(tmp_path, "opensesame"),
        }  # fmt: skip
        with MailHost(files, at_once=tls == "tls", login=("fairlead", "opensesame")) as host:
            way = MailWay(smtp(host, **told))
            assert "as fairlead" in way.check()
            way.send(OUT)
        assert [(m.secure, m.user) for m in host.mails] == [(True, "fairlead")]

    def test_an_authority_that_is_not_trusted_gets_no_password(self, tmp_path: Path) -> None:
        _, files = make_authority(tmp_path, SystemClock().now())
        with MailHost(files, login=("fairlead", "opensesame")) as host:
            way = MailWay(
                smtp(
                    host, tls="starttls", user="fairlead",
                    password_file=secret(tmp_path, "opensesame"),
                )
            )  # fmt: skip
            with pytest.raises(NeedsOperator, match="TLS failed"):
                way.send(OUT)
        assert host.mails == []

    def test_without_starttls_on_offer_nothing_is_sent_in_the_clear(self) -> None:
        with MailHost() as host:
            with pytest.raises(NeedsOperator, match="offers no STARTTLS"):
                MailWay(smtp(host, tls="starttls")).send(OUT)
        assert host.mails == []

    def test_a_wrong_password_is_said_with_its_remedy_and_without_it(self, tmp_path: Path) -> None:
        ca, files = make_authority(tmp_path, SystemClock().now())
        with MailHost(files, login=("fairlead", "right")) as host:
            way = MailWay(
                smtp(
                    host, tls="starttls", ca_file=ca, user="fairlead",
                    password_file=secret(tmp_path, "wrongword"),
                )
            )  # fmt: skip
            with pytest.raises(AuthFailed) as caught:
                way.check()
        assert "password_file" in caught.value.remedy
        assert "wrongword" not in f"{caught.value}{caught.value.remedy}"

    @pytest.mark.parametrize(
        ("verb", "answer", "error"),
        [
            ("MAIL", "550 not as him", NeedsOperator),
            ("RCPT", "450 later", Unavailable),
            ("RCPT", "550 nobody", BadRecord),
            ("DATA", "451 later", Unavailable),
            (".", "452 full", Unavailable),
            (".", "554 spam", BadRecord),
        ],
    )
    def test_a_refusal_is_what_it_is(self, verb: str, answer: str, error: type[Exception]) -> None:
        with MailHost() as host:
            host.answers[verb] = answer
            with pytest.raises(error):
                MailWay(smtp(host)).send(OUT)

    def test_one_reader_of_two_who_is_refused_does_not_keep_it_from_the_other(self) -> None:
        with MailHost() as host:
            host.refused = {"gone@example.com"}
            out = Outgoing("k", "e", "s", "t", AT, to=("gone@example.com", READER))
            assert MailWay(smtp(host)).send(out) == "not to gone@example.com"
        assert [m.to for m in host.mails] == [(READER,)]

    def test_a_server_that_takes_it_and_hangs_up_leaves_us_in_doubt(self) -> None:
        with MailHost() as host:
            host.hang_up_after_data = 1
            with pytest.raises(Ambiguous):
                MailWay(smtp(host)).send(OUT)
        assert len(host.mails) == 1

    def test_a_server_that_says_nothing_is_left_after_a_while(self) -> None:
        with MailHost() as host:
            host.silent = True
            with pytest.raises(Unavailable):
                MailWay(smtp(host), timeout=0.1).send(OUT)

    def test_a_server_that_drips_bytes_is_cut_off(self) -> None:
        with MailHost() as host:
            host.drips = True
            with pytest.raises(Unavailable):
                MailWay(smtp(host), timeout=5, deadline=0.2).send(OUT)


def verify(secret: bytes, header: str, body: bytes, now: int) -> bool:
    """As docs/notify.md says it; the test below compares the two."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = parts["t"].encode() + b"." + body
    expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    fresh = abs(now - int(parts["t"])) <= 300
    return fresh and hmac.compare_digest(expected, parts["v1"])


class TestWebhook:
    def way(self, url: str, folder: Path, **more: object) -> WebhookWay:
        spec = {"kind": "webhook", "url": url, "secret_file": secret(folder, "shared"), **more}
        return WebhookWay("ops", Webhook.model_validate(spec), SystemClock())

    def send(self, receiver: Receiver, folder: Path, **more: object) -> None:
        way = self.way(receiver.url, folder, **more)
        try:
            way.send(OUT)
        finally:
            way.close()

    def test_the_receiver_can_verify_who_sent_it_and_that_it_is_fresh(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            self.send(receiver, tmp_path)
        [call] = receiver.calls
        now = int(SystemClock().now().timestamp())
        header = call.headers["Fairlead-Signature"]
        assert verify(b"shared", header, call.body, now)
        assert not verify(b"other", header, call.body, now)
        assert not verify(b"shared", header, call.body + b" ", now)
        assert not verify(b"shared", header, call.body, now + 301)

    def test_the_page_shows_the_very_code_that_verifies(self) -> None:
        import inspect

        page = Path(__file__).parents[2] / "docs" / "notify.md"
        code = inspect.getsource(verify).splitlines()
        shown = "\n".join([code[0], *code[2:]])
        assert shown in page.read_text(encoding="utf-8")

    def test_the_body_has_ids_and_nothing_of_the_lead(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            self.send(receiver, tmp_path)
            self.send(receiver, tmp_path, include_lead=True)
        plain, full = (json.loads(c.body) for c in receiver.calls)
        assert plain["id"] == OUT.name
        assert plain["event"] == "sla.breached"
        assert plain["items"] == [{"lead": "salesforce:Lead:1"}]
        assert "Acme" not in json.dumps(plain)
        assert full["lead_data"] == {"Company": "Acme"}
        assert [c.headers["Idempotency-Key"] for c in receiver.calls] == [OUT.name] * 2

    @pytest.mark.parametrize(
        ("status", "error", "said"),
        [
            (410, BadRecord, "gone for good"),
            (400, BadRecord, "400"),
            (429, RetryLater, "429"),
            (302, NeedsOperator, "redirects are not followed"),
            (500, Ambiguous, "500"),
        ],
    )
    def test_an_answer_that_is_no_success_is_what_it_is(
        self, status: int, error: type[Exception], said: str, tmp_path: Path
    ) -> None:
        with Receiver() as receiver:
            receiver.status = status
            receiver.headers = {"Location": receiver.url, "Retry-After": "7"}
            with pytest.raises(error, match=said) as caught:
                self.send(receiver, tmp_path)
        assert len(receiver.calls) == 1
        if isinstance(caught.value, RetryLater):
            assert caught.value.after == 7

    def test_no_answer_leaves_us_in_doubt_and_no_server_does_not(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            receiver.drop = True
            with pytest.raises(Ambiguous):
                self.send(receiver, tmp_path)
        with pytest.raises(Unavailable):
            self.send(receiver, tmp_path)


class TestChat:
    def way(self, url: str, folder: Path, **more: object) -> ChatWay:
        spec = {"kind": "chat", "url_file": secret(folder, url), **more}
        return ChatWay("ops", Chat.model_validate(spec))

    def test_it_arrives_through_apprise_without_the_lead(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            url = receiver.url.replace("http://", "json://")
            way = self.way(url, tmp_path)
            way.send(OUT)
            self.way(url, tmp_path, include_lead=True).send(OUT)
            assert "not tried" in way.check()
        plain, full = (c.body.decode() for c in receiver.calls)
        assert "Please look." in plain
        assert "Acme" not in plain
        assert "Acme" in full

    def test_what_failed_may_have_arrived(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            receiver.status = 500
            with pytest.raises(Ambiguous):
                self.way(receiver.url.replace("http://", "json://"), tmp_path).send(OUT)

    @pytest.mark.parametrize("asked", ["", "?redirect=yes"])
    def test_a_redirect_to_elsewhere_gets_nothing_whatever_the_url_asks(
        self, asked: str, tmp_path: Path
    ) -> None:
        with Receiver() as elsewhere, Receiver() as receiver:
            receiver.status, receiver.headers = 307, {"Location": elsewhere.url}
            way = self.way(receiver.url.replace("http://", "json://") + asked, tmp_path)
            with pytest.raises(Ambiguous):
                way.send(OUT)
        assert len(receiver.calls) == 1
        assert elsewhere.calls == []

    @pytest.mark.parametrize("url", ["json://chat.example/x", "nothing-of-apprise"])
    def test_plain_http_to_elsewhere_and_nonsense_are_refused(
        self, url: str, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match=r"channels\.ops") as caught:
            self.way(url, tmp_path)
        assert url not in str(caught.value)

    def test_without_apprise_the_remedy_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setitem(sys.modules, "apprise", None)
        with pytest.raises(ConfigError, match=r"pip install 'fairlead\[notify\]'"):
            self.way("json://localhost", tmp_path)
