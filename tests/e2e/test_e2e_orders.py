"""What a person orders, over HTTP and with a real process: backfill, the leaver, the override."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from e2e.live import Stage, staged, wait_for

from fairlead.cli import main

CRMS = ("salesforce", "hubspot")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def split(ref: str) -> tuple[str, str]:
    crm, _, id = ref.split(":")
    return crm, id


def owners(stage: Stage, plan: dict[str, str]) -> dict[str, str | None]:
    return {ref: stage.crms.owner(*split(ref)) for ref in plan}


def given(stage: Stage, *words: str) -> tuple[str, dict[str, str]]:
    """A plan as the command shows it: its id, and who gets which lead."""
    shown = stage.json(*words, exit_code=3)
    return shown["plan"], {r["lead"]: r["to"] for r in shown["rows"]}


def test_leads_older_than_the_first_start_are_planned_and_then_given_as_shown(
    stage: Stage,
) -> None:
    wrote = {crm: len(stage.crms.our_writes(crm)) for crm in CRMS}
    plan, wanted = given(stage, "backfill")
    assert {split(ref)[0] for ref in wanted} == set(CRMS)
    assert all(not stage.crms.owned(*split(ref)) for ref in wanted)
    assert {crm: len(stage.crms.our_writes(crm)) for crm in CRMS} == wrote
    done = stage.json("backfill", "--apply", plan)
    assert (done["state"], done["done"], done["open_writes"]) == ("done", len(wanted), 0)
    assert owners(stage, wanted) == wanted
    wait_for("its tasks are written", stage.idle)
    tasks = stage.crms.task_counts()
    assert {tasks[split(ref)] for ref in wanted} == {1}
    again = stage.fairlead("backfill")
    assert again.stdout.startswith("Nothing to route")
    text = stage.fairlead("why", next(iter(wanted))).stdout
    assert "ordered: backfill, by " in text


def test_the_book_of_a_rep_whom_the_crm_has_deactivated_is_given_on(stage: Stage) -> None:
    crms = stage.crms
    keys = [("salesforce", crms.lead(Country="Germany")) for _ in range(9)]
    wait_for("they are routed", lambda: crms.routed_once(keys) and stage.idle())
    leaver, _ = Counter(crms.owner(*k) for k in keys).most_common(1)[0]
    assert leaver is not None
    crms.act("salesforce", op="deactivate_user", id=leaver)
    wait_for("it is noticed", lambda: stage.status()["inactive_reps"])
    status = stage.fairlead("status").stdout
    assert f"LEAVER: rep {leaver} is inactive in salesforce and has " in status
    doctor = stage.fairlead("doctor").stdout
    assert f"note salesforce: reps who left own no leads: rep {leaver}" in doctor
    plan, wanted = given(stage, "reassign", "--from", leaver)
    assert {k for k in keys if crms.owner(*k) == leaver} <= {split(ref) for ref in wanted}
    assert leaver not in wanted.values()
    stage.fairlead("reassign", "--apply", plan)
    assert owners(stage, wanted) == wanted
    assert stage.status()["inactive_reps"] == []


def test_one_lead_is_given_by_hand_and_why_tells_it(stage: Stage) -> None:
    key = ("hubspot", stage.crms.contact())
    wait_for("it is routed", lambda: stage.crms.routed_once([key]) and stage.idle())
    to = "emil@example.com"
    said = stage.fairlead("reassign", key[1], "--to", to, "--reason", "met at the fair").stdout
    assert said.endswith(f"to {to}\n")
    wait_for("it is written", lambda: stage.crms.owner(*key) == to)
    text = stage.fairlead("why", key[1]).stdout
    assert f"ordered: given to {to} by hand, by " in text
    assert "met at the fair" in text
    refused = stage.fairlead("reassign", key[1], "--to", to, "--reason", "again", exit_code=78)
    assert f"{to} owns hubspot:contacts:{key[1]} already" in refused.stderr


def test_a_preview_writes_nothing(stage: Stage) -> None:
    stage.fairlead("pause")
    key = ("salesforce", stage.crms.lead(NumberOfEmployees=5000))
    writes = len(stage.crms.our_writes("salesforce"))
    text = stage.fairlead("preview", key[1]).stdout
    assert "rule: Enterprise" in text
    assert text.endswith("Nothing was written.\n")
    assert len(stage.crms.our_writes("salesforce")) == writes
    stage.fairlead("resume")
    wait_for("it is routed", lambda: stage.crms.routed_once([key]))


def test_a_daemon_killed_in_the_middle_of_a_plan_goes_on_and_gives_no_lead_twice() -> None:
    with staged(start=False, only="salesforce") as stage:
        crms = stage.crms
        for i in range(150):
            fields = {
                "LastName": f"Old{i}", "Company": f"Old{i}", "Email": f"x{i}@old{i}.example",
                "Country": "Germany", "OwnerId": crms.inbound,
            }  # fmt: skip
            at = f"2025-01-01T00:{i // 60:02}:{i % 60:02}+00:00"
            crms.act("salesforce", **{"as": "system"}, op="create", fields=fields, at=at)
        stage.start()
        plan, wanted = given(stage, "backfill", "--where", "last_name contains 'Old'")
        assert len(wanted) == 150
        crms.tune("salesforce", latency_ms=150)
        stage.client.call("plan-apply", plan=plan, by="test")
        wait_for("some are given", lambda: any(crms.owned(*split(ref)) for ref in wanted))
        stage.kill()
        given_before = sum(crms.owned(*split(ref)) for ref in wanted)
        crms.tune("salesforce", latency_ms=0)
        stage.start()
        wait_for(
            "the rest is given",
            lambda: stage.client.call("plan-state", plan=plan)["state"] == "done" and stage.idle(),
        )
        assert 0 < given_before < 150
        assert owners(stage, wanted) == wanted
        assert [len(crms.owner_writes(*split(ref))) for ref in wanted] == [1] * 150
        tasks = crms.task_counts()
        assert {tasks[split(ref)] for ref in wanted} == {1}


@pytest.mark.parametrize(
    "words",
    [("backfill",), ("reassign", "--from", "x@y.test"), ("preview", "1")],
    ids=lambda w: w[0],
)
def test_without_a_daemon_they_say_what_to_do(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 75
    assert "this needs the running daemon" in done.stderr
    assert "fairlead run" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("reassign",),
        ("reassign", "1", "--to", "a@b.test"),
        ("reassign", "1", "--reason", "x"),
        ("reassign", "1", "--to", "a@b.test", "--reason", "x", "--from", "c@d.test"),
        ("reassign", "--to", "a@b.test"),
        ("backfill", "--apply", "p1", "--limit", "5"),
        ("backfill", "--apply", "p1", "--stop", "p1"),
        ("backfill", "--limit", "0"),
    ],
)
def test_wrong_use_is_told_as_such(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, list(words)).exit_code == 2
