"""Outcomes and times are read or refused with their place; the future is never learned from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from calibration.made_leads import Row, as_csv, leads
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.evidence_file import EvidenceError, read_evidence
from fairlead.core.evidence_leads import Asked, Leads, read_leads
from fairlead.errors import ThinEvidence


def taken(rows: list[Row], **more: Any) -> Leads:
    table = read_evidence("leads.csv", as_csv(rows))
    asked = Asked("outcome", "created", **({"min_outcomes": 1} | more))
    return read_leads(table, asked, [None] * len(table.rows))


def rows(*outcomes: str) -> list[Row]:
    return [
        {"created": f"2026-01-{day:02}", "n": str(day), "outcome": outcome}
        for day, outcome in enumerate(outcomes, 1)
    ]


@given(
    st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=8, max_size=80),
    st.floats(0.05, 0.5),
)
def test_every_lead_of_the_hold_out_is_later_than_all_learned_from(
    made: list[tuple[int, bool]], holdout: float
) -> None:
    file = [
        {"created": f"2026-01-{day:02}", "outcome": "won" if won else "lost"} for day, won in made
    ]
    try:
        found = taken(file, holdout=holdout)
    except ThinEvidence:
        return
    assert max(found.times[: found.cut]) < min(found.times[found.cut :])
    assert list(found.times) == sorted(found.times)
    # The latest leads, and no more than their share but for those of the same instant.
    first = found.times[found.cut]
    assert sum(t > first for t in found.times) < holdout * len(made) + 1e-9
    assert len(found.times) - found.cut >= holdout * len(made) - 1e-9


def test_leads_of_one_instant_are_not_parted() -> None:
    file = rows(*["won", "lost"] * 10)
    for row in file[12:18]:
        row["created"] = "2026-01-13"
    found = taken(file)
    assert found.times[found.cut] == datetime.fromisoformat("2026-01-13T00:00:00+00:00")
    assert found.cut == 12


def test_the_words_of_outcomes() -> None:
    file = rows(
        "won", "Converted", "YES", "1", "lost", "Disqualified", "no", "0", "", "won", "lost"
    )
    found = taken(file, holdout=0.2)
    assert found.outcomes == (True,) * 4 + (False,) * 4 + (True, False)
    assert found.undecided == 1
    assert ("Converted", True, 1) in found.words


def test_with_positive_all_other_words_are_lost_but_the_undecided() -> None:
    file = rows("SQL", "nurture", "working", "sql", "junk", "SQL", "junk")
    found = taken(file, positive=("sql",), undecided=("Working",), holdout=0.3)
    assert found.outcomes == (True, False, True, False, True, False)
    assert found.undecided == 1


def test_an_unknown_outcome_is_told_with_its_place_and_a_remedy() -> None:
    with pytest.raises(EvidenceError) as e:
        taken(rows("won", "lost", "maybe", "won", "perhaps"))
    assert str(e.value).splitlines() == [
        "leads.csv:4:14: outcome 'maybe' is neither won nor lost",
        "leads.csv:6:14: outcome 'perhaps' is neither won nor lost",
    ]
    assert "--positive" in e.value.remedy
    assert "'maybe', 'perhaps'" in e.value.remedy


def test_a_word_that_no_lead_has_is_not_taken_silently() -> None:
    with pytest.raises(EvidenceError, match="no outcome is 'Sold'"):
        taken(rows("won", "lost"), positive=("Won", "Sold"))
    with pytest.raises(EvidenceError, match="no outcome is 'open'"):
        taken(rows("won", "lost"), undecided=("open",))


@pytest.mark.parametrize(
    ("cell", "what"),
    [("soon", "created 'soon' is not a time"), ("", "created is empty"),
     ("2026-02-30", "created '2026-02-30' is not a time")],
)  # fmt: skip
def test_an_unreadable_time_is_told_with_its_place(cell: str, what: str) -> None:
    file = rows("won", "lost", "won")
    file[1]["created"] = cell
    with pytest.raises(EvidenceError) as e:
        taken(file)
    assert str(e.value) == f"leads.csv:3:1: {what}"
    assert e.value.remedy == "write times as 2026-01-31 or 2026-01-31T09:00Z"


def test_a_time_that_can_be_two_days_is_not_guessed() -> None:
    file = rows("won", "lost", "won")
    for row in file:
        row["created"] = "01/02/2026"
    with pytest.raises(EvidenceError) as e:
        taken(file)
    assert "day or the month is first" in e.value.remedy
    file[0]["created"] = "01/31/2026"
    with pytest.raises(ThinEvidence):
        taken(file)


def test_the_time_of_an_undecided_lead_is_not_asked_for() -> None:
    file = rows("won", "lost", "", "won", "lost")
    file[2]["created"] = ""
    assert taken(file, holdout=0.5).undecided == 1


def test_thin_evidence_is_refused_with_the_numbers_and_a_remedy() -> None:
    with pytest.raises(ThinEvidence) as e:
        taken(leads("rare", 600), min_outcomes=50)
    assert "the earlier part has 450 leads, " in str(e.value)
    assert " won; it needs 50 won" in str(e.value)
    assert "lost; it needs" not in str(e.value)
    assert "--min-outcomes" in e.value.remedy


def test_the_hold_out_alone_can_be_thin() -> None:
    file = rows(*["won", "lost"] * 9, *["lost"] * 6)
    with pytest.raises(
        ThinEvidence, match=r"the hold-out has 6 leads, 0 won; it needs 1 won, 1 more$"
    ):
        taken(file)


def test_leads_all_of_one_instant_have_no_past() -> None:
    file = rows(*["won", "lost"] * 10)
    for row in file:
        row["created"] = "2026-01-01"
    with pytest.raises(ThinEvidence, match="the earlier part has 0 leads"):
        taken(file)


def test_outcome_time_score_and_ignored_columns_are_no_evidence() -> None:
    found = taken(leads("plain", 40), ignore=("weather",), score="visits")
    assert list(found.columns) == ["asked_for_demo", "country", "source"]
