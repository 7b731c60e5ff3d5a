"""The outgoing webhook: a JSON body that is signed, so that the receiver knows who sent it.

`Fairlead-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`. The time is that of the
try, so that the receiver can refuse what is old; `Idempotency-Key` is the same at every try.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import urlsplit

import requests

from fairlead.clock import Clock
from fairlead.errors import Ambiguous, BadRecord, FairleadError, NeedsOperator, Unavailable
from fairlead.notify.outgoing import Outgoing
from fairlead.notify.tables import Webhook
from fairlead.spi.http import build_session, typed_error
from fairlead.spi.secrets import read_secret

REMEDIES = {
    401: "compare the secret in secret_file with the receiver's",
    403: "compare the secret in secret_file with the receiver's",
    404: "correct the channel's url",
    410: "the receiver is gone for good: take the channel out of the policy or give it a new url",
}
LATER = (408, 425, 429)
"""Answers of the 4xx kind that mean: not now."""


class WebhookWay:
    """One webhook of the settings; raises ConfigError when its secret cannot be read."""

    def __init__(self, name: str, spec: Webhook, clock: Clock) -> None:
        self.spec = spec
        self.clock = clock
        self._secret = read_secret(spec.secret_file, f"[channels.{name}] secret_file").encode()
        self._host = urlsplit(spec.url).hostname or ""
        self._session = build_session(
            allowed_hosts=[self._host], connect_timeout=5.0, read_timeout=10.0, deadline=30.0,
            ca_file=None if spec.ca_file is None else str(spec.ca_file),
        )  # fmt: skip

    def check(self) -> str:
        return f"{self._host}; whether it answers is not tried: fairlead notify test"

    def close(self) -> None:
        self._session.close()

    def send(self, out: Outgoing) -> str:
        body = self.body(out)
        at = int(self.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fairlead",
            "Idempotency-Key": out.name,
            "Fairlead-Signature": f"t={at},v1={signature(self._secret, at, body)}",
        }
        try:
            answer = self._session.post(
                self.spec.url, data=body, headers=headers, allow_redirects=False
            )
        except requests.exceptions.TooManyRedirects as e:
            raise NeedsOperator(
                f"{self._host} answered with a redirect: redirects are not followed",
                remedy="set the channel's url to where it leads",
            ) from e
        except requests.exceptions.RequestException as e:
            raise self._typed(e) from e
        self._judge(answer)
        return ""

    def body(self, out: Outgoing) -> bytes:
        """What is posted: ids and our own words; the lead's only where the settings say so."""
        told = {
            "id": out.name, "event": out.event, "at": out.at.isoformat(), "subject": out.subject,
            "text": out.text, **out.data,
        }  # fmt: skip
        if self.spec.include_lead and out.lead:
            told["lead_data"] = dict(out.lead)
        return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()

    def _typed(self, e: requests.exceptions.RequestException) -> FairleadError:
        error = typed_error(e, writing=True)
        return type(error)(f"{self._host}: {error}")

    def _judge(self, answer: requests.Response) -> None:
        code = answer.status_code
        if 200 <= code < 300:
            return
        said = f"{self._host} answered {code}"
        if code in LATER:
            hint = answer.headers.get("Retry-After", "")
            error = Unavailable(said)
            error.after = float(hint) if hint.isascii() and hint.isdigit() else None
            raise error
        if 300 <= code < 500:
            raise BadRecord(f"{said}; {REMEDIES.get(code, 'the receiver does not take it')}")
        raise Ambiguous(said)


def signature(secret: bytes, at: int, body: bytes) -> str:
    """The hex HMAC-SHA256 over time and body."""
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
