"""A user's program, which mypy checks: the public surface has types. It is not run."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

import sklstm
from sklstm import (
    ConformalForecaster,
    ContinualForecaster,
    ForecastDisplay,
    ForecastErrorDisplay,
    LSTMForecaster,
    LSTMRegressor,
    PanelForecaster,
    PanelTimeSeriesSplit,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
    backtest,
)
from sklstm.datasets import load_fertility, make_panel
from sklstm.metrics import make_panel_scorer, mean_absolute_scaled_error


def load(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, parse_dates=["date"], index_col=["store", "date"])


def main(path: Path) -> float:
    panel: pd.DataFrame = make_panel(5, 100, random_state=0)
    X, y = panel[["price", "promotion"]], panel["target"]
    flat = LSTMForecaster(7, 7, known_covariates=["price"], quantiles=(0.1, 0.5, 0.9))
    forecaster: PanelForecaster = flat.to_pipeline()
    flat.fit(X, y).update(None, y)
    rows: pd.DataFrame = flat.future_rows(7)
    forecast: pd.Series | pd.DataFrame = flat.forecast(X=rows)
    intervals: pd.DataFrame = flat.forecast_interval(coverage=0.8)
    values: np.ndarray = flat.predict(rows)
    composed = PanelForecaster(
        Pipeline(
            [
                ("scale", SeriesScaler("robust", handle_unknown="global")),
                ("series", SeriesEncoder()),
                ("window", SlidingWindow(14, differences=(1, 7), level="relative")),
                ("lstm", LSTMRegressor(32, embedding_dim=4, early_stopping="refit")),
            ]
        ),
        horizon=7,
        target_transformer=SeriesScaler(),
    )
    cv = PanelTimeSeriesSplit(n_splits=3, horizon=7)
    search = GridSearchCV(flat, {"window_size": [14, 28]}, cv=cv)
    search.fit(X, y)
    scorer = make_panel_scorer("mase", seasonal_period=7)
    table: pd.DataFrame = backtest(composed, X, y, cv=cv)
    conformal = ConformalForecaster(forecaster).fit(X, y)
    quantiles: pd.DataFrame = conformal.forecast_quantiles(quantiles=[0.1, 0.9])
    loop = ContinualForecaster(composed, checkpoint_dir=path).fit(X, y)
    scores: pd.DataFrame = loop.stage_scores_
    display = ForecastDisplay.from_estimator(flat, rows, coverage=0.8)
    errors: pd.DataFrame = ForecastErrorDisplay.from_backtest(table).errors
    window = SlidingWindow(7, flat=True).fit(X)
    Ridge().fit(np.asarray(window.transform(X)), y)
    country, rate = load_fertility(return_X_y=True)
    error: float = mean_absolute_scaled_error(y, y, y_train=y)
    print(sklstm.__version__, forecast, intervals, values, table, quantiles, scores)
    print(display.figure_, errors, country, rate, scorer)
    return error
