"""Where our field names live in a fake CRM."""

from __future__ import annotations

from dataclasses import dataclass

FAKE_FIELDS: tuple[str, ...] = (
    "email",
    "phone",
    "mobile",
    "first_name",
    "last_name",
    "title",
    "company",
    "website",
    "country",
    "state",
    "postal_code",
    "city",
    "timezone",
    "language",
    "industry",
    "source",
    "source_detail",
    "form",
    "page",
    "employees",
    "revenue",
    "deal_value",
    "status",
    "rating",
    "lifecycle_stage",
    "opted_out",
)


@dataclass(frozen=True, slots=True)
class FakeFieldMap:
    """The fake's fields bear our own names, those of accounts with `account.` before them."""

    extra: tuple[str, ...] = ()

    def sources(self, name: str) -> tuple[str, ...]:
        if name.startswith("account."):
            return (name,)
        return (name,) if name in FAKE_FIELDS or name in self.extra else ()

    def names(self) -> tuple[str, ...]:
        return (*FAKE_FIELDS, *self.extra)
