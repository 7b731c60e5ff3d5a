"""Chat rooms and pagers through apprise, which is installed only where somebody wants it.

apprise says whether it worked and not why: what failed may have arrived, and a second copy is
possible. Its own log is off, because a URL of it is a secret.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

from fairlead.errors import Ambiguous, ConfigError
from fairlead.notify.outgoing import Outgoing, with_lead
from fairlead.notify.tables import Chat
from fairlead.spi.http import is_loopback
from fairlead.spi.secrets import read_secret

REMEDY = "pip install 'fairlead[notify]'"


class ChatWay:
    """One chat of the settings; raises ConfigError without apprise, or for a URL it cannot read."""

    def __init__(self, name: str, spec: Chat) -> None:
        self.spec = spec
        where = f"[channels.{name}]"
        try:
            import apprise
        except ImportError as e:
            raise ConfigError(f"{where}: a chat needs apprise; run: {REMEDY}") from e
        log = logging.getLogger("apprise")
        log.propagate = False
        log.setLevel(logging.CRITICAL + 1)
        url = read_secret(spec.url_file, f"{where} url_file")
        asset = apprise.AppriseAsset(
            async_mode=False, app_id="fairlead", app_desc="fairlead",
            app_url="", image_url_mask="", image_url_logo="", image_path_mask="",
        )  # fmt: skip
        with warnings.catch_warnings():
            # It loads every service it knows, and some of them old modules.
            warnings.simplefilter("ignore")
            target: Any = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if target is None:
            raise ConfigError(f"{where} url_file: apprise cannot read its URL; see its own pages")
        if _plain(target) and not is_loopback(str(target.host or "")):
            raise ConfigError(f"{where} url_file: plain http goes to this machine only; use https")
        # A room that has moved is moved in the settings: what we tell goes to no other host.
        target.redirects = False
        self._service = str(target.service_name)
        self._apprise = apprise.Apprise(asset=asset)
        self._apprise.add(target)

    def check(self) -> str:
        return f"{self._service}; whether it answers is not tried: fairlead notify test"

    def close(self) -> None:
        """apprise keeps nothing open."""

    def send(self, out: Outgoing) -> str:
        text = with_lead(out) if self.spec.include_lead else out.text
        if not self._apprise.notify(body=text, title=out.subject, body_format="text"):
            raise Ambiguous(f"{self._service} did not take it; apprise does not say why")
        return ""


def _plain(target: Any) -> bool:
    """Whether it speaks without TLS over the network."""
    own = target.protocol or ()
    schemes = (own,) if isinstance(own, str) else tuple(own)
    return bool(schemes) and bool(target.secure_protocol) and not target.secure
