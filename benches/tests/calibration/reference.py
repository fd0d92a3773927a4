"""Calibrators of scikit-learn on seeded scores: the numbers that `inbetween calibrate` is compared with.

    pip install -r benches/tests/calibration/requirements.txt
    python3 benches/tests/calibration/reference.py

writes scores.csv and reference.json beside this file.
"""

import csv
import json
import pathlib

import numpy as np
from sklearn.calibration import _sigmoid_calibration  # Platt's method with his targets
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss

HERE = pathlib.Path(__file__).parent
LEAST = 1e-7
BINS = 15


def world(rng, n):
    """Overconfident scores of a rare class: the true logit is half the score's, and lower."""
    z = rng.normal(-1.0, 3.0, n)
    p = 1 / (1 + np.exp(-(0.5 * z - 1.0 + 0.1 * np.maximum(z, 0))))
    # Nine digits are what the CSV file has.
    return np.round(1 / (1 + np.exp(-z)), 9), (rng.uniform(size=n) < p).astype(int)


def logit(s):
    s = np.clip(s, LEAST, 1 - LEAST)
    return np.log(s / (1 - s))


def plain(x, y, intercept):
    """Logistic regression without a penalty."""
    return LogisticRegression(C=np.inf, fit_intercept=intercept, tol=1e-12, max_iter=10_000).fit(x, y)


def calibrators(s, y):
    yield "raw", {}, lambda t: t

    slope = plain(logit(s)[:, None], y, intercept=False).coef_[0, 0]
    yield "temperature", {"temperature": 1 / slope}, lambda t: 1 / (1 + np.exp(-slope * logit(t)))

    a, b = _sigmoid_calibration(logit(s), y)
    yield "platt", {"a": a, "b": b}, lambda t: 1 / (1 + np.exp(a * logit(t) + b))

    def parts(t):
        t = np.clip(t, LEAST, 1 - LEAST)
        return np.stack([np.log(t), -np.log(1 - t)], axis=1)

    model = plain(parts(s), y, intercept=True)
    (fa, fb), fc = model.coef_[0], model.intercept_[0]
    assert fa >= 0 and fb >= 0
    yield "beta", {"a": fa, "b": fb, "c": fc}, lambda t: model.predict_proba(parts(t))[:, 1]

    steps = IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(s, y)
    points = {"points": len(steps.X_thresholds_)}
    yield "isotonic", points, steps.predict


def calibration_error(y, p):
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [abs((p[bins == b] - y[bins == b]).sum()) for b in range(BINS)]
    return sum(gaps) / len(y)


def main():
    rng = np.random.default_rng(6)
    s, y = world(rng, 2400)
    held = (np.arange(len(s)) % 3 == 2).astype(int)
    with open(HERE / "scores.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["score", "label", "held_out"])
        out.writerows((f"{a:.9f}", b, c) for a, b, c in zip(s, y, held))
    fit, test = held == 0, held == 1
    rows = {}
    for kind, parameters, apply in calibrators(s[fit], y[fit]):
        p = apply(s[test])
        clipped = np.clip(p, LEAST, 1 - LEAST)
        rows[kind] = {
            "parameters": {k: float(v) for k, v in parameters.items()},
            "log_loss": log_loss(y[test], clipped),
            "brier": brier_score_loss(y[test], p),
            "calibration_error": calibration_error(y[test], p),
        }
    (HERE / "reference.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
