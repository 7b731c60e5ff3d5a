"""`fairlead calibrate` beside a daemon: outcomes of both CRMs in, a diff of the policy out."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from e2e.live import Stage, staged

LEADS = 110
"""In each CRM."""
SCORING = """\
scoring:
  groups:
    fit:
      points:
        - {when: revenue >= 100, points: 1, because: a large company}   # to be learned
        - {when: 'city == "Wien"', points: 30, because: near by}
  bands: {mql: 20}
"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(start=False) as stage:
        path = stage.folder / "demo.yaml"
        path.write_text(path.read_text("utf-8") + SCORING, "utf-8")
        for n in range(LEADS):
            make(stage, n)
        stage.start()
        yield stage


def make(stage: Stage, n: int) -> None:
    """Two leads: of the large most are won, of the small few, in both CRMs.

    Each pair came at an hour of its own, so that where the past is cut does not depend on how fast
    the leads are made.
    """
    large, city = n % 2 == 0, "Wien" if n % 3 == 0 else "Graz"
    won = (n % 16 != 0) if large else (n % 16 == 1)
    size = 900 if large else 5
    came = stage.crms.both.faces["salesforce"].org.now() - timedelta(hours=LEADS + 3 - n)
    at = came.replace(minute=0, second=0, microsecond=0)
    sf, hs = (stage.crms.both.faces[c] for c in ("salesforce", "hubspot"))
    fields = {"LastName": f"Old{n}", "Company": f"Old {n}", "Email": f"old{n}@company{n}.example",
              "CountryCode": "DE", "AnnualRevenue": size, "City": city}  # fmt: skip
    lead = sf.act({"as": "tool", "op": "create", "fields": fields, "at": at.isoformat()})["id"]
    if won:
        sf.act({"op": "convert", "id": lead})
    else:
        status = {"Status": "Closed - Not Converted"}
        sf.act({"op": "update", "object": "Lead", "id": lead, "fields": status})
    end = {"lifecyclestage": "customer"} if won else {"hs_lead_status": "UNQUALIFIED"}
    fields = {"lastname": f"Old{n}", "email": f"was{n}@company{n}.example", "country": "Germany",
              "annualrevenue": size, "city": city, "lifecyclestage": "lead", **end}  # fmt: skip
    later = (at + timedelta(minutes=30)).isoformat()
    order = {"op": "create", "object": "contacts", "fields": fields, "at": later, "settled": True}
    hs.act({"as": "tool", **order})


LITTLE = ("calibrate", "--min-outcomes", "10", "--holdout", "35%")


def test_it_reads_both_crms_and_proposes_a_diff(stage: Stage) -> None:
    found = stage.json(*LITTLE)
    whys = {o["why"] for o in found["outcomes"] if o["success"] is not None}
    assert {"converted", "lifecycle stage customer", "unqualified"} <= whys
    assert found["verdict"] in ("better", "suspect")
    assert found["after"]["auc"]["value"] > found["before"]["auc"]["value"]
    large, near = found["lines"]
    assert large["new"] > large["old"]
    assert near["new"] < near["old"]
    assert found["changed"] == []
    text = stage.fairlead(*LITTLE).stdout
    assert "as the CRM has them now" in text
    assert "Nothing was changed: this is a proposal" in text


def test_the_diff_alone_and_the_new_file_say_the_same_and_the_policy_stays(stage: Stage) -> None:
    path, new = stage.folder / "demo.yaml", stage.folder / "next.yaml"
    before = path.read_text("utf-8")
    diff = stage.fairlead(*LITTLE, "--diff").stdout
    stage.fairlead(*LITTLE, "--write", str(new))
    old, then = before.splitlines(keepends=True), new.read_text("utf-8").splitlines(keepends=True)
    assert diff == "".join(difflib.unified_diff(old, then, "a/demo.yaml", "b/demo.yaml"))
    assert path.read_text("utf-8") == before
    assert "# to be learned" in new.read_text("utf-8")
    again = stage.fairlead(*LITTLE, "--write", str(new), exit_code=78)
    assert "is there already" in again.stderr


def test_thin_evidence_ends_with_4_and_how_many_more_are_needed(stage: Stage) -> None:
    said = stage.fairlead("calibrate", "--min-outcomes", "900", exit_code=4).stderr
    assert "more" in said
    assert "it needs 900 won" in said
    assert (
        "leave out --as-decided" in stage.fairlead("calibrate", "--as-decided", exit_code=4).stderr
    )


def test_columns_go_with_a_file_and_the_rest_without(stage: Stage) -> None:
    assert "--data FILE only" in stage.fairlead("calibrate", "--outcome", "x", exit_code=2).stderr
    assert (
        "without --data"
        in stage.fairlead("calibrate", "--data", "x.csv", "--goal", "won", exit_code=2).stderr
    )


def test_staffing_and_indicators_answer_from_the_command_line(stage: Stage) -> None:
    assert stage.json("sla", "--indicators")["answers"] == 0
    assert "indicators, not verdicts" in stage.fairlead("sla", "--indicators").stdout
    said = stage.fairlead("sla", "--staffing", exit_code=78).stderr
    assert "less than a day" in said
    assert "go with --staffing" in stage.fairlead("sla", "--within", "5m", exit_code=2).stderr
    assert (
        "one at a time" in stage.fairlead("sla", "--staffing", "--indicators", exit_code=2).stderr
    )
