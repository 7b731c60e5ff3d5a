"""The small world with every method, limit and order in it: moves beyond those of `play`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from daemon.house import user_id
from machine.play import World
from machine.wide_policies import CALM, COUNTRIES, OFFERED, REPS, wide_policy

from fairlead.core.types import OwnerKind, Ref
from fairlead.errors import ConfigError, Unavailable, UnsafePlan
from fairlead.store import claims
from fairlead.testing.fake_crm import FakeCrm

PLACES = (*COUNTRIES, "PL", "BE", "CH", "XX")


class WideWorld(World):
    """Moves of admins and ops people over policies that use everything."""

    reps = REPS
    policies = tuple(wide_policy(n) for n in range(8))
    first_policy = wide_policy(0)

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[str] = []
        self.leads += self.older

    def furnish(self) -> None:
        self.offered = {c.name: c.add_queue(OFFERED) for c in self.crms}
        self.older = [
            (c, c.create_lead(email=f"old{n}@c{n}.test", country=PLACES[n]))
            for n, c in enumerate(self.crms * 3)
        ]

    # -- leads ------------------------------------------------------------------------------

    def new_lead(self, crm: int, email: int, *, big: bool = False, late: int = 0) -> None:
        """One from somewhere, most often of somebody new."""
        fake = self._crm(crm)
        n = len(self.leads)
        who = f"lead{email % 6}@acme{email % 6}.test" if late % 4 == 3 else f"x{n}@b{n}.test"
        fields = {"email": who, "employees": 5000 if big else 10}
        fields["country"] = PLACES[email % len(PLACES)]
        ref = fake.create_lead(fields, commits_after=float(late % 600))
        self.leads.append((fake, ref))

    def old_lead(self, crm: int, email: int) -> None:
        """As in `play`, while the feed can still show it."""
        if self.clock.now() - self.baseline < timedelta(minutes=10):
            super().old_lead(crm, email)

    def edit_field(self, lead: int, which: int) -> None:
        """A field that rules, reroute_on or credit_back look at gets another value."""
        kind, n = which % 4, which // 4
        change: dict[str, Any] = (
            {"country": PLACES[n % len(PLACES)]}, {"employees": 10 + n % 5000},
            {"status": ("Junk", "Open", None)[n % 3]}, {"state": ("BY", None)[n % 2]},
        )[kind]  # fmt: skip
        self._on(lead, lambda crm, ref: crm.update(ref, **change))

    def claim_one(self, lead: int, who: int) -> None:
        """Somebody takes a lead out of the queue it is offered in."""
        waiting = [(c, r) for c, r in self.leads if self._is_offered(c, r)]
        if waiting:
            crm, ref = waiting[lead % len(waiting)]
            rep = self.reps[who % len(self.reps)]
            crm.person_sets_owner(ref, user_id(crm, rep))
            self.seen["claimed"] += 1

    def _is_offered(self, crm: FakeCrm, ref: Ref) -> bool:
        return self._live(crm, ref) and crm.owner_of(ref) == self.offered[crm.name]

    # -- orders -----------------------------------------------------------------------------

    def rep_away(self, rep: int, minutes: int) -> None:
        until = (self.clock.now() + timedelta(minutes=1 + minutes % 60)).isoformat()
        name = self.reps[rep % len(self.reps)]
        self._asked(lambda: self.house.commands.rep_away(name, until, "a test"))

    def rep_back(self, rep: int) -> None:
        self._asked(lambda: self.house.commands.rep_back(self.reps[rep % len(self.reps)]))

    def override(self, lead: int, rep: int, *, anyway: bool) -> None:
        """One lead given to a rep by hand."""
        if self.leads:
            _, ref = self.leads[lead % len(self.leads)]
            to = self.reps[rep % len(self.reps)]
            args = {"lead": str(ref), "to": to, "reason": "a test", "even_if_away": anyway}
            self._asked(lambda: self.house.orders.override(args), "overridden")

    def plan(self, kind: int, rep: int) -> None:
        """A plan for many leads, applied at once unless something speaks against it."""
        fuse, self._fuse = self._fuse, None
        strikes, self._strikes = self._strikes, []
        try:
            self._asked(lambda: self._plan(kind, rep))
        finally:
            self._fuse, self._strikes = fuse, strikes

    def _plan(self, kind: int, rep: int) -> None:
        self.clock.advance(1)  # two plans of one instant would be one
        routes = self.house.commands.routes()
        who = {"rep": self.reps[rep % len(self.reps)], "by": "a test"}
        job = routes["plan-backfill" if kind % 3 == 0 else "plan-reassign"](
            {**who, "team": "triage"} if kind % 3 == 1 else who
        )
        self.house.orders.close(20)
        made = routes["plan-progress"]({"job": job["job"]})["plan"]
        shown = routes["plan-show"]({"plan": made})
        if shown["leads"]:
            routes["plan-apply"]({"plan": made, "yes": shown["leads"], "by": "a test"})
            self.seen[f"plan {shown['kind']}"] += 1

    def step(self) -> None:
        """The readers go on with a plan."""

        def steps() -> None:
            for applying in self.house.batches.values():
                applying.step()

        self._guarded(steps)

    def weigh(self) -> None:
        self._asked(lambda: self.house.commands.status())
        self._asked(lambda: self.house.commands.fairness())

    def _asked(self, do: Callable[[], object], what: str = "asked") -> None:
        """What a person asks for may be refused, with a reason."""

        def ask() -> None:
            try:
                do()
                self.seen[what] += 1
            except (ConfigError, Unavailable, UnsafePlan) as e:
                self.seen[f"{what}: refused"] += 1
                self.refusals.append(str(e))

        self._guarded(ask)

    # -- the end ----------------------------------------------------------------------------

    def heal(self) -> None:
        """No trouble, no limits and nobody away: everything comes to rest."""
        self._fuse = None
        self._strikes.clear()
        self.policies = (CALM,)
        self.change_policy(0)
        for rep in range(len(self.reps)):
            self.rep_back(rep)
        self.resume()
        for _ in range(4):
            self.clear_faults()
            self.step()
            self.deliver(0)
            self.deliver(1)
        # The calendars are shut for an hour at most in the day; six hours pass both of them.
        while not 8 <= self.clock.now().hour < 9:
            self.clock.advance(timedelta(minutes=30))
        super().heal()

    def _restless(self) -> list[str]:
        found = super()._restless()
        now = self.clock.now()
        return [
            *found,
            *(str(r) for c in self.crms for r in claims.due(self.house.db, c.name, now, 9)),
        ]

    def is_queue(self, crm: FakeCrm, owner_id: str | None) -> bool:
        owner = crm.owner(owner_id) if owner_id else None
        return owner is not None and owner.kind is OwnerKind.QUEUE
