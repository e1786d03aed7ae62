"""
LSTM, ridge, trees and seasonal naive in one loop
=================================================

`PanelForecaster` turns any regressor on windows into a forecaster. The same folds and
the same score then compare them, and a simple model that wins is a good model.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline

from sklstm import (
    LSTMForecaster,
    NaiveRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    backtest,
)
from sklstm.datasets import make_panel

# %%
# Twenty series of daily sales with a price and a promotion, known ahead.

HORIZON = 7
KNOWN = ["price", "promotion"]
panel = make_panel(n_series=20, n_rows=150, random_state=0)
X, y = panel[KNOWN], panel["target"]

# %%
# The models. Each regressor reads windows of 14 rows and the known columns of the rows
# ahead. Sales change by shares, so all but the naive one learn their logarithm.


def on_windows(regressor):
    window = SlidingWindow(14, known_covariates=KNOWN, flat=True)
    return PanelForecaster(
        make_pipeline(SeriesScaler(), window, regressor),
        horizon=HORIZON,
        target_transformer=make_pipeline(SeriesLog(), SeriesScaler()),
    )


trees = HistGradientBoostingRegressor(max_iter=60, random_state=0)
models = {
    "LSTM": LSTMForecaster(
        HORIZON,
        seasonal_periods=7,
        known_covariates=KNOWN,
        n_estimators=1,
        max_epochs=50,
        random_state=0,
    ),
    "ridge": on_windows(Ridge()),
    "trees": on_windows(MultiOutputRegressor(trees)),
    "seasonal naive": PanelForecaster(
        make_pipeline(SlidingWindow(14), NaiveRegressor(seasonal_periods=7)),
        horizon=HORIZON,
    ),
}

# %%
# The loop. `backtest` returns one row for each forecast of two weeks. An error is a
# share of the mean of its series.

folds = PanelTimeSeriesSplit(n_splits=2, horizon=HORIZON)
mean = y.groupby("series").mean()
by_step, seconds = pd.DataFrame(), {}
for name, model in models.items():
    start = perf_counter()
    table = backtest(model, X, y, cv=folds)
    seconds[name] = perf_counter() - start
    error = (table["y_true"] - table["y_pred"]).abs() / table["series"].map(mean)
    by_step[name] = error.groupby(table["step"]).mean()
table = pd.DataFrame({"error": by_step.mean(), "seconds": seconds})
table.round({"error": 3, "seconds": 1})

# %%
# The errors on average, and by step ahead. Trend, season and prices add up in the
# logarithm of these data, which suits the ridge; the LSTM has to learn that form,
# and takes longer.

figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained")
colors = [f"C{i}" for i in range(len(models))]
bars = left.barh(list(models), table["error"], color=colors)
left.bar_label(bars, fmt="{:.1%}", padding=3)
left.invert_yaxis()
left.set(xlabel="mean error, share of the mean", xlim=(0, 1.2 * table["error"].max()))
by_step.plot(ax=right, marker="o", ms=4, color=colors, legend=False)
right.set(xlabel="days ahead", ylim=(0, None))
plt.show()
