"""What the admin configures to reach one HubSpot portal; no secret is in here, only its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from fairlead.spi.http import is_loopback

PUBLIC_HOST = "https://api.hubapi.com"


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Identifier = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^\d{1,20}$")]


class HubSpotSettings(BaseModel):
    """One portal. Times are seconds; limits are calls.

    `token_file` holds a Service Key or a private app's token. `look_back_seconds` is how far each
    poll looks behind its own clock, because HubSpot's search index trails; `reconcile_seconds` is
    how far behind a second, slow walk looks every `reconcile_every_seconds` (0 turns it off).
    `app_id` is the id under which HubSpot records our changes; without it the connector learns it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_file: Path
    base_url: str = PUBLIC_HOST
    api_version: str = Field(default="2026-09", pattern=r"^(v3|20\d\d-\d\d)$")
    lead_object: Literal["contacts", "leads"] = "contacts"
    look_back_seconds: int = Field(default=60, ge=5, le=3600)
    reconcile_seconds: int = Field(default=3600, ge=0, le=7 * 86400)
    reconcile_every_seconds: int = Field(default=900, ge=0)
    burst_per_10s: int = Field(default=184, ge=1)
    search_per_second: int = Field(default=4, ge=1)
    app_id: Identifier | None = None
    portal_id: Identifier | None = None
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=30.0, gt=0)
    deadline: float = Field(default=120.0, gt=0)
    ca_file: Path | None = None

    @field_validator("base_url")
    @classmethod
    def _only_safe_hosts(cls, url: str) -> str:
        parts = urlsplit(url.rstrip("/"))
        if not parts.hostname or parts.path or parts.query or parts.username:
            raise ValueError("base_url is scheme and host only, e.g. https://api.hubapi.com")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
            raise ValueError("base_url must be https; plain http is for loopback only")
        return url.rstrip("/")

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""
