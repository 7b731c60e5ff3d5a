"""Promises about the CRM itself: who can own, who we are, what fields there are, what it costs."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from fairlead.core.effects import SetOwner
from fairlead.core.schema import CUSTOM_TYPES
from fairlead.core.types import Availability, OwnerKind
from fairlead.spi.connector import Connector
from fairlead.testing.promises.feed import JO
from fairlead.testing.promises.under_test import CrmUnderTest, Promises, read_one


class AboutPromises(Promises):
    def test_every_user_is_listed_inactive_ones_included(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        anna, ben = crm.add_user("Anna@Example.com"), crm.add_user("ben@example.com")
        crm.deactivate(ben)
        owners = {o.id: o for o in reader.owners()}
        assert {anna, ben} <= set(owners)
        assert (owners[anna].email, owners[anna].active) == ("anna@example.com", True)
        assert (owners[ben].email, owners[ben].active) == ("ben@example.com", False)
        assert {owners[i].kind for i in (anna, ben)} == {OwnerKind.REP}
        assert {o.crm for o in owners.values()} == {reader.name}

    def test_queues_are_listed_beside_the_users(self, crm: CrmUnderTest, reader: Connector) -> None:
        if not reader.capabilities.queues:
            assert all(o.kind is not OwnerKind.QUEUE for o in reader.owners())
            pytest.skip("queues own nothing in this CRM, and none is listed")
        queue = crm.add_queue("Inbound")
        [found] = [o for o in reader.owners() if o.id == queue]
        assert (found.kind, found.name, found.active) == (OwnerKind.QUEUE, "Inbound", True)

    def test_out_of_office_in_the_crm_is_told(self, crm: CrmUnderTest, reader: Connector) -> None:
        if not crm.abilities.out_of_office:
            pytest.skip("this CRM keeps no out-of-office spans")
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        # Away from any midnight, which a CRM may take for a whole day.
        start = crm.now().replace(minute=30, second=0, microsecond=0) + timedelta(hours=2)
        end = start + timedelta(days=3, hours=1)
        crm.out_of_office(anna, start, end)
        told = availability(reader)
        assert (told[anna].off, told[ben].off) == (((start, end),), ())

    def test_presence_is_told_and_follows_the_user(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        if not crm.abilities.presence:
            pytest.skip("this CRM does not tell who is there")
        anna, ben = crm.add_user("anna@example.com"), crm.add_user("ben@example.com")
        for present in (False, True, False):
            crm.set_present(anna, present)
            told = availability(reader)
            assert (told[anna].present, told[ben].present) == (present, None)

    def test_more_users_than_a_page_holds_are_all_listed(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        ids = {crm.add_user(f"rep{i}@example.com") for i in range(120)}
        assert ids <= {o.id for o in reader.owners()}

    def test_the_probe_says_who_we_are_and_what_it_found(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        probe = reader.probe()
        assert probe.account
        assert abs(probe.server_now - crm.now()) < timedelta(seconds=5)
        assert probe.findings
        assert [f for f in probe.findings if f.fatal and not f.ok] == []
        assert probe.capabilities == reader.capabilities
        assert all(f.remedy for f in probe.findings if not f.ok), "a fault without a remedy"

    def test_the_probe_names_the_ids_our_changes_appear_under(
        self, crm: CrmUnderTest, reader: Connector, writer: Connector
    ) -> None:
        anna, ref = crm.add_user("anna@example.com"), crm.create_lead(JO)
        writer.write([SetOwner("k1", ref, anna, None)])
        our_ids = reader.probe().our_ids
        if not reader.capabilities.owner_history:
            pytest.skip("this CRM keeps no owner history")
        history = read_one(reader, ref).owner_history
        assert history
        assert history[-1].actor_id in our_ids

    def test_the_probe_changes_nothing(self, crm: CrmUnderTest, reader: Connector) -> None:
        reader.probe()
        assert list(crm.took_effect()) == []

    def test_the_lead_s_fields_are_listed_with_their_types(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        fields = {f.name: f for f in reader.fields()}
        for name in ("email", "first_name", "last_name", "company", "title"):
            sources = reader.field_map.sources(name)
            assert any(s in fields and fields[s].type == "text" for s in sources), name
        number = crm.abilities.number_field
        if number is not None:
            sources = reader.field_map.sources(number)
            assert [fields[s].type for s in sources if s in fields][:1] == ["number"]
        assert all(f.label for f in fields.values())
        assert {f.type for f in fields.values()} <= set(CUSTOM_TYPES)

    def test_a_record_has_an_address_a_person_can_open(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        ref = crm.create_lead(JO)
        reader.probe()
        before = crm.calls()
        url = urlsplit(reader.record_url(ref))
        assert url.scheme in ("https", "http")
        assert url.hostname
        assert ref.id in url.path
        assert crm.calls() == before

    def test_calls_are_counted_as_the_crm_counts_them(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        ref = crm.create_lead(JO)
        reader.owners()
        before = crm.calls(), reader.budget.calls_made
        reader.read([ref])
        reader.owners()
        made, counted = reader.budget.calls_made - before[1], crm.calls() - before[0]
        assert made == counted > 0
        budget = reader.budget
        if budget.daily_limit is not None and budget.daily_remaining is not None:
            assert 0 <= budget.daily_remaining <= budget.daily_limit

    def test_nothing_is_called_before_it_is_asked_for(
        self, crm: CrmUnderTest, reader: Connector
    ) -> None:
        assert crm.calls() == 0
        assert reader.budget.calls_made == 0

    def test_closing_twice_is_no_fault(self, crm: CrmUnderTest, reader: Connector) -> None:
        reader.owners()
        reader.close()
        reader.close()


def availability(reader: Connector) -> dict[str, Availability]:
    """What is told of each owner, nothing being told the same as an empty one."""
    return {o.id: o.availability or Availability() for o in reader.owners()}
