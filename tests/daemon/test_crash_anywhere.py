"""kill -9 at any moment, then a restart: nothing lost, nothing twice.

One small day is played with the process dying at the n-th input/output point (before or after each
remote call and each commit), for every n; the verdict comes from the fakes' audit alone. The state
lives in memory, a restart keeps what was committed; a few points are played on a real file too.
FAIRLEAD_EVERY_POINT=1 plays every point of the days with faults as well.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon.house import REPS, House, an_org, user_id

from fairlead.core.types import Ref
from fairlead.errors import RetryLater
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Fuse:
    """Counts input/output points and burns through at one of them."""

    at: int | None
    count: int = 0

    def point(self, _: str) -> None:
        self.count += 1
        if self.count == self.at:
            raise Killed


@dataclass
class Day:
    sf: FakeCrm
    hs: FakeCrm
    leads: list[tuple[FakeCrm, Ref]]
    taken: tuple[Ref, str]


def play(path: Path | None, fuse: Fuse, fault: str | None = None) -> Day:
    """Leads arrive, a person takes one, the process dies at the fuse's point and starts again."""
    clock = ManualClock()
    sf, hs = an_org(clock, "salesforce"), an_org(clock, "hubspot")
    house = House(path, [sf, hs], clock)
    house.start()
    clock.advance(5)
    leads: list[tuple[FakeCrm, Ref]] = []
    for fake, email in ((sf, "a@a.test"), (hs, "b@b.test"), (sf, "c@c.test"), (hs, "a@a.test")):
        leads.append((fake, fake.create_lead(email=email)))
    taken = leads[2][1]
    person = user_id(sf, "ben@example.com")
    struck = False

    def on_sf_call(call: str) -> None:
        nonlocal struck
        if call == "write.owners:before" and not struck:
            struck = True
            sf.person_sets_owner(taken, person)
        fuse.point(call)

    sf.on_call, hs.on_call = on_sf_call, fuse.point
    house.on_commit = fuse.point
    if fault == "applied":
        sf.faults.timeout_applied("write.owners")
        hs.faults.timeout_applied("write.tasks")
    elif fault == "lost":
        sf.faults.timeout_not_applied("write.owners")
        hs.faults.timeout_not_applied("write.tasks")
    elif fault == "late":
        sf.faults.applied_later(60, "write.owners")
        hs.faults.applied_later(60, "write.owners")
    for _ in range(20):
        try:
            house.round()
        except Killed:
            house.restart()
            continue
        except RetryLater:
            pass
        if not house.open_writes():
            break
        clock.advance(31)
    assert house.open_writes() == 0, "the outbox does not drain"
    house.close()
    return Day(sf, hs, leads, (taken, person))


def judge(day: Day) -> None:
    """What the CRMs' own audit says of the day."""
    for fake, ref in day.leads:
        assert fake.owner_of(ref) is not None, f"{ref} has no owner"
    taken, person = day.taken
    assert day.sf.owner_of(taken) == person, "a person's choice was overwritten"
    for fake in (day.sf, day.hs):
        ours = {(a.ref, a.new) for a in fake.our_writes("owner") if a.ref != taken}
        per_lead = Counter(ref for ref, _ in ours)
        assert all(n == 1 for n in per_lead.values()), f"two owners of ours: {per_lead}"
        marks = Counter(t.ref for t in fake.tasks.values())
        assert all(n == 1 for n in marks.values()), f"two tasks: {marks}"
    assert {t.ref for t in (*day.sf.tasks.values(), *day.hs.tasks.values())} == {
        ref for _, ref in day.leads
    }
    emails = [fake.owner(fake.owner_of(ref) or "") for fake, ref in (day.leads[0], day.leads[3])]
    assert emails[0] is not None
    assert emails[1] is not None
    assert emails[0].email == emails[1].email in REPS, "duplicates went apart"


FAULTS = ("applied", "lost", "late")
STRIDE = 1 if os.environ.get("FAIRLEAD_EVERY_POINT") else 3


def points(fault: str | None) -> int:
    """How many points the day has when nobody dies; that day is judged, too."""
    whole = Fuse(None)
    judge(play(None, whole, fault))
    assert whole.count > 20
    return whole.count


def test_a_crash_at_every_point_loses_nothing_and_does_nothing_twice() -> None:
    for n in range(1, points(None) + 1):
        judge(play(None, Fuse(n)))


@pytest.mark.parametrize(("start", "fault"), list(enumerate(FAULTS, 1)))
def test_a_crash_on_a_day_with_faults_does_no_more_harm(start: int, fault: str) -> None:
    for n in range(start, points(fault) + 1, STRIDE):
        judge(play(None, Fuse(n), fault))


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9])
def test_a_restart_on_a_real_file_finds_what_was_committed(tmp_path: Path, part: float) -> None:
    judge(play(tmp_path / "state.sqlite", Fuse(int(points(None) * part))))


def test_yesterdays_backup_assigns_nothing_again_and_makes_no_second_task() -> None:
    """Power cuts and restored backups lose commits; the CRM's own state and the markers hold."""
    clock = ManualClock()
    sf, hs = an_org(clock, "salesforce"), an_org(clock, "hubspot")
    house = House(None, [sf, hs], clock)
    house.start()
    clock.advance(5)
    images: list[bytes] = []
    house.on_commit = lambda when: (
        images.append(house.db.committed()) if when == "commit:after" else None
    )
    made = [(f, f.create_lead(email=e)) for e in ("a@a.test", "b@b.test") for f in (sf, hs)]
    for _ in range(3):
        house.round()
        clock.advance(1)
    house.on_commit = lambda _: None
    owners = {ref: fake.owner_of(ref) for fake, ref in made}
    assert None not in owners.values()
    assert len(images) > 10
    for image in images:
        house.restart(image)
        for _ in range(3):
            house.round()
            clock.advance(121)
        assert house.open_writes() == 0
        assert {ref: fake.owner_of(ref) for fake, ref in made} == owners
        assert {len([t for t in f.tasks.values() if t.ref == r]) for f, r in made} == {1}
    house.close()
