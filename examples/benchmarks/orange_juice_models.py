"""sklstm in the orange juice benchmark: one net over all stores and brands."""

import numpy as np
from orange_juice_data import BRAND_PRICES, KNOWN, PRICE_RATIOS, TARGET
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import (
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesScaler,
    SlidingWindow,
)

WINDOW_SIZE = 26
HORIZON = 3


def make_log():
    return FunctionTransformer(np.log, np.exp, feature_names_out="one-to-one")


def scale_covariates():
    """Put prices on a scale that all series share.

    What a price says is how far it is from the usual price of its series, and from
    the prices beside it; `deal` and `feat` are 0 or 1 already.
    """
    usual = Pipeline([("log", make_log()), ("scale", SeriesScaler())])
    return ColumnTransformer(
        [
            ("prices", usual, ["price", *BRAND_PRICES]),
            ("ratios", make_log(), PRICE_RATIOS),
        ],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def sklstm_model(known=True, random_state=None):
    """Make the forecaster, not fitted.

    Parameters
    ----------
    known : bool, default=True
        Whether each step is decoded with the covariates of its own week. Else the
        net sees covariates up to the origin only.
    random_state : int, default=None
        Decides the result.

    Returns
    -------
    PanelForecaster
    """
    window = SlidingWindow(WINDOW_SIZE, shorten=True)
    if known:
        window.set_params(known=KNOWN)
    lstm = LSTMRegressor(
        hidden_size=64,
        level="keep",
        loss="mae",
        optimizer="adamw",
        weight_decay=1e-3,
        lr_schedule="cosine",
        max_epochs=20,
        id_dropout=0.1,
        random_state=random_state,
    )
    return PanelForecaster(
        Pipeline(
            [
                ("scale", scale_covariates()),
                ("series", SeriesEncoder(levels=["store", "brand"])),
                ("window", window),
                ("lstm", lstm),
            ]
        ),
        horizon=HORIZON,
        target_transformer=Pipeline([("log", make_log()), ("scale", SeriesScaler())]),
    )


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
        self.forecaster.fit(past[KNOWN], past[TARGET])
        self.end = past.index.get_level_values("week").max()
        return self

    def forecast(self, past, ahead):
        """Forecast after the rows since the fit have been added to the history."""
        new = past[past.index.get_level_values("week") > self.end]
        if len(new):
            self.forecaster.update(new[KNOWN], new[TARGET])
            self.end = new.index.get_level_values("week").max()
        return self.forecaster.predict(ahead[KNOWN])
