"""Writes oracle.json: what scikit-learn says of the made leads. Run by hand, not by the tests.

scikit-learn and what it needs are 300 MB and a minute to install, so they are not in the test
environment; the tests compare with the numbers kept here. To make them anew, in an environment of
its own:

    python -m venv sklearn && sklearn/bin/pip install scikit-learn
    sklearn/bin/python tests/calibration/oracle.py

It shares no code with fairlead: scikit-learn reads, fills, scales, encodes and fits by itself, is
told which columns are numbers and which are words, and cuts the past by its own two lines.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import warnings
from pathlib import Path

import made_leads
import numpy as np
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent


def judged(kind: str) -> dict[str, object]:
    """AUC and Brier score on the latest quarter of one kind of leads."""
    text = made_leads.as_csv(made_leads.leads(kind))
    rows = sorted(csv.DictReader(io.StringIO(text)), key=lambda row: row["created"])
    split = rows[int(len(rows) * 0.75)]["created"]
    earlier = [row for row in rows if row["created"] < split]
    later = [row for row in rows if row["created"] >= split]
    numbers = [name for name in made_leads.NUMBERS if name in rows[0]]
    words = [name for name in made_leads.WORDS if name in rows[0]]

    def table(part: list[dict[str, str]]) -> np.ndarray:
        cells = [[float(row[n]) if row[n] else np.nan for n in numbers] for row in part]
        return np.array(
            [[*c, *(r[w] for w in words)] for c, r in zip(cells, part, strict=True)], dtype=object
        )

    amounts = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    values = OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist")
    model = make_pipeline(
        make_column_transformer(
            (amounts, list(range(len(numbers)))),
            (values, list(range(len(numbers), len(numbers) + len(words)))),
        ),
        LogisticRegression(max_iter=10_000),
    )
    model.fit(table(earlier), [row["outcome"] == "won" for row in earlier])
    truth = [row["outcome"] == "won" for row in later]
    chances = model.predict_proba(table(later))[:, 1]
    return {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "split": split,
        "earlier": len(earlier),
        "holdout": len(later),
        "auc": round(float(roc_auc_score(truth, chances)), 6),
        "brier": round(float(brier_score_loss(truth, chances)), 6),
    }


def weights() -> dict[str, object]:
    """The bare fit: two columns of numbers and one of ones, without any preparation."""
    rows = made_leads.leads("plain", 400)
    table = [
        [float(r["visits"]) / 6, float(r["weather"]), float(r["asked_for_demo"] == "yes")]
        for r in rows
    ]
    model = LogisticRegression(tol=1e-10, max_iter=100_000)
    model.fit(np.array(table), [r["outcome"] == "won" for r in rows])
    return {
        "intercept": round(float(model.intercept_[0]), 6),
        "weights": [round(float(w), 6) for w in model.coef_[0]],
    }


if __name__ == "__main__":
    warnings.simplefilter("error")
    found = {
        "made_with": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}",
        "weights": weights(),
        "leads": {kind: judged(kind) for kind in made_leads.KINDS},
    }
    (HERE / "oracle.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
