"""
=========================================
Fertility of 188 countries, five years on
=========================================

One LSTM for all countries. A grid search chooses its window, size and embedding by
the five-year forecasts of earlier years; the last five years are held back, and the
forecasts for them stand beside two baselines.
"""

from time import perf_counter

import pandas as pd
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklstm import (
    ForecastDisplay,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)
from sklstm.datasets import load_fertility
from sklstm.metrics import make_panel_scorer, mean_absolute_scaled_error

HORIZON = 5

# %%
# The data: one row per country and year, no covariates. Countries without a gap.

X, y = load_fertility(return_X_y=True)
complete = y.groupby("country").transform("count") == 52
X, y = X[complete], y[complete]
year = y.index.get_level_values("year")
is_future = year > year.max() - HORIZON
X_past, y_past = X[~is_future], y[~is_future]
X_future, y_future = X[is_future], y[is_future]

# %%
# The model: four ordinary steps, and a forecaster around them.

forecaster = PanelForecaster(
    Pipeline(
        [
            ("series", SeriesEncoder()),
            ("window", SlidingWindow()),
            (
                "lstm",
                LSTMRegressor(max_epochs=10, lr_schedule="cosine", random_state=0),
            ),
        ]
    ),
    horizon=HORIZON,
    target_transformer=SeriesScaler(method="difference"),
)
grid = {
    "estimator__window__window_size": [5, 10],
    "estimator__lstm__hidden_size": [16, 32],
    "estimator__lstm__embedding_dim": [0, 4],
}

# %%
# The search: two folds, each tests five years of all countries.

search = GridSearchCV(
    forecaster,
    grid,
    cv=PanelTimeSeriesSplit(n_splits=2, horizon=HORIZON),
    scoring=make_panel_scorer("mase"),
    n_jobs=2,
)
start = perf_counter()
search.fit(X_past, y_past)
print(f"Searched and fitted in {perf_counter() - start:.0f} s. The best of the grid:")
for name, value in search.best_params_.items():
    print(f"  {name} = {value}")

# %%
# The forecasts, and what a ruler would have said.

country, past = X_future.index.get_level_values("country"), y_past.groupby("country")
steps = (X_future.index.get_level_values("year") - (year.max() - HORIZON)).to_numpy()
last = past.last().loc[country].to_numpy()
slope = (past.last() - past.first()) / (past.size() - 1)
forecasts = {
    "LSTM": search.predict(X_future),
    "drift": last + steps * slope.loc[country].to_numpy(),
    "last value": last,
}
scores = pd.DataFrame(
    {
        name: {
            "MAE": mean_absolute_error(y_future, y_pred),
            "MASE": mean_absolute_scaled_error(y_future, y_pred, y_train=y_past),
        }
        for name, y_pred in forecasts.items()
    }
)
print(scores.T.round(3))

# %%
# Six countries.

display = ForecastDisplay.from_estimator(search, X_future, y_future, random_state=0)
display.figure_.savefig("quickstart.png", dpi=150)
print("Drew quickstart.png.")
