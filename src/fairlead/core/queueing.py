"""How long leads wait for people: queues played through, and Erlang's formula for a steady hour.

Times are seconds from any start; amounts of work are seconds. Nothing is drawn by lot: arrivals
come from a fixed sequence of numbers, so the same question has the same answer, and another number
of people is asked about the same leads.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

Stretch = tuple[float, float]
"""From, and to (not in it)."""
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Job:
    """One lead: when it comes, and how long somebody is busy with it."""

    at: float
    work: float


@dataclass(frozen=True, slots=True)
class Opening:
    """How many people work, as a step function: from `times[i]` on it is `counts[i]`, 0 before."""

    times: tuple[float, ...]
    counts: tuple[int, ...]
    passed: tuple[float, ...]
    """How much open time (anybody works) lies before each of the times."""

    def at(self, time: float) -> int:
        """How many work at an instant."""
        place = bisect_right(self.times, time) - 1
        return self.counts[place] if place >= 0 else 0

    def open_before(self, time: float) -> float:
        """How much open time has passed by then."""
        place = bisect_right(self.times, time) - 1
        if place < 0:
            return 0.0
        here = time - self.times[place] if self.counts[place] else 0.0
        return self.passed[place] + here

    def with_more(self, people: int) -> Opening:
        """With so many people more who work whenever anybody does."""
        counts = tuple(n + people if n else 0 for n in self.counts)
        return Opening(self.times, counts, self.passed)


def opening_of(people: Iterable[Sequence[Stretch]]) -> Opening:
    """The step function of the stretches in which each person works."""
    moves: dict[float, int] = {}
    for stretches in people:
        for begins, ends in stretches:
            if begins < ends:
                moves[begins] = moves.get(begins, 0) + 1
                moves[ends] = moves.get(ends, 0) - 1
    times, counts, passed = [], [], []
    count, total, last = 0, 0.0, 0.0
    for time in sorted(moves):
        total += time - last if count else 0.0
        count, last = count + moves[time], time
        times.append(time)
        counts.append(count)
        passed.append(total)
    return Opening(tuple(times), tuple(counts), tuple(passed))


def served(jobs: Sequence[Job], opening: Opening) -> list[float | None]:
    """When each job is begun if the first who is free takes the next; None: never.

    Jobs in order of their coming. A job begins at the first instant at which fewer are busy than
    work; what was begun is finished. More people at any instant never make any job begin later.
    """
    begun: list[float | None] = []
    busy: list[float] = []
    now, place = -math.inf, -1
    for job in jobs:
        now = max(now, job.at)
        while True:
            while place + 1 < len(opening.times) and opening.times[place + 1] <= now:
                place += 1
            while busy and busy[0] <= now:
                heappop(busy)
            if len(busy) < (opening.counts[place] if place >= 0 else 0):
                begun.append(now)
                heappush(busy, now + job.work)
                break
            steps = opening.times[place + 1 : place + 2]
            following = min((*busy[:1], *steps), default=math.inf)
            if following == math.inf:
                begun.append(None)
                break
            now = following
        if begun[-1] is None:
            return begun + [None] * (len(jobs) - len(begun))
    return begun


def served_in_turns(
    jobs: Sequence[Job], people: Sequence[Sequence[Stretch]]
) -> list[tuple[float, float] | None]:
    """When each job is given to somebody and begun by them, if everybody there has their turn.

    A job that comes while nobody works is given when the first begins. Who has it finishes what
    they were given before; None: never.
    """
    everybody = opening_of(people)
    alone = [opening_of([stretches]) for stretches in people]
    credit = [0.0] * len(people)
    free = [-math.inf] * len(people)
    found: list[tuple[float, float] | None] = []
    for job in jobs:
        given = _first_open(everybody, job.at)
        if given is None:
            found.append(None)
            continue
        there = [n for n, opening in enumerate(alone) if opening.at(given)]
        for n in there:
            credit[n] += 1 / len(there)
        who = max(there, key=lambda n: (credit[n], -n))
        credit[who] -= 1
        begun = _first_open(alone[who], max(given, free[who]))
        if begun is None:
            found.append(None)
            continue
        free[who] = begun + job.work
        found.append((given, begun))
    return found


def _first_open(opening: Opening, since: float) -> float | None:
    place = bisect_right(opening.times, since) - 1
    if place >= 0 and opening.counts[place]:
        return since
    later = range(place + 1, len(opening.times))
    return next((opening.times[n] for n in later if opening.counts[n]), None)


def drawn(rates: Sequence[float], length: float, work: float, seed: int) -> list[Job]:
    """Jobs as chance sends them: in stretch n of so many seconds, `rates[n]` on average.

    The work of each is spread as Erlang's formula has it (exponentially), `work` on average.
    """
    numbers = _numbers(seed)
    jobs: list[Job] = []
    due, passed = _exponential(numbers), 0.0
    for place, rate in enumerate(rates):
        while rate > 0 and due < passed + rate:
            at = (place + (due - passed) / rate) * length
            jobs.append(Job(at, work * _exponential(numbers)))
            due += _exponential(numbers)
        passed += rate
    return jobs


def erlang_c(people: int, load: float) -> float:
    """The share of jobs that wait at all, with `load` people busy on average; 1 if that is all.

    A. K. Erlang's formula for random arrivals and exponential work, by its stable recursion.
    """
    if load <= 0:
        return 0.0
    if people <= load:
        return 1.0
    blocked = 1.0
    for n in range(1, people + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1 - load / people * (1 - blocked))


def begun_within(people: int, per_second: float, work: float, within: float) -> float:
    """The share of jobs begun `within` so long of their coming, in a long steady time."""
    load = per_second * work
    if load <= 0:
        return 1.0
    if people <= load:
        return 0.0
    return 1 - erlang_c(people, load) * math.exp(-(people - load) * within / work)


def people_needed(per_second: float, work: float, within: float, target: float) -> int:
    """The fewest people with whom that share reaches `target` (below 1); 0 without jobs."""
    load = per_second * work
    if load <= 0:
        return 0
    people = math.floor(load) + 1
    while begun_within(people, per_second, work, within) < target:
        people += 1
    return people


def _numbers(seed: int) -> Iterator[float]:
    """Numbers between 0 and 1, none of them an end: Steele, Lea and Flood's SplitMix64."""
    state = seed & _MASK
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        yield ((z ^ (z >> 31)) + 0.5) / 2**64


def _exponential(numbers: Iterator[float]) -> float:
    return -math.log(next(numbers))
