"""The smallest change of a lead that sends it to a wanted rep: one field, else two.

Tries the values at which some condition of the policy changes its answer, and believes nothing
but `decide`: each proposal was decided on with the changed lead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fairlead.core.decide import decide
from fairlead.core.decision import Case, Decision, World
from fairlead.core.examples import assign
from fairlead.core.lint_finding import plain
from fairlead.core.lint_search import leaves
from fairlead.core.policy import Policy
from fairlead.core.region_build import Space
from fairlead.core.region_cells import fold
from fairlead.core.regions import ABSENT, classes, lits
from fairlead.core.types import Value

MOST_TRIES = 4_000
"""Leads decided on in one search; beyond it the answer is that none was found."""
_TOLD = 3
_FIXED = frozenset(
    {"id", "crm", "object", "url", "now", "modified_at", "is_converted", "domain", "account"}
)
_OF_ACCOUNT = frozenset({"name", "type", "industry", "employees"})


@dataclass(frozen=True, slots=True)
class Edit:
    """One field that would have to differ; `says` is the change in words."""

    field: str
    before: Value
    after: Value
    says: str


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that together lead to `goes_to` by `rule`."""

    edits: tuple[Edit, ...]
    rule: str
    goes_to: str | None


@dataclass(frozen=True, slots=True)
class Nearest:
    """`changes` send the lead to the rep; `others_turn` to a rule of theirs, and another's turn."""

    changes: tuple[Change, ...]
    others_turn: tuple[Change, ...]


def nearest_change(
    case: Case, world: World, policy: Policy, now: datetime, rep: str, rules: Sequence[str]
) -> Nearest:
    """At most three changes, the nearest first; `rules` are those that can lead to the rep."""
    search = _Search(case, world, policy, now, rep, frozenset(rules), Space(policy))
    return search.run()


@dataclass(frozen=True, slots=True)
class _Try:
    """A field put to a value; `at` is the axis it comes from, if its numbers are ordered."""

    name: str
    value: Value
    at: int


_Found = tuple[float, tuple[_Try, ...], Decision]


@dataclass(slots=True)
class _Search:
    case: Case
    world: World
    policy: Policy
    now: datetime
    rep: str
    rules: frozenset[str]
    space: Space
    tries: int = MOST_TRIES
    others: list[_Found] = field(default_factory=list)

    def run(self) -> Nearest:
        masks: dict[int, list[int]] = {}
        wanted: dict[int, int] = {}
        for leaf in leaves(self.policy.rules, self.space):
            for lit in lits(leaf.path):
                masks.setdefault(lit.axis, []).append(lit.cells)
                if leaf.rule.name in self.rules:
                    wanted[lit.axis] = wanted.get(lit.axis, 0) | lit.cells
        every = {at: list(self._candidates(at, found)) for at, found in masks.items()}
        found = [one for tried in every.values() for t in tried for one in self._decided((t,))]
        if not found:
            narrow = [t for at in wanted for t in every[at]]
            for number, one in enumerate(narrow):
                for other in narrow[number + 1 :]:
                    if one.name != other.name:
                        found += self._decided((one, other))
        changes = self._best(found)
        return Nearest(changes, () if changes else self._best(self.others))

    def _best(self, found: Sequence[_Found]) -> tuple[Change, ...]:
        best: dict[tuple[str, ...], _Found] = {}
        for one in sorted(found, key=lambda f: (f[0], [(t.name, str(t.value)) for t in f[1]])):
            best.setdefault(tuple(sorted(t.name for t in one[1])), one)
        return tuple(self._change(*one) for one in list(best.values())[:_TOLD])

    def _change(self, _: float, tried: tuple[_Try, ...], decision: Decision) -> Change:
        values = {t.name: t.value for t in tried}
        edits = (Edit(t.name, self._value(t.name), t.value, self._says(t, values)) for t in tried)
        return Change(tuple(edits), decision.rule, decision.rep_id)

    def _candidates(self, at: int, masks: Sequence[int]) -> Iterator[_Try]:
        """One value per set of cells that all conditions treat alike: the one nearest to now."""
        axis, draft = self.space.axes[at], self.space.drafts[self.space.axes[at].key]
        for part in classes(axis.full, masks):
            cells = [c for c in range(1, len(axis.values)) if part >> c & 1] if part > 1 else []
            if part & ABSENT and draft.name and self._free(draft.name):
                yield _Try(draft.name, None, at)
            if cells:
                now = self._value(draft.name)
                cell = min(cells, key=lambda c: _distance(now, axis.values[c]))
                changed: dict[str, Value] = {}
                assign(self.space, at, 1 << cell, changed, self.now)
                for name, value in changed.items():
                    if self._free(name):
                        yield _Try(name, value, at if draft.name else -1)

    def _free(self, name: str) -> bool:
        root, _, part = name.partition(".")
        if root == "account" and part:
            return self.case.match.account is not None and part in _OF_ACCOUNT
        return root not in _FIXED | {"owner"} and root not in self.policy.tables

    def _value(self, name: str) -> Value:
        root, _, part = name.partition(".")
        if root == "account" and self.case.match.account is not None and part in _OF_ACCOUNT:
            found: Value = getattr(self.case.match.account, part)
            return found
        return self.case.lead.get(name)

    def _decide(self, values: Mapping[str, Value]) -> Decision:
        lead, match = self.case.lead, self.case.match
        own = {n: v for n, v in values.items() if "." not in n}
        account = {n.partition(".")[2]: v for n, v in values.items() if "." in n}
        if account and match.account is not None:
            changed: Any = {**account, "name": account.get("name", match.account.name) or ""}
            match = replace(match, account=replace(match.account, **changed))
        lead = replace(lead, values={**lead.values, **own})
        case = replace(self.case, lead=lead, match=match)
        return decide(case, self.world, self.policy, self.now)

    def _decided(self, tried: tuple[_Try, ...]) -> Iterator[_Found]:
        values = {t.name: t.value for t in tried}
        same = any(fold(self._value(t.name)) == fold(t.value) for t in tried)
        if same or self.tries <= 0:
            return
        self.tries -= 1
        decision = self._decide(values)
        if decision.rep_id != self.rep and decision.rule not in self.rules:
            return
        far = sum(_distance(self._value(t.name), t.value) for t in tried) + 10 * (len(tried) - 1)
        if decision.rep_id == self.rep:
            yield far, tried, decision
        elif decision.rep_id is not None:
            self.others.append((far, tried, decision))

    def _says(self, tried: _Try, values: Mapping[str, Value]) -> str:
        before = _told(self._value(tried.name))
        if tried.value is None:
            return f"without {tried.name} instead of {before}"
        if isinstance(tried.value, str) and tried.at >= 0:
            draft = self.space.drafts[self.space.axes[tried.at].key]
            if draft.name and fold(tried.value) not in draft.constants:
                return f"another {tried.name} than {before}, such as {tried.value!r}"
        return f"{tried.name} {self._bounds(tried, values)} instead of {before}"

    def _bounds(self, tried: _Try, values: Mapping[str, Value]) -> str:
        """`>= 1000` where every larger number that conditions tell apart does as well."""
        value = tried.value
        if not isinstance(value, int | float) or isinstance(value, bool) or tried.at < 0:
            return _told(value)
        order = sorted(self.space.axes[tried.at].values[1:])
        constants = self.space.drafts[self.space.axes[tried.at].key].constants
        if value not in order or len(order) > 60:
            return _told(value)
        place = order.index(value)
        for more, sign, edge in (
            (order[place + 1 :], ">", [n for n in order[:place] if n in constants][-1:]),
            (order[:place], "<", [n for n in order[place + 1 :] if n in constants][:1]),
        ):
            if all(self._decide({**values, tried.name: n}).rep_id == self.rep for n in more):
                if value in constants:
                    return f"{sign}= {value}"
                return f"{sign} {edge[0]}" if edge else str(value)
        return str(value)


def _distance(before: Value, after: Value) -> float:
    """How far a change is: for numbers by their ratio, else one; taking a value away is farther."""
    if after is None:
        return 3.0
    numbers = (int, float)
    if isinstance(before, numbers) and isinstance(after, numbers):
        return abs(before - after) / (1.0 + max(abs(before), abs(after)))
    return 1.0


def _told(value: Value) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(value) + "]"
    return "nothing" if value is None else str(plain(value))
