"""WindowMLPRegressor: a perceptron over windows, free of level and scale."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .._panels.all_or_nothing import all_or_nothing
from .._panels.fill import fill_from_before
from .._panels.parameters import Interval, _fit_context
from .._windows.checked_windows import (
    check_training,
    check_windows,
    columns_of,
    mean_of_target,
)
from .._windows.windows import PanelWindows
from ._device import float_type, limit_threads, resolve_device, seeded
from ._perceptron import Perceptron, train_perceptron

__all__ = ["WindowMLPRegressor"]

# Numbers of windows gathered at a time: bounds the memory that is taken.
_CHUNK = 1 << 21

# Windows of which the usual change is learned.
_N_USUAL = 10_000

# The smallest unit of a window, as a share of the usual one: windows that hardly change
# would teach and forecast wild numbers.
_SMALLEST = 0.05


class WindowMLPRegressor(RegressorMixin, BaseEstimator):
    """Forecast all steps from the last rows with a multilayer perceptron.

    It reads the values of each window relative to the last one, in units of the
    changes in the window, and learns how far each step lies from the last value. So
    one net learns from every series, and forecasts levels that were not in the training
    rows. It trains in seconds, and makes other errors than an LSTM: a good partner in
    a :class:`~sklstm.SeedEnsemble`, above all on long series of weeks.

    Parameters
    ----------
    n_rows : int, default=260
        Number of rows that a forecast reads, at most as many as the longest series has
        in `fit`; or one window if that is longer, and in arrays.
    hidden_size : int, default=128
        Units of each of the two hidden layers.
    max_epochs : int, default=5
        Number of passes over the training windows.
    max_samples : int, default=100_000
        Largest number of windows in a pass, drawn anew for each.
    lr : float, default=2e-3
        Learning rate of AdamW at its highest.
    batch_size : int, default=256
        Number of windows in a step of the optimizer.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1" or "mps"; "auto" is CUDA if it is available. On the CPU
        it trains on one thread. `predict` always runs on the CPU.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights and of the order of the windows.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weights of the two hidden layers, of the output layer, and of the linear path
        from the inputs to the outputs.
    intercepts_ : list of ndarray
        Their constants.
    fallback_ : ndarray of shape (n_targets,)
        The mean in training: the forecast of windows without a known value.
    past_reach_ : int
        Number of rows before its window that a forecast reads.
    n_features_in_ : int
        Size of the second axis of X.

    See Also
    --------
    StepRegressor : Boosted trees, another partner.
    SeedEnsemble : Networks and partners of another kind, averaged.

    Notes
    -----
    Of the windows of a :class:`~sklstm.SlidingWindow` it reads the target's past alone,
    no covariates. The unit of a window is its mean change over a row plus 0.05 of the
    usual one in training. Missing values are carried forward from before; those before
    the first known value repeat it. Several targets share one net. The loss is the
    absolute error in units of y.

    X may also be an array of shape (n, n_steps) or (n, n_steps, n_features), whose last
    feature is the target's past.

    The second hidden layer adds to the first, as in He, K. et al. (2016). Deep residual
    learning for image recognition. CVPR, 770-778. Windows free of their last value and
    with a linear path are those of NLinear: Zeng, A. et al. (2023). Are transformers
    effective for time series forecasting? AAAI 37(9), 11121-11128.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklstm import (
    ...     PanelForecaster,
    ...     SeriesScaler,
    ...     SlidingWindow,
    ...     WindowMLPRegressor,
    ... )
    >>> from sklstm.datasets import make_panel
    >>> y = make_panel(n_series=5, n_rows=80, n_covariates=0, random_state=0)["target"]
    >>> mlp = PanelForecaster(
    ...     make_pipeline(SlidingWindow(21), WindowMLPRegressor(random_state=0)),
    ...     horizon=7,
    ...     target_transformer=SeriesScaler(),
    ... ).fit(None, y)
    >>> mlp.forecast().shape
    (35,)
    """

    _parameter_constraints: dict = {
        "n_rows": [Interval(Integral, 1, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
    }

    accepts_panel_windows = True

    # Files of earlier versions do not have it.
    _columns: Any = None

    def __init__(
        self,
        n_rows: int = 260,
        *,
        hidden_size: int = 128,
        max_epochs: int = 5,
        max_samples: int = 100_000,
        lr: float = 2e-3,
        batch_size: int = 256,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.n_rows = n_rows
        self.hidden_size = hidden_size
        self.max_epochs = max_epochs
        self.max_samples = max_samples
        self.lr = lr
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "WindowMLPRegressor":
        """Train the net on windows and the steps after them.

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
        WindowMLPRegressor
            The fitted estimator.
        """
        device = resolve_device(self.device)
        random_state = check_random_state(self.random_state)
        seed = random_state.randint(np.iinfo(np.int32).max)
        X, y, target = check_training(self, X, y)
        self._columns = columns_of(X)
        weight = np.ones(len(X))
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            weight = weight / weight[weight > 0].mean()
        self._ndim, self._n_outputs = y.ndim, 1 if y.ndim == 1 else y.shape[1]
        self._n_targets, self.past_reach_ = target.shape[1], 0
        if isinstance(X, PanelWindows):
            longest = int((X.ends - X.starts).max()) + 1
            self.past_reach_ = max(0, min(self.n_rows, longest) - X.window_size)
        self.fallback_ = mean_of_target(target)

        samples = np.arange(len(X) * self._n_targets)
        samples = samples[weight[samples // self._n_targets] > 0]
        self._usual_change = self._learn_usual_change(
            X, y, weight, samples, random_state
        )
        n_drawn = min(len(samples), self.max_samples)
        shape = (
            self._width(X),
            self.hidden_size,
            self._n_outputs // self._n_targets,
        )
        n_threads = 1 if device.type == "cpu" else None
        with limit_threads(n_threads), seeded(seed, device):
            net = train_perceptron(
                self._blocks(X, y, weight, samples, random_state),
                self.max_epochs * -(-n_drawn // self.batch_size),
                shape,
                self.batch_size,
                self.lr,
                dtype=float_type(X, device),
                device=device,
            )
        self.coefs_, self.intercepts_ = net.to_arrays()
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
        net = Perceptron.from_arrays(self.coefs_, self.intercepts_)
        n_steps = self._n_outputs // self._n_targets
        out = np.empty((len(X) * self._n_targets, n_steps))
        for part in self._parts(X, np.arange(len(out))):
            inputs, last, unit = self._inputs(X, part)
            with limit_threads(1):
                steps = last[:, None] + unit[:, None] * net.compute(inputs)
            fallback = self.fallback_[part % self._n_targets, None]
            out[part] = np.where(np.isnan(last)[:, None], fallback, steps)
        out = out.reshape(len(X), self._n_targets, n_steps).swapaxes(1, 2)
        out = out.reshape(len(X), self._n_outputs)
        return out[:, 0] if self._ndim == 1 else out

    def _learn_usual_change(self, X, y, weight, samples, random_state):
        """The mean change over a row, of windows whose value and target are known."""
        shuffled = random_state.permutation(samples)
        for part in np.split(shuffled, range(_N_USUAL, len(samples), _N_USUAL)):
            past = self._past(X, part)
            known = ~np.isnan(past[:, -1]) & ~np.isnan(self._targets(y, part)).all(
                axis=1
            )
            if known.any():
                each = weight[part[known] // self._n_targets]
                return float(np.average(_mean_change(past[known]), weights=each)) or 1.0
        raise ValueError(
            "There is nothing to learn: no window has both a known target and a known "
            "value. Lower the horizon, raise n_rows, or fill y."
        )

    def _blocks(self, X, y, weight, samples, random_state):
        """Inputs, targets and weights, drawn anew for each pass, in whole batches."""
        n_drawn = min(len(samples), self.max_samples)
        size = self.batch_size * max(1, _CHUNK // self._width(X) // self.batch_size)
        for _ in range(self.max_epochs):
            drawn = random_state.permutation(samples)[:n_drawn]
            for part in np.split(drawn, range(size, n_drawn, size)):
                inputs, last, unit = self._inputs(X, part)
                targets = (self._targets(y, part) - last[:, None]) / unit[:, None]
                known = ~np.isnan(targets)
                each = weight[part // self._n_targets] * (unit / self._usual_change)
                yield (
                    np.nan_to_num(inputs),
                    np.where(known, targets, 0.0),
                    known * each[:, None],
                )

    def _targets(self, y, samples):
        """The steps of samples, of shape (n_samples, n_steps)."""
        window, target = np.divmod(samples, self._n_targets)
        steps = np.asarray(y[window], dtype=np.float64)
        steps = steps.reshape(len(steps), -1, self._n_targets)
        return steps[np.arange(len(steps)), :, target]

    def _inputs(self, X, samples):
        """Gather the inputs of the net.

        Parameters
        ----------
        X : PanelWindows or ndarray
        samples : ndarray of int of shape (n_samples,)
            Places in an array of shape (n_windows, n_targets), read row by row.

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_rows)
            NaN where a window has no known value.
        last : ndarray of shape (n_samples,)
            The last known value.
        unit : ndarray of shape (n_samples,)
        """
        past = self._past(X, samples)
        last = past[:, -1]
        unit = _mean_change(past) + _SMALLEST * self._usual_change
        first = np.argmax(~np.isnan(past), axis=1)
        begin = past[np.arange(len(past)), first][:, None]
        past = np.where(np.isnan(past), begin, past)
        return (past - last[:, None]) / unit[:, None], last, unit

    def _past(self, X, samples):
        """The last rows of samples, NaN before the first known value only."""
        window, target = np.divmod(samples, self._n_targets)
        if isinstance(X, PanelWindows):
            past = X.table.target_up_to(X.ends[window], target, self._width(X))
        else:
            past = X[window] if X.ndim == 2 else X[window][..., -1]
        return fill_from_before(past[..., None])[..., 0]

    def _width(self, X):
        """How many rows are read."""
        if isinstance(X, PanelWindows):
            return X.window_size + self.past_reach_
        return X.shape[1]

    def _parts(self, X, samples):
        """Split samples into parts that are small enough to gather."""
        size = max(1, _CHUNK // self._width(X))
        return np.split(samples, range(size, len(samples), size))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True
        return tags


def _mean_change(past):
    """The mean absolute change over a row, 0 where there is none."""
    changes = np.abs(np.diff(past, axis=1))
    known = ~np.isnan(changes)
    total = np.where(known, changes, 0.0).sum(axis=1)
    return total / np.maximum(known.sum(axis=1), 1)
