"""Whatever moment the daemon dies at: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from e2e.live import Crms, Stage, staged, wait_for

ROUNDS = 4
LEADS = 50


class Burst:
    """Leads arriving in both CRMs, one after another, on a thread of its own."""

    def __init__(self, crms: Crms, count: int) -> None:
        self.keys: list[tuple[str, str]] = []
        self._crms, self._count = crms, count
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for n in range(self._count):
            if self._stop.wait(0.03):
                return
            # Every fifth is the same person again, in the other CRM.
            email = f"burst{n - n % 5}@granite.example" if n % 5 in (0, 1) else ""
            if n % 2:
                self.keys.append(("salesforce", self._crms.lead(email)))
            else:
                self.keys.append(("hubspot", self._crms.contact(email)))

    def __enter__(self) -> Burst:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()


def our_writes(crms: Crms) -> int:
    return sum(len(crms.our_writes(crm)) for crm in crms.both.faces)


def more_writes(stage: Stage, count: int) -> Callable[[], bool]:
    """True once `count` more writes of ours took effect, or when there is nothing left to write."""
    before = our_writes(stage.crms)
    return lambda: our_writes(stage.crms) >= before + count or stage.idle()


def test_kill_9_in_the_middle_of_a_burst_loses_nothing_and_repeats_nothing() -> None:
    rng = random.Random(20261122)
    with staged() as stage:
        crms = stage.crms
        # Answers come 60 ms after the effect, so that some kills fall between the two.
        for crm in crms.both.faces:
            crms.tune(crm, latency_ms=120)
        with Burst(crms, LEADS) as burst:
            for n in range(ROUNDS):
                wait_for("leads come in", lambda n=n: len(burst.keys) > 10 * n)
                wait_for("writes go out", more_writes(stage, rng.randint(1, 12)))
                stage.kill()
                stage.start(ready=False)
                wait_for("it is back", stage.client.running)
            wait_for("all have come in", lambda: len(burst.keys) == LEADS)
        for crm in crms.both.faces:
            crms.tune(crm, latency_ms=0)
        wait_for("all are routed", lambda: crms.routed_once(burst.keys) and stage.idle())
        crms.assert_nothing_twice(burst.keys)
        assert [len(crms.owner_writes(*k)) for k in burst.keys] == [1] * LEADS
        for n in range(0, LEADS, 5):
            assert crms.owner(*burst.keys[n]) == crms.owner(*burst.keys[n + 1])
        assert stage.events("daemon.crashed") == []
        assert stage.stop() == 0


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_an_interrupted_first_read_goes_on_where_it_was(crm: str) -> None:
    """Killed after some pages of what exists, the next start reads the others only."""
    tables = {"salesforce": {"page_size": 5}} if crm == "salesforce" else {}
    with staged(start=False, only=crm, **tables) as stage:
        crms = stage.crms
        if crm == "salesforce":
            for i in range(76):
                fields = {"LastName": f"Old{i}", "Company": "Old", "OwnerId": crms.inbound}
                at = crms.both.faces[crm].org.now().replace(microsecond=0, second=i % 60)
                old = at.replace(year=at.year - 1, minute=i // 60).isoformat()
                crms.act(crm, **{"as": "system"}, op="create", fields=fields, at=old)
            total, some = 100, 20
            crms.tune(crm, latency_ms=300)
        else:
            for i in range(600):
                fields = {"lastname": f"Old{i}", "lifecyclestage": "lead"}
                at = f"2025-01-01T00:{i // 60:02}:{i % 60:02}Z"
                crms.act(crm, op="create", object="contacts", fields=fields, at=at, settled=True)
            total, some = 624, 200
            # The first page begins at the beginning of time; the later ones take long.
            crms.fault(
                crm,
                "delay",
                path="/contacts/search$",
                body='"GTE","value":"(?!1136073600000)',
                seconds=60,
                count=None,
            )
        stage.start(ready=False)

        def read() -> int:
            running = stage.client.running()
            return sum(stage.status()["leads"].get(crm, {}).values()) if running else 0

        wait_for("some pages were read", lambda: read() >= some)
        assert not stage.status()["connectors"][crm]["ready"]
        before = read()
        stage.kill()
        crms.tune(crm, latency_ms=0)
        crms.heal()
        late = crms.lead() if crm == "salesforce" else crms.contact()
        stage.start()
        wait_for("the new one is routed", lambda: crms.routed_once([(crm, late)]))
        leads = [e for e in stage.events("bootstrap.read") if e["kind"] == "lead"]
        assert len(leads) == 1, "the first start never came to its end"
        # A page's edge is read again, since stamps repeat.
        assert leads[0]["records"] <= total - before + 10
        assert stage.status()["leads"][crm]["pre_existing"] == total
        assert not {w.id for w in crms.our_writes(crm)} & {i for c, i in crms.existing if c == crm}
        assert {w.id for w in crms.our_writes(crm) if w.op != "create"} == {late}
