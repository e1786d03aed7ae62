"""LSTMRegressor: flat scikit-learn hyperparameters around a skorch net."""

from copy import copy, deepcopy
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)
from skorch.history import History

from .._panels.all_or_nothing import all_or_nothing, shallow_copy
from .._panels.fit_tasks import FitTasksMixin, with_callbacks
from .._panels.parameters import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
    with_python_numbers,
)
from .._panels.plain_state import PlainState
from .._panels.quantiles import check_quantiles, interpolate_quantiles, median_of
from .._windows.step_targets import StepTargets
from .._windows.windows import PanelWindows
from ._callbacks import clone_callbacks
from ._device import choose_threads, limit_threads, resolve_device
from ._epoch_tasks import EpochTasks
from ._fit_checkpoint import FitCheckpoint
from ._input_spec import InputSpec, TargetFormat, read_targets
from ._plain_net import pack_net, unpack_net
from ._training import (
    LOSSES,
    OPTIMIZERS,
    TrainingData,
    check_learnable,
    check_scoring,
    prediction_batch,
    split_windows,
    train_net,
    train_on,
)
from ._window_batches import split_batch
from ._window_net import WindowNet

# Prediction batches are gathered together up to this number of rows.
_ROWS_GATHERED = 1 << 15


def _learns_quantiles(self):
    """Whether quantiles are learned; an AttributeError says they are not."""
    fitted = hasattr(self, "net_")
    if self._targets.quantiles is None if fitted else self.loss != "quantile":
        raise AttributeError(
            "predict_quantiles needs a fit with loss='quantile'; now the parameter is "
            f"loss={self.loss!r}."
        )
    return True


# Parameters that a net has from its first fit, whatever trains it further.
_FIXED = (
    "hidden_size",
    "seasonal_periods",
    "embedding_dim",
    "loss",
    "quantiles",
    "num_layers",
    "bidirectional",
    "dropout",
    "category_dropout",
    "head_hidden_size",
    "optimizer",
    "net_params",
)
_NET_PREFIXES = ("module__", "optimizer__", "criterion__", "callbacks__")


class LSTMRegressor(PlainState, FitTasksMixin, RegressorMixin, BaseEstimator):
    """A global LSTM that maps windows to one or many outputs.

    The parameters are flat, as in scikit-learn; `fit` builds a PyTorch module and
    trains it through a skorch net. Windows come from :class:`~sklstm.SlidingWindow` and
    are gathered batch by batch from one table on the device. Every categorical column
    has an embedding, which enters each step and the dense head. The outputs are decoded
    from the last state; a bidirectional net uses the last state of both directions.
    Padding never reaches the state.

    The parameters come in groups: the ten that matter most (`hidden_size` to
    `random_state`), the architecture (`num_layers` to `head_hidden_size`), the
    optimisation (`optimizer` to `batch_size`), stopping (`validation_fraction` to
    `warm_start`), and the surroundings (`verbose` to `net_params`).

    Parameters
    ----------
    hidden_size : int, default=64
        Units of each LSTM layer and direction.
    seasonal_periods : int or sequence of int, default=None
        Number of rows of each season, for a skip connection around the net: an output
        is a mix of naive forecasts, weighted by the net, plus a correction that starts
        at 0. The naive forecasts are the last value and, for each season longer than
        one row, the value one season earlier (two seasons for steps beyond the first
        season, and so on), the last value plus the change one season earlier, and the
        mean of the values of four seasons (not for seasons of a year, whose level moves
        too far). With at least 50 series, the states one season before a step add to
        its output and to its weights, for seasons that are shorter than a year and no
        longer than a window; not if `bidirectional`. 1 gives the last value alone. The
        outputs must be the steps after the window, as in
        :class:`~sklstm.PanelForecaster`. None disables the skip.
    embedding_dim : int or "auto", default="auto"
        Size of the embedding of every categorical column. "auto" uses
        ``1.6 * n_labels ** 0.56``, at most 50. 0 ignores the categorical columns.
    loss : {"mse", "mae", "huber", "quantile"}, default="mse"
        Training loss. "quantile" is the pinball loss, averaged over `quantiles`. A NaN
        in a y of several outputs has no loss.
    quantiles : sequence of float, default=None
        Quantiles of each output to learn with ``loss="quantile"``, ascending, between 0
        and 1. They never cross: the quantile nearest to the median is an output of the
        net, and every other quantile is a positive step away from its neighbour. None
        uses 0.025, 0.05, 0.1, 0.2, ..., 0.9, 0.95 and 0.975. `predict` returns the
        median, or the learned quantile next to it.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training windows. "auto" depends on `n_steps`, the
        number of optimizer steps in a pass: ``1000 / n_steps``, or ``100 /
        sqrt(n_steps)`` if a pass has more than 100. With `seasonal_periods` it is 20
        (25 if a pass takes a share of the windows, see `origin_share`), less by
        ``sqrt(600 / n_steps)`` if a pass has more than 600 steps, and more if a pass
        has few steps: ``800 / n_steps``, times ``sqrt(576 / n_windows)`` if a
        step learns more than 576 windows. It is at least 3 and at most 100.
    lr : float, default=3e-3
        Learning rate.
    early_stopping : bool or "refit", default=False
        Whether to hold out the end of each series, stop when the loss there has not
        improved for `n_iter_no_change` epochs, and restore the best weights. "refit"
        then trains again from the start, on all windows, for the best number of epochs,
        so that the end of each series is learned too.
    device : str, default="auto"
        "cpu", "cuda", "cuda:1" or "mps". "auto" is CUDA if it is available, else the
        CPU. The device is chosen in `fit`, so an unfitted model can move between
        machines.
    random_state : int, RandomState instance or None, default=None
        Seed for the weights, batch order and dropout. The global generator of torch is
        not changed.
    num_layers : int, default=1
        Number of stacked LSTM layers.
    bidirectional : bool, default=False
        Whether each layer reads the window in both directions.
    dropout : float, default=0.0
        Share of each layer's outputs that is set to zero in training, in [0, 1).
    category_dropout : float, default=0.0
        Share of the training windows (or chunks) in which a categorical column shows
        only the unknown label, drawn for each column independently, in [0, 1). The
        embedding of the unknown label becomes that of a typical series (or store, or
        brand), ready for new ones, and the net does not memorise short series.
    mixup : float or "auto", default=0.0
        Share of the training chunks that are replaced by a weighted sum with another
        chunk of their batch, targets included: one more series to learn from. "auto" is
        0.25 with at least 50 series, else 0. Only with `seasonal_periods` and chunked
        training, and only where the target's past is the only input: with covariates or
        categories no chunk is replaced.
    head_hidden_size : int, default=None
        Units of a tanh layer between the last state and the outputs. None makes the
        outputs linear in the state.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"} or Optimizer class, default="adam"
        A name, or a subclass of ``torch.optim.Optimizer``. Its other parameters, such
        as the weight decay, are ``net_params={"optimizer__weight_decay": 1e-3}``.
    lr_schedule : {"cosine", "plateau", "cyclic", "step"} or None, default="cosine"
        Schedule of the learning rate: "cosine" decays to 0 at `max_epochs`; "plateau"
        halves the rate when the loss stalls for ``n_iter_no_change // 2`` epochs;
        "cyclic" moves between ``lr / 10`` and `lr` every four epochs; "step" multiplies
        by 0.3 after each third of `max_epochs`. None keeps the rate constant.
    grad_clip : float, default=1.0
        Largest norm of the gradient. None sets no limit.
    training_mode : {"auto", "chunked", "windowed"}, default="auto"
        "windowed" runs each window separately. "chunked" runs chunks of consecutive
        rows and learns at every row that ends a window, so windows share their common
        rows: the same windows take a fraction of the time, and each has at least
        `window_size` rows of past. "auto" is "chunked" with windows from
        :class:`~sklstm.SlidingWindow` and one direction, if the windows have more than
        8 rows or the net has `seasonal_periods`.
    chunk_rows : int or "auto", default="auto"
        Number of windows that end in a chunk; ``window_size - 1`` rows come before
        them. "auto" uses the window size (at least 8) for windows of up to 32 rows,
        more for longer windows, and twice the window size from 64 rows on; with
        `seasonal_periods`, twice the window size, at least 32. A chunk has at most as
        many rows as the longest series.
    origin_share : float or "auto", default="auto"
        Share of the windows of a chunk at which the loss is taken, drawn anew for each
        batch: windows that end a few rows apart have nearly the same targets, and teach
        nearly the same. "auto" draws about twelve windows of those that end within one
        horizon of at least 24 steps, if the net has `seasonal_periods` or inputs that
        are known ahead, which make outputs take the most time; else it is 1. Only with
        chunked training.
    batch_size : int, default=64
        Number of windows in an optimizer step. A chunked batch holds
        ``batch_size // 8`` chunks, at least one and at most an eighth of all chunks: a
        step takes about as long, and learns from many more windows.
    validation_fraction : float, default=0.1
        Share of each series' windows, the latest ones, that `early_stopping` holds
        out. Windows whose targets overlap the held-out rows are not used in training.
    n_iter_no_change : int, default=5
        Number of epochs without improvement before training stops.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit, with a schedule of its
        own. Parameters that the network has from its first fit, such as `hidden_size`
        and `loss`, must not change.
    n_threads : int, "auto" or None, default="auto"
        Number of threads that torch uses in `fit` and `predict`, which give it back its
        own number at the end. "auto" is 1 on the CPU for a `hidden_size` of up to 128,
        whose steps are too small to share out: two threads save little time on idle
        cores, and cost many times as much on cores that other work uses. None, and
        "auto" otherwise, leave torch as it is.
    verbose : int, default=0
        1 shows a progress bar of epochs, 2 prints a line for each epoch.
    checkpoint_dir : str or Path, default=None
        A folder in which `fit` writes where it stands, every few seconds, to a file
        whose name is a digest of the parameters, the data and the seed. The same fit
        begun again goes on from there, with the weights that it would have had without
        a break; one that had ended is read. It needs a `random_state`. Delete the
        folder when you are done. None writes nothing.
    callbacks : list of skorch callbacks or of (name, callback), default=None
        Additional callbacks. They are cloned in `fit`, except those that cannot be,
        such as one that reports to a trial of Optuna.
    net_params : dict, default=None
        Additional parameters of the skorch net, such as ``{"optimizer__eps": 1e-6}``.
        Parameters with the prefixes ``module__``, ``optimizer__``, ``criterion__`` and
        ``callbacks__`` can also be set with `set_params`, and so be searched. An entry
        that contradicts a parameter of the regressor raises a ValueError.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the PyTorch module.
    training_history_ : DataFrame of shape (n_epochs_, n_columns)
        Losses, duration (seconds) and learning rate of each epoch.
    validation_history_ : DataFrame or None
        The same for the training that found the number of epochs, if
        ``early_stopping="refit"``.
    quantiles_ : tuple of float or None
        The quantiles that were learned.
    target_center_, target_scale_ : ndarray of shape (n_outputs,)
        The mean and the spread (standard deviation) of each output over the training
        windows; with `seasonal_periods`, the spread of the changes from row to row.
        The net learns in these units, and `training_history_` has the losses in them.
    embeddings_ : dict of str to DataFrame
        For each categorical column its embedding, indexed by label.
    n_epochs_ : int
        Number of epochs trained so far.
    device_ : torch.device
        Device of the training.
    n_features_in_ : int
        Number of steps of a window (the size of the second axis of X).
    n_channels_in_ : int
        Number of features at each step.
    past_reach_ : int
        Number of rows before its window that a forecast reads, through differences in
        the windows and `seasonal_periods`. A missing value is filled from any earlier
        row.
    fills_ : list
        The seasons by which missing values are filled: one tuple, or none if
        `seasonal_periods` is None.

    See Also
    --------
    SlidingWindow : Create the windows.
    PanelForecaster : Multi-step forecasts with this regressor.

    Notes
    -----
    X may also be an array of shape (n, n_steps, n_features), or (n, n_steps) for one
    feature; NaN is then an error. In windows NaN is a missing value: the net reads 0,
    and a column with missing values in `fit` has a second input that flags them. A
    column with missing values only after `fit` has no flag.

    The net has the float type of X: windows are float32. Predictions are float64.

    `fit` seeds torch's global generator and restores it at the end. Threads that fit at
    the same time wait for each other; processes (the default of ``n_jobs``) do not.

    References
    ----------
    Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural
    Computation 9(8), 1735-1780.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 10, 2)).astype("float32")
    >>> y = X[:, -1, 0] - X[:, -2, 1]
    >>> model = LSTMRegressor(hidden_size=16, lr=0.01, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (200,)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "seasonal_periods": [
            None,
            Interval(Integral, 1, None, closed="left"),
            "array-like",
        ],
        "embedding_dim": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "loss": [StrOptions(set(LOSSES))],
        "quantiles": [None, "array-like"],
        "max_epochs": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean", StrOptions({"refit"})],
        "device": [str],
        "random_state": ["random_state"],
        "num_layers": [Interval(Integral, 1, None, closed="left")],
        "bidirectional": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "category_dropout": [Interval(Real, 0, 1, closed="left")],
        "mixup": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "head_hidden_size": [None, Interval(Integral, 1, None, closed="left")],
        "optimizer": [StrOptions(set(OPTIMIZERS)), type],
        "lr_schedule": [None, StrOptions({"cosine", "plateau", "cyclic", "step"})],
        "grad_clip": [None, Interval(Real, 0, None, closed="neither")],
        "training_mode": [StrOptions({"auto", "chunked", "windowed"})],
        "chunk_rows": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "origin_share": [Interval(Real, 0, 1, closed="right"), StrOptions({"auto"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_threads": [
            None,
            Interval(Integral, 1, 1024, closed="both"),
            StrOptions({"auto"}),
        ],
        "verbose": ["verbose"],
        "checkpoint_dir": [None, str, Path],
        "callbacks": [None, list],
        "net_params": [None, dict],
    }

    # The forecaster passes windows and step targets as they are to a regressor with
    # this attribute, and arrays to any other regressor.
    accepts_panel_windows = True
    net_: WindowNet
    _inputs: InputSpec
    _targets: TargetFormat

    def __init__(
        self,
        hidden_size: int = 64,
        *,
        seasonal_periods: Any = None,
        embedding_dim: int | str = "auto",
        loss: str = "mse",
        quantiles: Any = None,
        max_epochs: int | str = "auto",
        lr: float = 3e-3,
        early_stopping: bool | str = False,
        device: str = "auto",
        random_state: Any = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        category_dropout: float = 0.0,
        mixup: float | str = 0.0,
        head_hidden_size: int | None = None,
        optimizer: Any = "adam",
        lr_schedule: str | None = "cosine",
        grad_clip: float = 1.0,
        training_mode: str = "auto",
        chunk_rows: int | str = "auto",
        origin_share: float | str = "auto",
        batch_size: int = 64,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        n_threads: int | str | None = "auto",
        verbose: int = 0,
        checkpoint_dir: str | Path | None = None,
        callbacks: Any = None,
        net_params: dict | None = None,
    ) -> None:
        self.hidden_size = hidden_size
        self.seasonal_periods = seasonal_periods
        self.embedding_dim = embedding_dim
        self.loss = loss
        self.quantiles = quantiles
        self.max_epochs = max_epochs
        self.lr = lr
        self.early_stopping = early_stopping
        self.device = device
        self.random_state = random_state
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.category_dropout = category_dropout
        self.mixup = mixup
        self.head_hidden_size = head_hidden_size
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.grad_clip = grad_clip
        self.training_mode = training_mode
        self.chunk_rows = chunk_rows
        self.origin_share = origin_share
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.verbose = verbose
        self.checkpoint_dir = checkpoint_dir
        self.callbacks = callbacks
        self.net_params = net_params

    def get_params(self, deep: bool = True) -> dict:
        """Get the parameters, those in `net_params` as their own if `deep`.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the entries of `net_params` too.

        Returns
        -------
        dict
        """
        params = super().get_params(deep=False)
        if deep and isinstance(self.net_params, dict):
            params.update(self.net_params)
        return params

    def set_params(self, **params: Any) -> "LSTMRegressor":
        """Set parameters; those of the net, such as ``optimizer__eps``, as well.

        Parameters
        ----------
        **params : dict
            Parameter names and values.

        Returns
        -------
        LSTMRegressor
            The estimator itself.
        """
        of_net = {k: v for k, v in params.items() if k.startswith(_NET_PREFIXES)}
        super().set_params(**{k: v for k, v in params.items() if k not in of_net})
        if of_net:
            self.net_params = (self.net_params or {}) | of_net
        return self

    def __getstate__(self):
        plain = shallow_copy(self)
        if hasattr(self, "net_"):
            # Objects of skorch and torch would be written as pickles.
            vars(plain).update(
                net_=pack_net(self.net_),
                device_=str(self.device_),
                _validated=self._validated and self._validated.to_list(),
            )
        return super(LSTMRegressor, plain).__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" not in vars(self):
            return
        if isinstance(self.net_, dict):
            self.net_ = unpack_net(self, self.net_)
            self._validated = self._validated and History(self._validated)
        # The net comes back on the CPU, where its device is not available.
        self.device_ = self.net_.module_.output.weight.device

    def __sklearn_clone__(self):
        bare = copy(self)
        bare.callbacks = None
        new = super(LSTMRegressor, bare).__sklearn_clone__()
        if isinstance(self.callbacks, list):
            new.callbacks = clone_callbacks(self.callbacks)
        else:
            new.callbacks = clone(self.callbacks, safe=False)
        return new

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LSTMRegressor":
        """Train on windows and their targets.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows.
        y : array of shape (n,) or (n, n_outputs)
            Targets. NaN is allowed in a y of several outputs, and gives no loss.
        sample_weight : array of shape (n,), default=None
            Weights, at least 0; only their ratios matter.

        Returns
        -------
        LSTMRegressor
            The fitted estimator.
        """
        goes_on = self.warm_start and hasattr(self, "net_")
        self._in_parts = False
        known = self.max_epochs != "auto" and self.early_stopping != "refit"
        task = self._begin_tasks(self.max_epochs if known else None, X, y)
        self._learn(X, y, sample_weight, fresh=not goes_on, task=task)
        self._end_tasks(task, X, y)
        return self

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "LSTMRegressor":
        """Train for one more epoch, on these windows.

        Without a `fit` before, `lr_schedule` spans `max_epochs` calls: for ten passes
        over forty parts set ``max_epochs=400``. After a `fit`, or with ``"auto"``, each
        call starts at `lr`.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows.
        y : array of shape (n,) or (n, n_outputs)
            Targets.
        sample_weight : array of shape (n,), default=None
            Weights.

        Returns
        -------
        LSTMRegressor
            The estimator itself.
        """
        first = not hasattr(self, "net_")
        self._in_parts = first or getattr(self, "_in_parts", False)
        return self._learn(X, y, sample_weight, fresh=first, n_epochs=1)

    def stage_trainer(
        self, X: Any, y: Any, state: Any = None, first: np.ndarray | None = None
    ) -> Any:
        """Get ready to train in stages, on parts of these windows in turn.

        :class:`~sklstm.ContinualForecaster` calls it, and accepts any regressor with
        this method.

        Parameters
        ----------
        X : PanelWindows of shape (n, window_size, n_features)
            The windows of all stages.
        y : StepTargets of shape (n, n_outputs)
            Targets.
        state : TrainerState, default=None
            The state of the trainer of earlier stages, to continue from. None builds
            a new net.
        first : ndarray of int, default=None
            Positions of the windows of the first stage, which set the units of a new
            net.

        Returns
        -------
        ContinualTrainer
            It has the methods `train`, `state` and `load`.
        """
        # The regressor works without the folder that trains in stages.
        from ._stages.continual_trainer import ContinualTrainer

        self._validate_params()
        if self.early_stopping == "refit":
            raise ValueError(
                "early_stopping='refit' trains anew after each training, which would "
                "undo the earlier stages. Use early_stopping=True or False."
            )
        fresh = state is None
        if not fresh:
            categories = X.table.categories
            self._inputs = self._inputs.with_categories(categories)
        X, y, _ = self._read(X, y, None, fresh)
        scale = seed = None
        if fresh:
            self._fixed = {name: getattr(self, name) for name in _FIXED}
            self._inputs, scale = self._inputs.measured(X, y, None, first)
            seed = self._random_state.randint(np.iinfo(np.int32).max)
        net = None if fresh else self.net_
        trainer = ContinualTrainer(
            self, X, y, self._inputs, self._targets, net, state, scale, seed
        )
        self.net_ = trainer.net
        return trainer

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets of windows.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows, as in `fit`.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            One prediction for each window, in float64, in the shape of fit's y.
        """
        check_is_fitted(self)
        y = self._evaluate(X)
        y = median_of(y, self._targets.quantiles)
        return y[:, 0] if self._targets.ndim == 1 else y

    @available_if(_learns_quantiles)
    def predict_quantiles(self, X: Any, quantiles: Any = None) -> np.ndarray:
        """Predict quantiles of the targets of windows.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows, as in `fit`.
        quantiles : sequence of float, default=None
            Those wanted, ascending, between the outermost that were learned;
            interpolated linearly between these. None: those that were learned.

        Returns
        -------
        ndarray of shape (n, n_quantiles) or (n, n_outputs, n_quantiles)
            In float64.
        """
        check_is_fitted(self)
        y = self._evaluate(X)
        if quantiles is not None:
            wanted = check_quantiles(quantiles, within=self._targets.quantiles)
            y = interpolate_quantiles(y, self._targets.quantiles, wanted)
        return y[:, 0] if self._targets.ndim == 1 else y

    def net_inputs(self, X: Any) -> dict[str, np.ndarray]:
        """Collect what the net reads of windows, for an exported net.

        Parameters
        ----------
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            Windows, as in `fit`.

        Returns
        -------
        dict of str to ndarray
            "values" of shape (n, n_steps, n_inputs), the oldest row first and padding
            last; "lengths" (n,), the number of rows that are no padding (not if
            `bidirectional`); "codes" (n, n_steps, n_columns) of categorical columns;
            "naive" (n, n_naive, n_outputs) with `seasonal_periods`; "known" (n,
            n_ahead, n_known) and "known_codes" of covariates that are known ahead.
            Floats are float32. Inputs that the net does not read are left out.
        """
        check_is_fitted(self)
        windows, n_steps = self._tensors(X)
        device, n_windows = windows.inputs.device, len(windows.ends)
        batch = windows.gather(torch.arange(n_windows, device=device))
        if self.net_.module_.lstm.bidirectional:
            if "lengths" in batch:
                raise ValueError(
                    "A bidirectional net is exported for windows of one length, but "
                    f"some of these have fewer than {n_steps} rows before them. Leave "
                    "them out, e.g. windows[windows.lengths == windows.window_size]."
                )
        else:
            full = torch.full((n_windows,), n_steps, device=device)
            batch.setdefault("lengths", full)
        return {
            name: (tensor.float() if tensor.is_floating_point() else tensor)
            .cpu()
            .numpy()
            for name, tensor in batch.items()
        }

    def to_onnx(self, path: str | Path, X: Any) -> None:
        """Write the net as an ONNX model, which other runtimes run without Python.

        Its inputs are those of `net_inputs`, its output "y" is in units of y, as from
        `predict_quantiles` if quantiles are learned and else as from `predict`, always
        with an axis of outputs. The number of windows is free. The packages of
        ``sklstm[export]`` are needed.

        Parameters
        ----------
        path : str or Path
            The file to write.
        X : PanelWindows or array of shape (n, n_steps, n_features) or (n, n_steps)
            A few windows, at least two, to trace the net with.
        """
        from ._onnx import write_onnx

        write_onnx(self.net_inputs(X), self.net_.module_, self.net_.scale_, path)

    @property
    def quantiles_(self) -> tuple | None:
        check_is_fitted(self)
        return self._targets.quantiles

    def _tensors(self, X):
        """Bring windows to where the net is, and say how many steps each has."""
        X = self._inputs.check(self._validate_windows(X, reset=False))
        device = self.net_.module_.output.weight.device
        # All windows have the same number of steps, even if the longest is shorter:
        # a prediction may not depend on which others were asked for.
        n_steps = X.window_size if isinstance(X, PanelWindows) else X.shape[1]
        n_outputs = self._targets.n_outputs
        return self._inputs.tensors(X, n_outputs, device, n_steps), n_steps

    def _evaluate(self, X):
        """Run the net: (n, n_outputs), or (n, n_outputs, n_quantiles), in float64."""
        windows, n_steps = self._tensors(X)
        weight, targets = self.net_.module_.output.weight, self._targets
        device = weight.device
        size = prediction_batch(self.net_.module_, n_steps)
        n_gathered = size * max(1, _ROWS_GATHERED // (size * int(n_steps)))
        shape = (len(windows.ends), targets.n_outputs)
        if targets.quantiles is not None:
            shape += (len(targets.quantiles),)
        out = torch.empty(shape, dtype=weight.dtype, device=device)
        with limit_threads(choose_threads(self, device)):
            for positions in windows.groups(apart=self.net_.module_.lstm.bidirectional):
                for some in positions.split(n_gathered):
                    padded = torch.cat([some, some[:1].expand(-len(some) % size)])
                    batches = split_batch(windows.gather(padded), size)
                    steps = [self.net_.evaluation_step((b, None)) for b in batches]
                    out[some] = torch.cat(steps)[: len(some)]
        return self.net_.scale_.undo(out.double().cpu().numpy())

    @property
    def training_history_(self) -> pd.DataFrame:
        return _as_frame(self._history)

    @property
    def validation_history_(self) -> pd.DataFrame | None:
        check_is_fitted(self)
        return None if self._validated is None else _as_frame(self._validated)

    @property
    def target_center_(self) -> np.ndarray:
        check_is_fitted(self)
        return self.net_.scale_.center

    @property
    def target_scale_(self) -> np.ndarray:
        check_is_fitted(self)
        return self.net_.scale_.scale

    @property
    def past_reach_(self) -> int:
        check_is_fitted(self)
        return self._inputs.reach

    @property
    def fills_(self) -> list:
        check_is_fitted(self)
        periods = self._inputs.periods
        return [] if periods is None else [periods]

    @property
    def _history(self):
        check_is_fitted(self)
        return self.net_.history

    @property
    def n_epochs_(self) -> int:
        return len(self._history)

    @property
    def embeddings_(self) -> dict:
        check_is_fitted(self)
        layers = self.net_.module_.embeddings
        return {
            name: pd.DataFrame(
                layer.weight.detach().cpu().numpy()[1:],
                index=labels.rename(name),
                columns=[f"{name}_{i}" for i in range(layer.embedding_dim)],
            )
            for (name, labels), layer in zip(
                self._inputs.categories.items(), layers, strict=False
            )
        }

    def _validate_windows(self, X, reset):
        if isinstance(X, PanelWindows):
            validate_data(self, X, skip_check_array=True, reset=reset)
            return X
        X = validate_data(
            self, X, allow_nd=True, dtype=[np.float64, np.float32], reset=reset
        )
        if X.ndim > 3:
            raise ValueError(
                "X must have 2 axes (n, n_steps) or 3 (n, n_steps, n_features), got "
                f"{X.ndim}."
            )
        return X

    def _read(self, X, y, sample_weight, fresh):
        """Check the training data, and normalise the weights to a mean of 1.

        With `fresh`, learn what the windows and the targets hold.
        """
        if y is None:
            raise ValueError(
                "LSTMRegressor requires y to be passed, but the target y is None."
            )
        X = self._validate_windows(X, reset=fresh)
        if fresh:
            self._random_state = check_random_state(self.random_state)
            self._validated, self.device_ = None, resolve_device(self.device)
            embedded = self.embedding_dim != 0
            self._inputs = InputSpec.read(
                X, self.seasonal_periods, embedded, self.device_
            )
            self.n_channels_in_ = sum(self._inputs.n_inputs)
        else:
            X = self._inputs.check(X)
        y = read_targets(y)
        if fresh:
            self._targets = TargetFormat.read(y, self.loss, self.quantiles)
        else:
            self._targets.check(y)
        check_consistent_length(X, y)
        if self._inputs.periods is not None or self._inputs.known:
            self._targets.check_steps(self._inputs)
        if not isinstance(y, StepTargets):
            y = y.reshape(len(y), -1)
        if sample_weight is None:
            return X, y, None
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        # Newer versions of scikit-learn check it themselves.
        if not weight.any():
            raise ValueError("sample_weight must hold at least one non-zero weight.")
        # Divided first: a sum of large weights is not finite.
        weight = weight / weight.max()
        return X, y, weight / weight.mean()

    def _check_unchanged(self, to_the_end):
        """Raise if a parameter was changed that the net has from its first fit."""
        if to_the_end and self.early_stopping == "refit":
            raise ValueError(
                "early_stopping='refit' trains anew, and warm_start=True continues "
                "training. Use early_stopping=True or False, or warm_start=False."
            )
        # Files of earlier versions do not have them.
        for name, before in getattr(self, "_fixed", {}).items():
            now = getattr(self, name)
            if not _same(before, now):
                raise ValueError(
                    f"{name}={now!r} cannot change a network that is trained further: "
                    f"it was built with {name}={before!r}. Set it back, or call fit "
                    "with warm_start=False."
                )

    def _learn(self, X, y, sample_weight, fresh, n_epochs=None, task=None):
        if not fresh:
            self.net_, self._random_state = deepcopy((self.net_, self._random_state))
        X, y, weight = self._read(X, y, sample_weight, fresh)
        seed = self._random_state.randint(np.iinfo(np.int32).max)
        settings = with_python_numbers(self)
        split = split_windows(settings, X, y)
        check_learnable(y, weight, split)
        check_scoring(self.callbacks, validated=len(split[1]) > 0)
        if not fresh:
            self._check_unchanged(to_the_end=n_epochs is None)
            # Where the net is, which may have been moved since it was built.
            device = self.net_.module_.output.weight.device
            windows = self._inputs.tensors(X, self._targets.n_outputs, device)
            data = TrainingData(X, y, weight, self.net_.scale_, windows, split, seed)
            n_passes = self.n_epochs_ if self._in_parts else 0
            self.net_ = train_on(settings, self.net_, data, n_epochs, n_passes)
            return self
        self._fixed = {name: getattr(self, name) for name in _FIXED}
        self._train_net(X, y, weight, split, seed, n_epochs, task)
        if self.early_stopping == "refit":
            self._validated = self.net_.history
            n_best = 1 + int(np.argmin(self._validated[:, "valid_loss"]))
            split = np.arange(len(y)), np.arange(0)
            self._train_net(X, y, weight, split, seed, n_best, task)
        return self

    def _train_net(self, X, y, weight, split, seed, n_epochs, task):
        """Train a net from the start, in the units of what it learns from."""
        self._inputs, scale = self._inputs.measured(X, y, weight, split[0])
        windows = self._inputs.tensors(X, self._targets.n_outputs, self.device_)
        data = TrainingData(X, y, weight, scale, windows, split, seed)
        settings, checkpoint = with_python_numbers(self), None
        if not self._in_parts:
            checkpoint = FitCheckpoint.of(settings, data, n_epochs)
        self.net_ = train_net(
            settings,
            self._inputs,
            self._targets,
            data,
            n_epochs,
            checkpoint=checkpoint,
            tasks=None if task is None else EpochTasks(self, task, X, y),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True
        return tags


def _same(one, other):
    if isinstance(one, dict) or isinstance(other, dict):
        return (one or {}) == (other or {})
    return bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _as_frame(history):
    rows = [{k: v for k, v in row.items() if k != "batches"} for row in history]
    return pd.DataFrame(rows)
