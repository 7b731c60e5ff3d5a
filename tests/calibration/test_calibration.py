"""A calibration from end to end: what it claims is so, however the file is laid out."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from calibration.made_leads import PULL, Row, as_csv, leads

from fairlead.core import logistic
from fairlead.core.calibration import Calibration, calibrate
from fairlead.core.evidence_file import EvidenceError, read_evidence
from fairlead.core.evidence_leads import Asked
from fairlead.reports.calibration import verdict

DOUBLE = 20 / 0.6931471805599453


def found(rows: list[Row], mark: str = ",", **more: Any) -> Calibration:
    table = read_evidence("leads.csv", as_csv(rows, mark))
    return calibrate(table, Asked("outcome", "created", **more))


def points(result: Calibration, column: str) -> dict[str, float]:
    [told] = [c for c in result.points.columns if c.column == column]
    return {v.value: v.points for v in told.values}


@pytest.fixture(scope="module")
def plain() -> Calibration:
    return found(leads("plain", 8000))


def test_the_points_are_those_that_the_leads_were_made_with(plain: Calibration) -> None:
    for value, got in points(plain, "source").items():
        assert got == pytest.approx(DOUBLE * (PULL[value] - PULL["web"]), abs=8), value
    for value, got in points(plain, "country").items():
        assert got == pytest.approx(DOUBLE * (PULL[value] - PULL["DE"]), abs=8), value
    assert points(plain, "asked_for_demo")["yes"] == pytest.approx(DOUBLE * 1.4, abs=5)
    [visits] = [c for c in plain.points.columns if c.column == "visits"]
    assert visits.points == pytest.approx(DOUBLE * 0.9 / 6 * 5, abs=3)
    assert plain.points.columns[-1].column == "weather"


def test_what_matters_is_found_better_and_its_chances_come_true(plain: Calibration) -> None:
    assert verdict(plain) == "better"
    assert plain.before.auc.value == 0.5
    assert plain.after.auc.low > 0.75
    assert plain.after.reliability.error < 1.6 * plain.after.reliability.by_luck
    assert plain.after.brier < plain.before.brier
    assert abs(plain.learned_auc - plain.after.auc.value) < 0.03
    assert (plain.leaks, plain.notes) == ((), ())


def test_where_nothing_matters_nothing_is_claimed() -> None:
    assert verdict(found(leads("noise"))) == "unclear"


def test_the_order_of_the_rows_and_columns_and_the_separator_change_nothing() -> None:
    rows = leads("gaps", 1200)
    mixed = list(rows)
    Random(1).shuffle(mixed)
    turned = [dict(reversed(row.items())) for row in mixed]
    for row in turned:
        row["visits"] = row["visits"].replace(".", ",")
        row["weather"] = row["weather"].replace(".", ",")
    one, other, third = found(rows), found(mixed), found(turned, ";")
    assert other == one
    # A decimal comma reads as the same number.
    assert third.after == one.after
    assert replace(third, after=one.after) == one


def test_the_future_has_no_say_in_what_is_learned() -> None:
    rows = sorted(leads("plain", 1600), key=lambda row: row["created"])
    known = found(rows)
    late = [dict(row) for row in rows]
    for row in late[known.earlier.leads :]:
        row |= {"country": "XX", "source": "new", "visits": "100000", "asked_for_demo": "maybe"}
        row["outcome"] = "lost" if row["outcome"] == "won" else "won"
    again = found(late)
    assert again.points == known.points
    assert again.left_out == known.left_out
    assert again.learned_auc == known.learned_auc
    assert again.after != known.after


def scored(rows: list[Row], score: str) -> list[Row]:
    chances = {"web": 0.35, "event": 0.5, "partner": 0.6, "list": 0.2}
    made = []
    for row in rows:
        chance = chances[row["source"]]
        value = {"chance": chance, "points": 100 * chance, "turned": -chance, "same": 7}[score]
        made.append({**row, "mark": f"{value:g}"})
    return made


def test_an_existing_score_is_judged_on_the_same_leads() -> None:
    rows = leads("plain", 2400)
    as_chance = found(scored(rows, "chance"), score="mark")
    as_points = found(scored(rows, "points"), score="mark")
    assert as_chance.before.how == "column mark, taken as a chance"
    assert "turned into a chance" in as_points.before.how
    assert as_chance.before.auc.value == pytest.approx(as_points.before.auc.value)
    assert 0.55 < as_points.before.auc.value < as_points.after.auc.value
    assert as_points.before.reliability.error < 0.1
    assert as_chance.points == as_points.points == found(rows).points
    gain = as_points.after.auc.value - as_points.before.auc.value
    assert as_points.gain.value == pytest.approx(gain)


def test_a_score_that_puts_lost_leads_first_is_told_as_such() -> None:
    rows = leads("plain", 2400)
    assert found(scored(rows, "turned"), score="mark").before.auc.high < 0.5


def test_a_score_that_is_the_same_for_all_says_nothing() -> None:
    same = found(scored(leads("plain", 1200), "same"), score="mark")
    assert (same.before.auc.value, len(same.before.reliability.bins)) == (0.5, 1)


def test_leads_without_a_score_count_as_the_lowest_and_are_told() -> None:
    rows = scored(leads("plain", 1200), "points")
    without = [{**row, "mark": "" if row["source"] == "list" else row["mark"]} for row in rows]
    lowest = [{**row, "mark": "35" if row["source"] == "list" else row["mark"]} for row in rows]
    result = found(without, score="mark")
    assert any("have no score; they count as the lowest" in note for note in result.notes)
    assert result.before == found(lowest, score="mark").before


def test_a_score_that_is_no_number_is_told_with_its_place() -> None:
    rows = scored(leads("plain", 1200), "points")
    rows[4]["mark"] = "high"
    place = 1 + sum(len(c) + 1 for c in list(rows[4].values())[:-1])
    with pytest.raises(EvidenceError, match=rf"^leads\.csv:6:{place}: mark 'high' is not a number"):
        found(rows, score="mark")


def test_a_score_that_no_earlier_lead_has_cannot_be_judged() -> None:
    rows = [{**row, "mark": ""} for row in leads("plain", 1200)]
    with pytest.raises(EvidenceError, match="mark is empty in all earlier leads"):
        found(rows, score="mark")


def test_weights_that_were_not_found_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "LIMIT", 1)
    with pytest.raises(EvidenceError, match="no weights were found"):
        found(leads("plain", 1200))


def test_a_column_that_knows_the_outcome_makes_the_result_suspect() -> None:
    rows = [
        {**row, "lost_reason": "price" if row["outcome"] == "lost" else ""}
        for row in leads("plain", 1200)
    ]
    result = found(rows)
    assert [leak.column for leak in result.leaks] == ["lost_reason"]
    assert verdict(result) == "suspect"
    mended = found(rows, ignore=("lost_reason",))
    assert (mended.leaks, verdict(mended)) == ((), "better")
    assert mended.after == found(leads("plain", 1200)).after


def test_a_column_to_ignore_must_be_there() -> None:
    with pytest.raises(EvidenceError, match="no column 'wether'") as e:
        found(leads("plain", 1200), ignore=("wether",))
    assert e.value.remedy.startswith("did you mean 'weather'?")


def test_luck_that_was_learned_is_told() -> None:
    random = Random(2)
    rows = [
        {**row, **{f"c{n}": f"v{int(9 * random.random())}" for n in range(30)}}
        for row in leads("noise", 700)
    ]
    result = found(rows)
    assert result.learned_auc > result.after.auc.value + 0.05
    assert any("luck" in note for note in result.notes)
    assert any(
        "for 282 weights" in note or "weights; ten for each" in note for note in result.notes
    )


def test_a_share_of_won_leads_that_moved_is_told() -> None:
    rows = sorted(leads("plain", 2000), key=lambda row: row["created"])
    for row in rows[1500::2]:
        row["outcome"] = "lost"
    assert any("the share won moved from" in note for note in found(rows).notes)


def test_progress_never_goes_back_and_ends_at_the_end() -> None:
    heard: list[tuple[str, float]] = []
    calibrate(
        read_evidence("leads.csv", as_csv(leads("plain", 600))),
        Asked("outcome", "created"),
        lambda what, done: heard.append((what, done)),
    )
    shares = [done for _, done in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert list(dict(heard)) == ["reading", "fitting", "judging", "done"]
