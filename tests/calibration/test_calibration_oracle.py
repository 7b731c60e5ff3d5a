"""As good as scikit-learn on the same split, for leads of seven kinds; see oracle.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from calibration.made_leads import KINDS, as_csv, leads

from fairlead.core.calibration import calibrate
from fairlead.core.evidence_file import read_evidence
from fairlead.core.evidence_leads import Asked

ORACLE = json.loads(Path(__file__).with_name("oracle.json").read_text(encoding="utf-8"))
ALLOWED = 0.02


def test_the_oracle_has_judged_every_kind() -> None:
    assert set(ORACLE["leads"]) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_auc_is_within_two_hundredths_of_scikit_learn_s(kind: str) -> None:
    text, oracle = as_csv(leads(kind)), ORACLE["leads"][kind]
    assert hashlib.sha256(text.encode()).hexdigest() == oracle["sha256"]
    found = calibrate(read_evidence("leads.csv", text), Asked("outcome", "created"))
    assert found.holdout.first.strftime("%Y-%m-%dT%H:%M:%SZ") == oracle["split"]
    assert (found.earlier.leads, found.holdout.leads) == (oracle["earlier"], oracle["holdout"])
    assert found.after.auc.value == pytest.approx(oracle["auc"], abs=ALLOWED)
    assert found.after.brier == pytest.approx(oracle["brier"], abs=0.005)
