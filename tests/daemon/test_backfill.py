"""Leads that were there before the first start: planned, shown, applied, and each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from daemon.house import POLICY, REPS, House, an_org, owner_email, user_id
from daemon.ordering import apply, carry_on, make_plan, order, owners, per_rep, planned, step

from fairlead.core.types import Kind, LeadState, Ref
from fairlead.errors import ConfigError, Unavailable, UnsafePlan
from fairlead.store import decisions, journal, leads
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

OLD = timedelta(days=3)


@pytest.fixture
def sf(clock: ManualClock) -> FakeCrm:
    return an_org(clock, "salesforce")


def old_leads(fake: FakeCrm, n: int, **more: object) -> list[Ref]:
    at = fake.clock.now() - OLD
    return [
        fake.create_lead(email=f"old{i}@acme{i}.test", at=at - timedelta(minutes=i), **more)
        for i in range(n)
    ]


def open_house(clock: ManualClock, *fakes: FakeCrm, policy: str = POLICY) -> House:
    house = House(None, list(fakes), clock, policy)
    house.start()
    clock.advance(1)
    house.round()
    return house


@pytest.fixture
def old(sf: FakeCrm) -> list[Ref]:
    return old_leads(sf, 12)


@pytest.fixture
def house(sf: FakeCrm, old: list[Ref], clock: ManualClock) -> Iterator[House]:
    house = open_house(clock, sf)
    yield house
    house.close()


def task_count(fake: FakeCrm, ref: Ref) -> int:
    return sum(t.ref == ref for t in fake.tasks.values())


def test_a_plan_writes_nothing_neither_to_the_crm_nor_to_a_lead(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    before = len(sf.audit)
    shown = make_plan(house, "backfill")
    assert shown["leads"] == 12
    assert per_rep(shown) == {"carla@example.com": 6, "anna@example.com": 3, "ben@example.com": 3}
    assert shown["per_rule"] == {"Everybody": 12}
    assert len(sf.audit) == before
    assert [house.state(r) for r in old] == [LeadState.PRE_EXISTING] * 12
    assert decisions.balances(house.db) == {}
    assert house.open_writes() == 0
    assert not step(house)


def test_what_is_applied_is_what_was_shown(house: House, sf: FakeCrm, old: list[Ref]) -> None:
    shown = make_plan(house, "backfill")
    state = apply(house, shown["plan"])
    assert (state["state"], state["done"], state["left_out"]) == ("done", 12, 0)
    assert {str(r): owner_email(sf, r) for r in old} == planned(shown)
    assert [house.state(r) for r in old] == [LeadState.ASSIGNED] * 12
    assert [task_count(sf, r) for r in old] == [1] * 12
    [why] = house.commands.why(str(old[0]))
    assert "  ordered: backfill, by dana" in why["decision"]["text"]
    assert why["decision"]["recomputed_equal"]
    [replayed] = [house.commands.routes()["replay"]({"decision": why["decision"]["id"]})]
    assert replayed["equal"]


def test_the_ledger_is_charged_as_for_new_leads(house: House) -> None:
    apply(house, make_plan(house, "backfill")["plan"])
    [pool, _] = house.commands.fairness()
    assert pool["holds"]
    assert {m["rep"]: m["received"] for m in pool["members"]}["carla@example.com"] == 6


def test_only_nobody_s_and_a_queue_s_leads_are_planned_as_pick_up_says(
    sf: FakeCrm, clock: ManualClock
) -> None:
    queue = next(o.ref.id for o in sf.rows(Kind.QUEUE))
    at = clock.now() - OLD
    waiting = sf.create_lead(email="q@acme.test", owner_id=queue, at=at)
    nobodys = sf.create_lead(email="n@acme.test", at=at)
    sf.create_lead(email="p@acme.test", owner_id=user_id(sf, REPS[0]), at=at)
    policy = POLICY.replace(
        "{crm: salesforce}", "{crm: salesforce, pick_up: 'owner.kind == \"queue\"'}"
    )
    house = open_house(clock, sf, policy=policy)
    shown = make_plan(house, "backfill")
    assert list(planned(shown)) == [str(waiting)]
    assert shown["left_out"] == {"outside the source's pick_up": 1}
    assert str(nobodys) not in planned(shown)
    house.close()


def test_where_and_limit_choose_the_newest_first(house: House, sf: FakeCrm, old: list[Ref]) -> None:
    shown = make_plan(house, "backfill", limit=3)
    assert list(planned(shown)) == [str(r) for r in old[:3]]
    sf.update(old[5], employees=5000)
    house.round()
    shown = make_plan(house, "backfill", where="employees >= 1000")
    assert planned(shown) == {str(old[5]): "carla@example.com"}
    assert shown["per_rule"] == {"Big ones": 1}
    assert shown["left_out"] == {"--where does not hold": 11}


def test_a_wrong_condition_crm_or_plan_is_told(house: House) -> None:
    with pytest.raises(ConfigError, match=r"--where.*employes"):
        make_plan(house, "backfill", where="employes > 5")
    with pytest.raises(ConfigError, match="--crm pipedrive: the daemon works for salesforce"):
        make_plan(house, "backfill", crm="pipedrive")
    with pytest.raises(ConfigError, match="no plan 'p123'"):
        apply(house, "p123")
    plan = make_plan(house, "backfill")["plan"]
    with pytest.raises(ConfigError, match="is a plan of backfill, not of reassign"):
        apply(house, plan, kind="reassign")


def test_a_person_with_two_old_records_gets_one_rep(sf: FakeCrm, clock: ManualClock) -> None:
    at = clock.now() - OLD
    pairs = [
        [sf.create_lead(email=f"x{i}@acme.test", at=at - timedelta(minutes=i)) for _ in range(2)]
        for i in range(4)
    ]
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
    state = apply(house, shown["plan"])
    assert (state["done"], state["left_out"]) == (8, 0)
    for pair in pairs:
        assert len(set(owners(sf, pair))) == 1
    assert {str(r): owner_email(sf, r) for pair in pairs for r in pair} == planned(shown)
    house.close()


def test_records_in_both_crms_follow_each_other(clock: ManualClock) -> None:
    sf, hs = an_org(clock, "salesforce"), an_org(clock, "hubspot")
    at = clock.now() - OLD
    refs = [(f.create_lead(email=f"x{i}@acme.test", at=at)) for i in range(6) for f in (sf, hs)]
    house = open_house(clock, sf, hs)
    shown = make_plan(house, "backfill")
    assert [r["lead"].split(":")[0] for r in shown["rows"]] == ["hubspot"] * 6 + ["salesforce"] * 6
    assert apply(house, shown["plan"])["done"] == 12
    got = {r: owner_email(sf if r.crm == "salesforce" else hs, r) for r in refs}
    assert {str(r): o for r, o in got.items()} == planned(shown)
    assert [got[a] == got[b] for a, b in zip(refs[::2], refs[1::2], strict=True)] == [True] * 6
    house.close()


# -- when something has changed --------------------------------------------------------------


def test_a_lead_that_a_person_took_meanwhile_is_theirs(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    shown = make_plan(house, "backfill")
    sf.person_sets_owner(old[11], user_id(sf, REPS[0]))
    state = apply(house, shown["plan"])
    assert (state["done"], state["left_out"]) == (11, 1)
    [out] = [r for r in order(house, "plan-show", plan=shown["plan"])["rows"] if r["note"]]
    assert (out["lead"], out["note"]) == (str(old[11]), "its owner has changed since the plan")
    assert owner_email(sf, old[11]) == REPS[0]


def test_a_lead_that_would_go_elsewhere_now_is_left_out_and_told(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    shown = make_plan(house, "backfill")
    sf.update(old[11], employees=5000)
    state = apply(house, shown["plan"])
    assert (state["done"], state["left_out"]) == (11, 1)
    [out] = [r for r in order(house, "plan-show", plan=shown["plan"])["rows"] if r["note"]]
    assert out["note"].startswith("would be assigned by 'Big ones' now")
    assert house.state(old[11]) is LeadState.PRE_EXISTING


def test_a_turn_that_has_moved_goes_on_in_the_same_team_and_is_told(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    shown = make_plan(house, "backfill", limit=6)
    sf.create_lead(email="new@fresh.test")
    house.round()
    assert apply(house, shown["plan"])["left_out"] == 0
    rows = order(house, "plan-show", plan=shown["plan"])["rows"]
    moved = {r["lead"] for r in rows if r["note"]}
    assert moved
    for ref in old[:6]:
        assert (owner_email(sf, ref) != planned(shown)[str(ref)]) == (str(ref) in moved)
    assert all(r["note"].startswith("the turn has moved: it went to ") for r in rows if r["note"])
    [pool, _] = house.commands.fairness()
    assert pool["holds"]


def test_exactly_means_the_rep_of_the_plan_or_nobody(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    shown = make_plan(house, "backfill", limit=6)
    sf.create_lead(email="new@fresh.test")
    house.round()
    state = apply(house, shown["plan"], exactly=True)
    assert state["left_out"] > 0
    notes = {r["note"] for r in order(house, "plan-show", plan=shown["plan"])["rows"] if r["note"]}
    assert all(n.startswith("it is the turn of ") for n in notes)
    got = {str(r): owner_email(sf, r) for r in old if owner_email(sf, r)}
    assert got.items() <= planned(shown).items()
    assert make_plan(house, "backfill")["leads"] == 12 - state["done"]


def test_a_plan_of_another_policy_or_of_yesterday_is_not_applied(
    house: House, sf: FakeCrm, clock: ManualClock
) -> None:
    shown = make_plan(house, "backfill")
    house.policy = POLICY.replace("Everybody", "All")
    house.restart()
    with pytest.raises(ConfigError, match="the policy has changed since plan"):
        apply(house, shown["plan"])
    shown = make_plan(house, "backfill")
    clock.advance(25 * 3600)
    with pytest.raises(ConfigError, match="older than a day"):
        apply(house, shown["plan"])


def test_a_policy_that_changes_while_a_plan_is_applied_ends_it(house: House) -> None:
    shown = make_plan(house, "backfill")
    order(house, "plan-apply", plan=shown["plan"])
    house.policy = POLICY.replace("Everybody", "All")
    house.restart()
    carry_on(house)
    state = order(house, "plan-state", plan=shown["plan"])
    assert (state["state"], state["done"]) == ("stopped", 0)
    assert state["note"] == "the policy has changed; plan again"


# -- how much at once --------------------------------------------------------------------------


def test_more_than_two_hundred_need_their_number_said(sf: FakeCrm, clock: ManualClock) -> None:
    refs = old_leads(sf, 230)
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
    assert shown["needs_yes"] == "the plan routes 230 leads, more than 200 at once"
    for said in (None, 200, 231):
        with pytest.raises(UnsafePlan, match="add --yes 230"):
            apply(house, shown["plan"], yes=said)
    assert owners(sf, refs) == [None] * 230
    assert apply(house, shown["plan"], yes=230)["done"] == 230
    assert {str(r): owner_email(sf, r) for r in refs} == planned(shown)
    house.close()


def test_a_plan_that_falls_to_otherwise_needs_it_too(sf: FakeCrm, clock: ManualClock) -> None:
    old_leads(sf, 20)
    policy = POLICY.replace("  - name: Everybody\n    to: {team: inbound}\n", "")
    house = open_house(clock, sf, policy=policy)
    shown = make_plan(house, "backfill")
    assert shown["needs_yes"].startswith("20 of 20 leads fall to 'otherwise', more than 30%")
    with pytest.raises(UnsafePlan):
        apply(house, shown["plan"])
    house.close()


def test_it_stops_by_itself_when_the_crm_refuses_too_many(sf: FakeCrm, clock: ManualClock) -> None:
    refs = old_leads(sf, 150)
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
    for ref in refs[::3]:
        sf.faults.refuse(ref)
    state = apply(house, shown["plan"])
    assert (state["state"], state["done"]) == ("stopped", 50)
    assert state["note"] == "17 of 50 writes were refused or overruled"
    assert owners(sf, refs[50:]) == [None] * 100
    house.close()


# -- pauses, stops, crashes --------------------------------------------------------------------


def test_nothing_is_begun_or_goes_on_while_paused(
    house: House, sf: FakeCrm, old: list[Ref]
) -> None:
    shown = make_plan(house, "backfill")
    house.commands.pause("import")
    with pytest.raises(Unavailable, match="writing is stopped"):
        apply(house, shown["plan"])
    house.commands.resume()
    order(house, "plan-apply", plan=shown["plan"])
    house.commands.pause("import")
    carry_on(house)
    state = order(house, "plan-state", plan=shown["plan"])
    assert (state["state"], state["done"], state["may_write"]) == ("applying", 0, False)
    assert house.commands.status()["plan"]["waiting"] == 12
    assert owners(sf, old) == [None] * 12
    house.commands.resume()
    carry_on(house)
    assert order(house, "plan-state", plan=shown["plan"])["done"] == 12


def test_a_plan_can_be_stopped_and_what_it_did_stands(sf: FakeCrm, clock: ManualClock) -> None:
    refs = old_leads(sf, 120)
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
    order(house, "plan-apply", plan=shown["plan"])
    assert step(house)
    house.deliver()
    state = order(house, "plan-stop", plan=shown["plan"])
    assert (state["state"], state["done"], state["note"]) == ("stopped", 50, "stopped by dana")
    carry_on(house)
    assert sum(o is not None for o in owners(sf, refs)) == 50
    again = make_plan(house, "backfill")
    assert again["leads"] == 70
    house.close()


def test_new_leads_go_first_while_a_plan_is_applied(sf: FakeCrm, clock: ManualClock) -> None:
    old_leads(sf, 200)
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
    order(house, "plan-apply", plan=shown["plan"])
    for _ in range(4):
        step(house)
    assert order(house, "plan-state", plan=shown["plan"])["done"] < 200
    fresh = sf.create_lead(email="new@fresh.test", employees=5000)
    house.poll()
    house.delivers["salesforce"].turn()
    assert owner_email(sf, fresh) == "carla@example.com"
    house.close()


@pytest.mark.parametrize("at", range(1, 16))
def test_a_process_that_dies_anywhere_in_it_gives_no_lead_twice_and_the_rest_goes_on(
    at: int, sf: FakeCrm, clock: ManualClock
) -> None:
    refs = old_leads(sf, 60)
    house = open_house(clock, sf)
    shown = make_plan(house, "backfill")
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
        clock.advance(300)
        carry_on(house)
        if order(house, "plan-state", plan=shown["plan"])["state"] == "planned":
            apply(house, shown["plan"])
    house.on_commit = lambda _: None
    clock.advance(300)
    carry_on(house)
    state = order(house, "plan-state", plan=shown["plan"])
    assert (state["state"], state["done"], state["open_writes"]) == ("done", 60, 0)
    assert {str(r): owner_email(sf, r) for r in refs} == planned(shown)
    assert [task_count(sf, r) for r in refs] == [1] * 60
    writes = [a for a in sf.audit if a.op == "owner"]
    assert len(writes) == 60
    [pool, _] = house.commands.fairness()
    assert pool["holds"]
    house.close()


def test_what_waits_for_nobody_is_held_and_released_when_somebody_comes(
    sf: FakeCrm, clock: ManualClock
) -> None:
    [ref] = old_leads(sf, 1, employees=5000)
    house = open_house(
        clock, sf, policy=POLICY.replace("otherwise: {to: {team: inbound}}",
                                         "otherwise: {to: {team: vip}}")
    )  # fmt: skip
    sf.deactivate(user_id(sf, "carla@example.com"))
    house.ingests["salesforce"].refresh_owners()
    shown = make_plan(house, "backfill")
    assert (shown["leads"], shown["would_wait"]) == (1, 1)
    apply(house, shown["plan"])
    assert house.state(ref) is LeadState.HELD
    house.round()
    assert house.state(ref) is LeadState.HELD
    sf.activate(user_id(sf, "carla@example.com"))
    house.ingests["salesforce"].refresh_owners()
    house.ingests["salesforce"].release_held()
    house.deliver()
    assert owner_email(sf, ref) == "carla@example.com"
    house.close()


def test_it_is_all_in_the_journal(house: House, old: list[Ref]) -> None:
    plan = make_plan(house, "backfill")["plan"]
    apply(house, plan)
    rows = house.db.rows(
        "SELECT event, detail FROM journal WHERE event LIKE 'batch.%' ORDER BY seq"
    )
    assert [r["event"] for r in rows] == ["batch.applying", "batch.done"]
    assert plan in rows[0]["detail"]
    events = [j.event for j in journal.of_lead(house.db, old[0])]
    assert events[:2] == ["lead.ordered", "lead.decided"]
    row = leads.get_lead(house.db, old[0])
    assert row is not None
    assert row.decision_id is not None
