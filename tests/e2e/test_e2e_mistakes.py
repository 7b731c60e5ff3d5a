"""What a person gets wrong is said once, in one clear line, and costs nobody else anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.live import TOKEN, Crms, Stage, staged, wait_for


@pytest.fixture(scope="module")
def still() -> Iterator[Stage]:
    """A stage on which no daemon runs."""
    with staged(start=False) as stage:
        yield stage


@pytest.fixture(scope="module")
def crms(still: Stage) -> Crms:
    return still.crms


def untouched(crms: Crms) -> bool:
    return not any(crms.our_writes(crm) for crm in crms.both.faces)


@pytest.mark.parametrize("words", [["run"], ["plan"], ["check"]])
def test_a_typo_in_the_policy_is_shown_with_its_place_a_caret_and_what_was_meant(
    still: Stage, words: list[str]
) -> None:
    text = (still.folder / "demo.yaml").read_text("utf-8")
    try:
        (still.folder / "demo.yaml").write_text(text.replace("employees >=", "employes >="))
        said = still.fairlead(*words, exit_code=78).stderr.splitlines()
    finally:
        (still.folder / "demo.yaml").write_text(text)
    line = next(n for n, x in enumerate(text.splitlines(), 1) if "employees >=" in x)
    column = text.splitlines()[line - 1].index("employees") + 1
    at = next(i for i, x in enumerate(said) if f"demo.yaml:{line}:{column}" in x)
    caret = next(x for x in said[at:] if set(x.strip()) == {"^"})
    shown = said[said.index(caret) - 1]
    assert shown[caret.index("^") :].startswith("employes")
    assert any("did you mean" in x.lower() and "employees" in x for x in said), said
    assert untouched(still.crms)


def test_a_typo_is_told_to_machines_with_its_place(still: Stage) -> None:
    wrong = still.folder / "wrong.yaml"
    wrong.write_text((still.folder / "demo.yaml").read_text("utf-8").replace("teams:", "team:", 1))
    told = still.json("check", str(wrong), exit_code=78)
    assert told["ok"] is False
    [first, *_] = told["problems"]
    assert first["line"] > 1
    assert first["column"] == 1
    assert "teams" in first["suggestion"]
    assert first["file"].endswith("wrong.yaml")


def test_a_secret_that_everybody_can_read_is_refused(still: Stage) -> None:
    token = still.folder / "token"
    token.chmod(0o644)
    try:
        for command in ("run", "plan"):
            done = still.fairlead(command, exit_code=78)
            assert f"{token} is readable by everybody; run: chmod 600 {token}" in done.stderr
        told = still.json("doctor", exit_code=78)
        bad = {f["where"]: f["detail"] for f in told if not f["ok"]}
        assert set(bad) == {"salesforce", "hubspot"}
        assert all("is readable by everybody" in d for d in bad.values())
    finally:
        token.chmod(0o600)
    assert TOKEN not in done.stderr
    assert untouched(still.crms)


def test_doctor_finds_nothing_that_a_person_must_mend(still: Stage) -> None:
    told = still.json("doctor")
    assert {f["where"] for f in told} == {"policy", "salesforce", "hubspot"}
    # A new org's history is empty, so nobody can tell yet whether owners are tracked.
    assert [f["check"] for f in told if not f["ok"]] == ["owner history"]


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_doctor_says_in_one_line_whose_token_is_wrong(still: Stage, crm: str) -> None:
    still.secret("wrong", "tok-nobody-knows")
    still.settings(**{crm: {"token_file": "wrong"}})
    try:
        told = still.fairlead("doctor", exit_code=78).stdout.splitlines()
    finally:
        still.settings()
    [bad] = [x for x in told if x.startswith("BAD")]
    assert crm in bad
    assert "token" in bad
    assert "tok-nobody-knows" not in "".join(told)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"polcy": "demo.yaml"}, "unknown key; did you mean 'policy'?"),
        ({"poll_interval": -1}, "poll_interval"),
        ({"listen": "0.0.0.0:80"}, "must be a loopback address"),
        ({"policy": "gone.yaml"}, "cannot read the policy"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(
    still: Stage, settings: dict[str, object], said: str
) -> None:
    still.settings(**settings)
    try:
        done = still.fairlead("run", exit_code=78)
    finally:
        still.settings()
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_wrong_token_stops_that_connector_only_and_heals_when_it_is_put_right() -> None:
    tables = {"hubspot": {"token_file": "hs-token"}}
    with staged(start=False, **tables) as stage:
        crms = stage.crms
        stage.secret("hs-token", "tok-of-yesterday")
        stage.start(ready=False)
        wait_for("it says so", lambda: stage.events("connector.stopped"))
        lead = ("salesforce", crms.lead())
        wait_for("the other CRM goes on", lambda: crms.routed_once([lead]))
        [wrong] = stage.json("status")["health"]["wrong"]
        assert wrong.startswith("hubspot: stopped: HubSpot does not accept the token")
        refused = len(crms.requests("hubspot"))
        stage.fairlead("resume")  # makes every loop look again at once
        wait_for("it tried again", lambda: len(crms.requests("hubspot")) > refused)
        [said] = stage.events("connector.stopped")
        assert (said["crm"], said["error_class"]) == ("hubspot", "AuthFailed")
        stage.secret("hs-token", TOKEN)

        def healed() -> bool:
            stage.client.call("resume")
            return bool(stage.events("connector.healed"))

        wait_for("it heals", healed)
        contact = ("hubspot", crms.contact())

        def routed() -> bool:
            # The writing side meets the old token once more, and then waits for a minute.
            stage.client.call("resume")
            return crms.routed_once([contact])

        wait_for("its leads are routed", routed)
        assert "tok-of-yesterday" not in stage.said()


def test_a_token_that_ends_while_we_run_is_said_once_and_the_new_one_is_picked_up() -> None:
    with staged(start=False, salesforce={"token_file": "sf-token"}) as stage:
        crms = stage.crms
        stage.secret("sf-token", TOKEN)
        stage.start()
        crms.tune("salesforce", token_accepted=False)
        wait_for("it says so", lambda: stage.events("connector.stopped"))
        contact = ("hubspot", crms.contact())
        wait_for("the other CRM goes on", lambda: crms.routed_once([contact]))
        crms.tune("salesforce", token_accepted=True)
        stage.secret("sf-token", f"{TOKEN} ")

        def healed() -> bool:
            stage.client.call("resume")
            return bool(stage.events("connector.healed"))

        wait_for("it heals", healed)
        lead = ("salesforce", crms.lead())
        wait_for("leads are routed again", lambda: crms.routed_once([lead]))
        assert [e["crm"] for e in stage.events("connector.stopped")] == ["salesforce"]


def test_a_token_put_right_serves_both_directions_and_is_said_once() -> None:
    with staged(start=False, hubspot={"token_file": "hs-token"}) as stage:
        stage.secret("hs-token", "tok-of-yesterday")
        stage.start(ready=False)
        wait_for("it says so", lambda: stage.events("connector.stopped"))
        stage.secret("hs-token", TOKEN)

        def healed() -> bool:
            stage.client.call("resume")
            return bool(stage.events("connector.healed"))

        wait_for("it heals", healed)
        contact = ("hubspot", stage.crms.contact())
        wait_for("it is routed", lambda: stage.crms.routed_once([contact]))
        assert len(stage.events("connector.stopped")) == 1
        assert len(stage.events("connector.healed")) == 1
