#!/usr/bin/env python3
"""Writes tests/golden/eval/metrics.json: labels or numbers, predictions, and what scikit-learn and scipy say of them.

Run:  .deps/oracles/bin/python tests/golden/eval/make_metrics.py     (the environment of scripts/oracles)

The inputs are drawn as float32, which is what graft holds; the references compute in float64 from these. "classes": {labels, predicted, classes, matthews};
"numbers": {truth, said, pearson, spearman, mae, mse}.
"""
import json
import os

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20231)


def with_classes(classes, n, right):
    truth = rng.integers(0, classes, n)
    said = np.where(rng.random(n) < right, truth, rng.integers(0, classes, n))
    return dict(classes=classes, labels=truth.tolist(), predicted=said.tolist(), matthews=float(metrics.matthews_corrcoef(truth, said)))


def with_numbers(truth, said):
    truth, said = np.float64(np.float32(truth)), np.float64(np.float32(said))
    return dict(truth=truth.tolist(), said=said.tolist(), pearson=float(stats.pearsonr(truth, said)[0]), spearman=float(stats.spearmanr(truth, said)[0]),
                mae=float(metrics.mean_absolute_error(truth, said)), mse=float(metrics.mean_squared_error(truth, said)))


def linked(n, noise, step=None):
    truth = rng.normal(3, 1, n)
    said = truth * 0.7 + rng.normal(0, noise, n) + 1
    if step:  # ties, as ratings have them
        truth, said = np.round(truth / step) * step, np.round(said / step) * step
    return with_numbers(truth, said)


golden = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "classes": [with_classes(2, 50, 0.7), with_classes(2, 31, 0.0), with_classes(6, 200, 0.5), with_classes(3, 40, 1.0),
                dict(with_classes(2, 20, 0.0), predicted=[1] * 20, matthews=0.0)],
    "numbers": [linked(40, 0.5), linked(151, 2.0), linked(80, 0.8, step=0.5), with_numbers([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]),
                with_numbers([1e6 + x for x in (1, 2, 4, 8)], [0.25, 0.5, 0.125, 1.0])],
}
last = golden["classes"][-1]
assert metrics.matthews_corrcoef(last["labels"], last["predicted"]) == 0.0
with open(os.path.join(HERE, "metrics.json"), "w") as file:
    json.dump(golden, file)
    file.write("\n")
