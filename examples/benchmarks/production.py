"""What an hour in production costs: one new row for each series, then forecasts.

Processor milliseconds of an `update` and of the forecasts after it, for all series and
for one of them, by the number of series, the length of their history, and what of it
is remembered::

    python examples/benchmarks/production.py
"""

import argparse
from time import process_time

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, PanelForecaster, SeriesScaler, SlidingWindow

HORIZON = 24


def make_series(n_series, n_rows):
    """Random walks by the hour."""
    time = pd.date_range("2024-01-01", periods=n_rows, freq="h")
    index = pd.MultiIndex.from_product([range(n_series), time], names=["id", "time"])
    steps = np.random.default_rng(0).normal(size=(n_series, n_rows))
    return pd.Series(steps.cumsum(axis=1).ravel(), index, name="y")


def fit(y, history):
    lstm = LSTMRegressor(16, seasonal_periods=24, max_epochs=1, random_state=0)
    forecaster = PanelForecaster(
        make_pipeline(SlidingWindow(36), lstm),
        HORIZON,
        target_transformer=SeriesScaler(),
        history=history,
    )
    return forecaster.fit(None, y)


def milliseconds(work, *args):
    start = process_time()
    work(*args)
    return 1000 * (process_time() - start)


def next_rows(new):
    """The next hours of a series, which the forecaster did not look for before."""
    name, end = new.index[-1]
    time = pd.date_range(end, periods=HORIZON + 1, freq="h")[1:]
    return pd.DataFrame(
        index=pd.MultiIndex.from_product([[name], time], names=new.index.names)
    )


def measure(n_series, n_rows, history, n_hours=4):
    """Let a few hours pass, and give the median of what each part cost."""
    y = make_series(n_series, n_rows + 2 * n_hours)
    row = y.groupby(level=0).cumcount()
    forecaster = fit(y[row < n_rows], history)
    costs = []
    for hour in range(n_hours):
        new = y[row == n_rows + hour]
        update = milliseconds(forecaster.update, None, new)
        costs.append((update, milliseconds(forecaster.forecast)))
    last = y.index.unique(0)[-1]
    for hour in range(n_hours, 2 * n_hours):
        new = y[row == n_rows + hour].loc[[last]]
        update = milliseconds(forecaster.update, None, new)
        rows = next_rows(new)
        costs[hour - n_hours] += (update, milliseconds(forecaster.predict, rows))
    return np.median(costs, axis=0)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = [(1_000, 200), (1_000, 1_000), (1_000, 4_000), (20_000, 60), (100_000, 60)]
    if args.quick:
        cases = [(100, 60), (100, 200)]
    columns = ["update", "forecast", "update of one", "forecast of one"]
    table = {
        (n_series, n_rows, history): measure(n_series, n_rows, history)
        for n_series, n_rows in cases
        for history in ("context", "all")
    }
    table = pd.DataFrame.from_dict(table, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(
        table.index, names=["series", "rows each", "history"]
    )
    print(table.round(0).astype(int).to_string())


if __name__ == "__main__":
    main()
