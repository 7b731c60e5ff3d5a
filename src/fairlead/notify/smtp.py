"""Mail by SMTP: text only, one connection for each mail, and never in doubt without saying so.

What broke before the message itself went over was surely not sent; what broke after may have been.
The Message-ID is made from the message's key, so a second copy can be told from a second message.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from fairlead.errors import Ambiguous, AuthFailed, BadRecord, NeedsOperator, Unavailable
from fairlead.notify.outgoing import Outgoing, with_lead
from fairlead.notify.tables import Smtp
from fairlead.spi.secrets import read_secret

ON_THE_WIRE = SMTP.clone(cte_type="7bit")
TIMEOUT = 10.0
"""Seconds for each answer of the server."""
DEADLINE = 60.0
"""Seconds for a whole mail; a server that drips bytes cannot hold us."""


class MailWay:
    """The mail server of the settings; raises ConfigError when its password cannot be read."""

    def __init__(self, smtp: Smtp, *, timeout: float = TIMEOUT, deadline: float = DEADLINE) -> None:
        self.smtp = smtp
        self._password = None
        if smtp.password_file is not None:
            self._password = read_secret(smtp.password_file, "[smtp] password_file")
        self._timeout, self._deadline = timeout, deadline

    def check(self) -> str:
        """Log in and out again."""
        with self._connected() as server:
            code, _ = server.noop()
        if code != 250:
            raise Unavailable(f"{self.smtp.host} answered {code} to NOOP")
        how = {"starttls": "STARTTLS", "tls": "TLS", "none": "no TLS, this machine"}
        login = f", as {self.smtp.user}" if self.smtp.user else ""
        return f"{self.smtp.host}:{self.smtp.at}, {how[self.smtp.tls]}{login}"

    def send(self, out: Outgoing) -> str:
        mail = as_mail(out, self.smtp.from_)
        with self._connected() as server:
            refused = self._envelope(server, out)
            try:
                code, said = server.data(mail.as_bytes(policy=ON_THE_WIRE))
            except smtplib.SMTPDataError as e:
                code, said = e.smtp_code, _bytes(e.smtp_error)
            except (OSError, smtplib.SMTPException) as e:
                raise Ambiguous(f"{self.smtp.host} did not confirm: {type(e).__name__}") from e
        if code >= 500:
            raise BadRecord(f"{self.smtp.host} refused the mail: {_words(code, said)}")
        if code != 250:
            raise Unavailable(f"{self.smtp.host} takes no mail now: {_words(code, said)}")
        return f"not to {', '.join(refused)}" if refused else ""

    def close(self) -> None:
        """Nothing stays open between two mails."""

    def _envelope(self, server: smtplib.SMTP, out: Outgoing) -> list[str]:
        """Say from whom and to whom; the addresses that were refused while others were not."""
        host, refused, last = self.smtp.host, [], ""
        try:
            code, said = server.mail(self.smtp.from_)
            if code >= 400:
                raise NeedsOperator(
                    f"{host} refuses our sender: {_words(code, said)}",
                    remedy="set [smtp] from to an address that this log-in may send as",
                )
            for one in out.to:
                code, said = server.rcpt(one)
                if 400 <= code < 500:
                    raise Unavailable(f"{host} takes no mail for a reader now: {code}")
                if code >= 500:
                    refused.append(one)
                    last = _words(code, said)
        except (OSError, smtplib.SMTPException) as e:
            raise Unavailable(f"{host}: {type(e).__name__}") from e
        if len(refused) == len(out.to):
            raise BadRecord(f"{host} refuses the reader's address: {last}")
        return refused

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server()

        def cut() -> None:
            if server.sock is not None:
                with suppress(OSError):
                    server.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._deadline, cut)
        timer.daemon = True
        timer.start()
        try:
            self._connect(server)
            self._greet(server)
            yield server
            # Whatever it says to our good-bye, the mail is with it or is not.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            timer.cancel()
            server.close()

    def _server(self) -> smtplib.SMTP:
        """Not connected yet: what holds it up from the first byte on can be cut off."""
        s = self.smtp
        me = s.from_.rpartition("@")[2]
        if s.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                local_hostname=me, timeout=self._timeout, context=self._context()
            )
        else:
            server = smtplib.SMTP(local_hostname=me, timeout=self._timeout)
        server._host = s.host  # type: ignore[attr-defined]  # the name its certificate must have
        return server

    def _connect(self, server: smtplib.SMTP) -> None:
        s = self.smtp
        try:
            code, said = server.connect(s.host, s.at)
        except ssl.SSLError as e:
            raise self._distrust(e) from e
        except (OSError, smtplib.SMTPException) as e:
            raise Unavailable(f"{s.host}:{s.at} cannot be reached: {type(e).__name__}") from e
        if code != 220:
            raise Unavailable(f"{s.host}:{s.at} takes no mail now: {_words(code, said)}")

    def _greet(self, server: smtplib.SMTP) -> None:
        s = self.smtp
        try:
            server.ehlo_or_helo_if_needed()
            if s.tls == "starttls":
                server.starttls(context=self._context())
                server.ehlo()
            if s.user is not None and self._password is not None:
                server.login(s.user, self._password)
        except smtplib.SMTPAuthenticationError as e:
            raise AuthFailed(
                f"{s.host} does not accept our log-in ({e.smtp_code})",
                remedy="correct [smtp] user and the password in password_file, then restart",
            ) from e
        except smtplib.SMTPNotSupportedError as e:
            raise NeedsOperator(
                f"{s.host} offers no {'STARTTLS' if s.tls == 'starttls' else 'log-in'}",
                remedy="set [smtp] tls and port to what the server offers",
            ) from e
        except ssl.SSLError as e:
            raise self._distrust(e) from e
        except (OSError, smtplib.SMTPException) as e:
            raise Unavailable(f"{s.host}:{s.at}: {type(e).__name__}") from e

    def _context(self) -> ssl.SSLContext:
        ca = self.smtp.ca_file
        return ssl.create_default_context(cafile=None if ca is None else str(ca))

    def _distrust(self, e: ssl.SSLError) -> NeedsOperator:
        return NeedsOperator(
            f"{self.smtp.host}:{self.smtp.at}: TLS failed: {e.reason or type(e).__name__}",
            remedy="set [smtp] tls and port to what the server offers, or ca_file to its authority",
        )


def as_mail(out: Outgoing, sender: str) -> EmailMessage:
    """The message with its headers; the same at every try."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(out.to)
    mail["Subject"] = " ".join(out.subject.split())
    mail["Date"] = format_datetime(_utc(out.at))
    mail["Message-ID"] = f"<{out.name}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(with_lead(out))
    return mail


def _utc(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _words(code: int, said: bytes) -> str:
    return " ".join(f"{code} {said.decode('utf-8', 'replace')}".split())[:200]
