"""A record becomes a lead in our words, whatever the CRM put into its fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import email_validator
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.core.identity import identity_keys
from fairlead.core.normalise import ABSURD_LENGTH, normalise, registrable_domain
from fairlead.core.policy import FieldSpec
from fairlead.core.readers import (
    TEXT_LIMIT,
    read_bool,
    read_email,
    read_instant,
    read_list,
    read_number,
    read_phone,
    read_text,
)
from fairlead.core.schema import LEAD_SCHEMA
from fairlead.core.types import CrmOwner, Kind, Lead, OwnerKind, Record, Ref
from fairlead.errors import BadRecord

AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
SOURCES = {
    "email": ("Email",),
    "phone": ("Phone",),
    "mobile": ("MobilePhone",),
    "company": ("Company",),
    "website": ("Website",),
    "domain": ("EmailDomain",),
    "country": ("CountryCode", "Country"),
    "state": ("StateCode", "State"),
    "timezone": ("Zone",),
    "language": ("Language",),
    "employees": ("Employees",),
    "opted_out": ("OptOut",),
    "is_converted": ("Converted",),
    "invented": ("Invented",),
}
SPECS = {
    "interest": FieldSpec("interest", "list", {"salesforce": "Interest"}),
    "renewal": FieldSpec("renewal", "instant", {"salesforce": "Renewal"}),
    "other": FieldSpec("other", "text", {"hubspot": "other"}),
}
OWNERS = {
    ("salesforce", "u1"): CrmOwner(
        "salesforce", "u1", OwnerKind.REP, "Anna", "anna@example.com", True
    ),
    ("salesforce", "q1"): CrmOwner("salesforce", "q1", OwnerKind.QUEUE, "Inbound", None, True),
}


def record(owner_id: str | None = None, ref_id: str = "1", **fields: Any) -> Record:
    return Record(
        Ref("salesforce", "Lead", ref_id),
        Kind.LEAD,
        AT,
        AT,
        fields,
        owner_id,
        url="https://crm.example/1",
    )


def lead(owner_id: str | None = None, **fields: Any) -> Lead:
    return normalise(record(owner_id, **fields), SOURCES, SPECS, OWNERS)


def test_a_lead_has_one_standard_form() -> None:
    found = lead(
        Email=" Jo.Doe+Demo@Acme.co.uk ",
        Phone="030 123456",
        Company="  Acme ",
        Country="Deutschland",
        State="by",
        Employees="1,200",
        Interest="billing; audit;",
        Renewal="2026-12-31",
        OptOut="false",
    )
    assert found.values == {
        "email": "jo.doe+demo@acme.co.uk",
        "phone": "+4930123456",
        "company": "Acme",
        "country": "DE",
        "state": "BY",
        "timezone": "Europe/Berlin",
        "employees": 1200,
        "interest": ("billing", "audit"),
        "renewal": datetime(2026, 12, 31, tzinfo=UTC),
        "opted_out": False,
        "domain": "acme.co.uk",
        "free_mail": False,
        "id": "1",
        "crm": "salesforce",
        "object": "Lead",
        "url": "https://crm.example/1",
        "created_at": AT,
        "modified_at": AT,
        "is_converted": False,
        "owner": None,
    }


@pytest.mark.parametrize("nothing", [None, "", "   ", [], {}])
def test_what_says_nothing_is_missing(nothing: Any) -> None:
    with_it, without = lead(Email=nothing, Company=nothing, Interest=nothing), lead()
    assert with_it.values == without.values


def test_the_first_source_that_says_something_counts() -> None:
    assert lead(CountryCode="AT", Country="Germany").get("country") == "AT"
    assert lead(CountryCode=None, Country="Germany").get("country") == "DE"
    assert lead(CountryCode="??", Country="Germany").get("country") == "DE"


def test_fields_of_another_crm_are_not_looked_for() -> None:
    assert "other" not in lead(other="x").values


def test_every_name_that_normalising_fills_is_in_the_schema() -> None:
    filled = lead("u1", Email="a@acme.example", Country="US", State="Texas", Phone="2025550143")
    names = set(filled.values) - set(SPECS)
    assert names <= set(LEAD_SCHEMA.types)


@pytest.mark.parametrize(
    ("owner_id", "group"),
    [
        (None, {"owner": None}),
        (
            "u1",
            {
                "owner": True,
                "owner.kind": "rep",
                "owner.name": "Anna",
                "owner.email": "anna@example.com",
            },
        ),
        ("q1", {"owner": True, "owner.kind": "queue", "owner.name": "Inbound"}),
        ("gone", {"owner": True, "owner.kind": "unknown"}),
    ],
)
def test_the_owner_is_a_group(owner_id: str | None, group: dict[str, object]) -> None:
    values = lead(owner_id).values
    assert {n: v for n, v in values.items() if n.split(".")[0] == "owner"} == group


@pytest.mark.parametrize(
    ("email", "website", "sent", "domain", "free"),
    [
        ("jo@mail.acme.example", None, None, "acme.example", False),
        ("jo@gmail.com", None, None, "gmail.com", True),
        ("jo@gmail.com", "https://www.acme.example/contact", None, "acme.example", True),
        (None, "acme.example", None, "acme.example", False),
        (None, None, "mail.acme.example", "acme.example", False),
        (None, None, None, None, False),
    ],
)
def test_the_domain_is_the_mailbox_s_before_the_website_s(
    email: str | None, website: str | None, sent: str | None, domain: str | None, free: bool
) -> None:
    found = lead(Email=email, Website=website, EmailDomain=sent)
    assert (found.get("domain"), found.get("free_mail")) == (domain, free)


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        ({"Zone": "europe_slash_berlin"}, "Europe/Berlin"),
        ({"Zone": "America/New York"}, "America/New_York"),
        ({"Zone": "Mars/Crater", "Country": "Germany"}, "Europe/Berlin"),
        ({"Zone": 7, "Country": "US", "State": "California"}, "America/Los_Angeles"),
        ({"Country": "US"}, None),
        ({}, None),
    ],
)
def test_the_zone_is_the_stated_one_or_the_only_one_of_the_place(
    fields: dict[str, Any], zone: str | None
) -> None:
    assert lead(**fields).get("timezone") == zone


def test_a_language_is_a_lower_case_code() -> None:
    assert lead(Language="pt_BR").get("language") == "pt-br"
    assert "language" not in lead(Language=[]).values


def test_converted_is_what_the_record_or_its_field_says() -> None:
    assert lead(Converted="true").get("is_converted") is True
    assert lead(Converted="maybe").get("is_converted") is False


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"Company": "half \ud800 a character"}, "Company holds half of a character"),
        ({"Interest": ["fine", "\udfff"]}, "Interest holds half of a character"),
        ({"Company": "x" * (ABSURD_LENGTH + 1)}, "Company is longer than"),
    ],
)
def test_text_that_no_store_can_keep_is_a_bad_record_named_by_field(
    broken: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadRecord, match=reason) as caught:
        lead(**broken)
    assert "half \ud800" not in str(caught.value)
    assert len(str(caught.value)) < 100


def test_an_address_with_half_a_character_is_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="address"):
        normalise(record(ref_id="\ud800"), SOURCES, SPECS, OWNERS)


def test_an_unreadable_row_is_a_bad_record_with_the_connector_s_reason() -> None:
    row = Record(Ref("hubspot", "contacts", "1"), Kind.LEAD, AT, AT, {}, unreadable="no date")
    with pytest.raises(BadRecord, match="no date"):
        normalise(row, SOURCES, SPECS, OWNERS)


def test_long_texts_are_cut_and_not_refused() -> None:
    assert lead(Company="y" * (TEXT_LIMIT + 1)).get("company") == "y" * TEXT_LIMIT


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["1e999", "+1", "00", "٣٤", "a@b", "https://", "٠٣٠ ١٢٣", "٤٩+", "9" * 400])
    | st.from_regex(r"\+?[0-9 ()x;ext.-]{1,20}", fullmatch=True),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
RAW_FIELDS = st.dictionaries(
    st.sampled_from([n for names in SOURCES.values() for n in names] + ["Interest", "Renewal"]),
    JSON,
)


@settings(max_examples=150, deadline=None)
@given(RAW_FIELDS, st.sampled_from([None, "u1", "q1", "gone"]))
def test_any_json_gives_a_lead_or_a_bad_record_and_nothing_else(
    fields: dict[str, Any], owner_id: str | None
) -> None:
    try:
        found = normalise(record(owner_id, **fields), SOURCES, SPECS, OWNERS)
    except BadRecord:
        assert any("\\ud" in ascii(v) for v in fields.values())
        return
    allowed = (str, int, float, bool, datetime, tuple, type(None))
    assert all(isinstance(v, allowed) and v != "" for v in found.values.values())
    again = normalise(record(owner_id, **fields), SOURCES, SPECS, OWNERS)
    assert again.values == found.values


# -- readers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("1,200", 1200),
        ("1 200.5", 1200.5),
        ("12,00", None),
        ("-3", -3),
        (".5", 0.5),
        ("1e3", 1000),
        ("1e999", None),
        (float("nan"), None),
        (float("inf"), None),
        (1200.0, 1200),
        (2**53 + 1, float(2**53)),
        (-(2**53) + 1, -(2**53) + 1),
        (10**400, None),
        ("about 50", None),
        (True, None),
        ([], None),
    ],
)
def test_numbers(raw: Any, number: float | None) -> None:
    found = read_number(raw)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (True, True),
        ("Yes", True),
        ("1", True),
        (1, True),
        ("no", False),
        (0, False),
        ("", None),
        (2, None),
        (1.0, None),
    ],
)
def test_yes_and_no(raw: Any, answer: bool | None) -> None:
    assert read_bool(raw) is answer


@pytest.mark.parametrize(
    ("raw", "instant"),
    [
        ("2013-05-07T22:07:19.000+0000", datetime(2013, 5, 7, 22, 7, 19, tzinfo=UTC)),
        ("2026-06-01T11:00:00+02:00", AT),
        ("2026-06-01T09:00:00", AT),
        ("2026-06-01", datetime(2026, 6, 1, tzinfo=UTC)),
        ("1780304400000", AT),
        (1780304400000, AT),
        (10**30, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01", None),
        ("20260601", None),
        ("soon", None),
        (True, None),
        (None, None),
    ],
)
def test_instants_are_utc(raw: Any, instant: datetime | None) -> None:
    assert read_instant(raw) == instant


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ("a; b;;c", ("a", "b", "c")),
        (["a", None, " "], ("a",)),
        (";", None),
        (7, ("7",)),
        (None, None),
    ],
)
def test_lists(raw: Any, texts: tuple[str, ...] | None) -> None:
    assert read_list(raw) == texts


@pytest.mark.parametrize(
    ("raw", "text"), [(5.0, "5"), (0.5, "0.5"), (True, "true"), (False, "false"), ({}, None)]
)
def test_texts(raw: Any, text: str | None) -> None:
    assert read_text(raw) == text


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        ("Jo@Acme.example", "jo@acme.example"),
        ("jo@müller.example", "jo@müller.example"),
        ("jo@acme.test", "jo@acme.test"),
        ("jo@corp.local", None),
        ("not an address", None),
        ("a@b@c.example", None),
        (12, None),
    ],
)
def test_addresses_are_checked_without_a_look_up(raw: Any, email: str | None) -> None:
    assert read_email(raw) == email


PART = st.from_regex(r"[A-Za-z0-9_.+-]{1,12}", fullmatch=True)


TOPS = ["com", "arpa", "test", "onion", "museum", "x1", "local", "localhost", "invalid", "company"]


@settings(max_examples=150, deadline=None)
@given(PART, PART, st.sampled_from(TOPS))
def test_the_short_way_for_plain_addresses_takes_nothing_the_validator_refuses(
    local: str, host: str, top: str
) -> None:
    address = f"{local}@{host}.{top}"
    try:
        expected = email_validator.validate_email(
            address, check_deliverability=False, test_environment=True
        ).normalized.lower()
    except email_validator.EmailNotValidError:
        expected = None
    assert read_email(address) == expected


@pytest.mark.parametrize(
    ("raw", "country", "e164"),
    [
        ("+1 (202) 555-0143 ext. 9", None, "+12025550143"),
        ("0049 30 123456", None, "+4930123456"),
        ("030 123456", "DE", "+4930123456"),
        ("030 123456", None, None),
        ("12", "DE", None),
        ("call me", "DE", None),
        (None, "DE", None),
    ],
)
def test_phones_are_e164_or_missing(raw: Any, country: str | None, e164: str | None) -> None:
    assert read_phone(raw, country) == e164


@pytest.mark.parametrize(
    ("value", "domain"),
    [
        ("https://shop.acme.co.uk/de?x=1", "acme.co.uk"),
        ("//user@acme.example:8443/", "acme.example"),
        ("ACME.Example.", "acme.example"),
        ("jo@mail.acme.example", "acme.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("acme.github.io", "acme.github.io"),
        ("co.uk", None),
        ("192.168.0.1", None),
        ("localhost", None),
        ("n/a", None),
        ("\u00fc" * 80 + ".example", None),
        (None, None),
        (7, None),
    ],
)
def test_registrable_domains(value: object, domain: str | None) -> None:
    assert registrable_domain(value) == domain


# -- identity --------------------------------------------------------------------------------------


def test_one_mailbox_is_one_person() -> None:
    assert identity_keys(lead(Email="Jo@Acme.example")) == ("email:jo@acme.example",)
    assert identity_keys(lead(Email="jo@acme.example ")) == ("email:jo@acme.example",)
    assert identity_keys(lead()) == ()


def test_tags_and_dots_stay_because_two_people_may_share_what_is_left() -> None:
    one, other = lead(Email="jo.doe+a@gmail.com"), lead(Email="jodoe@gmail.com")
    assert set(identity_keys(one)).isdisjoint(identity_keys(other))
