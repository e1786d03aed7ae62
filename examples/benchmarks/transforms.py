"""Seconds that transforms take, beside pandas and scikit-lego, by number of series."""

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from throughput import CLOCKS

from sklstm import SeriesEncoder, SeriesScaler, SlidingWindow
from sklstm.datasets import make_panel

WINDOW_SIZE = 24

try:
    from sklego.meta import GroupedTransformer
except ImportError:
    GroupedTransformer = None


def scale_by_groupby(X):
    grouped = X.groupby(level="series")
    return (X - grouped.transform("mean")) / grouped.transform("std")


def scale_by_sklego(X):
    """Scale by GroupedTransformer, which finds the series in a column."""
    frame = X.reset_index("series")
    return GroupedTransformer(StandardScaler(), groups=["series"]).fit_transform(frame)


def encode_by_groupby(X):
    return X.assign(series=X.groupby(level="series").ngroup())


def window_by_groupby(X):
    """Lay every window out in full, as one shifted frame for each of its rows."""
    grouped = X.groupby(level="series")
    return np.stack([grouped.shift(k) for k in reversed(range(WINDOW_SIZE))], axis=1)


TRANSFORMS = {
    "SeriesScaler": lambda X: SeriesScaler().fit_transform(X),
    "groupby mean, std": scale_by_groupby,
    "GroupedTransformer": scale_by_sklego,
    "SeriesEncoder": lambda X: SeriesEncoder().fit_transform(X),
    "groupby ngroup": encode_by_groupby,
    "SlidingWindow": lambda X: SlidingWindow(WINDOW_SIZE).fit_transform(X),
    "groupby shift": window_by_groupby,
}


def time_best(function, X, repeats, clock):
    """Time a function, best of a few; one call is enough where it is slow."""
    times = []
    for _ in range(repeats):
        start = clock()
        function(X)
        times.append(clock() - start)
        if times[-1] > 5:
            break
    return min(times)


def measure(args):
    """Measure fit and transform of a panel with few, more and many series.

    Returns
    -------
    dict of str to DataFrame
    """
    n_rows = 50_000 if args.quick else 500_000
    columns = {}
    for n_series in (100, 1000) if args.quick else (100, 1000, 10_000):
        X = make_panel(n_series, n_rows // n_series, n_covariates=3, random_state=0)
        columns[f"{n_series:,} series"] = {
            name: time_best(function, X, args.repeats, CLOCKS[args.clock])
            for name, function in TRANSFORMS.items()
            if name != "GroupedTransformer" or GroupedTransformer is not None
        }
    table = pd.DataFrame(columns).rename_axis("transform")
    return {f"seconds of fit and transform, {n_rows:,} rows x 4 columns": table}
