"""How the tests of this folder order routings: as the command line does, without the socket."""

from __future__ import annotations

from collections import Counter
from typing import Any

from daemon.house import House, owner_email

from fairlead.core.types import Ref
from fairlead.testing.fake_crm import FakeCrm


def order(house: House, command: str, **args: Any) -> Any:
    """Call one of the daemon's commands."""
    return house.commands.routes()[command]({"by": "dana", **args})


def make_plan(house: House, kind: str, **args: Any) -> dict[str, Any]:
    """Plan, wait for the plan, show it."""
    job = order(house, f"plan-{kind}", **args)["job"]
    house.orders.close(20)
    plan = order(house, "plan-progress", job=job)["plan"]
    shown: dict[str, Any] = order(house, "plan-show", plan=plan)
    return shown


def step(house: House) -> bool:
    """What the readers do between two polls, once."""
    return any([applying.step() for applying in house.batches.values()])


def carry_on(house: House) -> None:
    """All steps there are, the writers delivering in between."""
    house.deliver()
    while step(house):
        house.deliver()
    house.deliver()


def apply(house: House, plan: str, **args: Any) -> dict[str, Any]:
    order(house, "plan-apply", plan=plan, **args)
    carry_on(house)
    state: dict[str, Any] = order(house, "plan-state", plan=plan)
    return state


def owners(fake: FakeCrm, refs: list[Ref]) -> list[str | None]:
    return [owner_email(fake, ref) for ref in refs]


def planned(shown: dict[str, Any]) -> dict[str, str | None]:
    """Who gets which lead, as the plan says."""
    return {r["lead"]: r["to"] for r in shown["rows"]}


def per_rep(shown: dict[str, Any]) -> Counter[str]:
    return Counter(shown["per_rep"])
