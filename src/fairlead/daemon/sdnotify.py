"""Tells systemd how we are: ready, alive, stopping, and one line of status.

The protocol is a datagram of `KEY=value` lines to the socket that NOTIFY_SOCKET names. Without
that variable (a terminal, a container) every call does nothing.
"""

from __future__ import annotations

import os
import socket

from fairlead.telemetry import scrub


class Notifier:
    """One service's line to its supervisor; safe to use from any thread.

    A datagram that cannot be delivered is dropped: systemd's own watchdog is what finds out.
    """

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds
        """Silence after which systemd kills us; None when it does not watch. Ping at half of it."""

    @classmethod
    def from_environment(cls) -> Notifier:
        """The notifier that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID describe."""
        address = os.environ.get("NOTIFY_SOCKET") or None
        usec = os.environ.get("WATCHDOG_USEC", "")
        ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = address is not None and ours and usec.isdigit() and int(usec) > 0
        return cls(address, int(usec) / 1e6 if watched else None)

    def ready(self, status: str = "") -> None:
        self._send("READY=1", status)

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`; no lead data."""
        self._send("", text)

    def watchdog(self) -> None:
        """Say that every loop is alive; only to be called when it is."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", status)

    def _send(self, state: str, status: str = "") -> None:
        if self._address is None:
            return
        lines = [line for line in (state, f"STATUS={scrub(status)}" if status else "") if line]
        # A leading @ stands for the zero byte of Linux's abstract socket names.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            s.setblocking(False)
            try:
                s.sendto("\n".join(lines).encode(), address)
            except OSError:
                return
