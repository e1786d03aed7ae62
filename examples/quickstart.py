"""
Fertility of 188 countries, five years on
=========================================

One LSTMForecaster for all countries. A grid search chooses its window and its size by
forecasts of earlier years. The last five years are held back for the table, beside two
baselines, and for the plot.
"""
# sphinx_gallery_thumbnail_path = "_static/quickstart.png"

from time import perf_counter

import pandas as pd
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV

import sklstm
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
# The model: the recommended forecaster, with flat parameters to search.

forecaster = sklstm.LSTMForecaster(HORIZON, random_state=0)
print(forecaster)

# %%
# The search: two folds, each of which tests five years of all countries.

grid = {
    "window_size": [14, 28],
    "hidden_size": [64, 128],
}
cv = sklstm.PanelTimeSeriesSplit(n_splits=2, horizon=HORIZON)
search = GridSearchCV(
    forecaster, grid, cv=cv, scoring=make_panel_scorer("mase"), n_jobs=2
)
start = perf_counter()
search.fit(X_past, y_past)
print(f"Searched and fitted in {perf_counter() - start:.0f} s. The best of the grid:")
print(pd.Series(search.best_params_).to_string())

# %%
# The table. Drift goes on as the last five years went.

country = X_future.index.get_level_values("country")
years_ahead = year[is_future] - 2006
by_year = y_past.unstack("year")
last, slope = by_year[2006], (by_year[2006] - by_year[2001]) / 5
forecasts = {
    "sklstm": search.predict(X_future),
    "drift": last[country].to_numpy() + slope[country].to_numpy() * years_ahead,
    "last value": last[country].to_numpy(),
}
errors = pd.DataFrame(index=["MAE", "MASE"])
for name, y_pred in forecasts.items():
    mase = mean_absolute_scaled_error(y_future, y_pred, y_train=y_past)
    errors[name] = mean_absolute_error(y_future, y_pred), mase
print(errors.T.round(2))

# %%
# Six countries, drawn.

display = sklstm.ForecastDisplay.from_estimator(
    search, X_future, y_future, random_state=0
)
display.figure_.savefig("quickstart.png", dpi=150)
print("The plot is in quickstart.png.")
