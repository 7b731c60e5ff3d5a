"""The book of a rep who leaves; one lead given by hand: guarded, journaled, charged or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import POLICY, House, an_org, owner_email, user_id
from daemon.ordering import apply, carry_on, make_plan, order, owners, planned

from fairlead.core.types import LeadState, Ref
from fairlead.daemon.leavers import set_gauge
from fairlead.errors import ConfigError, Unavailable
from fairlead.reports.human import human_status, human_why
from fairlead.store import decisions, journal, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


@pytest.fixture
def house(sf: FakeCrm, clock: ManualClock) -> Iterator[House]:
    house = House(None, [sf], clock)
    house.start()
    clock.advance(1)
    yield house
    house.close()


def new_leads(house: House, fake: FakeCrm, n: int) -> list[Ref]:
    refs = [fake.create_lead(email=f"x{i}@acme{i}.test") for i in range(n)]
    house.round()
    return refs


def leave(house: House, fake: FakeCrm, rep: str) -> None:
    """The CRM's admin deactivates a user, and the daemon reads users again."""
    fake.deactivate(user_id(fake, rep))
    house.ingests[fake.name].refresh_owners()


def book(fake: FakeCrm, refs: list[Ref], rep: str) -> list[Ref]:
    return [r for r in refs if owner_email(fake, r) == rep]


# -- the leaver ----------------------------------------------------------------------------------


def test_a_rep_who_left_is_told_counted_and_listed_with_what_to_do(
    house: House, sf: FakeCrm
) -> None:
    new_leads(house, sf, 8)
    assert house.commands.status()["inactive_reps"] == []
    leave(house, sf, CARLA)
    [found] = house.commands.status()["inactive_reps"]
    assert found["says"] == f"rep {CARLA} is inactive in salesforce and has 4 open leads"
    assert found["remedy"] == f"fairlead reassign --from {CARLA}"
    lines = list(human_status(house.commands.status()))
    assert f"LEAVER: {found['says']}: {found['remedy']}" in lines
    [event] = house.db.rows("SELECT detail FROM journal WHERE event = 'rep.inactive'")
    assert '"open": 4' in event["detail"]
    set_gauge(house.db, None, house.metrics)
    text = house.metrics.render()[0].decode()
    assert 'fairlead_inactive_rep_leads{crm="salesforce"} 4.0' in text


def test_new_leads_skip_the_leaver_at_once(house: House, sf: FakeCrm) -> None:
    leave(house, sf, CARLA)
    refs = new_leads(house, sf, 6)
    assert Counter(owners(sf, refs)) == {ANNA: 3, BEN: 3}


def test_the_book_of_a_leaver_is_planned_shown_and_moved_by_the_rules(
    house: House, sf: FakeCrm
) -> None:
    refs = new_leads(house, sf, 8)
    theirs = book(sf, refs, CARLA)
    others = {r: owner_email(sf, r) for r in refs if r not in theirs}
    leave(house, sf, CARLA)
    shown = make_plan(house, "reassign", rep=CARLA)
    assert set(planned(shown)) == {str(r) for r in theirs}
    assert {r["from"] for r in shown["rows"]} == {CARLA}
    assert shown["per_rep"] == {ANNA: 2, BEN: 2}
    assert book(sf, refs, CARLA) == theirs
    state = apply(house, shown["plan"])
    assert (state["state"], state["done"], state["left_out"]) == ("done", 4, 0)
    assert {str(r): owner_email(sf, r) for r in theirs} == planned(shown)
    assert {r: owner_email(sf, r) for r in others} == others
    assert house.commands.status()["inactive_reps"] == []


def test_the_new_owner_gets_a_task_of_their_own(house: House, sf: FakeCrm) -> None:
    theirs = book(sf, new_leads(house, sf, 4), CARLA)
    leave(house, sf, CARLA)
    apply(house, make_plan(house, "reassign", rep=CARLA)["plan"])
    for ref in theirs:
        tasks = [t for t in sf.tasks.values() if t.ref == ref]
        assert [t.owner_id for t in tasks] == [user_id(sf, CARLA), sf.owner_of(ref)]


def test_older_leads_of_the_leaver_are_in_the_book_and_closed_ones_are_not(
    sf: FakeCrm, clock: ManualClock
) -> None:
    at = clock.now() - timedelta(days=100)
    carla = user_id(sf, CARLA)
    old = sf.create_lead(email="old@acme.test", owner_id=carla, at=at)
    sf.create_lead(email="done@acme.test", owner_id=carla, at=at, status="Closed")
    gone = sf.create_lead(email="gone@acme.test", owner_id=carla, at=at)
    house = House(None, [sf], clock, POLICY + 'closed_when: status == "Closed"\n')
    house.start()
    clock.advance(1)
    house.round()
    sf.convert(gone)
    shown = make_plan(house, "reassign", rep=CARLA)
    assert list(planned(shown)) == [str(old)]
    assert shown["left_out"] == {"converted": 1}
    apply(house, shown["plan"])
    assert owner_email(sf, old) in (ANNA, BEN)
    house.close()


def test_to_team_asks_that_team_and_no_rule(house: House, sf: FakeCrm) -> None:
    theirs = book(sf, new_leads(house, sf, 8), ANNA)
    shown = make_plan(house, "reassign", rep=ANNA, team="vip")
    assert shown["per_rep"] == {CARLA: len(theirs)}
    assert shown["per_rule"] == {"by hand": len(theirs)}
    apply(house, shown["plan"])
    assert set(owners(sf, theirs)) == {CARLA}
    with pytest.raises(ConfigError, match="no team 'vp'; did you mean vip"):
        make_plan(house, "reassign", rep=ANNA, team="vp")


def test_the_former_owner_is_passed_over_although_still_active(house: House, sf: FakeCrm) -> None:
    theirs = book(sf, new_leads(house, sf, 8), CARLA)
    shown = make_plan(house, "reassign", rep="Carla@example.com")
    apply(house, shown["plan"])
    assert CARLA not in owners(sf, theirs)
    [why] = house.commands.why(str(theirs[0]))
    assert f"  {CARLA}: the lead is taken from them" in why["decision"]["text"]
    assert why["decision"]["generation"] == 2
    [replayed] = [house.commands.routes()["replay"]({"decision": why["decision"]["id"]})]
    assert replayed["equal"]


def test_records_of_one_person_stay_together(house: House, sf: FakeCrm) -> None:
    pairs = []
    for i in range(4):
        first = sf.create_lead(email=f"x{i}@acme.test")
        house.round()
        pairs.append([first, sf.create_lead(email=f"x{i}@acme.test")])
        house.round()
    theirs = [p for p in pairs if owner_email(sf, p[0]) == CARLA]
    assert theirs
    apply(house, make_plan(house, "reassign", rep=CARLA)["plan"])
    for pair in theirs:
        [rep] = set(owners(sf, pair))
        assert rep in (ANNA, BEN)


def test_whom_a_person_gave_the_lead_to_meanwhile_keeps_it(house: House, sf: FakeCrm) -> None:
    theirs = book(sf, new_leads(house, sf, 8), CARLA)
    shown = make_plan(house, "reassign", rep=CARLA)
    boss = sf.add_user("boss@example.com")
    sf.person_sets_owner(theirs[0], boss)
    state = apply(house, shown["plan"])
    assert (state["done"], state["left_out"]) == (3, 1)
    assert sf.owner_of(theirs[0]) == boss


def test_a_person_who_comes_between_order_and_write_wins(house: House, sf: FakeCrm) -> None:
    theirs = book(sf, new_leads(house, sf, 8), CARLA)
    shown = make_plan(house, "reassign", rep=CARLA)
    order(house, "plan-apply", plan=shown["plan"])
    house.batches["salesforce"].step()
    boss = sf.add_user("boss@example.com")
    sf.person_sets_owner(theirs[0], boss)
    carry_on(house)
    assert sf.owner_of(theirs[0]) == boss
    assert house.state(theirs[0]) is LeadState.ASSIGNED


def test_a_new_owner_whom_the_crm_refuses_is_replaced_and_not_by_the_leaver(
    house: House, sf: FakeCrm
) -> None:
    theirs = book(sf, new_leads(house, sf, 8), CARLA)
    sf.faults.bad_owner(user_id(sf, ANNA))
    apply(house, make_plan(house, "reassign", rep=CARLA)["plan"])
    assert set(owners(sf, theirs)) == {BEN}


def test_nobody_free_keeps_the_lead_waiting_with_its_owner_until_somebody_is(
    house: House, sf: FakeCrm
) -> None:
    theirs = book(sf, new_leads(house, sf, 8), CARLA)
    for rep in (ANNA, BEN):
        leave(house, sf, rep)
    shown = make_plan(house, "reassign", rep=CARLA)
    assert shown["would_wait"] == len(theirs)
    apply(house, shown["plan"])
    assert set(owners(sf, theirs)) == {CARLA}
    assert {house.state(r) for r in theirs} == {LeadState.HELD}
    boss = sf.add_user("boss@example.com")
    sf.person_sets_owner(theirs[0], boss)
    house.round()
    sf.activate(user_id(sf, BEN))
    house.ingests["salesforce"].refresh_owners()
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owners(sf, theirs[1:]) == [BEN] * (len(theirs) - 1)
    assert sf.owner_of(theirs[0]) == boss
    assert house.state(theirs[0]) is LeadState.LEFT
    assert house.reason(theirs[0]) == "given to a person since it was ordered"


def test_a_leaver_outside_the_roster_is_found_in_the_crm(house: House, sf: FakeCrm) -> None:
    gone = sf.add_user("dora@example.com", name="Dora Former")
    ref = sf.create_lead(email="x@acme.test", owner_id=gone)
    house.ingests["salesforce"].refresh_owners()
    house.round()
    leave(house, sf, "dora@example.com")
    for name in ("dora@example.com", "Dora Former", gone):
        assert list(planned(make_plan(house, "reassign", rep=name))) == [str(ref)]
    [found] = house.commands.status()["inactive_reps"]
    assert found["rep"] == "dora@example.com"
    with pytest.raises(ConfigError, match=r"nobody is 'dore@example.com'; did you mean dora@"):
        make_plan(house, "reassign", rep="dore@example.com")


@pytest.mark.parametrize("at", range(1, 12))
def test_a_process_that_dies_anywhere_in_it_moves_every_lead_once(
    at: int, house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    theirs = book(sf, new_leads(house, sf, 12), CARLA)
    leave(house, sf, CARLA)
    before = len(sf.our_writes("owner"))
    shown = make_plan(house, "reassign", rep=CARLA)
    seen = 0

    class Killed(BaseException):
        pass

    def die(when: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            raise Killed

    house.on_commit = die
    try:
        apply(house, shown["plan"])
    except Killed:
        house.on_commit = lambda _: None
        house.restart()
        if order(house, "plan-state", plan=shown["plan"])["state"] == "planned":
            order(house, "plan-apply", plan=shown["plan"])
    house.on_commit = lambda _: None
    for _ in range(2):
        clock.advance(300)
        carry_on(house)
    assert order(house, "plan-state", plan=shown["plan"])["state"] == "done"
    assert {str(r): owner_email(sf, r) for r in theirs} == planned(shown)
    assert len(sf.our_writes("owner")) - before == len(theirs)
    for ref in theirs:
        assert sum(t.ref == ref for t in sf.tasks.values()) == 2


# -- by hand -------------------------------------------------------------------------------------


def test_an_override_is_written_explained_and_journaled(house: House, sf: FakeCrm) -> None:
    [ref] = new_leads(house, sf, 1)
    to = next(r for r in (ANNA, BEN) if r != owner_email(sf, ref))
    was = owner_email(sf, ref)
    done = order(house, "override", lead=str(ref), to=to, reason="speaks Dutch")
    assert (done["from"], done["to"]) == (was, to)
    house.deliver()
    assert owner_email(sf, ref) == to
    assert house.state(ref) is LeadState.ASSIGNED
    [entry] = [j for j in journal.of_lead(house.db, ref) if j.event == "lead.ordered"]
    assert entry.detail["by"] == "dana"
    assert entry.detail["reason"] == "speaks Dutch"
    assert entry.detail["to"] == to
    text = "\n".join(human_why(house.commands.why(str(ref))))
    assert f"ordered: given to {to} by hand, by dana: speaks Dutch" in text
    assert "a person ordered it to be routed: override" in text
    house.round()
    assert owner_email(sf, ref) == to


def test_an_override_takes_a_lead_from_anybody_also_an_old_one(
    sf: FakeCrm, clock: ManualClock
) -> None:
    at = clock.now() - timedelta(days=100)
    nobodys = sf.create_lead(email="o@acme.test", at=at)
    boss = sf.add_user("boss@example.com")
    theirs = sf.create_lead(email="p@acme.test", owner_id=boss, at=at)
    house = House(None, [sf], clock)
    house.start()
    clock.advance(1)
    house.round()
    for ref in (nobodys, theirs):
        order(house, "override", lead=str(ref), to=BEN, reason="his event")
    house.deliver()
    assert owners(sf, [nobodys, theirs]) == [BEN, BEN]
    house.close()


def test_an_override_that_cannot_be_is_refused_with_the_obstacle(house: House, sf: FakeCrm) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    override = {"lead": str(ref), "reason": "why not"}
    with pytest.raises(ConfigError, match=f"{ANNA} owns {ref} already"):
        order(house, "override", to=ANNA, **override)
    with pytest.raises(
        ConfigError, match=r"'bem@example.com' is not in the roster; did you mean b"
    ):
        order(house, "override", to="bem@example.com", **override)
    with pytest.raises(ConfigError, match="no lead 'x' has been seen"):
        order(house, "override", lead="x", to=BEN, reason="y")
    leave(house, sf, BEN)
    with pytest.raises(ConfigError) as caught:
        order(house, "override", to=BEN, **override)
    assert "who cannot take it: inactive in salesforce" in str(caught.value)
    assert "--even-if-away" not in str(caught.value)
    sf.delete(ref)
    with pytest.raises(ConfigError, match="is gone"):
        order(house, "override", to=CARLA, **override)


def test_a_rep_who_is_away_gets_it_only_if_that_is_meant(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    until = (clock.now() + timedelta(days=3)).isoformat()
    house.commands.rep_away(BEN, until, "fair")
    with pytest.raises(ConfigError, match=r"away until .*add --even-if-away"):
        order(house, "override", lead=str(ref), to=BEN, reason="his")
    assert [j for j in journal.of_lead(house.db, ref) if j.event == "lead.ordered"] == []
    order(house, "override", lead=str(ref), to=BEN, reason="his", even_if_away=True)
    house.deliver()
    assert owner_email(sf, ref) == BEN
    [why] = house.commands.why(str(ref))
    assert any("gets it all the same: away until" in line for line in why["decision"]["text"])


def test_a_rep_whom_the_crm_refuses_keeps_the_override_waiting(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    sf.faults.bad_owner(user_id(sf, BEN))
    order(house, "override", lead=str(ref), to=BEN, reason="his")
    house.deliver()
    assert house.state(ref) is LeadState.HELD
    assert house.reason(ref).endswith(f"{BEN}, who cannot take it: refused by the CRM as owner")
    assert owner_email(sf, ref) == ANNA
    sf.faults.clear()
    clock.advance(16 * 60)
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, ref) == BEN


def test_while_a_write_is_under_way_an_override_has_to_wait(house: House, sf: FakeCrm) -> None:
    ref = sf.create_lead(email="x@acme.test")
    house.poll()
    with pytest.raises(Unavailable, match="a write to it is under way"):
        order(house, "override", lead=str(ref), to=BEN, reason="his")


def test_an_override_waits_while_paused_and_a_person_s_change_meanwhile_stands(
    house: House, sf: FakeCrm
) -> None:
    a, b = book(sf, new_leads(house, sf, 8), ANNA)
    house.commands.pause("import")
    for ref in (a, b):
        assert not order(house, "override", lead=str(ref), to=BEN, reason="his")["may_write"]
    house.deliver()
    assert owners(sf, [a, b]) == [ANNA, ANNA]
    sf.person_sets_owner(b, user_id(sf, CARLA))
    house.commands.resume()
    house.round()
    assert owners(sf, [a, b]) == [BEN, CARLA]


def test_a_second_override_follows_the_first(house: House, sf: FakeCrm) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    for to in (BEN, CARLA, BEN):
        order(house, "override", lead=str(ref), to=to, reason=f"for {to}")
        house.deliver()
        assert owner_email(sf, ref) == to
    row = leads.get_lead(house.db, ref)
    assert row is not None
    assert leads.generation_of(house.db, row.person_id) == 4


def test_an_override_is_over_when_somebody_takes_the_owner_away(house: House, sf: FakeCrm) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    order(house, "override", lead=str(ref), to=BEN, reason="his")
    house.deliver()
    sf.person_sets_owner(ref, None)
    house.round()
    assert house.state(ref) is LeadState.LEFT
    assert sf.owner_of(ref) is None


# -- charged or not ------------------------------------------------------------------------------


def test_by_itself_an_override_costs_nobody_a_turn(house: House, sf: FakeCrm) -> None:
    [ref] = book(sf, new_leads(house, sf, 4), ANNA)
    before = decisions.balances(house.db)
    order(house, "override", lead=str(ref), to=BEN, reason="his")
    house.deliver()
    assert decisions.balances(house.db) == before


COUNTED = POLICY.replace(
    "carla@example.com]}\n  vip",
    "carla@example.com], charge: [account_owner, named, by_hand]}\n  vip",
)


def test_where_forced_leads_count_the_turn_moves_to_the_rep_who_has_the_lead(
    sf: FakeCrm, clock: ManualClock
) -> None:
    house = House(None, [sf], clock, COUNTED)
    house.start()
    clock.advance(1)
    refs = new_leads(house, sf, 4)
    assert decisions.balances(house.db)["team:inbound"] == dict.fromkeys((ANNA, BEN, CARLA), 0)
    [ref] = book(sf, refs, ANNA)
    order(house, "override", lead=str(ref), to=BEN, reason="his")
    house.deliver()
    held = decisions.balances(house.db)
    assert held["team:inbound"] == dict.fromkeys((ANNA, BEN, CARLA), 0)
    owed = held["beside team:inbound"]
    assert (owed[ANNA], owed[BEN], sum(owed.values())) == (1, -1, 0)
    received = {(p, r): n for p, r, _, n in decisions.received(house.db)}
    assert received["team:inbound", ANNA] == 0
    assert received["team:inbound", BEN] == 1, "the one from outside is listed as charged"
    nexts = [owner_email(sf, r) for r in [new_one(house, sf, i) for i in range(3)]]
    assert BEN not in nexts
    [pool, _] = house.commands.fairness()
    [ben] = [m for m in pool["members"] if m["rep"] == BEN]
    assert ben["beside"]["charged"] == "-1"
    assert pool["holds"]
    [why] = house.commands.why(str(ref))
    assert why["decision"]["recomputed_equal"]
    [replayed] = [house.commands.routes()["replay"]({"decision": why["decision"]["id"]})]
    assert replayed["equal"]
    house.close()


def new_one(house: House, fake: FakeCrm, i: int) -> Ref:
    ref = fake.create_lead(email=f"n{i}@fresh{i}.test")
    house.round()
    return ref


# -- a look first --------------------------------------------------------------------------------


def test_preview_decides_on_a_lead_as_it_is_in_the_crm_and_writes_nothing(
    house: House, sf: FakeCrm
) -> None:
    ref = sf.create_lead(email="x@acme.test", employees=5000)
    image = house.db.committed()
    for text in (str(ref), ref.id):
        [seen] = order(house, "preview", lead=text)
        assert (seen["now"], seen["rule"], seen["rep"]) == ("never seen", "Big ones", CARLA)
        assert "rules tried, in order:" in seen["text"]
    house.round()
    [seen] = order(house, "preview", lead="x@acme.test")
    assert (seen["outcome"], seen["reason"]) == ("leave", "owned by a person")
    sf.update(ref, employees=5)
    [seen] = order(house, "preview", lead=str(ref), as_new=True)
    assert seen["rule"] == "Everybody"
    assert len(sf.our_writes("owner")) == 1
    with pytest.raises(ConfigError, match="no CRM has a lead 'nothing'"):
        order(house, "preview", lead="nothing")
    assert image != b""
