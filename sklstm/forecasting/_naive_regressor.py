"""NaiveRegressor: the forecasts that a network has to beat."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._panels.fill import fill_from_before
from .._panels.parameters import Interval, StrOptions, _fit_context
from .._windows.checked_windows import (
    check_training,
    check_windows,
    columns_of,
    mean_of_target,
)
from .._windows.windows import PanelWindows
from ._theta import theta_forecasts, theta_reach

__all__ = ["NaiveRegressor"]

# Rows of windows read at a time: bounds the memory that a prediction takes.
_CHUNK = 1 << 22


class NaiveRegressor(RegressorMixin, BaseEstimator):
    """Forecast the next steps from the last values, without learning.

    In a :class:`~sklstm.PanelForecaster` it stands where a network would, so the same
    folds, scorers and tables tell whether the network is any good.

    Parameters
    ----------
    strategy : {"seasonal", "drift", "mean", "theta"}, default="seasonal"
        "seasonal" repeats the last `seasonal_periods` values; "drift" draws a line
        through the first and the last known value of the window; "mean" is the mean of
        the window. "theta" is the Theta method: exponential smoothing with half the
        slope of the line through the values as a drift, after a season that passes a
        test was taken out. It reads ten seasons, at least 36 rows, or the window if
        that is more; of an array, the window. Seasons of thousands of rows take it
        seconds.
    seasonal_periods : int, default=1
        Number of rows of a season. 1 is no season. "seasonal" and "theta" read it, and
        for "seasonal" it is at most the window size.

    Attributes
    ----------
    fallback_ : ndarray of shape (n_targets,)
        The mean in training, which windows without a known value get.
    past_reach_ : int
        Number of rows before its window that a forecast reads: 0, except by "theta".
    n_features_in_ : int
        Size of the second axis of X.

    See Also
    --------
    LSTMRegressor : The network; its skip connection starts from such forecasts.
    sklearn.dummy.DummyRegressor : Forecasts that do not read X.

    Notes
    -----
    A missing value is the last known one before it; where a season is not in the
    window, its value is the last known one. Windows are float32.

    X may also be an array of shape (n, n_steps) or (n, n_steps, n_features), whose last
    feature is the target's past.

    The first three strategies are those of Hyndman, R.J. and Athanasopoulos, G. (2021).
    Forecasting: principles and practice, 3rd edition, section 5.2. Theta is the method
    of Assimakopoulos, V. and Nikolopoulos, K. (2000), "The theta model: a decomposition
    approach to forecasting", International Journal of Forecasting 16(4), 521-530, in
    the form of Hyndman, R.J. and Billah, B. (2003), "Unmasking the Theta method",
    International Journal of Forecasting 19(2), 287-290. A season is taken out as the
    differences of the values from their moving average, so it should be additive:
    transform the target with a :class:`~sklstm.SeriesLog` where it grows with the
    level.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import NaiveRegressor, PanelForecaster, SlidingWindow
    >>> from sklstm.datasets import make_panel
    >>> y = make_panel(n_series=2, n_rows=30, n_covariates=0, random_state=0)["target"]
    >>> naive = PanelForecaster(
    ...     make_pipeline(SlidingWindow(7), NaiveRegressor(seasonal_periods=7)),
    ...     horizon=7,
    ... ).fit(None, y)
    >>> bool(np.allclose(naive.forecast()[:7], y[23:30]))
    True
    """

    _parameter_constraints: dict = {
        "strategy": [StrOptions({"seasonal", "drift", "mean", "theta"})],
        "seasonal_periods": [Interval(Integral, 1, None, closed="left")],
    }

    accepts_panel_windows = True

    # Files of earlier versions do not have it.
    _columns: Any = None

    def __init__(self, strategy: str = "seasonal", seasonal_periods: int = 1) -> None:
        self.strategy = strategy
        self.seasonal_periods = seasonal_periods

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any) -> "NaiveRegressor":
        """Read the number of outputs, and the mean of the target.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows.
        y : array of shape (n,) or (n, n_outputs)
            Targets: the next steps, of each target.

        Returns
        -------
        NaiveRegressor
            The fitted estimator.
        """
        X, y, target = check_training(self, X, y)
        self._columns = columns_of(X)
        self._n_targets, self._ndim = target.shape[1], y.ndim
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if self.strategy == "seasonal" and self.seasonal_periods > X.shape[1]:
            raise ValueError(
                f"seasonal_periods={self.seasonal_periods} is longer than the windows, "
                f"which have {X.shape[1]} rows. Set window_size of SlidingWindow to at "
                f"least {self.seasonal_periods}."
            )
        self._n_steps = n_outputs // self._n_targets
        self.fallback_ = mean_of_target(target)
        self.past_reach_ = 0
        if self.strategy == "theta" and isinstance(X, PanelWindows):
            wanted = theta_reach(self.seasonal_periods)
            self.past_reach_ = max(0, wanted - X.window_size)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Forecast the next steps of windows.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows, as in `fit`.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            In the units and the shape of fit's y.
        """
        check_is_fitted(self)
        X = check_windows(self, X, self._columns)
        if isinstance(X, PanelWindows):
            size = max(1, _CHUNK // (X.window_size + self.past_reach_))
            parts = (X[i : i + size] for i in range(0, max(len(X), 1), size))
            out = np.concatenate([self._forecast(self._gather(part)) for part in parts])
        else:
            out = self._forecast(X[..., None] if X.ndim == 2 else X[..., -1:])
        return out[:, 0] if self._ndim == 1 else out

    def _gather(self, X):
        """The target's past of windows, NaN in padding: (n, n_rows, n_targets)."""
        n_rows = X.window_size + self.past_reach_
        rows = X.ends[:, None] + np.arange(1 - n_rows, 1)
        inside = rows >= X.starts[:, None]
        past = X.table.target[np.where(inside, rows, 0)].astype(np.float64)
        past[~inside] = np.nan
        return past

    def _forecast(self, past):
        past = fill_from_before(past)
        last = np.where(np.isnan(past[:, -1]), self.fallback_, past[:, -1])
        step = np.arange(self._n_steps)
        if self.strategy == "seasonal":
            period = self.seasonal_periods
            out = past[:, past.shape[1] - period + step % period]
        elif self.strategy == "mean":
            known = np.isfinite(past)
            total = np.where(known, past, 0.0).sum(axis=1)
            mean = total / np.maximum(known.sum(axis=1), 1)
            mean = np.where(known.any(axis=1), mean, np.nan)
            out = np.repeat(mean[:, None], self._n_steps, axis=1)
        elif self.strategy == "theta":
            of_targets = (
                theta_forecasts(each, self._n_steps, self.seasonal_periods)
                for each in np.moveaxis(past, -1, 0)
            )
            out = np.stack(list(of_targets), axis=-1)
        else:
            out = last[:, None] + _slope(past)[:, None] * (1 + step)[:, None]
        return np.where(np.isnan(out), last[:, None], out).reshape(len(out), -1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True
        return tags


def _slope(past):
    """The change by row from the first known value to the last row; 0 if unknown."""
    known = np.isfinite(past)
    first = known.argmax(axis=1)
    start = np.take_along_axis(past, first[:, None], axis=1)[:, 0]
    n_rows = past.shape[1] - 1 - first
    slope = (past[:, -1] - start) / np.maximum(n_rows, 1)
    return np.where(known.any(axis=1), slope, 0.0)
