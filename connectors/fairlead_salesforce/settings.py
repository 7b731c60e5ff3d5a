"""What the admin says about one Salesforce org: where it is, how to log in, how long to wait.

No secret stands here, only the names of files that hold one. `connector.FACTORY` hands an instance
to the connector; docs/connectors-salesforce.md explains each value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fairlead.spi.http import is_loopback

SALESFORCE_HOSTS = (".salesforce.com", ".force.com")
"""Suffixes of the only hosts that ever get a token, loopback apart."""

_NEEDS = {
    "jwt": ("username", "consumer_key", "private_key_file"),
    "client_credentials": ("consumer_key", "consumer_secret_file"),
    "token": ("token_file", "instance_url"),
}


class SalesforceSettings(BaseModel):
    """One org and one way to log in; hashable, so that both directions can share a token.

    `domain` is `login`, `test`, a My Domain (`acme.my`) or a full host; `login_url` replaces it
    and may be plain http on loopback. `instance_url` overrides the host that the login returns.
    Times are seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    login: Literal["jwt", "client_credentials", "token"]
    domain: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")
    login_url: str | None = None
    instance_url: str | None = None
    username: str | None = None
    consumer_key: str | None = None
    consumer_secret_file: Path | None = None
    private_key_file: Path | None = None
    token_file: Path | None = None
    audience: str | None = None
    """`aud` of the JWT; the default is login.salesforce.com, or test.… for a sandbox host."""

    api_version: str = Field(default="67.0", pattern=r"^[1-9]\d\.0$")
    lead_object: Literal["Lead"] = "Lead"
    ca_file: Path | None = None
    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    read_timeout: float = Field(default=30.0, gt=0, le=600)
    deadline: float = Field(default=120.0, gt=0, le=900)

    lookback: float = Field(default=600.0, ge=10, le=86_400)
    """How late a row may become visible after its stamp; such rows are found by re-reading."""

    page_size: int = Field(default=2000, ge=2, le=2000)
    automation_users: tuple[str, ...] = ()
    """Usernames of other integrations: their owner changes count as automation, not as people."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [name for name in _NEEDS[self.login] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"login {self.login} also needs: {', '.join(missing)}")
        if self.login != "token" and (self.domain is None) == (self.login_url is None):
            raise ValueError("give either domain or login_url")
        for name in ("login_url", "instance_url"):
            url = getattr(self, name)
            if url is not None:
                _check_url(name, url)
        if self.login == "client_credentials" and _host(self.login_host) in (
            "login.salesforce.com",
            "test.salesforce.com",
        ):
            raise ValueError("client_credentials needs the org's own My Domain, not login or test")
        return self

    @property
    def login_host(self) -> str:
        """Where tokens are asked for, as `https://host[:port]` without a path."""
        if self.login_url is not None:
            return self.login_url.rstrip("/")
        if self.domain is None:
            return (self.instance_url or "").rstrip("/")
        if "." in self.domain and self.domain.endswith(SALESFORCE_HOSTS):
            return f"https://{self.domain}"
        return f"https://{self.domain}.salesforce.com"

    @property
    def jwt_audience(self) -> str:
        if self.audience is not None:
            return self.audience
        host = _host(self.login_host)
        if host == "test.salesforce.com" or ".sandbox." in host:
            return "https://test.salesforce.com"
        return "https://login.salesforce.com"

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Hosts that calls may go to: Salesforce's, and a loopback one if it was configured."""
        urls = (self.login_host, self.instance_url or "")
        local = {_host(url) for url in urls if url and is_loopback(_host(url))}
        return (*SALESFORCE_HOSTS, *sorted(local))


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(
            f"{name} must be a scheme and a host only, e.g. https://acme.my.salesforce.com"
        )
    local = is_loopback(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError(f"{name} must begin with https:// (plain http is for loopback only)")
    if not (local or host.endswith(SALESFORCE_HOSTS)):
        raise ValueError(f"{name}: {host} is not a Salesforce host")
