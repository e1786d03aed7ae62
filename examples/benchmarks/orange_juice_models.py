"""sklstm in the orange juice benchmark: nets and trees over all stores and brands."""

import numpy as np
import pandas as pd
from orange_juice_data import KNOWN, PRICE_RATIOS, TARGET
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    SeedEnsemble,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)

WINDOW_SIZE = 8
HORIZON = 3
QUANTILE = 0.35


def make_log():
    return FunctionTransformer(
        np.log, np.exp, check_inverse=False, feature_names_out="one-to-one"
    )


def scale_covariates():
    """Put prices on scales that all series share.

    What a price says is how far it is from the usual price of its series, from the
    prices beside it, and from those of all juice. `deal` and `feat` are 0 or 1 already.
    The prices of the other brands are left out: `price_ratio` and `price_to_lowest`
    compare with them.
    """
    usual = Pipeline([("log", make_log()), ("scale", SeriesScaler())])
    of_all = Pipeline([("log", make_log()), ("scale", StandardScaler())])
    return ColumnTransformer(
        [
            ("usual", usual, ["price"]),
            ("of_all", of_all, ["price", *PRICE_RATIOS]),
            ("flags", "passthrough", ["deal", "feat"]),
        ]
    ).set_output(transform="pandas")


def sklstm_model(known=True, with_trees=True, random_state=None):
    """Make the forecaster, not fitted.

    The error is relative to what was sold, so a forecast that is too high costs more
    than one as far too low by the same factor: the nets learn the quantile 0.35, as
    LightGBM does here, and so do the trees that are averaged with them. Chosen, as all
    of this is, in the validation rounds.

    Parameters
    ----------
    known : bool, default=True
        Whether each step is decoded with the covariates of its own week. Else the
        net sees covariates up to the origin only.
    with_trees : bool, default=True
        Whether the nets have a partner.
    random_state : int, default=None
        Decides the result.

    Returns
    -------
    PanelForecaster
    """
    lstm = LSTMRegressor(
        hidden_size=64,
        embedding_dim=8,
        category_dropout=0.3,
        dropout=0.3,
        seasonal_periods=1,
        loss="quantile",
        quantiles=(QUANTILE,),
        optimizer="adamw",
        net_params={"optimizer__weight_decay": 1e-3},
        lr=5e-3,
        lr_schedule="cosine",
        batch_size=256,
        max_epochs=10,
    )
    trees = HistGradientBoostingRegressor(
        loss="quantile", quantile=QUANTILE, max_iter=80
    )
    ensemble = SeedEnsemble(
        lstm,
        partner=trees if with_trees else None,
        partner_weight=0.4,
        random_state=random_state,
    )
    # All numeric columns: what is left are the ids.
    all_known = make_column_selector(dtype_include="number") if known else None
    return PanelForecaster(
        Pipeline(
            [
                ("scale", scale_covariates()),
                ("series", SeriesEncoder(levels=["store", "brand"])),
                (
                    "window",
                    SlidingWindow(
                        WINDOW_SIZE,
                        differences=(1, 2, 4),
                        known_covariates=all_known,
                    ),
                ),
                ("ensemble", ensemble),
            ]
        ),
        horizon=HORIZON,
        target_transformer=Pipeline([("log", make_log()), ("scale", SeriesScaler())]),
    )


def fill_weeks(past):
    """Give every series a row for each week from its first to the last of all.

    Where nothing was sold, units are missing, and prices and advertising are those of
    the week before.
    """
    end = past.index.get_level_values("week").max()
    week = past.index.get_level_values("week")
    spans = week.to_series(index=past.index).groupby(["store", "brand"]).min()
    index = pd.MultiIndex.from_tuples(
        [
            (*series, w)
            for series, first in spans.items()
            for w in range(first, end + 1)
        ],
        names=past.index.names,
    )
    filled = past.reindex(index)
    filled[KNOWN] = filled[KNOWN].groupby(["store", "brand"]).ffill()
    return filled


class Forecaster:
    """A forecaster of sklstm in the rounds: fitted once, or updated in between.

    Parameters
    ----------
    forecaster : PanelForecaster
        Not fitted.
    """

    def __init__(self, forecaster):
        self.forecaster = forecaster

    def fit(self, past):
        past = fill_weeks(past)
        self.forecaster.fit(past[KNOWN], past[TARGET])
        self.end = past.index.get_level_values("week").max()
        return self

    def forecast(self, past, ahead):
        """Forecast after the rows since the fit have been added to the history."""
        both = fill_weeks(pd.concat([past, ahead]).sort_index())
        past = fill_weeks(past)
        new = past[past.index.get_level_values("week") > self.end]
        if len(new):
            self.forecaster.update(new[KNOWN], new[TARGET])
            self.end = new.index.get_level_values("week").max()
        # A series ends at its last sale: the weeks since then are forecast as well.
        sold = both[TARGET].notna()[::-1].groupby(["store", "brand"]).cummax()[::-1]
        asked = both.loc[~sold, KNOWN]
        forecasts = pd.Series(self.forecaster.predict(asked), asked.index)
        return forecasts.loc[ahead.index].to_numpy()
