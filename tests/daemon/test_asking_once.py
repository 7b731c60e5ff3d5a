"""What the parts of one look ask of the CRM is asked once, and each is told what it asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from fairlead.core.activity import Activity, ActivityKind
from fairlead.core.types import Actor, Gone, Ref
from fairlead.daemon.asking_once import Ask, ask_once
from fairlead.spi.connector import ActivitiesOf, Connector

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
A, B, C = (Ref("fake", "Lead", n) for n in "ABC")
EVERY = tuple(ActivityKind)


@dataclass
class Crm:
    """Tells of each lead one activity of each kind an hour, from eight to eleven."""

    calls: list[Any] = field(default_factory=list)

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Gone]:
        self.calls.append(list(refs))
        return {ref: Gone(ref, "gone") for ref in refs}

    def activities(
        self, asked: Sequence[ActivitiesOf], kinds: Collection[ActivityKind] = EVERY
    ) -> Mapping[Ref, Sequence[Activity]]:
        self.calls.append({a.ref: (a.since, a.kinds) for a in asked})
        return {a.ref: told(a.ref, a.since, kinds) for a in asked}


def hour(n: int) -> datetime:
    return NOON.replace(hour=n)


def told(ref: Ref, since: datetime, kinds: Collection[ActivityKind]) -> tuple[Activity, ...]:
    return tuple(
        Activity(Ref("fake", k, f"{ref.id}{n}"), k, hour(n), None, None, Actor.PERSON, "")
        for n in range(8, 12)
        for k in EVERY
        if k in kinds and hour(n) >= since
    )


def asked_of(crm: Crm, *asks: Ask) -> list[Any]:
    return ask_once(cast(Connector, crm), asks)


def test_parts_that_share_leads_read_each_of_them_once_and_are_told_their_own() -> None:
    crm, mail = Crm(), frozenset({ActivityKind.EMAIL})
    calls = frozenset({ActivityKind.CALL})
    one, two, three, four = asked_of(
        crm,
        Ask([A, B], {A: hour(10)}, mail),
        Ask([B, C], {A: hour(9), C: hour(11)}, calls),
        Ask(since={B: hour(8)}),
        Ask(since={B: hour(10)}),
    )
    assert crm.calls == [
        [A, B, C],
        {
            A: (hour(9), mail | calls),
            C: (hour(11), calls),
            B: (hour(8), frozenset(ActivityKind)),
        },
    ]
    assert list(one.records) == [A, B]
    assert list(two.records) == [B, C]
    assert dict(three.records) == {}
    assert dict(one.done) == {A: told(A, hour(10), mail)}
    assert dict(two.done) == {A: told(A, hour(9), calls), C: told(C, hour(11), calls)}
    assert dict(three.done) == {B: told(B, hour(8), EVERY)}
    assert dict(four.done) == {B: told(B, hour(10), EVERY)}


def test_what_stamps_that_are_cut_down_tell_is_kept() -> None:
    crm, late = Crm(), hour(10) + timedelta(milliseconds=300)
    with_whole = asked_of(crm, Ask(since={A: late}), Ask(since={A: hour(8)}))[0]
    assert with_whole.done[A] == told(A, hour(10), EVERY)


def test_nobody_is_called_when_nothing_is_asked() -> None:
    crm = Crm()
    (nothing,) = asked_of(crm, Ask())
    assert crm.calls == []
    assert (nothing.records, nothing.done) == ({}, {})
