"""Whatever stands in a file, it is read or refused with a reason; nothing else ever happens."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.core.calibration import calibrate
from fairlead.core.evidence_file import decode, read_evidence
from fairlead.core.evidence_leads import Asked
from fairlead.errors import ConfigError, ThinEvidence
from fairlead.reports.calibration import calibration_json, human_calibration

NASTY = (
    "", "0", "1", "-1", "1e300", "1e15", "-1e15", "1e-300", "5e-324", "1,5", "1.234", "12%", "$3",
    "yes", "no", "NO", "null", "NaN", "NA", "inf", "2026-01-31", "01/02/2026", "31.01.2026", "a;b",
    "x,y", 'say "hi"', "two\nlines", "\x1b[2J", "ß", "(empty)", "(other)", "١٢", "0017", "won",
)  # fmt: skip
columns = st.lists(st.lists(st.sampled_from(NASTY), min_size=1, max_size=4), min_size=1, max_size=5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(columns, st.sampled_from(",;\t|"), st.integers(60, 130), st.randoms(use_true_random=False))
def test_any_cells_give_numbers(
    made: list[list[str]], mark: str, count: int, random: object
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark)
    writer.writerow(["when", "end", *(f"c{i}" for i in range(len(made)))])
    for n in range(count):
        cells = [random.choice(words) for words in made]  # type: ignore[attr-defined]
        writer.writerow(
            [f"2026-01-01T{n // 60:02}:{n % 60:02}Z", "won" if n % 3 else "lost", *cells]
        )
    found = calibrate(read_evidence("x.csv", out.getvalue()), Asked("end", "when", min_outcomes=5))
    told = calibration_json(found, "UTF-8")
    json.dumps(told, allow_nan=False)
    assert all(line.isprintable() for line in human_calibration(told))
    assert all(math.isfinite(v.points) for c in found.points.columns for v in c.values)
    used = {c.column for c in found.points.columns} | {x.column for x in found.left_out}
    assert used == {f"c{i}" for i in range(len(made))}


@given(st.binary(max_size=200), st.sampled_from([b"", b"a,b\n", b"\xff\xfe", b'a,b\n"']))
def test_any_bytes_are_read_or_refused(data: bytes, begin: bytes) -> None:
    text, _ = decode(begin + data)
    with pytest.raises((ConfigError, ThinEvidence)):
        calibrate(read_evidence("x.csv", text), Asked("a", "b"))
