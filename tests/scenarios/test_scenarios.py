"""Every scenario in fixtures/scenarios comes out as its text says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from scenarios.scenario import FIXTURES, exact, play, read_scenario

FILES = sorted((FIXTURES / "scenarios").glob("*.yaml"))
BODY = """name: a lead
now: 2026-06-01T09:00:00Z
policy: scenarios/policies/rotation.yaml
lead: {email: jo@acme.example}
expect: {state: assigned}
"""


def test_there_are_scenarios_to_play() -> None:
    assert len(FILES) >= 12


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_scenario(file: Path) -> None:
    scenario = read_scenario(file.read_text(encoding="utf-8"), file.name)
    expect = scenario.expect
    played = play(scenario)
    assert {d.state.value for d in played.decisions} == {expect.state}
    wanted = expect.owners if expect.owners is not None else [expect.owner] * scenario.times
    assert played.owners() == wanted
    if expect.rule is not None:
        assert {d.rule for d in played.decisions} == {expect.rule}
    if expect.priority is not None:
        assert {d.high_priority for d in played.decisions} == {expect.priority == "high"}
    assert set(expect.because) <= played.because()
    if expect.retry_at is not None:
        assert {d.retry_at for d in played.decisions} == {expect.retry_at}
    if expect.charged is not None:
        assert any(d.ledger for d in played.decisions) is expect.charged
    if expect.beside:
        assert {c.role: c.rep_id for c in played.decisions[-1].companions} == expect.beside
    scored = played.decisions[-1].trace.score
    if expect.score is not None or expect.grade is not None or expect.points:
        assert scored is not None
        assert expect.score in (None, scored.total)
        assert expect.grade in (None, scored.grade)
        assert exact(expect.points).items() <= {g.name: g.points for g in scored.groups}.items()
    for pool, balances in expect.balances.items():
        assert played.world.balances[pool] == exact(balances)


@pytest.mark.parametrize(
    "mistake",
    [
        BODY + "colour: red\n",
        BODY.replace("{state: assigned}", "{state: assigned, ownr: x}"),
        BODY + "world: {awya: {}}\n",
    ],
)
def test_an_unknown_key_is_refused(mistake: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        read_scenario(mistake)


def test_an_unknown_field_of_the_lead_is_refused() -> None:
    with pytest.raises(ValueError, match="a lead has no field emial"):
        play(read_scenario(BODY.replace("email", "emial")))


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(ValueError, match="duplicate"):
        read_scenario(BODY + "now: 2026-06-01T09:00:00Z\n")
