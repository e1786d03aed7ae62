"""What missing rows cost, and what is to be done about them.

Rows of the training data are dropped at random, but for the first and the last of each
series, and the same rows as ever are forecast. One set is made by `make_panel`, with
prices and promotions that are known ahead; the others are read from a folder that holds
Weekly-train.csv and Weekly-test.csv (of the M4 competition) and australia_tourism.csv,
each as it is or as its .gz::

    python examples/benchmarks/gaps.py FOLDER --seeds 0 1 2

"keep" and "fill" are the ways of `PanelForecaster(gaps=...)`. "impute" adds the missing
rows by `regularize` and their covariates by `SeriesImputer`, and leaves the missing
targets to the net; without covariates that is what "fill" does, so it is left out.

The table gives the MASE as a ratio to that of the same seed on all rows.
"""

import argparse
import warnings
from time import process_time
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from accuracy_data import SETS as ACCURACY_SETS
from threadpoolctl import threadpool_limits

from sklstm import LSTMForecaster, SeriesImputer, regularize
from sklstm.datasets import make_panel
from sklstm.metrics import mean_absolute_scaled_error

SHARES = [0.05, 0.1, 0.2]


class Task(NamedTuple):
    """Rows of X and y, of which the last `horizon` of each series are forecast."""

    X: pd.DataFrame
    y: pd.Series
    horizon: int
    period: int

    def split(self):
        left = self.y.groupby(level=0).cumcount(ascending=False).to_numpy()
        past = left >= self.horizon
        return self.X[past], self.y[past], self.X[~past], self.y[~past]


def load_panel(folder):
    del folder
    panel = make_panel(30, 200, random_state=0)
    return Task(panel.drop(columns="target"), panel["target"], 14, 7)


def load_tourism(folder):
    task = ACCURACY_SETS["tourism"].load(folder)
    return Task(task.rows.to_frame()[[]], task.rows, task.horizon, 4)


def load_weekly(folder):
    """Load the last seven years of sixty series."""
    task = ACCURACY_SETS["weekly"].load(folder)
    y = task.rows[task.rows.index.isin(task.rows.index.unique(level=0)[::6], level=0)]
    y = y.groupby(level=0).tail(364)
    return Task(y.to_frame()[[]], y, task.horizon, 52)


SETS = {"made": load_panel, "tourism": load_tourism, "weekly": load_weekly}


def drop_rows(y, share, seed):
    """Which rows stay: the first and the last of a series always do."""
    rng = np.random.default_rng(seed)
    rows = y.groupby(level=0)
    is_end = (rows.cumcount() == 0) | (rows.cumcount(ascending=False) == 0)
    return is_end.to_numpy() | (rng.random(len(y)) >= share)


def make_model(task, way, seed):
    """The recommended forecaster with one net, and this way with gaps."""
    model = LSTMForecaster(
        task.horizon,
        task.period,
        known_covariates=list(task.X.columns),
        n_estimators=1,
        random_state=seed,
    ).to_pipeline()
    if way == "impute":
        model.estimator.steps.insert(0, ("impute", SeriesImputer()))
        return model
    return model.set_params(gaps=way)


def measure(task, way, share, seed):
    """The MASE on the last rows, with a share of the rows before them dropped."""
    X, y, X_future, y_future = task.split()
    stays = drop_rows(y, share, seed)
    X_left, y_left = X[stays], y[stays]
    if way == "impute":
        y_left = regularize(y_left)
        X_left = X_left.reindex(y_left.index)
    model = make_model(task, way, seed)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        y_pred = model.fit(X_left, y_left).predict(X_future)
    return mean_absolute_scaled_error(
        y_future, y_pred, y_train=y, seasonal_period=task.period
    )


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="holds the data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(1)
    for name in args.sets:
        start, task, ratios = process_time(), SETS[name](args.folder), []
        ways = ["keep", "fill", "impute"] if task.X.shape[1] else ["keep", "fill"]
        whole = {seed: measure(task, "keep", 0, seed) for seed in args.seeds}
        for way in ways:
            for share in SHARES:
                for seed in args.seeds:
                    ratio = measure(task, way, share, seed) / whole[seed]
                    ratios.append((way, f"{share:.0%} dropped", ratio))
        table = pd.DataFrame(ratios, columns=["way", "share", "ratio"])
        table = table.groupby(["way", "share"], sort=False)["ratio"]
        seconds = process_time() - start
        mase = np.mean([*whole.values()])
        print(f"\n{name}: MASE {mase:.3f} on all rows, {seconds:.0f} s")
        if len(args.seeds) > 1:
            spread = table.std().unstack().round(3).add_prefix("+- ")
            print(table.mean().unstack().round(3).join(spread).to_string(), flush=True)
        else:
            print(table.mean().unstack().round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
