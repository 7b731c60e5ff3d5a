"""Leads are found by every name a person may type; the ledger adds up, given-back turns too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

import pytest

from fairlead.core.decision import Decision, LedgerEntry, OutcomeKind, Trace
from fairlead.core.types import Account, CrmOwner, Cursor, Kind, LeadState, OwnerKind, Ref
from fairlead.store import decisions, directory, journal, leads, loads
from fairlead.store.db import Db
from fairlead.store.leads import LeadRow
from fairlead.testing.clock import START

LONG = "00Q5g00000AbCdEFGH"


@pytest.fixture
def db() -> Iterator[Db]:
    db = Db(None)
    with db.transaction():
        yield db
    db.close()


def a_row(db: Db, ref: Ref, email: str, **more: object) -> LeadRow:
    person, shared = leads.person_for(db, ref, (f"email:{email}",))
    state = LeadState(str(more.pop("state", "held")))
    row = LeadRow(ref, person, state, "", None, "v1", START, START, None, None, shared, None)
    leads.put_lead(db, row)
    return row


def test_a_lead_is_found_by_id_ref_and_address(db: Db) -> None:
    ref = Ref("salesforce", "Lead", LONG)
    row = a_row(db, ref, "x@acme.test")
    other = a_row(db, Ref("hubspot", "contacts", LONG), "x@acme.test")
    assert leads.find_leads(db, LONG) == [other, row]
    assert leads.find_leads(db, LONG[:15]) == [other, row]
    assert leads.find_leads(db, str(ref)) == [row]
    assert leads.find_leads(db, f"salesforce:Lead:{LONG[:15]}") == [row]
    assert leads.find_leads(db, " X@acme.test ") == [other, row]
    assert leads.find_leads(db, LONG[:14]) == []
    assert leads.find_leads(db, "nobody@acme.test") == []


def test_records_with_a_key_in_common_are_one_person(db: Db) -> None:
    a = a_row(db, Ref("salesforce", "Lead", "1"), "x@acme.test")
    b = a_row(db, Ref("hubspot", "contacts", "2"), "x@acme.test")
    c = a_row(db, Ref("hubspot", "contacts", "3"), "y@acme.test")
    assert a.person_id == b.person_id != c.person_id
    assert (a.shared_key, b.shared_key) == (None, "email")
    assert [r.ref.id for r in leads.leads_of_person(db, a.person_id)] == ["2", "1"]
    leads.add_keys(db, c.person_id, ["email:x@acme.test"])
    assert a_row(db, Ref("salesforce", "Lead", "4"), "x@acme.test").person_id == a.person_id
    leads.join_persons(db, a.person_id, c.person_id)
    assert a_row(db, Ref("salesforce", "Lead", "5"), "x@acme.test").person_id == c.person_id


def test_known_versions_are_told_of_many_at_once(db: Db) -> None:
    ref = Ref("salesforce", "Lead", "1")
    a_row(db, ref, "x@acme.test")
    assert leads.versions(db, [ref, Ref("salesforce", "Lead", "2")]) == {ref: "v1"}


def test_no_question_of_held_leads_or_of_an_owners_goes_through_all_of_a_crm(db: Db) -> None:
    row = a_row(db, Ref("salesforce", "Lead", "1"), "x@acme.test")
    asked: list[str] = []
    db._conn.set_trace_callback(asked.append)
    leads.held_due(db, "salesforce", START, 10)
    leads.waits_before(db, row, "team:a", START)
    leads.open_of_owner(db, "salesforce", "u1")
    leads.open_of_inactive(db)
    loads.open_leads(db, [("anna", "salesforce", "u1")])
    loads.open_sums(db, [("anna", "salesforce", "u1")], ["amount"])
    db._conn.set_trace_callback(None)
    plans = [
        " ".join(str(r["detail"]) for r in db.rows(f"EXPLAIN QUERY PLAN {s}"))
        for s in asked
        if s.startswith("SELECT")
    ]
    assert [" INDEX leads_state (state=?" in p for p in plans[:2]] == [True, True]
    assert [" INDEX leads_owner (crm=? AND owner_id=?)" in p for p in plans[2:]] == [True] * 4


def test_held_leads_come_by_their_wait_then_urgency_then_age(db: Db) -> None:
    def held(n: int, *, urgent: bool = False, seen: int = 0, due: int | None = None) -> None:
        ref = Ref("sf", "Lead", str(n))
        person, _ = leads.person_for(db, ref, ())
        retry = None if due is None else START + timedelta(seconds=due)
        first = START + timedelta(seconds=seen)
        leads.put_lead(
            db,
            LeadRow(ref, person, LeadState.HELD, "", None, "v", START, first, None, None, None,
                    retry, urgent),
        )  # fmt: skip

    held(1, seen=1)
    held(2, seen=2, urgent=True)
    held(3, seen=3)
    held(4, due=5, urgent=True)
    held(5, due=4)
    held(6, due=60)
    at = START + timedelta(seconds=10)
    assert [r.id for r in leads.held_due(db, "sf", at, 10)] == ["2", "1", "3", "5", "4"]
    leads.retry_at(db, [Ref("sf", "Lead", "2")], at, at + timedelta(minutes=1))
    assert [r.id for r in leads.held_due(db, "sf", at, 2)] == ["1", "3"]
    leads.wake_held(db, "sf")
    assert [r.id for r in leads.held_due(db, "sf", at, 2)] == ["4", "2"]


def test_an_owner_can_be_taken_away(db: Db) -> None:
    ref = Ref("sf", "Lead", "1")
    a_row(db, ref, "x@acme.test")
    for owner in ("rep-1", None):
        leads.set_owner(db, ref, owner)
        leads.set_state(db, ref, LeadState.ASSIGNED, "why")
        row = leads.get_lead(db, ref)
        assert row is not None
        assert row.owner_id == owner


# -- the ledger ------------------------------------------------------------------------------------


def a_decision(db: Db, id: str, ref: Ref, winner: str = "ann") -> Decision:
    decisions.keep_policy(db, "p", {"a": "b"}, "a", START)
    decisions.keep_roster(db, "r", b"{}", START)
    share = [LedgerEntry("pool", r, Fraction(1, 3), "share") for r in ("ann", "ben", "cara")]
    decision = Decision(
        OutcomeKind.ASSIGN, LeadState.ASSIGNED, "", "rule", winner, "o", False,
        (*share, LedgerEntry("pool", winner, Fraction(-1), "turn")), Trace(),
    )  # fmt: skip
    decisions.put_decision(
        db,
        decisions.DecisionRow(
            id, "person", 1, 1, ref, START, "p", "r", b"{}", "assign", "assigned", "", "rule",
            winner, "o",
        ),
    )  # fmt: skip
    decisions.charge(db, id, decision, decisions.balances(db), START)
    return decision


def test_a_charge_moves_the_balances_exactly(db: Db) -> None:
    a_decision(db, "d1", Ref("sf", "Lead", "1"))
    assert decisions.balances(db) == {
        "pool": {"ann": Fraction(-2, 3), "ben": Fraction(1, 3), "cara": Fraction(1, 3)}
    }
    assert [(rep, n) for _, rep, _, n in decisions.received(db)] == [
        ("ann", 1), ("ben", 0), ("cara", 0)
    ]  # fmt: skip


def test_a_turn_is_given_back_once_and_only_for_the_lead_decided_on(db: Db) -> None:
    one, other = Ref("sf", "Lead", "1"), Ref("sf", "Lead", "2")
    a_decision(db, "d1", one)
    decisions.refund(db, "d1", other, START)
    assert "beside pool" not in decisions.balances(db), "a follower was never charged"
    running = decisions.balances(db)
    rotation = dict(running["pool"])
    decisions.refund(db, "d1", one, START, running)
    decisions.refund(db, "d1", one, START)
    decisions.refund(db, "unknown", one, START)
    assert decisions.balances(db) == running
    assert running == {"pool": rotation, "beside pool": {"ann": 1, "(outside)": -1}}
    assert [n for _, _, _, n in decisions.received(db)] == [0, 0, 0]


def test_a_credit_is_given_once_and_the_lead_stays_received(db: Db) -> None:
    one = Ref("sf", "Lead", "1")
    a_decision(db, "d1", one)
    assert decisions.credit(db, "d1", one, START) == "ann"
    assert decisions.credit(db, "d1", one, START) is None
    decisions.refund(db, "d1", one, START)
    assert decisions.balances(db)["beside pool"]["ann"] == 1
    assert [n for _, _, _, n in decisions.received(db)] == [1, 0, 0]


def test_what_a_decision_was_taken_on_is_kept(db: Db) -> None:
    a_decision(db, "d1", Ref("sf", "Lead", "1"))
    kept = decisions.get_decision(db, "d1")
    assert kept is not None
    assert (kept.policy_hash, kept.inputs, kept.rep_id) == ("p", b"{}", "ann")
    assert decisions.get_policy(db, "p") == ({"a": "b"}, "a")
    assert decisions.get_roster(db, "r") == b"{}"
    assert decisions.attempts_of(db, Ref("sf", "Lead", "1"), 1) == 1
    assert decisions.get_decision(db, "d2") is None
    with pytest.raises(KeyError):
        decisions.get_policy(db, "other")
    with pytest.raises(KeyError):
        decisions.get_roster(db, "other")


# -- the rest --------------------------------------------------------------------------------------


def test_a_dead_letter_is_one_entry_per_record_and_stage(db: Db) -> None:
    ref = Ref("sf", "Lead", "1")
    assert journal.add_dead_letter(db, START, ref, "read", "a", "v1", None)
    assert not journal.add_dead_letter(db, START, ref, "read", "b", "v2", None)
    assert journal.add_dead_letter(db, START, ref, "deliver", "c", "v2", "key")
    assert [(d.stage, d.reason) for d in journal.dead_letters(db)] == [
        ("read", "b"), ("deliver", "c")
    ]  # fmt: skip
    journal.close_dead_letters_of(db, ref, START, ("read",))
    assert [d.stage for d in journal.dead_letters(db)] == ["deliver"]
    journal.close_dead_letters_of(db, ref, START)
    assert journal.dead_letters(db) == []
    assert len(journal.dead_letters(db, include_closed=True)) == 2
    with pytest.raises(ValueError, match="done"):
        journal.close_dead_letter(db, 1, "done", START)


def test_owners_who_are_not_listed_any_more_are_inactive(db: Db) -> None:
    ann = CrmOwner("sf", "1", OwnerKind.REP, "Ann", "ann@example.com", True)
    queue = CrmOwner("sf", "2", OwnerKind.QUEUE, "Q", None, True)
    assert directory.replace_owners(db, "sf", [ann, queue])
    assert not directory.replace_owners(db, "sf", [queue, ann])
    assert directory.replace_owners(db, "sf", [queue])
    assert [(o.id, o.active) for o in directory.get_owners(db)] == [("1", False), ("2", True)]
    assert not directory.replace_owners(db, "sf", [queue])


def test_the_baseline_is_fixed_on_the_first_day(db: Db) -> None:
    directory.add_connector(db, "sf", START, ["us"])
    directory.add_connector(db, "sf", START + timedelta(days=1), ["us", "too"])
    row = directory.get_connector(db, "sf")
    assert row is not None
    assert (row.baseline, row.our_ids, row.ready) == (START, ("us", "too"), False)
    directory.set_ready(db, "sf")
    assert [c.ready for c in directory.all_connectors(db)] == [True]
    assert directory.get_connector(db, "hs") is None


def test_cursors_and_accounts_come_back_as_they_were(db: Db) -> None:
    assert directory.get_cursor(db, "sf", Kind.LEAD) is None
    cursor = Cursor({"after": ["x", 1]}, START)
    directory.put_cursor(db, "sf", Kind.LEAD, cursor)
    assert directory.get_cursor(db, "sf", Kind.LEAD) == cursor
    account = Account(Ref("sf", "Account", "1"), "Acme", ("acme.test",), "o", "customer", None, 5)
    directory.put_account(db, account, "v")
    assert directory.accounts_of_domain(db, "sf", "acme.test") == [account]
    assert directory.accounts_of_domain(db, "hs", "acme.test") == []
    directory.drop_account(db, account.ref)
    assert directory.accounts_of_domain(db, "sf", "acme.test") == []


def an_account_row(db: Db, id: str, parent: str | None, domain: str = "") -> Account:
    domains = (domain,) if domain else ()
    found = Account(Ref("salesforce", "Account", id), id, domains, f"u-{id}", parent_id=parent)
    directory.put_account(db, found, "v1")
    return found


def test_the_accounts_above_are_found_up_to_the_top(db: Db) -> None:
    site = an_account_row(db, "site", "country", "site.test")
    an_account_row(db, "country", "group")
    an_account_row(db, "group", None)
    an_account_row(db, "other", None)
    above = directory.accounts_above(db, site)
    assert [(a.ref.id, a.owner_id) for a in above] == [
        ("country", "u-country"),
        ("group", "u-group"),
    ]
    (read,) = directory.accounts_of_domain(db, "salesforce", "site.test")
    assert directory.accounts_above(db, read) == above


def test_a_circle_of_parents_and_an_unknown_parent_end_the_way_up(db: Db) -> None:
    a = an_account_row(db, "a", "b")
    an_account_row(db, "b", "c")
    an_account_row(db, "c", "a")
    assert [x.ref.id for x in directory.accounts_above(db, a)] == ["b", "c"]
    own = an_account_row(db, "own", "own")
    assert directory.accounts_above(db, own) == []
    lost = an_account_row(db, "lost", "never read")
    assert directory.accounts_above(db, lost) == []
