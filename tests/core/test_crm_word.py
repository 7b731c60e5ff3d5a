"""What CRMs say of a rep counts as the policy lets it, and the policy's own word comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from core.deciding import HS, SF, case, lead, policy

from fairlead.core.crm_word import absent_now
from fairlead.core.decide import decide
from fairlead.core.decision import World
from fairlead.core.leave import Switch
from fairlead.core.policy import Policy
from fairlead.core.policy_file import PolicyError
from fairlead.core.roster import join_roster
from fairlead.core.types import Availability, CrmOwner, LeadState, OwnerKind, Rep

MONDAY = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ANNA = "anna@example.com"
HEAD = """version: 1
sources: {sf: {crm: salesforce}, hs: {crm: hubspot}}
calendars: {utc: {timezone: UTC, hours: {mon-fri: ["08:00-18:00"]}, leave_buffer: {before: 1, after: 1}}}
reps: {anna@example.com: {ANNA}}
teams: {a: {members: [anna@example.com]}}
"""  # noqa: E501
OFF = Availability(off=((MONDAY + DAY, MONDAY + 3 * DAY),))
SHORT = Availability(off=((MONDAY + DAY, MONDAY + DAY + timedelta(hours=2)),))
WEEK = ((0, 540, 720), (0, 720, 1020), (1, 0, 60), (1, 540, 600))
HOURS = Availability(hours=WEEK, timezone="Europe/Berlin")


def rules(from_crm: str = "", anna: str = "", more: str = "") -> Policy:
    head = HEAD.replace("{ANNA}", f"{{{anna}}}") + more
    return policy(head=head + (f"availability: {{from_crm: {from_crm}}}\n" if from_crm else ""))


def users(*, sf: Availability | None = None, hs: Availability | None = None) -> list[CrmOwner]:
    return [
        CrmOwner(crm, f"{crm}-anna", OwnerKind.REP, "Anna", ANNA, True, availability=told)
        for crm, told in ((SF, sf), (HS, hs))
    ]


def anna(under: Policy, owners: list[CrmOwner], *switches: Switch) -> Rep:
    return join_roster(under, owners, switches)[ANNA]


def why(under: Policy, owners: list[CrmOwner], at: datetime) -> str | None:
    """What is in Anna's way at an instant; None: nothing."""
    reps = join_roster(under, owners)
    absent = absent_now(under, reps, owners)
    seen = World(reps, {(o.crm, o.id): o for o in owners}, {}, absent=absent)
    decision = decide(case(lead()), seen, under, at)
    return None if decision.state is LeadState.ASSIGNED else decision.trace.passed[0].reason


def test_out_of_office_counts_unless_the_policy_says_it_does_not() -> None:
    at = MONDAY + 2 * DAY
    said = "out of office in hubspot until 2026-06-04 09:00 UTC"
    assert why(rules(), users(hs=OFF), at) == said
    assert why(rules("[]"), users(hs=OFF), at) is None
    assert why(rules("[presence]"), users(hs=OFF), at) is None
    assert why(rules(), users(hs=OFF), MONDAY + 3 * DAY) is None


def test_it_has_the_buffer_of_a_leave_when_it_lasts_a_day() -> None:
    under = rules(anna="calendar: utc")
    assert why(under, users(sf=OFF), MONDAY) == "about to leave: away from 2026-06-02 09:00 UTC"
    after = why(under, users(sf=OFF), MONDAY + 4 * DAY)
    assert after == "just back: takes leads again from 2026-06-06 00:00 UTC"
    assert why(under, users(sf=SHORT), MONDAY) is None
    assert why(under, users(sf=SHORT), MONDAY + DAY) is not None


def test_rep_back_ends_it_and_leave_of_two_kinds_adds_up() -> None:
    back = Switch(ANNA, MONDAY + 2 * DAY, None, None, "")
    assert anna(rules(), users(hs=OFF), back).off == ()
    off = anna(rules(anna="away: [2026-06-04]"), users(hs=OFF, sf=SHORT)).off
    assert [(o.crm, o.until) for o in off] == [
        (SF, "2026-06-02 11:00 UTC"), (HS, "2026-06-04 09:00 UTC"), ("", "2026-06-04")
    ]  # fmt: skip


def test_hours_count_when_asked_and_only_without_a_calendar() -> None:
    early = MONDAY - timedelta(hours=2, minutes=1)  # 08:59 in Berlin
    asked = rules("[working_hours]")
    assert why(asked, users(hs=HOURS), early) == "closed until Mon 09:00 Europe/Berlin"
    assert why(asked, users(hs=HOURS), early + timedelta(minutes=1)) is None
    assert why(rules(), users(hs=HOURS), early) is None
    own = rules("[working_hours]", "calendar: utc")
    assert why(own, users(hs=HOURS), early) == "closed until Mon 08:00 UTC"
    hours = anna(asked, users(hs=HOURS)).crm_hours
    assert hours is not None
    assert hours.hours[:2] == (((540, 1020),), ((0, 60), (540, 600)))


def test_the_owner_authority_s_hours_count_before_others() -> None:
    other = replace(HOURS, timezone="UTC")
    for authority, zone in (("hs", "Europe/Berlin"), ("sf", "UTC")):
        under = rules("[working_hours]", more=f"owner_authority: {authority}\n")
        hours = anna(under, users(hs=HOURS, sf=other)).crm_hours
        assert hours is not None
        assert hours.timezone == zone


@pytest.mark.parametrize(
    ("sf", "hs", "told"),
    [
        (None, None, None),
        (None, False, "away in hubspot now"),
        (False, False, "away in hubspot now"),
        (True, False, None),
        (None, True, None),
    ],
)
def test_present_in_one_crm_is_present(sf: bool | None, hs: bool | None, told: str | None) -> None:
    owners = users(sf=Availability(present=sf), hs=Availability(present=hs))
    assert why(rules("[presence]"), owners, MONDAY) == told
    assert why(rules(), owners, MONDAY) is None


def test_a_user_who_is_inactive_says_nothing() -> None:
    owners = [replace(o, active=o.crm == SF) for o in users(hs=replace(OFF, present=False))]
    assert why(rules("[out_of_office, presence]"), owners, MONDAY + 2 * DAY) is None


def test_who_is_absent_and_closed_is_waited_for_until_the_calendar_opens() -> None:
    under = rules("[presence]", "calendar: utc")
    owners = users(hs=Availability(present=False))
    reps = join_roster(under, owners)
    seen = World(
        reps, {(o.crm, o.id): o for o in owners}, {}, absent=absent_now(under, reps, owners)
    )
    night = decide(case(lead()), seen, under, MONDAY - timedelta(hours=9))
    assert night.retry_at == MONDAY - timedelta(hours=1)
    assert decide(case(lead()), seen, under, MONDAY).retry_at is None


def test_what_a_crm_does_not_tell_cannot_be_asked_for() -> None:
    with pytest.raises(PolicyError, match="holidays"):
        rules("[holidays]")
