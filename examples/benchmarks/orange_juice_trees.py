"""LightGBM in the orange juice benchmark: one model of all series and both steps.

The features, the objective and the numbers below were chosen by hand by the errors of
the validation rounds, all of which end before the first test round begins.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from orange_juice_data import BRAND_PRICES, PRICE_RATIOS, STEPS, TARGET

N_LAGS = 8
SPANS = (2, 4, 8, 13, 26)
WEEKS_PER_YEAR = 52
# The first weeks are history only.
FIRST_ORIGIN = 8
# The percentage error of a forecast that is too high is unbounded: forecasts that are
# best in it lie below the median.
PARAMS = {
    "objective": "quantile",
    "alpha": 0.35,
    "n_estimators": 400,
    "learning_rate": 0.03,
    "num_leaves": 63,
    "min_child_samples": 200,
    "subsample": 0.7,
    "subsample_freq": 1,
    "colsample_bytree": 0.4,
}


@dataclass(frozen=True, eq=False)
class Weeks:
    """Columns of a panel as arrays of shape (n_series, n_weeks); NaN: no such row.

    Attributes
    ----------
    columns : dict of str to ndarray
        In logarithms, but for `deal` and `feat`.
    series : MultiIndex
        Store and brand of each row of the arrays.
    n_past : int
        Weeks of which the units sold are known.
    """

    columns: dict
    series: pd.MultiIndex
    n_past: int

    @classmethod
    def of(cls, past, ahead):
        """Lay out the rows of a round by series and week."""
        rows = pd.concat([past, ahead])
        week = rows.index.get_level_values("week")
        wide = rows.unstack("week").reindex(
            columns=pd.MultiIndex.from_product(
                [rows.columns, range(week.min(), week.max() + 1)]
            )
        )
        flags = ["deal", "feat"]
        logs = [TARGET, "price", *PRICE_RATIOS, *BRAND_PRICES]
        columns = {name: wide[name].to_numpy() for name in flags}
        columns |= {name: np.log(wide[name].to_numpy()) for name in logs}
        n_past = past.index.get_level_values("week").max() + 1 - week.min()
        return cls(columns, wide.index, n_past)

    def __getitem__(self, name):
        return self.columns[name]

    def tail(self, name, origin, n_weeks):
        """The last weeks up to and including the origin."""
        return self[name][:, max(0, origin - n_weeks + 1) : origin + 1]

    def mean(self, name, origin, n_weeks):
        return np.nanmean(self.tail(name, origin, n_weeks), axis=1)


def usual_sales(weeks, origin):
    """The mean of the log units of each series up to the origin."""
    return np.nanmean(weeks[TARGET][:, : origin + 1], axis=1)


def make_features(weeks, origin, step):
    """Describe a week of all series by what is known at the origin.

    Returns
    -------
    DataFrame of shape (n_series, n_features)
    """
    usual = usual_sales(weeks, origin)
    return pd.DataFrame(
        {"step": step, "usual": usual}
        | past_sales(weeks, origin, usual)
        | {"last_year": last_year(weeks, origin + step) - usual}
        | own_price(weeks, origin, origin + step)
        | {name: weeks[name][:, origin + step] for name in known_names()}
        | around_target(weeks, origin, step)
        | similar_weeks(weeks, origin, step, usual)
    )


def known_names():
    return [*PRICE_RATIOS, *BRAND_PRICES, "deal", "feat"]


def past_sales(weeks, origin, usual):
    sales = weeks[TARGET]
    lags = {f"lag{k}": sales[:, origin - k] - usual for k in range(N_LAGS)}
    means = {f"mean{n}": weeks.mean(TARGET, origin, n) - usual for n in SPANS}
    year = weeks.tail(TARGET, origin, WEEKS_PER_YEAR)
    half = weeks.tail(TARGET, origin, WEEKS_PER_YEAR // 2)
    return {
        **lags,
        **means,
        "spread": np.nanstd(year, axis=1),
        "median": np.nanmedian(half, axis=1) - usual,
        "lowest": np.nanmin(half[:, -13:], axis=1) - usual,
    }


def last_year(weeks, target):
    if target < WEEKS_PER_YEAR:
        return np.full(len(weeks.series), np.nan)
    return weeks[TARGET][:, target - WEEKS_PER_YEAR]


def own_price(weeks, origin, target):
    """The price of the target week, against those before it."""
    price = weeks["price"][:, target]
    highest = np.nanmax(weeks.tail("price", origin, WEEKS_PER_YEAR // 2), axis=1)
    return {
        "price": price,
        "price_to_usual": price - np.nanmean(weeks["price"][:, : origin + 1], axis=1),
        "price_to_recent": price - weeks.mean("price", origin, 8),
        "price_to_highest": price - highest,
    }


def around_target(weeks, origin, step):
    """Prices and advertising of the last weeks, and of all weeks ahead."""
    price = weeks["price"][:, origin + step]
    features = {}
    for k in range(-3, max(STEPS) + 1):
        features[f"price{k:+}"] = weeks["price"][:, origin + k] - price
        features[f"deal{k:+}"] = weeks["deal"][:, origin + k]
        features[f"feat{k:+}"] = weeks["feat"][:, origin + k]
    return features


def similar_weeks(weeks, origin, step, usual, width=0.05):
    """Mean sales of the last year's weeks, the more alike the more they count."""
    sales = weeks.tail(TARGET, origin, WEEKS_PER_YEAR)
    age = np.arange(sales.shape[1])[::-1]
    now = [origin + step]
    distance = weeks.tail("price", origin, WEEKS_PER_YEAR) - weeks["price"][:, now]
    weight = np.exp(-0.5 * (distance / width) ** 2 - age / 26) + 1e-4
    for name, factor in {"deal": 0.3, "feat": 0.1}.items():
        is_same = weeks.tail(name, origin, WEEKS_PER_YEAR) == weeks[name][:, now]
        weight = weight * np.where(is_same, 1.0, factor)
    weight = np.where(np.isfinite(sales), weight, 0.0)
    total = weight.sum(axis=1)
    mean = (weight * np.nan_to_num(sales)).sum(axis=1) / np.maximum(total, 1e-12)
    return {"similar": mean - usual, "similar_weight": total}


class Trees:
    """LightGBM on log units, less the mean of each series up to the origin.

    Both steps are forecast directly: the step is a feature.

    Parameters
    ----------
    seed : int
        Decides the samples of rows and columns.
    """

    def __init__(self, seed):
        self.trees = LGBMRegressor(**PARAMS, n_jobs=1, random_state=seed, verbosity=-1)

    def fit(self, past):
        # No rows ahead: the last origins have no week to learn from.
        weeks = Weeks.of(past, past.iloc[:0])
        last = weeks.n_past - 1 - max(STEPS)
        parts = [
            (make_features(weeks, origin, step), change(weeks, origin, step))
            for origin in range(FIRST_ORIGIN, last + 1)
            for step in STEPS
        ]
        X = pd.concat([features for features, _ in parts], ignore_index=True)
        y = np.concatenate([target for _, target in parts])
        known = np.isfinite(y)
        self.trees.fit(X[known], y[known])
        return self

    def forecast(self, past, ahead):
        """Forecast the rows of `ahead`; NaN where nothing is asked for."""
        weeks = Weeks.of(past, ahead)
        origin = weeks.n_past - 1
        last_week = past.index.get_level_values("week").max()
        forecasts = {
            last_week + step: np.exp(
                self.trees.predict(make_features(weeks, origin, step))
                + usual_sales(weeks, origin)
            )
            for step in STEPS
        }
        wide = pd.DataFrame(forecasts, index=weeks.series).rename_axis(columns="week")
        return wide.stack().reindex(ahead.index).to_numpy()


def change(weeks, origin, step):
    """What is learned: log units of the target week over those that are usual."""
    return weeks[TARGET][:, origin + step] - usual_sales(weeks, origin)
