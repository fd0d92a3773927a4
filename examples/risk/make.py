"""Makes the data and the models of the example `risk`: seeded, so that every run writes the same files.

    pip install -r examples/risk/requirements.txt
    python3 examples/risk/make.py

writes beside this file
    bundle/risk.onnx        the model: eight features, a small network
    bundle/risk-small.onnx  the variant: the four features that need no other service
    labelled.csv            payments with labels: to calibrate with and to compare methods on
    events.csv              a stream of payments, with labels as they turn out, and as they would after a concept drift
and prints the reference histograms of the card.
"""

import csv
import pathlib
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

HERE = pathlib.Path(__file__).parent
COUNTRIES = ["AT", "DE", "FR", "XX"]
FEATURES = ["amount", "hour", "country", "account_days", "payments_1h", "new_device", "merchant_risk", "distance_km"]
SMALL = ["amount", "hour", "country", "account_days"]
HOUR_MS = 3_600_000
EDGES = {
    "amount": [5, 10, 20, 40, 80, 160, 320, 640],
    "hour": [5, 7, 11, 15, 19],
    "new_device": [0],
    "account_days": [7, 30, 90, 365, 1000],
    "payments_1h": [0, 1, 2, 4],
    "merchant_risk": [0.05, 0.1, 0.2, 0.3, 0.4, 0.6],
    "distance_km": [1, 5, 20, 100, 500],
}
SCORES = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7]


def payments(rng, n):
    """Columns of n payments, twenty seconds apart, with the logit of fraud before and after the concept drift."""
    c = {}
    c["amount"] = np.round(np.exp(rng.normal(3.2, 1.2, n)), 2).clip(0.5, 20_000)
    c["hour"] = rng.choice(24, n, p=_hours()).astype(float)
    c["country"] = rng.choice(4, n, p=[0.6, 0.25, 0.1, 0.05])
    c["account_days"] = np.round(rng.exponential(400, n)).clip(0, 5000)
    c["payments_1h"] = rng.poisson(0.6, n).astype(float)
    c["new_device"] = (rng.uniform(size=n) < 0.08).astype(float)
    c["merchant_risk"] = np.round(rng.beta(1.5, 8, n), 4)
    c["distance_km"] = np.round(np.exp(rng.normal(1.5, 1.6, n)), 1).clip(0, 15_000)
    night = ((c["hour"] < 6) | (c["hour"] > 22)).astype(float)
    base = (
        -10.5
        + 0.9 * (np.log(c["amount"]) - 3.2)
        + 2.2 * night
        + np.array([0.0, 0.2, 0.6, 3.0])[c["country"]]
        + 2.8 * (c["account_days"] < 30)
        + 0.9 * c["payments_1h"]
    )
    before = base + 4.0 * c["new_device"] + 9.0 * c["merchant_risk"] + 0.5 * np.log1p(c["distance_km"])
    # Afterwards thieves use old devices at safe merchants: inputs look as before, and mean something else.
    after = base + 6.6 + 0.4 * c["new_device"] - 6.0 * c["merchant_risk"] + 1.2 * (c["account_days"] >= 365)
    return c, before, after


def _hours():
    p = np.array([1] * 6 + [3] * 2 + [6] * 14 + [3] * 2, dtype=float)
    return p / p.sum()


def draw(rng, logit):
    return (rng.uniform(size=len(logit)) < 1 / (1 + np.exp(-logit))).astype(int)


def matrix(columns, names):
    return np.stack([np.asarray(columns[n], dtype=float) for n in names], axis=1)


def expanded(x, names):
    """What the network sees: logarithms of long-tailed numbers, and the country as four indicators."""
    parts = []
    for i, name in enumerate(names):
        column = x[:, i : i + 1]
        if name == "country":
            parts.append(np.maximum(1 - np.abs(column - np.arange(4)), 0))
        elif name in ("amount", "account_days", "distance_km"):
            parts.append(np.log(column + 1))
        else:
            parts.append(column)
    return np.concatenate(parts, axis=1)


def train(columns, labels, names, hidden, seed):
    """A network on a sample with as many frauds as not: a customary trick, and why its scores must be calibrated."""
    rng = np.random.default_rng(seed)
    x = expanded(matrix(columns, names), names)
    positives = np.flatnonzero(labels == 1)
    negatives = rng.choice(np.flatnonzero(labels == 0), 3 * len(positives), replace=False)
    rows = rng.permutation(np.concatenate([np.repeat(positives, 3), negatives]))
    mean, scale = x[rows].mean(axis=0), x[rows].std(axis=0) + 1e-9
    model = MLPClassifier(hidden, alpha=0.3, max_iter=60, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit((x[rows] - mean) / scale, labels[rows])
    return model, mean, scale


def write(path, model, mean, scale, names):
    """The model as ONNX: features in, a logit out."""
    tensors, nodes = [], []

    def constant(name, value):
        tensors.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    parts = []
    for i, name in enumerate(names):
        pick = np.zeros((len(names), 1), dtype=np.float32)
        pick[i] = 1
        nodes.append(helper.make_node("MatMul", ["features", constant(f"pick_{name}", pick)], [f"x_{name}"]))
        if name == "country":
            constant("countries", np.arange(4).reshape(1, 4))
            constant("one", [[1.0]])
            nodes += [
                helper.make_node("Sub", [f"x_{name}", "countries"], ["country_gap"]),
                helper.make_node("Abs", ["country_gap"], ["country_distance"]),
                helper.make_node("Sub", ["one", "country_distance"], ["country_near"]),
                helper.make_node("Relu", ["country_near"], [f"p_{name}"]),
            ]
        elif name in ("amount", "account_days", "distance_km"):
            constant(f"plus_{name}", [[1.0]])
            nodes += [
                helper.make_node("Add", [f"x_{name}", f"plus_{name}"], [f"y_{name}"]),
                helper.make_node("Log", [f"y_{name}"], [f"p_{name}"]),
            ]
        else:
            nodes.append(helper.make_node("Identity", [f"x_{name}"], [f"p_{name}"]))
        parts.append(f"p_{name}")
    nodes.append(helper.make_node("Concat", parts, ["h0"], axis=1))
    layers = list(zip(model.coefs_, model.intercepts_))
    for i, (w, b) in enumerate(layers):
        if i == 0:
            # The standardisation of the inputs is folded in.
            b = b - (mean / scale) @ w
            w = w / scale[:, None]
        last = i + 1 == len(layers)
        out = "logit" if last else f"g{i}"
        nodes.append(helper.make_node("Gemm", [f"h{i}", constant(f"w{i}", w), constant(f"b{i}", b)], [out]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [f"h{i + 1}"]))
    graph = helper.make_graph(
        nodes,
        "risk",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, len(names)])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])],
        tensors,
    )
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(onnx_model)
    path.write_bytes(onnx_model.SerializeToString())


def table(path, columns, more, start_ms):
    n = len(columns["amount"])
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["time_ms", *FEATURES, *more])
        for i in range(n):
            values = [COUNTRIES[columns[f][i]] if f == "country" else f"{columns[f][i]:g}" for f in FEATURES]
            out.writerow([start_ms + 20_000 * i, *values, *(f"{v[i]:g}" for v in more.values())])


def main():
    rng = np.random.default_rng(20_26)
    seen, logit, _ = payments(rng, 60_000)
    labels = draw(rng, logit)
    print(f"training: {len(labels)} payments, {100 * labels.mean():.2f}% fraud")
    full = train(seen, labels, FEATURES, (16,), 1)
    small = train(seen, labels, SMALL, (8,), 2)
    write(HERE / "bundle" / "risk.onnx", *full, FEATURES)
    write(HERE / "bundle" / "risk-small.onnx", *small, SMALL)
    # The model before: a logistic regression on two features, calibrated by itself.
    previous = LogisticRegression().fit(np.log1p(matrix(seen, ["amount", "account_days"])), labels)

    held, logit, _ = payments(rng, 6_000)
    held_labels = draw(rng, logit)
    # What the team did by hand before: large sums of new customers, and new devices that pay more than a little.
    large, unknown = held["amount"] > 150, held["account_days"] < 30
    rule = ((large & unknown) | ((held["new_device"] > 0) & (held["amount"] > 60))).astype(float)
    old = previous.predict_proba(np.log1p(matrix(held, ["amount", "account_days"])))[:, 1]
    for_fit = (np.arange(len(held_labels)) % 2).astype(float)
    more = {"label": held_labels, "fits": for_fit, "rule": rule, "previous": old}
    table(HERE / "labelled.csv", held, more, 0)

    live, before, after = payments(rng, 3_000)
    u = rng.uniform(size=len(before))
    as_was = (u < 1 / (1 + np.exp(-before))).astype(int)
    drifted = (u < 1 / (1 + np.exp(-after))).astype(int)
    table(HERE / "events.csv", live, {"label": as_was, "label_after_drift": drifted}, 10 * HOUR_MS)
    print(f"labelled {100 * held_labels.mean():.2f}%, stream {100 * as_was.mean():.2f}%, after the drift {100 * drifted.mean():.2f}%")

    for name, edges in EDGES.items():
        counts = np.bincount(np.searchsorted(edges, seen[name], side="left"), minlength=len(edges) + 1)
        print(f'    {{ name = "{name}", edges = {edges}, reference = {counts.tolist()} }},')


if __name__ == "__main__":
    main()
