"""Hypothesis drives the daemon: any history of leads, people and faults keeps the promises.

The same moves as the simulator's, chosen and shrunk by Hypothesis. A fixed set of examples by
default; `FAIRLEAD_MACHINE=long` plays many more, each time others.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from machine.judge import always, at_rest
from machine.play import World

from fairlead.store import leads

SMALL = st.integers(0, 7)
LONG = os.environ.get("FAIRLEAD_MACHINE") == "long"


class DaemonMachine(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.versions: dict[str, str] = {}

    # -- leads ------------------------------------------------------------------------------

    @rule(crm=SMALL, email=SMALL, big=st.booleans())
    def a_new_lead(self, crm: int, email: int, big: bool) -> None:
        self.world.new_lead(crm, email, big=big)

    @rule(crm=SMALL, email=SMALL, seconds=st.sampled_from((1, 30, 200, 599)))
    def a_lead_that_shows_late(self, crm: int, email: int, seconds: int) -> None:
        self.world.new_lead(crm, email, late=seconds)

    @rule(crm=SMALL, email=SMALL)
    def an_old_lead(self, crm: int, email: int) -> None:
        self.world.old_lead(crm, email)

    # -- people and tools -------------------------------------------------------------------

    @rule(lead=SMALL, who=SMALL)
    def a_person_sets_the_owner(self, lead: int, who: int) -> None:
        self.world.person_sets_owner(lead, who)

    @rule(point=SMALL, lead=SMALL, who=SMALL)
    def a_person_strikes_inside_a_call(self, point: int, lead: int, who: int) -> None:
        self.world.person_strikes(point, lead, who)

    @rule(point=SMALL, crm=SMALL)
    def the_reader_strikes_inside_a_call(self, point: int, crm: int) -> None:
        self.world.reader_strikes(point, crm)

    @rule(lead=SMALL, who=SMALL)
    def a_flow_sets_the_owner(self, lead: int, who: int) -> None:
        self.world.automation_sets_owner(lead, who)

    @rule(lead=SMALL)
    def an_edit(self, lead: int) -> None:
        self.world.edit(lead)

    @rule(lead=SMALL)
    def a_deletion(self, lead: int) -> None:
        self.world.delete(lead)

    @rule(lead=SMALL, survivor=SMALL, third=st.booleans())
    def a_merge(self, lead: int, survivor: int, third: bool) -> None:
        self.world.merge(lead, survivor, third=third)

    @rule(lead=SMALL)
    def a_conversion(self, lead: int) -> None:
        self.world.convert(lead)

    @rule(lead=SMALL)
    def a_row_breaks(self, lead: int) -> None:
        self.world.corrupt(lead)

    @rule(lead=SMALL)
    def a_row_is_mended(self, lead: int) -> None:
        self.world.mend(lead)

    @rule(crm=SMALL, rep=SMALL)
    def a_rep_leaves(self, crm: int, rep: int) -> None:
        self.world.deactivate(crm, rep)

    @rule(crm=SMALL, rep=SMALL)
    def a_rep_comes_back(self, crm: int, rep: int) -> None:
        self.world.activate(crm, rep)

    # -- trouble ----------------------------------------------------------------------------

    @rule(crm=SMALL, kind=SMALL, call=SMALL, lead=SMALL)
    def a_fault(self, crm: int, kind: int, call: int, lead: int) -> None:
        self.world.fault(crm, kind, call, lead)

    @rule(n=st.integers(0, 25))
    def a_crash_soon(self, n: int) -> None:
        self.world.crash_in(n)

    @rule()
    def a_restart(self) -> None:
        self.world.restart()

    @rule(number=SMALL)
    def the_policy_changes(self, number: int) -> None:
        self.world.change_policy(number)

    # -- the daemon -------------------------------------------------------------------------

    @rule(crm=SMALL)
    def poll(self, crm: int) -> None:
        self.world.poll(crm)

    @rule(crm=SMALL)
    def deliver(self, crm: int) -> None:
        self.world.deliver(crm)

    @rule(seconds=st.sampled_from((1, 5, 30, 61, 125)))
    def time_passes(self, seconds: int) -> None:
        self.world.advance(seconds)

    @rule(crm=SMALL)
    def owners_are_read(self, crm: int) -> None:
        self.world.refresh_owners(crm)

    @rule(crm=SMALL)
    def held_leads_are_looked_at(self, crm: int) -> None:
        self.world.release_held(crm)

    @rule()
    def pause(self) -> None:
        self.world.pause()

    @rule()
    def resume(self) -> None:
        self.world.resume()

    @rule()
    @precondition(lambda self: self.world.house.commands.dead_letters())
    def dead_letters_are_retried(self) -> None:
        self.world.retry_dead_letters()

    @rule()
    @precondition(lambda self: self.world.house.commands.dead_letters())
    def a_dead_letter_is_dropped(self) -> None:
        self.world.drop_dead_letter()

    # -- promises ---------------------------------------------------------------------------

    @invariant()
    def every_promise_of_the_moment(self) -> None:
        always(self.world)

    @invariant()
    def no_version_goes_back(self) -> None:
        for _, ref in self.world.leads:
            row = leads.get_lead(self.world.house.db, ref)
            if row is not None:
                stamp = row.version.split("#")[0]
                assert stamp >= self.versions.get(str(ref), ""), f"I9: {ref}"
                self.versions[str(ref)] = stamp

    def teardown(self) -> None:
        try:
            self.world.heal()
            at_rest(self.world)
        finally:
            self.world.close()


TestDaemonMachine = DaemonMachine.TestCase
TestDaemonMachine.settings = settings(
    max_examples=2000 if LONG else 100,
    stateful_step_count=60 if LONG else 35,
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
