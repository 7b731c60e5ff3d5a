"""Any CSV can be read, and a mistake in it is told with its line and column."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.core.evidence_file import SHOWN, EvidenceError, decode, read_evidence


def rows(text: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table = read_evidence("leads.csv", text)
    return table.header, table.rows


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_whatever_stands_between_the_cells(mark: str) -> None:
    lines = [("name", "city, state", "won"), ("x", "a,b", "yes"), ("y", "", "no")]
    out = io.StringIO()
    csv.writer(out, delimiter=mark).writerows(lines)
    assert rows(out.getvalue()) == (lines[0], tuple(lines[1:]))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_ends_the_lines(end: str) -> None:
    assert rows(end.join(["a,b", "1,2", "", " , ", "3,4"])) == (
        ("a", "b"),
        (("1", "2"), ("3", "4")),
    )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("größe,won\n", "UTF-8"), ("\ufeffgröße,won\n", "UTF-8"), ("größe,won\n", "UTF-16"),
        ("größe,won\n", "Windows-1252"),
    ],
)  # fmt: skip
def test_whatever_encodes_the_letters(data: str, name: str) -> None:
    text, told = decode(data.encode(name))
    assert (read_evidence("x", text).header, told) == (("größe", "won"), name)


def test_columns_without_a_name_or_with_the_same_get_one() -> None:
    assert rows(",a,a,\n1,2,3,4\n")[0] == ("column 1", "a", "a (2)", "column 4")


@pytest.mark.parametrize("text", ["", "\n\n", "   \r\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match=r"leads\.csv:1:1: the file is empty"):
        rows(text)


def test_lines_of_another_width_are_all_told() -> None:
    with pytest.raises(EvidenceError) as e:
        rows('a,b\n1\n1,2\n"x\ny",2,3\n')
    assert str(e.value).splitlines() == [
        "leads.csv:2:1: this line has 1 cells, the header has 2",
        "leads.csv:4:1: this line has 3 cells, the header has 2",
    ]
    assert "quotes" in e.value.remedy


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"leads\.csv:2:1: this is not a text file"):
        rows("a\nPK\0\x01")


def test_a_cell_without_an_end_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"^leads\.csv:3:1: field larger than"):
        rows('a\n1\n"' + "x" * 200_000)


def test_a_column_that_is_not_there_is_told_with_the_nearest() -> None:
    table = read_evidence("leads.csv", "status,created\n")
    assert table.column("created") == 1
    with pytest.raises(EvidenceError, match="no column 'statsu'") as e:
        table.column("statsu")
    assert e.value.remedy == "did you mean 'status'? the columns are: status, created"


def test_of_many_mistakes_the_first_are_shown_and_the_rest_counted() -> None:
    table = read_evidence("leads.csv", "a\n" + "x\n" * 50)
    error = table.refuse(0, [(row, "wrong") for row in range(50)], "mend it")
    lines = str(error).splitlines()
    assert lines[:2] == ["leads.csv:2:1: wrong", "leads.csv:3:1: wrong"]
    assert lines[SHOWN:] == ["and 30 more"]


cells = st.text(st.sampled_from('ab "\n,;é'), max_size=6)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6))
def test_a_place_is_where_the_cell_stands(lines: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        [("h1", "h2", "h3"), *lines]
    )
    table = read_evidence("leads.csv", out.getvalue())
    kept = [line for line in lines if any(c.strip() for c in line)]
    assert len(table.rows) == len(kept)
    text = out.getvalue().split("\n")
    for row, line in enumerate(kept):
        for column in range(3):
            place = table.place(row, column)
            rest = "\n".join([text[place.line - 1][place.column - 1 :], *text[place.line :]])
            assert rest.startswith('"' + line[column].replace('"', '""') + '"')
