"""One beat of the dead man's switch: a call to its URL."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from fairlead.errors import ConfigError, Unavailable
from fairlead.notify.tables import Heartbeat, url_of
from fairlead.spi.http import build_session, typed_error
from fairlead.spi.secrets import read_secret


class Heart:
    """The URL of the settings; raises ConfigError when its file cannot be read or holds none."""

    def __init__(self, spec: Heartbeat) -> None:
        self.spec = spec
        if spec.url_file is not None:
            what = "[heartbeat] url_file"
            try:
                self._url = url_of(read_secret(spec.url_file, what))
            except ValueError as e:
                raise ConfigError(f"{what}: {e}") from None
        else:
            self._url = spec.url or ""
        self._host = urlsplit(self._url).hostname or ""
        self._session = build_session(
            allowed_hosts=[self._host], connect_timeout=5.0, read_timeout=10.0, deadline=20.0,
            ca_file=None if spec.ca_file is None else str(spec.ca_file),
        )  # fmt: skip

    def beat(self) -> None:
        """Call it once; raises Unavailable when the answer is none or not 2xx."""
        try:
            answer = self._session.request(self.spec.method, self._url, allow_redirects=False)
        except requests.exceptions.RequestException as e:
            raise Unavailable(f"{self._host}: {typed_error(e, writing=False)}") from e
        if not 200 <= answer.status_code < 300:
            raise Unavailable(f"{self._host} answered {answer.status_code} to the heartbeat")

    def close(self) -> None:
        self._session.close()
