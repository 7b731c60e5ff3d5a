"""What a message may tell of a lead: a few lines for people, from its record as it was read."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.core.normalise import normalise
from fairlead.core.policy import Policy
from fairlead.core.types import Record
from fairlead.daemon.ingest import ODD_DATA, Ingest
from fairlead.errors import BadRecord

TOLD = {
    "first_name": "First name", "last_name": "Last name", "title": "Title",
    "company": "Company", "email": "E-mail", "phone": "Phone", "country": "Country",
}  # fmt: skip


def lead_words(record: Record, ingest: Ingest, policy: Policy) -> Mapping[str, str]:
    """Name, company and how to reach them, as far as they are known; {} when it cannot be read."""
    try:
        lead = normalise(record, ingest.feed.sources, policy.fields, {})
    except (BadRecord, *ODD_DATA):
        return {}
    found = ((label, lead.get(name)) for name, label in TOLD.items())
    return {label: value for label, value in found if isinstance(value, str) and value}
