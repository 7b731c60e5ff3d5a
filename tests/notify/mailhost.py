"""A mail server on loopback that speaks SMTP, STARTTLS and AUTH, and fails where it is told to."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType

from fairlead.sandbox.server import TlsFiles


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived: from whom, to whom, and what."""

    sender: str
    to: tuple[str, ...]
    raw: bytes
    secure: bool
    user: str | None

    @property
    def parsed(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


class MailHost:
    """Takes mails while `with` lasts. `answers` replaces the answer to a command by another one;
    after `hang_up_after_data` more mails it takes them and says nothing of it.
    """

    def __init__(
        self,
        tls: TlsFiles | None = None,
        *,
        at_once: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[Mail] = []
        self.answers: dict[str, str] = {}
        self.refused: set[str] = set()
        self.hang_up_after_data = 0
        self.silent = False
        self.drips = False
        self.connections = 0
        self._login = login
        self._at_once = at_once
        self._context: ssl.SSLContext | None = None
        if tls is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(tls.certificate, tls.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()

    def __enter__(self) -> MailHost:
        self._threads.append(threading.Thread(target=self._accept, daemon=True))
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(one)
            thread = threading.Thread(target=self._serve, args=[one], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self._open.discard, one)
            stack.enter_context(one)
            if self._at_once and self._context is not None:
                one = stack.enter_context(self._context.wrap_socket(one, server_side=True))
                self._open.add(one)
            self._talk(one, stack)

    def _talk(self, one: socket.socket, stack: contextlib.ExitStack) -> None:
        file = stack.enter_context(one.makefile("rb"))
        secure, user, sender, to = self._at_once, None, "", []

        def say(text: str) -> None:
            one.sendall(text.encode() + b"\r\n")

        if self.drips:
            for _ in range(600):
                one.sendall(b"2")
                time.sleep(0.05)
            return
        if self.silent:
            file.read()
            return
        say("220 mail.example ready")
        while line := file.readline():
            words = line.decode().split()
            verb = words[0].upper() if words else ""
            if verb in self.answers:
                say(self.answers[verb])
            elif verb == "EHLO":
                offers = ["mail.example"]
                offers += ["STARTTLS"] if self._context and not secure else []
                offers += ["AUTH PLAIN"] if self._login else []
                for i, offer in enumerate(offers):
                    say(f"250{'-' if i + 1 < len(offers) else ' '}{offer}")
            elif verb == "STARTTLS" and self._context is not None:
                say("220 go on")
                one = stack.enter_context(self._context.wrap_socket(one, server_side=True))
                self._open.add(one)
                file, secure = stack.enter_context(one.makefile("rb")), True
            elif verb == "AUTH":
                _, name, word = base64.b64decode(words[2]).decode().split("\0")
                if (name, word) == self._login:
                    user = name
                    say("235 welcome")
                else:
                    say("535 5.7.8 no")
            elif verb == "MAIL":
                sender, to = words[1].partition("<")[2].rstrip(">"), []
                say("250 ok")
            elif verb == "RCPT":
                reader = words[1].partition("<")[2].rstrip(">")
                if reader in self.refused:
                    say("550 5.1.1 nobody of this name")
                else:
                    to.append(reader)
                    say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                lines = []
                while (text := file.readline()) not in (b".\r\n", b""):
                    lines.append(text.removeprefix(b".") if text.startswith(b"..") else text)
                self.mails.append(Mail(sender, tuple(to), b"".join(lines), secure, user))
                if self.hang_up_after_data:
                    self.hang_up_after_data -= 1
                    one.shutdown(socket.SHUT_RDWR)
                    return
                say(self.answers.get(".", "250 taken"))
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
