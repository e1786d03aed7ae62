"""make_forecaster: the recommended forecaster, put together from ordinary parts."""

from math import ceil
from numbers import Integral

from sklearn.pipeline import Pipeline

from ._panels.parameters import read_counts
from .ensemble._seed_ensemble import SeedEnsemble
from .forecasting._panel_forecaster import PanelForecaster
from .neural_network._lstm_regressor import LSTMRegressor
from .preprocessing._series_encoder import SeriesEncoder
from .preprocessing._series_log import SeriesLog
from .preprocessing._series_scaler import SeriesScaler
from .preprocessing._sliding_window import SlidingWindow

__all__ = ["make_forecaster"]


def make_forecaster(
    horizon,
    seasonal_periods=None,
    window_size=None,
    *,
    known_covariates=None,
    quantiles=None,
    gaps="keep",
    freq="infer",
    hidden_size=64,
    embedding_dim=0,
    max_epochs="auto",
    n_estimators=3,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Make the recommended forecaster for a horizon and its seasons.

    What comes back is a plain :class:`~sklstm.PanelForecaster` around a
    :class:`~sklearn.pipeline.Pipeline`, not fitted: it can be printed, searched, and
    taken apart. Every choice below is a parameter of one of its parts.

    Parameters
    ----------
    horizon : int
        Number of rows ahead that are forecast.
    seasonal_periods : int or sequence of int, default=None
        Rows of each season, such as ``(24, 168)`` for hours with days and weeks, or
        12 for months. None for data without a season.
    window_size : int, default=None
        Rows of a window. None takes one and a quarter of the longest season, and at
        least ``horizon + 2``. It is cut to the length of the longest series.
    known_covariates : str, list, slice or callable, default=None
        The columns of X that are known ahead, such as prices and promotions; see
        :class:`~sklstm.SlidingWindow`.
    quantiles : sequence of float, default=None
        Quantiles that are learned, such as ``(0.1, 0.5, 0.9)``. None learns the
        median alone.
    gaps : {"keep", "fill"}, default="keep"
        Whether windows and seasons count the rows of a series ("keep"), or time
        ("fill"); see :class:`~sklstm.PanelForecaster`.
    freq : "infer", None, str, offset, Timedelta or number, default="infer"
        The time step, such as "B" or "15min"; see :class:`~sklstm.PanelForecaster`.
    hidden_size : int, default=64
        Units of the LSTM.
    embedding_dim : int or "auto", default=0
        Size of an embedding of the series' ids, and then of all categorical columns.
        With one, half of what the net learns from is shown without categories. 0 gives
        the net no ids; categorical columns of X have an embedding all the same.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows; see :class:`~sklstm.LSTMRegressor`.
    n_estimators : int, default=3
        How many nets are averaged; with 1 there is the net alone.
    n_jobs : int, default=None
        How many nets are trained at a time.
    random_state : int, RandomState instance or None, default=None
        Decides the result.
    verbose : int, default=0
        1 shows a bar of epochs for each net, 2 prints a line for each epoch.

    Returns
    -------
    PanelForecaster
        Its steps are named "scale" (covariates), "series" (with an embedding only),
        "window", and "ensemble" (or, with one net, "lstm"); its target transformer has
        "log" (passed through without a season) and "scale".

    See Also
    --------
    PanelForecaster : What is returned.
    LSTMRegressor : The net, with all that can be changed.

    Examples
    --------
    >>> from sklstm import make_forecaster
    >>> from sklstm.datasets import load_fertility
    >>> y = load_fertility()["fertility_rate"].loc[["Chad", "Chile", "China"]]
    >>> forecaster = make_forecaster(
    ...     horizon=5, hidden_size=8, max_epochs=2, random_state=0
    ... )
    >>> forecaster.fit(y.to_frame()[[]], y).forecast().loc["Chad"].index.tolist()
    [2012, 2013, 2014, 2015, 2016]
    """
    for name, count in {"horizon": horizon, "n_estimators": n_estimators}.items():
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {count!r}.")
    # A season of one row changes nothing.
    periods = read_counts(seasonal_periods, "seasonal_periods") or (1,)
    lstm = LSTMRegressor(
        hidden_size=hidden_size,
        embedding_dim=embedding_dim or "auto",
        category_dropout=0.5 if embedding_dim else 0.0,
        seasonal_periods=periods,
        loss="mae" if quantiles is None else "quantile",
        quantiles=quantiles,
        optimizer="adamw",
        lr_schedule="cosine",
        max_epochs=max_epochs,
        random_state=random_state,
        verbose=verbose,
        net_params={"optimizer__weight_decay": 1e-3},
    )
    regressor = ("lstm", lstm)
    if n_estimators > 1:
        # Every net gets a seed of its own.
        regressor = (
            "ensemble",
            SeedEnsemble(lstm, n_estimators, n_jobs=n_jobs, random_state=random_state),
        )
    if window_size is None:
        window_size = max(ceil(1.25 * max(periods)), horizon + 2)
    window = SlidingWindow(
        window_size,
        shorten=True,
        differences=_choose_differences(periods),
        level="relative" if max(periods) > 1 else "drop",
        clip=10.0,
        known_covariates=known_covariates,
    )
    scales = sorted({1, min(periods)})
    ids = [("series", SeriesEncoder())] if embedding_dim else []
    return PanelForecaster(
        Pipeline(
            [
                ("scale", SeriesScaler()),
                *ids,
                ("window", window),
                regressor,
            ]
        ),
        horizon=horizon,
        gaps=gaps,
        freq=freq,
        target_transformer=Pipeline(
            [
                # Without a season it would make exponentials of straight lines.
                ("log", SeriesLog(clip=True) if max(periods) > 1 else "passthrough"),
                ("scale", SeriesScaler("difference", differences=scales)),
            ]
        ),
    )


def _choose_differences(periods):
    """The changes that the net sees: from row to row, and over each season.

    A season of more than 24 rows comes with series that are long enough to learn from
    the spans between as well: powers of two.
    """
    longest = max(periods)
    powers = [2**i for i in range(longest.bit_length())] if longest > 24 else [1]
    return sorted({*powers, *periods})
