"""
Intervals and their coverage
============================

An interval of 80 % is calibrated if four out of five true values lie inside. A network
that learns quantiles makes such intervals by itself; `ConformalForecaster` corrects
them by the errors of rows that were held back.
"""

import matplotlib.pyplot as plt
import pandas as pd

from sklstm import (
    ConformalForecaster,
    ForecastDisplay,
    LSTMForecaster,
    PanelTimeSeriesSplit,
    backtest,
)
from sklstm.datasets import make_panel

# %%
# Ten series of four months, which is little to learn from. The last four weeks test the
# intervals, week by week.

panel = make_panel(n_series=10, n_rows=120, random_state=0)
X, y = panel[["price", "promotion"]], panel["target"]
folds = PanelTimeSeriesSplit(n_splits=4, horizon=7)

# %%
# Two forecasters. One learns quantiles, for many epochs on few rows, which makes its
# intervals too narrow. The other calibrates it.

BOUNDS = {c: ((1 - c) / 2, (1 + c) / 2) for c in (0.5, 0.6, 0.7, 0.8, 0.9)}
quantiles = sorted(quantile for bounds in BOUNDS.values() for quantile in bounds)
learned = LSTMForecaster(
    horizon=7,
    seasonal_periods=7,
    known_covariates=["price", "promotion"],
    quantiles=sorted([0.5, *quantiles]),
    hidden_size=32,
    n_estimators=1,
    max_epochs=80,
    random_state=0,
)
forecasters = {"learned": learned, "calibrated": ConformalForecaster(learned)}

# %%
# `backtest` trains each on the first fold and forecasts all four weeks. Its table gives
# the share of true values inside each interval.

coverage = pd.DataFrame(index=pd.Index(BOUNDS, name="nominal"))
for name, forecaster in forecasters.items():
    table = backtest(forecaster, X, y, cv=folds, quantiles=quantiles, refit=False)
    coverage[name] = [
        table["y_true"].between(table[low], table[high]).mean()
        for low, high in BOUNDS.values()
    ]
coverage.round(3)

# %%
# Intervals whose point lies below the diagonal are too narrow.

figure, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
ax.plot([0.4, 1], [0.4, 1], color="grey", lw=1, label="ideal")
for name, marker in zip(coverage, "os", strict=True):
    ax.plot(coverage[name], marker=marker, label=name)
ax.set(xlabel="nominal coverage", ylabel="share of true values inside", aspect="equal")
ax.legend()
plt.show()

# %%
# The intervals of the last week, drawn for three series.

is_past = panel.groupby("series").cumcount(ascending=False) >= 7
conformal = forecasters["calibrated"].fit(X[is_past], y[is_past])
ForecastDisplay.from_estimator(
    conformal, X[~is_past], y[~is_past], n_series=3, coverage=(0.5, 0.9), n_history=28
)
plt.show()
