"""
A folder of Parquet files
=========================

Rows that do not fit into memory come in parts. `partial_fit` takes one part after
another, pass after pass, and the forecaster keeps no more rows than forecasts need.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from sklstm import LSTMForecaster
from sklstm.datasets import make_panel
from sklstm.metrics import mean_absolute_scaled_error

# %%
# The folder: one file for each of four regions, with ten series of 120 days, and a
# price and a promotion that are known ahead.

folder = tempfile.TemporaryDirectory()
for region in "abcd":
    table = make_panel(10, 120, random_state=ord(region)).reset_index()
    table["series"] = f"{region}-" + table["series"]
    table.to_parquet(Path(folder.name) / f"{region}.parquet")


def read(path):
    """Read one part: the rows to learn, and the last week to test."""
    part = pd.read_parquet(path).set_index(["series", "time"])
    X, y = part[["price", "promotion"]], part["target"]
    is_past = part.groupby("series").cumcount(ascending=False) >= 7
    return (X[is_past], y[is_past]), (X[~is_past], y[~is_past])


paths = sorted(Path(folder.name).glob("*.parquet"))
[path.name for path in paths]

# %%
# The first pass learns the scale of each series, without training. `max_epochs` is the
# number of calls of `partial_fit`, over which the learning rate falls to zero.

N_PASSES = 8
forecaster = LSTMForecaster(
    horizon=7,
    seasonal_periods=7,
    known_covariates=["price", "promotion"],
    hidden_size=32,
    n_estimators=1,
    max_epochs=N_PASSES * len(paths),
    history="context",
    random_state=0,
)
for path in paths:
    past, _ = read(path)
    forecaster.learn_statistics(*past)

# %%
# The passes. Each ends with a score for every region, on its last week.


def errors_of_parts():
    for path in paths:
        (_, y_past), (X_next, y_next) = read(path)
        y_pred = forecaster.predict(X_next)
        yield path.stem, mean_absolute_scaled_error(y_next, y_pred, y_train=y_past)


errors = pd.DataFrame(index=[path.stem for path in paths])
for i in range(N_PASSES):
    for path in paths:
        past, _ = read(path)
        forecaster.partial_fit(*past)
    errors[i + 1] = pd.Series(dict(errors_of_parts()))
folder.cleanup()
errors[[1, 2, N_PASSES // 2, N_PASSES]].round(2)

# %%
# One line for each file.

ax = errors.T.plot(figsize=(7, 4), marker="o", ms=3, lw=1)
ax.set(xlabel="passes over the folder", ylabel="MASE of the last week")
ax.legend(title="region", ncols=2)
ax.figure.set_layout_engine("constrained")
plt.show()
