"""Peers in the accuracy benchmark: neuralforecast, LightGBM, statsforecast.

All of them see the same values as sklstm: the logarithm where all values are
positive (statsforecast's models choose between sums and products themselves), the
seasons of the set, and no dates.
"""

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd

# How many values before an origin LightGBM and statsforecast get, and at which of the
# origins statsforecast makes forecasts, where there are thousands: its models are
# fitted anew at each.
N_BEFORE_ORIGIN = {"LightGBM": 336, "statsforecast": 1008}
ORIGIN_STRIDE = 25


class Settings(NamedTuple):
    """What is set for the peers by set; that of LightGBM by errors on past rows.

    Attributes
    ----------
    lstm_steps, nhits_steps : int
        Steps of training, which take one to four minutes on one thread.
    trees : dict
        Parameters of LightGBM.
    lags, spans : tuple of int
        The lags that it sees, and the spans of its rolling means.
    differences : tuple of int
        Rows between the values whose differences it forecasts; none: the values.
    """

    lstm_steps: int
    nhits_steps: int
    trees: dict
    lags: tuple
    spans: tuple
    differences: tuple = ()


DAY_AND_WEEK = (*range(1, 25), *range(48, 169, 24))
SETTINGS = {
    "hourly": Settings(
        lstm_steps=2000,
        nhits_steps=1000,
        trees={"n_estimators": 1500, "num_leaves": 63, "objective": "l1"},
        lags=(*DAY_AND_WEEK, 25, 143, 145, 167, 169),
        spans=(24, 168),
    ),
    "weekly": Settings(
        lstm_steps=2000,
        nhits_steps=1000,
        trees={"n_estimators": 1000, "num_leaves": 63},
        lags=(*range(1, 14), 26, 51, 52, 53),
        spans=(4, 13, 52),
        differences=(1,),
    ),
    "etth1": Settings(
        lstm_steps=1000,
        nhits_steps=1000,
        trees={"n_estimators": 200, "num_leaves": 31},
        lags=DAY_AND_WEEK,
        spans=(24, 168),
    ),
    "tourism": Settings(
        lstm_steps=500,
        nhits_steps=500,
        trees={"n_estimators": 200, "num_leaves": 15},
        lags=tuple(range(1, 17)),
        spans=(4, 8, 16),
        differences=(1,),
    ),
}


def to_long(y):
    """Lay a panel out in the columns that these packages want."""
    return y.rename_axis(["unique_id", "ds"]).rename("y").reset_index()


def windows_to_long(windows):
    """Lay windows out as series of their own, numbered, all with the same times."""
    size = windows.shape[-1]
    n_windows = windows.size // size
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_windows), size),
            "ds": np.tile(np.arange(size), n_windows),
            "y": windows.ravel(),
        }
    )


def to_array(frame, column, task):
    """Lay forecasts that are sorted by series, origin and time out as an array."""
    values = frame[column].to_numpy(dtype=np.float64)
    return values.reshape(task.n_series, -1, task.horizon)


def take_log(task, y):
    return np.log(y) if task.positive else y


def undo_log(task, forecasts):
    return np.exp(forecasts) if task.positive else forecasts


def run_net(task, seed, name):
    """Train a net of neuralforecast on absolute errors, on windows of all series."""
    from neuralforecast import NeuralForecast

    for package in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(package).setLevel(logging.ERROR)
    nets = NeuralForecast([make_net(task, seed, name)], freq=1)
    if not task.n_validation:
        nets.fit(to_long(take_log(task, task.past)))
        return undo_log(task, to_array(nets.predict(), name, task))
    n_later = len(task.later) // task.n_series
    forecasts = nets.cross_validation(
        to_long(take_log(task, task.rows)),
        n_windows=None,
        val_size=task.n_validation,
        test_size=n_later - task.n_validation,
    )
    forecasts = undo_log(task, to_array(forecasts, name, task))
    return forecasts[:, task.origins - task.n_validation]


def make_net(task, seed, name):
    """Make a net that scales each window by its own mean and deviation."""
    from neuralforecast import models

    lstm = {
        "encoder_n_layers": 1,
        "encoder_hidden_size": 64,
        "num_lr_decays": 3,
        "max_steps": SETTINGS[task.name].lstm_steps,
    }
    nhits = {
        "windows_batch_size": 512,
        "inference_windows_batch_size": 1024,
        "max_steps": SETTINGS[task.name].nhits_steps,
    }
    # Where rows are set aside for it, training stops when these get no better.
    patience = {"early_stop_patience_steps": 3} if task.n_validation else {}
    return getattr(models, name)(
        h=task.horizon,
        input_size=task.window_size,
        scaler_type="standard",
        random_seed=seed,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
        **{"LSTM": lstm, "NHITS": nhits}[name],
        **patience,
    )


def run_trees(task, seed):
    """Fit LightGBM on lags of all series, and feed its forecasts back."""
    trees = make_trees(task, seed)
    trees.fit(to_long(take_log(task, task.past)), static_features=[])
    if not task.origins.any():
        forecasts = trees.predict(task.horizon)
        return undo_log(task, to_array(forecasts, "LGBMRegressor", task))
    # Each window before an origin is a new series; some at a time, for memory.
    parts = [
        trees.predict(task.horizon, new_df=windows_to_long(windows))
        for windows in np.array_split(
            take_log(task, task.windows(N_BEFORE_ORIGIN["LightGBM"])),
            task.n_series,
        )
    ]
    return undo_log(task, to_array(pd.concat(parts), "LGBMRegressor", task))


def make_trees(task, seed):
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import Differences, LocalStandardScaler

    settings = SETTINGS[task.name]
    trees = LGBMRegressor(
        learning_rate=0.05,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        n_jobs=1,
        random_state=seed,
        verbosity=-1,
        **settings.trees,
    )
    transforms = [Differences(settings.differences)] if settings.differences else []
    # The window before one of many origins would be scaled by itself, and not as the
    # series was in training; the series of that set are z-scores already.
    if not task.on_z_scores:
        transforms.append(LocalStandardScaler())
    return MLForecast(
        trees,
        freq=1,
        lags=settings.lags,
        lag_transforms={1: [RollingMean(span) for span in settings.spans]},
        target_transforms=transforms,
    )


def run_statistics(task, seed, name):
    """Fit a model of statsforecast on each series alone."""
    from statsforecast import StatsForecast
    from statsforecast.models import SeasonalNaive

    past = to_long(task.past)
    if task.origins.any():
        past = windows_to_long(task.windows(N_BEFORE_ORIGIN["statsforecast"]))
    forecaster = StatsForecast(
        [make_statistics(task, name)],
        freq=1,
        fallback_model=SeasonalNaive(task.naive_period, alias=name),
    )
    return to_array(forecaster.forecast(df=past, h=task.horizon), name, task)


def make_statistics(task, name):
    from statsforecast import models

    season = task.seasonal_periods[0]
    if name == "MSTL":
        return models.MSTL([*task.seasonal_periods], models.AutoETS(model="ZZN"))
    if name == "AutoTheta":
        # Seasonal factors need positive values.
        kind = "multiplicative" if task.positive else "additive"
        return models.AutoTheta(season, decomposition_type=kind)
    return getattr(models, name)(season)
