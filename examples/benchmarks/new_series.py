"""How well series are forecast that came after training, from few rows.

Whole series are held out by `SeriesKFold`. A forecaster learns from the others, is
given the last few rows of those held out by `update`, and forecasts what follows; the
baselines get the same rows. The sets are those of gaps.py, read from the same folder::

    python examples/benchmarks/new_series.py FOLDER

Errors are MASE, in units of all rows that a series has before the forecast. With an
embedding a new series has that of the unknown one, which training has learned from
rows whose series was hidden.
"""

import argparse
import warnings
from copy import deepcopy
from time import process_time

import numpy as np
import pandas as pd
import torch
from gaps import SETS
from threadpoolctl import threadpool_limits

from sklstm import LSTMForecaster, SeriesKFold
from sklstm.metrics import mean_absolute_scaled_error

N_ROWS = [3, 10, 50]
SIZES = [0, 8]


def repeat_rows(values, horizon, period):
    """Repeat the last season, or the last value of series shorter than a season.

    `values` has the shape (n_series, n_rows), the result (n_series, horizon).
    """
    last = values[:, -period if values.shape[1] >= period else -1 :]
    return last[:, np.arange(horizon) % last.shape[1]]


def forecast_fold(task, series, is_new, seed):
    """Forecast the new series from a few rows of each, in every way."""
    past_X, past_y, future_X, future_y = task.split()
    old = ~past_y.index.isin(series[is_new], level=0)
    asked = future_y.index.isin(series[is_new], level=0)
    forecasts = {}
    for size in SIZES:
        model = LSTMForecaster(
            task.horizon,
            task.period,
            n_estimators=1,
            embedding_dim=size,
            known_covariates=list(task.X.columns),
            random_state=seed,
        )
        model.fit(past_X[old], past_y[old])
        for n_rows in N_ROWS:
            few = past_y[~old].groupby(level=0).tail(n_rows)
            told = deepcopy(model).update(past_X.loc[few.index], few)
            forecasts[f"embedding of {size}", n_rows] = told.predict(future_X[asked])
            values = few.to_numpy().reshape(-1, n_rows)
            for name, period in (("last season", task.period), ("last value", 1)):
                naive = repeat_rows(values, task.horizon, period)
                forecasts[name, n_rows] = naive.ravel()
    return pd.DataFrame(forecasts, index=future_y.index[asked])


def measure(task, seed):
    """The MASE of each way (rows) and number of known rows (columns)."""
    _, past_y, _, future_y = task.split()
    rows = task.y.groupby(level=0).size().to_frame()
    one_row_each = pd.MultiIndex.from_arrays([rows.index, [0] * len(rows)])
    folds = SeriesKFold(n_splits=3).split(rows.set_index(one_row_each))
    forecasts = []
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for _, test in folds:
            forecasts.append(forecast_fold(task, rows.index, test, seed))
    forecasts = pd.concat(forecasts).loc[future_y.index]
    if not np.isfinite(forecasts.to_numpy()).all():
        raise ValueError("Some forecasts are not finite.")
    errors = {
        way: mean_absolute_scaled_error(
            future_y, y_pred, y_train=past_y, seasonal_period=task.period
        )
        for way, y_pred in forecasts.items()
    }
    return pd.Series(errors).unstack()


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="holds the data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=[*SETS])
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse_args()
    torch.set_num_threads(1)
    for name in args.sets:
        start = process_time()
        table = measure(SETS[name](args.folder), args.seed)
        print(f"\n{name}: MASE by rows of a new series, {process_time() - start:.0f} s")
        print(table.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
