"""
Sales of thirty stores: from a long table to intervals
======================================================

Prices and promotions of the next two weeks are planned, so a forecast may use them. A
grid search chooses the model by its quantiles; it is then calibrated, and compared with
the same model without the plan and with the seasonal naive method.
"""
# sphinx_gallery_thumbnail_path = "_static/retail.png"

from time import perf_counter

import numpy as np
import pandas as pd
from benchmarks.naive_bootstrap import seasonal_naive_quantiles
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import sklstm
from sklstm import metrics
from sklstm.datasets import make_panel

HORIZON, WEEK = 14, 7
QUANTILES = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)

# %%
# The data, as a database gives them: a long table of sales, in which one row of twenty
# was lost, and a small table of the stores.

rng = np.random.default_rng(0)
panel = make_panel(30, 200, n_types=3, random_state=0)
sales = panel.reset_index().rename(
    columns={"series": "store", "time": "date", "target": "sales", "type": "format"}
)
by_store = sales.groupby("store")
stores = pd.DataFrame(
    {
        "area": (30 * by_store["sales"].median() * rng.uniform(0.7, 1.3, 30)).round(),
        "format": by_store["format"].first().astype(str),
    }
)
sales = sales[["store", "date", "sales", "price", "promotion"]]
first_future = sales["date"].max() - pd.Timedelta(days=HORIZON - 1)
sales = sales[(rng.random(len(sales)) > 0.05) | (sales["date"] >= first_future)]
print(sales.head(3).to_string(index=False, float_format="{:.2f}".format))

# %%
# The panel: series and times go into the index. The last two weeks of every store are
# held back.

panel = sales.set_index(["store", "date"])
X, y = panel[["price", "promotion"]], panel["sales"]
is_future = panel.index.get_level_values("date") >= first_future
X_past, y_past = X[~is_future], y[~is_future]
X_future, y_future = X[is_future], y[is_future]
missing = sklstm.describe_panel(X_past)["n_missing_steps"]
print(f"\n{missing.sum()} of {missing.sum() + len(X_past)} days are not in the table.")

# %%
# The model. Numbers of a store are scaled by what it has seen; what the calendar says
# and what is planned is known ahead; days that are not there are filled in.

KNOWN = ["price", "promotion", "day_of_week_sin", "day_of_week_cos"]
forecaster = sklstm.PanelForecaster(
    Pipeline(
        [
            ("scale", sklstm.SeriesScaler()),
            ("calendar", sklstm.CalendarFeatures(["day_of_week"])),
            ("static", sklstm.StaticFeatures(stores)),
            ("store", sklstm.SeriesEncoder()),
            ("window", sklstm.SlidingWindow(14, known_covariates=KNOWN)),
            (
                "lstm",
                sklstm.LSTMRegressor(
                    32,
                    embedding_dim=4,
                    loss="quantile",
                    quantiles=QUANTILES,
                    lr=0.01,
                    lr_schedule="cosine",
                    max_epochs=15,
                    random_state=0,
                ),
            ),
        ]
    ),
    # Three days more, since a store may lack its last ones, and counts from them.
    horizon=HORIZON + 3,
    target_transformer=make_pipeline(
        sklstm.SeriesLog(clip=True), sklstm.SeriesScaler()
    ),
    gaps="fill",
)

# %%
# The search, by the distance of all quantiles from what came, in the two periods of two
# weeks before.

search = GridSearchCV(
    forecaster,
    {
        "estimator__window__window_size": [7, 28],
        "estimator__lstm__embedding_dim": [0, 4],
    },
    cv=sklstm.PanelTimeSeriesSplit(n_splits=2, horizon=HORIZON),
    scoring=metrics.make_quantile_scorer("crps"),
)
start = perf_counter()
search.fit(X_past, y_past)
best = search.best_estimator_
conformal = sklstm.ConformalForecaster(best).fit(X_past, y_past)
blind = clone(conformal).set_params(estimator__estimator__window__known_covariates=None)
blind.fit(X_past, y_past)
print(f"\nSearched and fitted in {perf_counter() - start:.0f} s. The best of the grid:")
print(pd.Series(search.best_params_).to_string())

# %%
# The table. Errors are in shares of what was sold; the last two columns should be 80
# and 95 %.

forecasts = {
    "sklstm, calibrated": conformal.predict_quantiles(X_future, QUANTILES),
    "sklstm, not calibrated": best.predict_quantiles(X_future),
    "without the plan": blind.predict_quantiles(X_future, QUANTILES),
    "seasonal naive": seasonal_naive_quantiles(
        sklstm.regularize(y_past, "D"), X_future.index, WEEK, QUANTILES, center=True
    ),
}
table = pd.DataFrame(index=["WAPE", "CRPS / mean", "in 80 %", "in 95 %"])
for name, quantiles in forecasts.items():
    table[name] = [
        metrics.weighted_absolute_percentage_error(y_future, quantiles[0.5]),
        metrics.continuous_ranked_probability_score(y_future, quantiles)
        / y_future.mean(),
        metrics.interval_coverage(y_future, quantiles[[0.1, 0.9]]),
        metrics.interval_coverage(y_future, quantiles[[0.025, 0.975]]),
    ]
print(f"\n{table.T.round(3).to_string()}")
wape = table.loc["WAPE"]
gain = 1 - wape["sklstm, calibrated"] / wape["without the plan"]
print(f"\nKnowing prices and promotions ahead takes {gain:.0%} off the error.")

# %%
# Six stores, drawn with their intervals.

display = sklstm.ForecastDisplay.from_estimator(
    conformal, X_future, y_future, random_state=0, coverage=(0.8, 0.95), n_history=42
)
display.figure_.savefig("retail.png", dpi=150)
print("The plot is in retail.png.")
