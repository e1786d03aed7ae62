"""A digest of a value: the same for the same content, and in every process."""

import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm._panels.fingerprint import fingerprint, fingerprint_rows


class Scaled:
    def __init__(self, by):
        self.by = by

    def __call__(self, y):
        return self.by * y

    def twice(self, y):
        return 2 * self.by * y


def scale(by):
    return lambda y: by * y


def with_default(y, by=1):
    return by * y


def table(values=(1.0, 2.0), name="size"):
    return pd.DataFrame({name: values}, index=["a", "b"])


PAIRS = {
    "number": (lambda: 0.5, lambda: 0.25),
    "text": (lambda: "mae", lambda: "rmse"),
    "function": (lambda: scale, lambda: with_default),
    "lambda": (lambda: lambda y: y + 1, lambda: lambda y: y + 2),
    "closure": (lambda: scale(2), lambda: scale(3)),
    "partial": (lambda: functools.partial(scale, 2), lambda: functools.partial(scale)),
    "object": (lambda: Scaled(2), lambda: Scaled(3)),
    "method": (lambda: Scaled(2).twice, lambda: Scaled(2).__call__),
    "method of another": (lambda: Scaled(2).twice, lambda: Scaled(3).twice),
    "ufunc": (lambda: np.log, lambda: np.exp),
    "class": (lambda: Scaled, lambda: StandardScaler),
    "estimator": (StandardScaler, lambda: StandardScaler(with_mean=False)),
    "function in an estimator": (
        lambda: make_pipeline(FunctionTransformer(scale(2))),
        lambda: make_pipeline(FunctionTransformer(scale(3))),
    ),
    "frame": (table, lambda: table((1.0, 3.0))),
    "column": (table, lambda: table(name="weight")),
    "row label": (table, lambda: table().set_axis(["b", "a"])),
    "frame of lists": (lambda: table(([1], [2])), lambda: table(([1], [3]))),
    "array": (
        lambda: np.arange(1000),
        lambda: np.arange(1000) + (np.arange(1000) == 5),
    ),
    "objects": (lambda: np.array([1, "a"], object), lambda: np.array([2, "a"], object)),
    "state": (lambda: np.random.RandomState(0), lambda: np.random.RandomState(1)),  # noqa: NPY002
    "generator": (lambda: np.random.default_rng(0), lambda: np.random.default_rng(1)),
    "set": (lambda: {"a", "b", "c"}, lambda: {"a", "b", "d"}),
    "dict": (lambda: {"a": 1, "b": 2}, lambda: {"a": 1, "b": 3}),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_content_decides(kind):
    one, other = PAIRS[kind]
    assert fingerprint(one()) == fingerprint(one())
    assert fingerprint(one()) != fingerprint(other())


def digests():
    return [fingerprint(value()) for pair in PAIRS.values() for value in pair]


def test_other_processes_agree():
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_fingerprint; print(*test_fingerprint.digests())"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in "12"
    ]
    assert len(found[0]) == 2 * len(PAIRS)
    assert found[0] == found[1]


def test_the_order_of_a_dict_and_what_is_printed_do_not_count():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    loud, quiet = (
        make_pipeline(StandardScaler(), verbose=verbose) for verbose in (True, False)
    )
    assert fingerprint(loud) == fingerprint(quiet)


def test_values_that_hold_themselves_or_cannot_be_pickled_have_one():
    ring = [1]
    ring.append(ring)
    assert fingerprint(ring) != fingerprint([1])
    assert fingerprint(threading.Lock()) == fingerprint(threading.Lock())
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert fingerprint(deep) != fingerprint(ring)


def test_rows_are_the_same_in_any_order(panel):
    X, y = panel[["price"]], panel[["sales"]]
    order = np.random.default_rng(0).permutation(len(panel))
    same = fingerprint_rows(X.iloc[order], y.iloc[order])
    assert same == fingerprint_rows(X, y)
    assert fingerprint_rows(X, y.iloc[order].set_axis(y.index)) != same
    assert fingerprint_rows(X[[]], y) == fingerprint_rows(
        X[[]].iloc[order], y.iloc[order]
    )
