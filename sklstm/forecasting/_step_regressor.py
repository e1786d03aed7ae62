"""StepRegressor: one tabular regressor for all steps ahead."""

from contextlib import nullcontext
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.utils import check_random_state
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    has_fit_parameter,
)
from threadpoolctl import threadpool_limits

from .._panels.all_or_nothing import all_or_nothing
from .._panels.fill import fill_from_before
from .._panels.parameters import HasMethods, Interval, _fit_context, read_counts
from .._windows.checked_windows import (
    check_training,
    check_windows,
    columns_of,
    mean_of_target,
)
from .._windows.windows import PanelWindows
from ._step_inputs import STEP_ROWS, step_inputs

__all__ = ["StepRegressor"]

# Numbers of windows gathered at a time: bounds the memory that a prediction takes.
_CHUNK = 1 << 22


class StepRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Forecast all steps with one tabular regressor, such as boosted trees.

    A sample of the regressor is a window and one of the steps after it. The number of
    the step is an input, beside the values of up to ten seasons before that step, their
    means, and the last changes: relative to a naive forecast, in units of the changes
    in the window. The regressor learns the distance from that forecast. So one
    regressor learns from every series and every step, however long the horizon, and
    forecasts levels that were not in the training rows. Trees make other errors than a
    network, and are a good partner in a :class:`~sklstm.SeedEnsemble`.

    Parameters
    ----------
    regressor : regressor, default=None
        A regressor that accepts missing values. None is a
        :class:`~sklearn.ensemble.HistGradientBoostingRegressor` of 100 trees with the
        absolute error as its loss, on one thread.
    seasonal_periods : int or sequence of int, default=None
        Number of rows of each season; None for none. Inputs reach back ten seasons, but
        at most 130 rows, or one window if that is longer; in arrays one window.
    max_samples : int, default=100_000
        Largest number of samples that are learned, drawn from all windows and steps.
    random_state : int, RandomState instance or None, default=None
        Seed of that draw, and of the regressor if None was given.

    Attributes
    ----------
    regressor_ : regressor
        The fitted regressor.
    fallback_ : ndarray of shape (n_targets,)
        The mean in training, which windows without a known value get.
    past_reach_ : int
        Number of rows before its window that a forecast reads.
    n_features_in_ : int
        Size of the second axis of X.

    See Also
    --------
    NaiveRegressor : The forecasts that it starts from.
    SeedEnsemble : Networks and partners of another kind, averaged.

    Notes
    -----
    The naive forecast is the value one season before the step, of the longest season
    that the window holds at that step; without a season, the last value. The unit of a
    window is its mean change over a row or the shortest season, whichever is larger,
    and that of all windows where nothing changes. Windows of a
    :class:`~sklstm.SlidingWindow` bring their covariates: those of the last row, and
    the known ones of the row that is forecast. Categories are their codes.

    X may also be an array of shape (n, n_steps) or (n, n_steps, n_features), whose last
    feature is the target's past.

    A single model with the step as an input stands between the direct strategy (a model
    for each step) and the recursive one: Ben Taieb, S. et al. (2012). A review and
    comparison of strategies for multi-step ahead time series forecasting. Expert
    Systems with Applications 39(8), 7067-7083.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import PanelForecaster, SeriesScaler, SlidingWindow, StepRegressor
    >>> from sklstm.datasets import make_panel
    >>> y = make_panel(n_series=5, n_rows=80, n_covariates=0, random_state=0)["target"]
    >>> trees = PanelForecaster(
    ...     make_pipeline(SlidingWindow(21), StepRegressor(seasonal_periods=7)),
    ...     horizon=7,
    ...     target_transformer=SeriesScaler(),
    ... ).fit(None, y)
    >>> trees.forecast().shape
    (35,)
    """

    _parameter_constraints: dict = {
        "regressor": [None, HasMethods(["fit", "predict"])],
        "seasonal_periods": [
            None,
            Interval(Integral, 1, None, closed="left"),
            "array-like",
        ],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    accepts_panel_windows = True

    # Files of earlier versions do not have it.
    _columns: Any = None

    def __init__(
        self,
        regressor: Any = None,
        seasonal_periods: Any = None,
        *,
        max_samples: int = 100_000,
        random_state: Any = None,
    ) -> None:
        self.regressor = regressor
        self.seasonal_periods = seasonal_periods
        self.max_samples = max_samples
        self.random_state = random_state

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "StepRegressor":
        """Train the regressor on windows and the steps after them.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows.
        y : array of shape (n,) or (n, n_outputs)
            Targets: the next steps, of each target. Beside PanelWindows a value may be
            NaN, if it is not known.
        sample_weight : array-like of shape (n,), default=None
            Weights of the windows; those of weight 0 are not drawn.

        Returns
        -------
        StepRegressor
            The fitted estimator.
        """
        periods = read_counts(self.seasonal_periods, "seasonal_periods") or ()
        random_state = check_random_state(self.random_state)
        X, y, target = check_training(self, X, y)
        self._columns = columns_of(X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
            sample_weight = sample_weight / sample_weight[sample_weight > 0].mean()
        self._periods = tuple(period for period in periods if period > 1)
        self._ndim, self._n_outputs = y.ndim, 1 if y.ndim == 1 else y.shape[1]
        self._n_targets, self.past_reach_ = target.shape[1], 0
        if isinstance(X, PanelWindows):
            self.past_reach_ = max(0, STEP_ROWS - X.window_size)
        self.fallback_ = mean_of_target(target)

        window, inputs, distance = self._draw(X, y, sample_weight, random_state)
        # Some regressors refuse a column without any value.
        self._used = ~np.isnan(inputs).all(axis=0)
        regressor, extra = self._new_regressor(random_state), {}
        if sample_weight is not None and has_fit_parameter(regressor, "sample_weight"):
            extra["sample_weight"] = sample_weight[window]
        try:
            with self._limited():
                regressor.fit(inputs[:, self._used], distance, **extra)
        except ValueError as error:
            if "NaN" in str(error):
                error.add_note(
                    f"regressor={regressor!r} got missing inputs, because some windows "
                    "are shorter than ten seasons. Use a regressor that accepts them, "
                    "such as HistGradientBoostingRegressor, or a pipeline with "
                    "SimpleImputer."
                )
            raise
        self.regressor_ = regressor
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
        out = np.empty(len(X) * self._n_outputs)
        for part in self._parts(X, np.arange(len(out))):
            inputs, naive, scale = self._samples(X, part)
            known = ~np.isnan(naive)
            if known.any():
                rows = inputs[known][:, self._used]
                with self._limited():
                    distance = self.regressor_.predict(rows)
                naive[known] += self._scale_or_usual(scale[known]) * distance
            out[part] = np.where(known, naive, self.fallback_[part % self._n_targets])
        return out if self._ndim == 1 else out.reshape(len(X), self._n_outputs)

    def _draw(self, X, y, sample_weight, random_state):
        """Draw samples, and learn the usual scale.

        Returns
        -------
        window : ndarray of int of shape (n_samples,)
        inputs : ndarray of shape (n_samples, n_inputs)
        distance : ndarray of shape (n_samples,)
            Of the target from the naive forecast, in units of the window.
        """
        windows = np.arange(len(X))
        if sample_weight is not None:
            windows = np.flatnonzero(sample_weight > 0)
        n_all = len(windows) * self._n_outputs
        drawn = np.arange(min(n_all, self.max_samples))
        if len(drawn) < n_all:
            drawn = sample_without_replacement(
                n_all, len(drawn), random_state=random_state
            )
        window, output = np.divmod(drawn, self._n_outputs)
        window = windows[window]
        samples = window * self._n_outputs + output
        parts = [self._samples(X, part) for part in self._parts(X, samples)]
        inputs, naive, scale = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        distance = _gather_targets(y, window, output) - naive
        known = np.isfinite(distance)
        if not known.any():
            raise ValueError(
                "There is nothing to learn: no step has both a known target and a "
                "known value in the window before it. Lower the horizon, or fill y."
            )
        changing = scale[known & ~np.isnan(scale)]
        self._usual_scale = changing.mean() if len(changing) else 1.0
        distance /= self._scale_or_usual(scale)
        return window[known], inputs[known], distance[known]

    def _limited(self):
        """One thread for the default trees, since threads that share cores are slow."""
        if self.regressor is not None:
            return nullcontext()
        return threadpool_limits(1, user_api="openmp")

    def _new_regressor(self, random_state):
        if self.regressor is not None:
            return clone(self.regressor)
        return HistGradientBoostingRegressor(
            loss="absolute_error",
            min_samples_leaf=100,
            max_features=0.3,
            early_stopping=False,
            random_state=random_state.randint(np.iinfo(np.int32).max),
        )

    def _scale_or_usual(self, scale):
        return np.where(np.isnan(scale), self._usual_scale, scale)

    def _parts(self, X, samples):
        """Split samples into parts that are small enough to gather."""
        size = max(1, _CHUNK // (X.shape[1] + self.past_reach_))
        return np.split(samples, range(size, len(samples), size))

    def _samples(self, X, samples):
        """The inputs, naive forecasts and scales of samples.

        Parameters
        ----------
        X : PanelWindows or ndarray
        samples : ndarray of int of shape (n_samples,)
            Places in an array of shape (n_windows, n_outputs), read row by row.

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_inputs)
        naive, scale : ndarray of shape (n_samples,)
        """
        window, output = np.divmod(samples, self._n_outputs)
        step, target = np.divmod(output, self._n_targets)
        # Inputs without the step are computed once for each window and target.
        each, row = np.unique(window * self._n_targets + target, return_inverse=True)
        windows, targets = np.divmod(each, self._n_targets)
        if isinstance(X, PanelWindows):
            n_rows = X.window_size + self.past_reach_
            past = X.table.target_up_to(X.ends[windows], targets, n_rows)
            covariates = _gather_covariates(X.table, X.ends[window], step + 1)
        else:
            past, covariates = _split_array(X, windows, window)
        past = fill_from_before(past[..., None])[..., 0]
        inputs, naive, scale = step_inputs(past, row, step + 1, self._periods)
        others = [target] if self._n_targets > 1 else []
        return np.column_stack([inputs, covariates, *others]), naive, scale

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True
        return tags


def _gather_targets(y, window, output):
    """The targets of samples, of shape (n_samples,)."""
    parts = []
    size = max(1, _CHUNK // (1 if y.ndim == 1 else y.shape[1]))
    for first in range(0, len(window), size):
        part = slice(first, first + size)
        rows = np.asarray(y[window[part]], dtype=np.float64)
        rows = rows.reshape(len(rows), -1)
        parts.append(rows[np.arange(len(rows)), output[part]])
    return np.concatenate(parts)


def _gather_covariates(table, end, step):
    """The covariates of some rows, and the known ones of a step after them."""
    ahead = end + step
    beyond = ahead >= table.segment_ends(end)
    ahead[beyond] = 0
    values, codes = table.values, table.codes
    known = [values[ahead][:, table.known_values], codes[ahead][:, table.known_codes]]
    known = np.column_stack(known).astype(np.float64)
    known[beyond] = np.nan
    return np.column_stack([values[end], codes[end], known])


def _split_array(X, windows, window):
    """The past and the covariates of windows in an array, whose last feature is it."""
    if X.ndim == 2:
        return X[windows], np.empty((len(window), 0))
    return X[windows][..., -1], X[window][:, -1, :-1]
