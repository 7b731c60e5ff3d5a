"""The tables of `fairlead.toml` that say where messages go; a secret is only ever named by a file.

Below `settings`, which holds them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fairlead.spi.http import is_loopback

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a channel may be called; the policy's `tell` takes the same."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _file(value: object) -> object:
    # Whoever writes the URL or the password itself is told so, and it is not printed.
    if isinstance(value, str) and ("://" in value or "\n" in value or len(value) > 4096):
        raise ValueError("holds a secret; put it into a file and name the file here")
    return value


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("must be a URL that begins with https://")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http goes to this machine only; use https")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a secret; no user or password belongs into a URL")
    return text


def address(text: str) -> str:
    """A mail address in lower case; raises ValueError."""
    try:
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError("is no e-mail address") from None
    return checked.normalized.lower()


File = Annotated[Path, BeforeValidator(_file)]
Url = Annotated[str, AfterValidator(_url)]
Address = Annotated[str, AfterValidator(address)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Smtp(_Table):
    """The mail server. Without TLS it must be on this machine."""

    host: str = Field(min_length=1, description="The mail server's name.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Its port; 587, 465 or 25, as `tls` says."
    )
    from_: Address = Field(alias="from", description="Who our mails are from.")
    user: str | None = Field(default=None, description="The log-in, where it wants one.")
    password_file: File | None = Field(default=None, description="The file with the password.")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls`, `tls`, or `none` on this machine only."
    )
    ca_file: Path | None = Field(default=None, description="A certificate authority of your own.")

    @model_validator(mode="after")
    def _together(self) -> Smtp:
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("mail without TLS goes to this machine only; set tls = 'starttls'")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together; set both or none")
        return self

    @property
    def at(self) -> int:
        return self.port or PORTS[self.tls]


class Chat(_Table):
    """A chat room or pager, by an apprise URL in a file of its own."""

    kind: Literal["chat"]
    url_file: File = Field(description="The file with the apprise URL.")
    include_lead: bool = Field(default=False, description="Send the lead's name and company, too.")


class Webhook(_Table):
    """A program of yours, called with a signed JSON body."""

    kind: Literal["webhook"]
    url: Url = Field(description="Where it is called; https, or http on this machine.")
    secret_file: File = Field(description="The file with the secret that signs.")
    include_lead: bool = Field(default=False, description="Send the lead's name and company, too.")
    ca_file: Path | None = Field(default=None, description="A certificate authority of your own.")


class Mailbox(_Table):
    """Fixed readers of mails."""

    kind: Literal["email"]
    to: list[Address] = Field(min_length=1, description="The addresses.")


Channel = Annotated[Chat | Webhook | Mailbox, Field(discriminator="kind")]


class Alerts(_Table):
    """When trouble of the daemon itself is told, and to which channels."""

    to: list[str] = Field(min_length=1, description="Channels that are told, by name.")
    dead_letters: int = Field(default=10, ge=1, description="So many dead letters are told.")
    unreachable: float = Field(
        default=900.0, ge=60, le=86400, description="Seconds without a good look at a CRM."
    )
    silent: bool = Field(
        default=True, description="Tell when a CRM brings no leads against its usual rhythm."
    )


class Heartbeat(_Table):
    """The dead man's switch: a URL that is called while all is well."""

    url: Url | None = Field(default=None, description="The URL that is called.")
    url_file: File | None = Field(default=None, description="The file with it, where it is secret.")
    every: float = Field(default=60.0, ge=1, le=86400, description="Seconds between two calls.")
    method: Literal["GET", "POST"] = Field(default="GET", description="`GET` or `POST`.")
    ca_file: Path | None = Field(default=None, description="A certificate authority of your own.")

    @model_validator(mode="after")
    def _one(self) -> Heartbeat:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give url or url_file, one of them")
        return self


def url_of(text: str) -> str:
    """A URL that was read from a file, checked as one in the settings; raises ValueError."""
    return _url(text)
