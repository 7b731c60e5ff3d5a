"""A policy that changes while the daemon runs: taken up when good, refused and told when not."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from daemon.house import POLICY, House, an_org, owner_email

from fairlead.core.types import LeadState, Ref
from fairlead.daemon.acceptance import PolicyRefused
from fairlead.daemon.active_policy import ActivePolicy, wanted
from fairlead.daemon.commands import Commands
from fairlead.daemon.first_policy import policy_to_start_with
from fairlead.daemon.reload import Reloaded, Reloader
from fairlead.daemon.routing import Router
from fairlead.errors import ConfigError, Unavailable
from fairlead.reports.human import human_reload, human_status
from fairlead.store import decisions, leads, policies
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_crm import FakeCrm

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "policies" / "broken"
ANNA, BEN, CARLA = "anna@example.com", "ben@example.com", "carla@example.com"
TO_ANNA = """\
version: 1
sources: {sf: {crm: salesforce}}
roster: reps.csv
teams:
  inbound: {members: [anna@example.com, ben@example.com]}
rules:
  - name: For Anna
    when: country == "DE"
    to: {rep: anna@example.com}
otherwise: {to: {team: inbound}}
"""
TO_BEN = TO_ANNA.replace("For Anna", "For Ben").replace("{rep: anna", "{rep: ben")
ROSTER = "email,weight\nanna@example.com,1\nben@example.com,1\n"
TYPO = TO_BEN.replace("when: country", "when: contry")
DEAD_RULE = TO_ANNA.replace(
    "otherwise:",
    '  - name: Never\n    when: country == "DE" and employees > 5\n'
    "    to: {team: inbound}\notherwise:",
)


class Desk(House):
    """A daemon whose policy lies in a folder and is looked at, as the running one does."""

    def __init__(self, folder: Path, crm: FakeCrm, clock: ManualClock) -> None:
        self.policy_path = folder / "policy.yaml"
        self.looks_after = 0
        super().__init__(None, [crm], clock)

    def _first_policy(self) -> ActivePolicy:
        active, self.refused = policy_to_start_with(self.policy_path, self.db)
        return active

    def _open(self, image: bytes | None) -> None:
        super()._open(image)
        active = self.in_force.active
        self.reloader = Reloader(
            self.in_force, self.clock,
            served={f.name: wanted(active.policy, f.name) for f in self.fakes},
            on_swap=self._swapped,
        )  # fmt: skip
        if self.refused:
            self.reloader.refuse(self.refused)
        self.commands = Commands(
            self.db, lambda: self.in_force.active, self.clock, reloader=self.reloader
        )
        self.settle()

    def _swapped(self) -> None:
        self.looks_after += 1

    def write(self, text: str, name: str = "policy.yaml") -> None:
        (self.policy_path.parent / name).write_text(text, encoding="utf-8")

    def settle(self) -> Reloaded | None:
        """Two looks: one that sees the change, one that sees it stand still."""
        return self.reloader.look() or self.reloader.look()

    @property
    def hash(self) -> str:
        return self.in_force.active.policy.hash

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """What the journal has of the policy's changes."""
        rows = self.db.rows("SELECT event, detail FROM journal WHERE event LIKE 'config.%'")
        return [(r["event"], json.loads(r["detail"])) for r in rows]

    def number(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"fairlead_{name}", labels)


@pytest.fixture
def crm(clock: ManualClock) -> FakeCrm:
    return an_org(clock)


@pytest.fixture
def desk(tmp_path: Path, crm: FakeCrm, clock: ManualClock) -> Iterator[Desk]:
    (tmp_path / "policy.yaml").write_text(TO_ANNA)
    (tmp_path / "reps.csv").write_text(ROSTER)
    desk = Desk(tmp_path, crm, clock)
    desk.start()
    clock.advance(1)
    yield desk
    desk.close()


def routed(desk: Desk, crm: FakeCrm, clock: ManualClock, **fields: Any) -> Ref:
    clock.advance(1)
    lead = crm.create_lead(**{"email": None, "country": "DE", **fields})
    desk.round()
    return lead


def test_a_good_change_decides_the_next_lead_and_is_told_with_both_hashes_and_a_dry_run(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    before = desk.hash
    german = [routed(desk, crm, clock) for _ in range(3)]
    other = routed(desk, crm, clock, country="FR")
    desk.write(TO_BEN)
    done = desk.settle()
    assert done is not None
    assert (done.outcome, done.before, done.policy) == ("activated", before, desk.hash)
    assert done.rehearsal is not None
    assert (done.rehearsal.leads, done.rehearsal.elsewhere) == (4, 3)
    assert [m.leads for m in done.rehearsal.moves] == [3]
    assert owner_email(crm, routed(desk, crm, clock)) == BEN
    assert {owner_email(crm, r) for r in german} == {ANNA}, "what was given away stays"
    assert desk.state(other) is LeadState.ASSIGNED
    [first, second] = desk.told()
    assert first == ("config.activated", {"policy": before, "before": None})
    expected = {"policy": desk.hash, "before": before, "count": 4, "elsewhere": 3}
    assert second == ("config.activated", expected)
    assert desk.number("config_info", hash=desk.hash[:12]) == 1
    assert desk.number("config_info", hash=before[:12]) is None
    assert desk.number("config_reloads_total", outcome="activated") == 1


def test_decisions_before_and_after_are_taken_again_under_their_own_policy(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    old, first = desk.hash, routed(desk, crm, clock)
    desk.write(TO_BEN)
    desk.settle()
    second = routed(desk, crm, clock)
    desk.write(ROSTER.replace("anna@example.com,1", "anna@example.com,3"), "reps.csv")
    desk.settle()
    third = routed(desk, crm, clock, country="FR")
    hashes = []
    for ref in (first, second, third):
        row = leads.get_lead(desk.db, ref)
        assert row is not None
        assert row.decision_id is not None
        kept = decisions.get_decision(desk.db, row.decision_id)
        assert kept is not None
        hashes.append(kept.policy_hash)
        replayed = desk.commands.routes()["replay"]({"decision": row.decision_id})
        assert replayed["equal"], replayed
        [why] = desk.commands.why(str(ref))
        assert why["decision"]["recomputed_equal"]
    assert hashes[0] == old
    assert len(set(hashes)) == 3
    assert hashes[2] == desk.hash


def test_a_changed_line_of_the_roster_is_a_change(desk: Desk, clock: ManualClock) -> None:
    before = desk.hash
    desk.write("email,weight\nanna@example.com,2\nben@example.com,1\n", "reps.csv")
    done = desk.settle()
    assert done is not None
    assert done.outcome == "activated"
    assert desk.hash != before
    assert desk.in_force.active.policy.roster[ANNA].weight == 2


def test_a_bad_file_keeps_the_last_good_one_and_says_so_once(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    before = desk.hash
    desk.write(TYPO)
    done = desk.settle()
    assert done is not None
    assert (done.outcome, done.policy) == ("refused", before)
    [fault] = done.faults
    assert (fault.file, fault.line, fault.column) == ("policy.yaml", 8, 11)
    assert "contry" in fault.message
    assert fault.remedy == "did you mean 'country'?"
    assert [desk.settle() for _ in range(5)] == [None] * 5
    assert desk.reloader.reload().outcome == "refused"
    assert owner_email(crm, routed(desk, crm, clock)) == ANNA
    assert [event for event, _ in desk.told()] == ["config.activated", "config.rejected"]
    assert desk.number("config_refused") == 1
    assert desk.number("config_reloads_total", outcome="refused") == 1
    status = desk.commands.status()
    assert status["policy"] == before
    assert [f["line"] for f in status["policy_refused"]] == [8]
    assert "  policy.yaml:8:11: " in "\n".join(human_status(status))


def test_a_mended_file_recovers(desk: Desk, crm: FakeCrm, clock: ManualClock) -> None:
    desk.write(TYPO)
    desk.settle()
    desk.write(TO_BEN)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "activated"
    assert desk.reloader.faults == ()
    assert desk.number("config_refused") == 0
    assert owner_email(crm, routed(desk, crm, clock)) == BEN


def test_the_last_good_file_put_back_recovers_and_says_so(desk: Desk) -> None:
    desk.write(TYPO)
    desk.settle()
    desk.write(TO_ANNA)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "unchanged"
    assert desk.told()[-1][0] == "config.healed"
    assert desk.number("config_refused") == 0


def test_another_mistake_is_told_again(desk: Desk) -> None:
    desk.write(TYPO)
    desk.settle()
    desk.write("version: 1\n")
    desk.settle()
    assert [event for event, _ in desk.told()][1:] == ["config.rejected"] * 2


@pytest.mark.parametrize("name", sorted(p.stem for p in BROKEN.glob("*.yaml")))
def test_every_kind_of_broken_policy_is_located_and_routing_goes_on(
    desk: Desk, crm: FakeCrm, clock: ManualClock, name: str
) -> None:
    before = desk.hash
    for csv in BROKEN.glob("*.csv"):
        shutil.copy(csv, desk.policy_path.parent)
    desk.write((BROKEN / f"{name}.yaml").read_text("utf-8"))
    done = desk.settle()
    assert done is not None
    assert done.outcome == "refused"
    assert done.faults
    for fault in done.faults:
        assert (desk.policy_path.parent / fault.file).is_file()
        assert fault.line is not None
        assert fault.line >= 1
        assert fault.column is not None
        assert fault.column >= 1
        assert fault.message
        assert fault.remedy
    assert desk.hash == before
    assert owner_email(crm, routed(desk, crm, clock)) == ANNA


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a policy is a mapping"),
        (b"version: 1\nteams: {a: \xff}\n", "policy.yaml:2:12: this is not UTF-8 text"),
        (b"version: 1\n" + b"[" * 20_000, "policy.yaml:"),
        (b"version: 1\n\x00\n", "policy.yaml:2:1"),
        (b"#" + b"x" * (20 * 1024 * 1024), "is larger than"),
        (TO_ANNA.replace("reps.csv", "crew.csv").encode(), "there is no file 'crew.csv'"),
        (TO_ANNA.replace("reps.csv", "../reps.csv").encode(), "must lie beside the policy"),
    ],
    ids=["empty", "not UTF-8", "too deep", "a zero byte", "too large", "no roster", "outside"],
)
def test_what_is_no_policy_at_all_is_refused_too(desk: Desk, content: bytes, said: str) -> None:
    desk.policy_path.write_bytes(content)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "refused"
    assert any(said in str(f) for f in done.faults), done.faults


def test_a_missing_file_is_refused_once_and_routing_goes_on(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    desk.policy_path.unlink()
    done = desk.settle()
    assert done is not None
    assert "No such file" in str(done.faults[0])
    assert desk.settle() is None
    assert owner_email(crm, routed(desk, crm, clock)) == ANNA
    desk.write(TO_ANNA)
    back = desk.settle()
    assert back is not None
    assert back.outcome == "unchanged"
    (desk.policy_path.parent / "reps.csv").unlink()
    gone = desk.settle()
    assert gone is not None
    assert str(gone.faults[0]).startswith("policy.yaml:3:9: there is no file 'reps.csv'")
    assert [event for event, _ in desk.told()][1:] == [
        "config.rejected", "config.healed", "config.rejected",
    ]  # fmt: skip


def test_a_file_that_is_still_being_written_is_not_read(desk: Desk) -> None:
    before = desk.hash
    half = TO_BEN[: len(TO_BEN) // 2]
    desk.write(half)
    assert desk.reloader.look() is None
    desk.write(half + "#")
    assert desk.reloader.look() is None
    desk.write(TO_BEN)
    assert desk.reloader.look() is None
    assert (desk.hash, desk.reloader.faults) == (before, ())
    done = desk.reloader.look()
    assert done is not None
    assert done.outcome == "activated"


def test_a_file_that_is_only_touched_changes_nothing(desk: Desk) -> None:
    desk.write(TO_ANNA)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "unchanged"
    assert len(desk.told()) == 1


def test_a_change_is_seen_though_size_and_time_are_the_old_ones(desk: Desk) -> None:
    was = desk.policy_path.stat()
    desk.write(TO_ANNA.replace("{rep: anna@example.com}", "{rep: ben@example.com} "))
    os.utime(desk.policy_path, ns=(was.st_atime_ns, was.st_mtime_ns))
    now = desk.policy_path.stat()
    assert (now.st_size, now.st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "activated"


def test_a_folder_swapped_by_one_rename_is_one_change(
    tmp_path: Path, crm: FakeCrm, clock: ManualClock
) -> None:
    for name, text in (("v1", TO_ANNA), ("v2", TO_BEN.replace("reps.csv", "crew.csv"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "policy.yaml").write_text(text)
    (tmp_path / "v1" / "reps.csv").write_text(ROSTER)
    (tmp_path / "v2" / "crew.csv").write_text(ROSTER)
    (tmp_path / "live").symlink_to("v1")
    desk = Desk(tmp_path / "live", crm, clock)
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").replace(tmp_path / "live")
    done = desk.settle()
    assert done is not None
    assert done.outcome == "activated"
    assert set(desk.in_force.active.files) == {"policy.yaml", "crew.csv"}
    (tmp_path / "v2" / "crew.csv").write_text(ROSTER + "carla@example.com,1\n")
    again = desk.settle()
    assert again is not None
    assert CARLA in desk.in_force.active.policy.roster
    desk.close()


def test_reload_reads_at_once_and_tells_people_what_came_of_it(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    reload = desk.commands.routes()["reload"]
    assert reload({})["outcome"] == "unchanged"
    routed(desk, crm, clock)
    desk.write(TO_BEN)
    answer = reload({})
    text = "\n".join(human_reload(answer))
    assert f"policy {desk.hash[:12]} is in force now" in text
    assert "1 of the last 1 leads would now go elsewhere" in text
    assert "1: For Anna -> anna@example.com  =>  For Ben -> ben@example.com" in text
    desk.write(TYPO)
    refused = "\n".join(human_reload(reload({})))
    assert refused.startswith(f"REFUSED; policy {desk.hash[:12]} stays in force:\n  policy.yaml:8:")
    assert "    remedy: did you mean 'country'?" in refused


def test_what_check_calls_an_error_is_refused_and_a_warning_is_not(desk: Desk) -> None:
    desk.write(DEAD_RULE)
    done = desk.settle()
    assert done is not None
    assert done.outcome == "refused"
    assert "Never" in done.faults[0].message
    assert done.faults[0].line == 10
    desk.write(TO_ANNA.replace("anna@example.com, ben@example.com]", "anna@example.com]"))
    done = desk.settle()
    assert done is not None
    assert done.outcome == "activated"
    assert done.warnings > 0


def test_held_leads_are_looked_at_again_at_once_under_the_new_policy(
    desk: Desk, crm: FakeCrm, clock: ManualClock
) -> None:
    desk.write(
        TO_ANNA.replace("{crm: salesforce}", "{crm: salesforce, hold_until: "
                        "{field: industry, at_most: 10d}}")
    )  # fmt: skip
    desk.settle()
    lead = routed(desk, crm, clock)
    assert desk.state(lead) is LeadState.HELD
    assert desk.ingests["salesforce"].release_held() == 0
    looked = desk.looks_after
    desk.write(TO_BEN)
    desk.settle()
    assert desk.looks_after == looked + 1
    assert desk.ingests["salesforce"].release_held() == 1
    desk.deliver()
    assert owner_email(crm, lead) == BEN


def test_custom_fields_that_the_connector_does_not_read_need_a_restart(desk: Desk) -> None:
    before = desk.hash
    desk.write(TO_BEN + "fields:\n  product: {type: text, salesforce: Product__c}\n")
    done = desk.settle()
    assert done is not None
    assert (done.outcome, desk.hash) == ("refused", before)
    [fault] = done.faults
    assert fault.message == "needs a restart: salesforce is read without Product__c"
    assert fault.remedy == "restart the daemon; it will start with this policy"
    desk.restart()
    assert desk.hash != before


def test_a_text_is_not_written_into_a_field_that_the_connector_does_not_read(desk: Desk) -> None:
    """It would go over what somebody wrote there."""
    before = desk.hash
    track = '{when: status == "Later", after: 30d, set: {salesforce: {Track__c: later}}}'
    desk.write(TO_BEN + f"recycling: {{cool_down: 1d, tracks: {{later: {track}}}}}\n")
    done = desk.settle()
    assert done is not None
    assert (done.outcome, desk.hash) == ("refused", before)
    [fault] = done.faults
    assert fault.message == "needs a restart: salesforce is read without Track__c"
    assert desk.refused == ()


def test_a_start_with_a_bad_file_goes_on_with_the_last_good_policy_and_a_first_one_fails(
    desk: Desk, crm: FakeCrm, clock: ManualClock, tmp_path: Path
) -> None:
    before = desk.hash
    desk.write(TYPO)
    desk.settle()
    desk.restart()
    assert desk.hash == before
    assert [f.line for f in desk.reloader.faults] == [8]
    assert owner_email(crm, routed(desk, crm, clock)) == ANNA
    assert [e for e, _ in desk.told()].count("config.activated") == 1
    other = tmp_path / "other.yaml"
    for text in (TYPO, DEAD_RULE):
        other.write_text(text)
        for db in (desk.db, None):
            with pytest.raises(ConfigError) as refused:
                policy_to_start_with(other, db)
            assert isinstance(refused.value, PolicyRefused) is (text is DEAD_RULE)


@pytest.mark.parametrize("commits", range(4))
@pytest.mark.parametrize("when", ["commit:before", "commit:after"])
def test_a_crash_during_the_change_leaves_one_policy_or_the_other(
    desk: Desk, crm: FakeCrm, clock: ManualClock, commits: int, when: str
) -> None:
    before = desk.hash
    routed(desk, crm, clock)
    left = [commits]

    def crash(at: str) -> None:
        if at == when:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

    desk.write(TO_BEN)
    desk.on_commit = crash
    with suppress(KeyboardInterrupt):
        desk.settle()
    desk.on_commit = lambda _: None
    kept = policies.in_force(desk.db)
    assert kept is not None
    decisions.get_policy(desk.db, kept.hash)
    desk.restart()
    assert desk.hash != before
    assert owner_email(crm, routed(desk, crm, clock)) == BEN
    assert [e for e, _ in desk.told()].count("config.activated") == 2


def test_a_page_is_decided_under_one_policy_even_if_the_change_comes_in_its_middle(
    desk: Desk, crm: FakeCrm, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, changes, seen = desk.hash, [], []
    observe = Router.observe

    def observed(self: Router, *args: Any, **more: Any) -> LeadState | None:
        seen.append(args[0])
        if len(seen) == 2:
            desk.write(TO_BEN)
            changes.append(threading.Thread(target=desk.reloader.reload))
            changes[0].start()
        return observe(self, *args, **more)

    monkeypatch.setattr(Router, "observe", observed)
    clock.advance(1)
    page = [crm.create_lead(email=None, country="DE") for _ in range(5)]
    desk.round()
    changes[0].join()
    assert {owner_email(crm, r) for r in page} == {ANNA}
    rows = [leads.get_lead(desk.db, r) for r in page]
    kept = [decisions.get_decision(desk.db, r.decision_id or "") for r in rows if r is not None]
    assert {k.policy_hash for k in kept if k is not None} == {before}
    assert desk.hash != before
    assert owner_email(crm, routed(desk, crm, clock)) == BEN


@pytest.mark.parametrize("commits", [0, 1])
def test_a_full_disk_keeps_the_old_policy_and_the_change_is_taken_up_later(
    desk: Desk, crm: FakeCrm, clock: ManualClock, commits: int
) -> None:
    before = desk.hash
    left = [commits]

    def full(at: str) -> None:
        left[0] -= at == "commit:before"
        if left[0] < 0:
            raise Unavailable("the disk is full")

    desk.write(TO_BEN)
    desk.on_commit = full
    with pytest.raises(Unavailable):
        desk.settle()
    assert desk.hash == before
    desk.on_commit = lambda _: None
    assert owner_email(crm, routed(desk, crm, clock)) == ANNA
    done = desk.settle() or desk.settle()
    assert done is not None
    assert done.outcome == "activated"


def test_the_policy_of_the_house_moves_nobody_when_nothing_changes_but_a_comment(
    tmp_path: Path, crm: FakeCrm, clock: ManualClock
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    desk = Desk(tmp_path, crm, clock)
    desk.start()
    for n in range(12):
        routed(desk, crm, clock, employees=2000 if n % 3 == 0 else 5)
    desk.write(POLICY + "# a comment\n")
    done = desk.settle()
    assert done is not None
    assert done.rehearsal is not None
    assert done.outcome == "activated"
    assert (done.rehearsal.leads, done.rehearsal.elsewhere) == (12, 0)
    assert done.rehearsal.complete
    desk.close()
