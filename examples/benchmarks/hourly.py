"""The data of the benchmarks: hourly series, scaled, with windows and targets."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sklstm import PanelWindows, SeriesScaler, SlidingWindow
from sklstm.datasets import make_panel


def make_hourly(n_series, n_rows, seed=0):
    """Make series with a daily and a weekly season, scaled, as a Series."""
    panel = make_panel(
        n_series,
        n_rows,
        seasonal_periods=(24, 168),
        n_covariates=0,
        freq="h",
        random_state=seed,
    )
    return scale(panel["target"])


def load_m4_hourly(folder, n_series=None):
    """Load the training part of M4 Hourly, scaled, as a Series."""
    path = Path(folder, "Hourly-train.csv.gz")
    path = path if path.exists() else Path(folder, "Hourly-train.csv")
    wide = pd.read_csv(path, index_col=0)[:n_series]
    wide.columns = pd.RangeIndex(wide.shape[1])
    long = wide.T.unstack().dropna()
    return scale(long.rename_axis(["series", "time"]).rename("target"))


def scale(y):
    """Take the logarithm, and scale each series by its own mean and deviation."""
    scaled = SeriesScaler().fit_transform(np.log(y).to_frame())
    return scaled["target"].astype(np.float32)


class Task(NamedTuple):
    """Full windows, and the next rows of the target after each."""

    windows: PanelWindows
    targets: np.ndarray
    steps_left: np.ndarray  # rows of the series that come after the window


def make_task(y, window_size, horizon):
    """Pair each full window with its next `horizon` rows, where there are so many."""
    windows = SlidingWindow(window_size).fit_transform(y.to_frame())
    grouped = y.groupby(level=0)
    targets = np.column_stack([grouped.shift(-k) for k in range(1, horizon + 1)])
    steps_left = grouped.cumcount(ascending=False).to_numpy()
    kept = (windows.lengths == window_size) & (steps_left >= horizon)
    targets = targets[kept].astype(np.float32)
    return Task(windows[kept], targets, steps_left[kept])
