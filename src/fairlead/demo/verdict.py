"""Judge the demo from outside: by the sandboxes' rows and audit logs, never by our own state.

The one thing taken from the daemon is its dead-letter list, compared with what was planted.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

from fairlead.demo.traffic import LEAD_TABLE, LEAVER, OWNER_FIELD, Planted
from fairlead.sandbox.both import BothSandboxes

TASK_TABLE = {"salesforce": "Task", "hubspot": "tasks"}
MARKER = {"salesforce": "Fairlead_Key__c", "hubspot": "fairlead_key"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must have happened, and whether it did."""

    name: str
    ok: bool
    detail: str


def judge(
    both: BothSandboxes, planted: Planted, dead_letters: Sequence[Mapping[str, Any]]
) -> list[Check]:
    """Every check of the demo."""
    owners = current_owners(both, planted)
    return [
        _all_owned(both, planted, owners),
        _one_task_each(both, planted),
        _one_owner_write_each(both, planted),
        _duplicates_together(both, planted, owners),
        _person_stands(both, planted),
        _leaver_skipped(both, planted),
        _others_untouched(both, planted),
        _one_dead_letter(planted, dead_letters),
    ]


def current_owners(both: BothSandboxes, planted: Planted) -> dict[tuple[str, str], str | None]:
    """Each planted lead's owner now: the e-mail of a rep, else the raw id, else None."""
    result: dict[tuple[str, str], str | None] = {}
    for crm, rid in planted.leads:
        names = {i: e for e, i in both.samples[crm].reps.items()}
        row = both.faces[crm].org.get(LEAD_TABLE[crm], rid)
        owner = row.fields.get(OWNER_FIELD[crm]) if row else None
        result[crm, rid] = names.get(str(owner), str(owner)) if owner else None
    return result


def _routable(planted: Planted) -> list[tuple[str, str]]:
    return [k for k, a in planted.leads.items() if a.kind == "routable"]


def _all_owned(
    both: BothSandboxes, planted: Planted, owners: Mapping[tuple[str, str], str | None]
) -> Check:
    reps = {e for s in both.samples.values() for e in s.reps}
    keys = _routable(planted)
    bad = [k for k in keys if owners[k] not in reps]
    return _check(
        "every routable lead has an allowed owner", bad, f"{len(keys) - len(bad)} of {len(keys)}"
    )


def _one_task_each(both: BothSandboxes, planted: Planted) -> Check:
    per_lead: Counter[tuple[str, str]] = Counter()
    for crm in both.faces:
        for rid in task_targets(both, crm):
            per_lead[crm, rid] += 1
    keys = _routable(planted)
    bad = [k for k in keys if per_lead[k] != 1]
    stray = [k for k in per_lead if k not in set(keys)]
    return _check("one task each", bad + stray, f"{len(keys) - len(bad)} of {len(keys)} leads")


def task_targets(both: BothSandboxes, crm: str) -> list[str]:
    """The lead of every task that carries our marker, as its CRM tells it over HTTP."""
    base, headers = both.servers[crm].url, {"Authorization": f"Bearer {both.token}"}

    def get(path: str) -> Any:
        with urlopen(Request(base + path, headers=headers), timeout=10) as answer:
            return json.load(answer)

    if crm == "salesforce":
        soql = "SELECT+WhoId+FROM+Task+WHERE+Fairlead_Key__c+!=+null"
        page = get(f"/services/data/v67.0/query?q={soql}")
        rows = list(page["records"])
        while not page["done"]:
            page = get(page["nextRecordsUrl"])
            rows += page["records"]
        return [r["WhoId"] for r in rows]
    path = "/crm/v3/objects/tasks?limit=100&associations=contacts&properties=fairlead_key"
    targets: list[str] = []
    after = ""
    while True:
        page = get(path + after)
        for task in page["results"]:
            ties = task.get("associations", {}).get("contacts", {}).get("results", [])
            if task["properties"].get("fairlead_key"):
                targets += sorted({t["id"] for t in ties})
        if "paging" not in page:
            return targets
        after = f"&after={page['paging']['next']['after']}"


def _one_owner_write_each(both: BothSandboxes, planted: Planted) -> Check:
    writes: Counter[tuple[str, str]] = Counter()
    for crm, face in both.faces.items():
        for w in face.org.writes:
            if w.table != LEAD_TABLE[crm] or w.who.kind != "integration":
                continue
            _, new = w.changes.get(OWNER_FIELD[crm], (None, None))
            # A lead given to the leaver in their last second goes on to another rep.
            if w.op == "update" and new and new != both.samples[crm].reps[LEAVER]:
                writes[crm, w.id] += 1
    bad = [k for k in _routable(planted) if writes[k] > 1]
    return _check("each owner written once", bad, f"{sum(writes.values())} owner writes")


def _duplicates_together(
    both: BothSandboxes, planted: Planted, owners: Mapping[tuple[str, str], str | None]
) -> Check:
    groups: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in _routable(planted):
        groups[planted.leads[key].email].append(key)
    # Whoever came back after their rep had left could not follow that rep.
    leaver = {planted.leads[k].email for k, owner in owners.items() if owner == LEAVER}
    several = {e: keys for e, keys in groups.items() if len(keys) > 1 and e not in leaver}
    across = sum(len({crm for crm, _ in keys}) > 1 for keys in several.values())
    bad = [keys[0] for keys in several.values() if len({owners[k] for k in keys}) != 1]
    return _check(
        "duplicates go together", bad, f"{len(several)} people came twice, {across} in both CRMs"
    )


def _person_stands(both: BothSandboxes, planted: Planted) -> Check:
    if planted.taken_by_person is None:
        return Check("the person's choice stands", False, "nobody could reassign a lead")
    crm, rid, wanted = planted.taken_by_person
    row = both.faces[crm].org.get(LEAD_TABLE[crm], rid)
    ok = row is not None and row.fields.get(OWNER_FIELD[crm]) == wanted
    return Check("the person's choice stands", ok, f"{crm} {rid}")


def _leaver_skipped(both: BothSandboxes, planted: Planted) -> Check:
    bad = []
    for crm, face in both.faces.items():
        leaver, since = both.samples[crm].reps[LEAVER], planted.leaver_since.get(crm, 0)
        for w in face.org.writes:
            if w.seq > since and w.table == LEAD_TABLE[crm] and w.op == "update":
                _, new = w.changes.get(OWNER_FIELD[crm], (None, None))
                if new == leaver:
                    bad.append((crm, w.id))
    ok = bool(planted.leaver_since) and not bad
    return Check("nothing goes to the rep who left", ok, f"{len(bad)} after leaving")


def _others_untouched(both: BothSandboxes, planted: Planted) -> Check:
    ours = {k for k, a in planted.leads.items() if a.kind == "routable"}
    bad = [
        (crm, w.id)
        for crm, face in both.faces.items()
        for w in face.org.writes
        if w.table == LEAD_TABLE[crm] and w.who.kind == "integration" and (crm, w.id) not in ours
    ]
    return _check("nothing else was touched", bad, "old leads, subscribers, reps' own leads")


def _one_dead_letter(planted: Planted, dead_letters: Sequence[Mapping[str, Any]]) -> Check:
    spoiled = [f"{c}:{LEAD_TABLE[c]}:{r}" for (c, r), a in planted.leads.items()
               if a.kind == "unreadable"]  # fmt: skip
    got = [str(d["lead"]) for d in dead_letters]
    detail = "; ".join(f"{d['lead']} [{d['stage']}] {d['reason']}" for d in dead_letters[:5])
    return Check("exactly one dead letter", got == spoiled and len(got) == 1, detail)


def _check(name: str, bad: Sequence[tuple[str, str]], detail: str) -> Check:
    if bad:
        named = ", ".join(f"{c} {r}" for c, r in bad[:3])
        detail = f"{detail}; wrong: {len(bad)} ({named})"
    return Check(name, not bad, detail)


def times_to_owner(both: BothSandboxes, planted: Planted) -> dict[str, list[float]]:
    """Seconds from the creation of each routable lead to our owner write, by CRM, sorted."""
    result: dict[str, list[float]] = {}
    for crm, face in both.faces.items():
        born: dict[str, datetime] = {}
        took: list[float] = []
        for w in face.org.writes:
            if w.table != LEAD_TABLE[crm]:
                continue
            if w.op == "create":
                born[w.id] = w.at
            elif (
                w.who.kind == "integration"
                and OWNER_FIELD[crm] in w.changes
                and (crm, w.id) in planted.leads
                and w.id in born
            ):
                took.append((w.at - born.pop(w.id)).total_seconds())
        result[crm] = sorted(took)
    return result
