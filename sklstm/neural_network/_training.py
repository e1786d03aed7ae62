"""What a fit is made of: the split, the batches, the net."""

from typing import NamedTuple

import numpy as np
import torch
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring
from torch import nn

from .._windows.step_targets import StepTargets, split_tails
from .._windows.windows import PanelWindows
from ._callbacks import clone_callbacks, lr_of_epoch, make_callbacks
from ._chunked_batches import ChunkedIterator, choose_chunk_rows
from ._device import choose_threads, limit_threads, seeded
from ._labels import center_unlearned, labels_learned
from ._lstm_module import LSTMModule, embedding_size
from ._processes import share_training, shared_seed
from ._quantile_head import QuantileLoss
from ._seasonal_skip import drop_years
from ._target_scale import TargetScale
from ._window_batches import BatchIterator, TargetTensors, WindowTensors
from ._window_net import WindowNet

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "TrainingData",
    "build_net",
    "check_learnable",
    "check_scoring",
    "choose_epochs",
    "make_iterators",
    "make_net",
    "prediction_batch",
    "restart_lr",
    "split_windows",
    "train_net",
    "train_on",
]

LOSSES = {
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "huber": nn.HuberLoss,
    "quantile": QuantileLoss,
}
OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}

# Few series differ too much to be mixed, and are too few to learn from what the state
# was a season ago: both made seven series of electricity and oil temperature worse.
_MANY_SERIES = 50
_USUAL_MIXUP = 0.25

# Windows whose targets are looked at together.
_SOME_WINDOWS = 1 << 13

# Windows of so few rows are as fast one by one, and learn a little better.
_SHORT_WINDOW = 8

# Parameters of the skorch net that have another name here, or none.
_FLAT_NAMES = {
    "callbacks": "callbacks",
    "criterion": "loss",
    "criterion__quantiles": "quantiles",
    "criterion__reduction": None,
    "dataset": None,
    "iterator_train": None,
    "iterator_valid": None,
    "module": None,
    "module__cardinalities": "embedding_dim",
    "module__embedding_dims": "embedding_dim",
    "optimizer__lr": "lr",
    "train_split": "validation_fraction",
    "warm_start": "warm_start",
}
# Parts that the net does not have: their parameters would have no effect.
_UNREAD = ("dataset__", "iterator_train__", "iterator_valid__")

# Epochs of a net with a skip, if each takes all windows or a share of them.
_EPOCHS, _EPOCHS_OF_SHARES = 20, 25

# Rows that a prediction batch holds at a time on the CPU, if its windows are short.
_CPU_ROWS = 1 << 13

# Numbers that a prediction batch may hold at a time on a device that is not the CPU.
_DEVICE_BUDGET = 1 << 28


def choose_epochs(estimator, batches):
    """Choose the number of epochs: the given one, or by rule for "auto".

    The rule counts steps of the optimizer: 1000, and twice as many for four times the
    data where an epoch has more than 100. A net with a skip learns a correction alone,
    and gains from more: at least 20 epochs of up to 600 steps each, or 25 where an
    epoch takes a share of the windows, and at least 800 steps, or fewer by the square
    root of how many windows a step has beyond 576.

    Parameters
    ----------
    estimator : LSTMRegressor
    batches : ChunkedIterator, BatchIterator or MixedIterator
        The steps of an epoch.

    Returns
    -------
    int
    """
    if estimator.max_epochs != "auto":
        return estimator.max_epochs
    n_batches = len(batches)
    if estimator.seasonal_periods is None:
        epochs = 1000 / n_batches * max(1.0, n_batches / 100) ** 0.5
    else:
        n_steps = 800 * min(1.0, 576 / batches.batch_windows) ** 0.5
        fewest = _EPOCHS_OF_SHARES if batches.origin_share < 1 else _EPOCHS
        epochs = max(n_steps / n_batches, fewest * min(1.0, 600 / n_batches) ** 0.5)
    return int(np.clip(round(epochs), 3, 100))


def split_windows(estimator, X, y):
    """Split windows into training and validation, by the time of each series.

    Parameters
    ----------
    estimator : LSTMRegressor
    X : PanelWindows or ndarray
    y : ndarray or StepTargets

    Returns
    -------
    train, valid : ndarray of int
        Positions of windows; none to validate on without `early_stopping`.
    """
    n = len(X)
    if not estimator.early_stopping:
        return np.arange(n), np.arange(0)
    panel = isinstance(X, PanelWindows)
    series = X.series if panel else np.zeros(n, dtype=np.intp)
    order = X.ends if panel else np.arange(n)
    gap = y.horizon - 1 if isinstance(y, StepTargets) else 0
    train, valid = split_tails(series, order, estimator.validation_fraction, gap)
    if len(valid) == 0:
        raise ValueError(
            f"early_stopping={estimator.early_stopping!r} with validation_fraction="
            f"{estimator.validation_fraction} leaves no window to validate on: the "
            f"longest of {len(np.unique(series))} series has "
            f"{np.bincount(series).max()} windows. Use a fraction that leaves windows "
            "to train on and to validate on, longer series, or early_stopping=False. "
            f"Got n_samples={n}."
        )
    return train, valid


def check_learnable(y, weight, split):
    """Raise if no training window, or none that is held out, has a target to learn.

    Their loss would be 0, which would pass for the best one.

    Parameters
    ----------
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    weight : ndarray of shape (n_windows,) or None
    split : tuple of ndarray of int
        Positions of the windows of training and of validation.
    """
    for name, positions in zip(("training", "held-out"), split, strict=True):
        if len(positions) and not _has_target(y, weight, positions):
            raise ValueError(
                f"None of the {len(positions)} {name} windows has a known target and a "
                "weight above 0, so there is no loss. Leave rows without a target or a "
                "weight out, or change early_stopping or validation_fraction."
            )


def _has_target(y, weight, positions):
    for first in range(0, len(positions), _SOME_WINDOWS):
        some = positions[first : first + _SOME_WINDOWS]
        known = np.isfinite(np.asarray(y[some], dtype=np.float64)).any(axis=1)
        if weight is not None:
            known &= weight[some] > 0
        if known.any():
            return True
    return False


def make_iterators(estimator, X, y, weight, scale, windows, train, valid):
    """Make the batches of training and of validation, None without the latter.

    Parameters
    ----------
    estimator : LSTMRegressor
    X : PanelWindows or ndarray
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    weight : ndarray of shape (n_windows,) or None
    scale : TargetScale
        The units that y is learned in.
    windows : WindowTensors
        X on the device.
    train, valid : ndarray of int
        Positions of windows.

    Returns
    -------
    tuple of iterators
    """
    device, dtype = windows.inputs.device, windows.inputs.dtype
    targets = TargetTensors(y, weight, scale, dtype=dtype, device=device)
    dense, chunk_rows = _trains_chunked(estimator, X), estimator.chunk_rows
    if dense and chunk_rows == "auto":
        skips = estimator.seasonal_periods is not None
        chunk_rows = choose_chunk_rows(X.window_size, skips)

    def iterate(positions, shuffle):
        if not dense:
            size = estimator.batch_size
            return BatchIterator(windows, targets, positions, size, shuffle=shuffle)
        return ChunkedIterator(
            windows,
            targets,
            positions,
            X.ends,
            X.table,
            X.window_size,
            chunk_rows=chunk_rows,
            batch_size=estimator.batch_size,
            shuffle=shuffle,
            mixup=_choose_mixup(estimator.mixup, windows) if shuffle else 0.0,
            origin_share=_choose_origins(estimator.origin_share, windows),
        )

    return iterate(train, True), iterate(valid, False) if len(valid) else None


def _choose_mixup(mixup, windows):
    """The share of chunks to mix: none where more than the target's past is read."""
    if windows.naive is None or not windows.holds_past_alone:
        return 0.0
    if mixup == "auto":
        return _USUAL_MIXUP if windows.n_series >= _MANY_SERIES else 0.0
    return mixup


def _choose_origins(origin_share, windows):
    """The share of windows to draw: all where an output costs next to nothing."""
    if origin_share == "auto" and windows.naive is None and windows.ahead is None:
        return 1.0
    return origin_share


def _seasons_read(windows):
    """The seasons whose states are read: those that windows reach, with many series."""
    if windows.n_series < _MANY_SERIES:
        return []
    periods = drop_years(windows.naive.periods)
    return [period for period in periods if period <= windows.window_size]


def _trains_chunked(estimator, X):
    """Whether to train on chunks of rows: where it is valid, unless told not to."""
    if estimator.training_mode == "windowed":
        return False
    if estimator.training_mode == "auto" and estimator.seasonal_periods is None:
        if getattr(X, "window_size", 0) <= _SHORT_WINDOW:
            return False
    reason = None
    if not isinstance(X, PanelWindows):
        reason = "X is an array, whose windows do not say which rows they share"
    elif estimator.bidirectional:
        reason = "a bidirectional net reads each window anew from its end"
    elif (np.diff(np.sort(X.ends)) == 0).any():
        reason = "X holds a window more than once"
    if reason and estimator.training_mode == "chunked":
        raise ValueError(
            f"training_mode='chunked' is not possible: {reason}. Use "
            "training_mode='auto' or 'windowed'."
        )
    return reason is None


def make_net(
    estimator, inputs, targets, windows, scale, learned, iterators, max_epochs
):
    """Build and initialise the skorch net that the parameters describe.

    Parameters
    ----------
    estimator : LSTMRegressor
    inputs : InputSpec
    targets : TargetFormat
    windows : WindowTensors
        Windows on the device, with the net's float type.
    scale : TargetScale
        The units of the outputs.
    learned : list of ndarray of bool
        For each embedded column, the codes that training meets.
    iterators : tuple of iterators
        The batches of training, and those of validation or None.
    max_epochs : int
        The epochs that the schedule of the learning rate is made for.

    Returns
    -------
    WindowNet
    """
    train, valid = iterators
    structure = _structure_of(estimator, inputs.labels, learned) | {
        **_inputs_ahead(windows),
        "module__n_features": windows.inputs.shape[1],
        "module__n_outputs": len(scale.center),
        "module__quantiles": targets.quantiles,
        "max_epochs": max_epochs,
        # As text, which the readers of files of weights take.
        "device": str(windows.inputs.device),
    }
    if targets.quantiles is not None:
        structure["criterion__quantiles"] = targets.quantiles
    n_batches, dtype = len(train), windows.inputs.dtype
    net = build_net(estimator, structure, dtype, n_batches, valid is not None)
    net.scale_, net.quantiles_ = scale, targets.quantiles
    return net


def _structure_of(estimator, labels, learned):
    """The parameters of the module that the regressor and the labels decide."""
    dim = estimator.embedding_dim
    return {
        "module__hidden_size": estimator.hidden_size,
        "module__num_layers": estimator.num_layers,
        "module__bidirectional": estimator.bidirectional,
        "module__dropout": estimator.dropout,
        "module__cardinalities": [len(known) + 1 for known in labels],
        "module__embedding_dims": [embedding_size(len(known), dim) for known in labels],
        "module__trains_unknown": [bool(codes[0]) for codes in learned],
        "module__category_dropout": estimator.category_dropout,
        "module__head_hidden_size": estimator.head_hidden_size,
    }


def _inputs_ahead(windows):
    """The parameters of the module for naive forecasts and known covariates."""
    ahead = {}
    if windows.naive is not None:
        ahead = {
            "module__n_naive": windows.naive.n_naive,
            "module__n_ahead": windows.naive.n_steps,
            "module__seasons": _seasons_read(windows),
        }
    if windows.ahead is not None:
        ahead |= {
            "module__n_ahead": windows.ahead.n_ahead,
            "module__n_known": windows.ahead.n_inputs,
            "module__known_codes": windows.ahead.known_codes.tolist(),
        }
    return ahead


def build_net(estimator, structure, dtype, n_batches, validated):
    """Build and initialise a net of a given structure.

    Parameters
    ----------
    estimator : LSTMRegressor
        Whose other parameters the net has.
    structure : dict
        Parameters of skorch that `make_net` found in the data.
    dtype : torch.dtype
    n_batches : int
        Batches in an epoch.
    validated : bool
        Whether there is a validation loss.

    Returns
    -------
    WindowNet
    """
    max_epochs, device = structure["max_epochs"], torch.device(structure["device"])
    own = make_callbacks(estimator, n_batches, max_epochs, validated)
    params = structure | {
        "criterion": LOSSES[estimator.loss],
        "criterion__reduction": "none",
        "optimizer": OPTIMIZERS.get(estimator.optimizer, estimator.optimizer),
        "lr": estimator.lr,
        "batch_size": estimator.batch_size,
        "train_split": None,
        # Callbacks score the predictions of the epoch: windows are not gathered anew.
        "use_caching": True,
        "callbacks": own + clone_callbacks(estimator.callbacks or []),
        "verbose": int(estimator.verbose > 1),
    }
    more = estimator.net_params or {}
    _check_net_params(estimator, more, params)
    if _has_fused(estimator.optimizer, device, more):
        # One call updates all weights: a tenth of the step of a small net.
        more = {"optimizer__fused": True} | more
    net = WindowNet(LSTMModule, **params | more)
    net.initialize()
    net.module_.to(dtype)
    net.structure_ = structure
    return net


def _has_fused(optimizer, device, more):
    """Whether torch has a fused form of an optimizer, and nothing asks for another."""
    other = {"optimizer__foreach", "optimizer__differentiable"} & set(more)
    return optimizer in ("adam", "adamw", "sgd") and device.type != "mps" and not other


def _check_net_params(estimator, more, own):
    """Raise for entries of `net_params` that a parameter of the regressor decides."""
    for name, value in more.items():
        flat = _FLAT_NAMES.get(name, name.removeprefix("module__"))
        if name in own or name in _FLAT_NAMES or name.startswith(_UNREAD):
            has_flat = flat in estimator.get_params(deep=False)
            remedy = (
                f"Set LSTMRegressor({flat}=...) instead."
                if has_flat
                else ("LSTMRegressor chooses it itself; leave it out.")
            )
            raise ValueError(
                f"net_params={{{name!r}: {value!r}}} contradicts the regressor. "
                f"{remedy}"
            )


def check_scoring(callbacks, validated):
    """Raise if a callback scores windows that are held out, and there are none.

    Parameters
    ----------
    callbacks : list of skorch callbacks or of (name, callback), or None
    validated : bool
        Whether windows are held out.
    """
    pairs = [
        callback if isinstance(callback, tuple) else (None, callback)
        for callback in callbacks or []
    ]
    scores = {getattr(callback, "name", None) for _, callback in pairs}
    for name, callback in pairs:
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback):
            raise TypeError(
                "callbacks must be skorch callbacks, or (name, callback) pairs, got "
                f"{callback!r}."
            )
        if not validated and getattr(callback, "monitor", None) not in scores:
            _check_monitor(name, callback)
        if isinstance(callback, EpochScoring) and not (validated or callback.on_train):
            name = callback.name or name or "EpochScoring"
            raise ValueError(
                f"The callback {name!r} scores held-out windows, but no windows are "
                "held out. Set early_stopping=True to hold out the end of each series, "
                "or score the training windows: EpochScoring(..., on_train=True)."
            )


def _check_monitor(name, callback):
    """Raise if a callback watches a loss of windows that are held out."""
    monitor = getattr(callback, "monitor", None)
    watches = isinstance(callback, (EarlyStopping, Checkpoint))
    if watches and isinstance(monitor, str) and monitor.startswith("valid_"):
        raise ValueError(
            f"The callback {name or type(callback).__name__!r} monitors {monitor!r}, "
            "but no windows are held out. Set early_stopping=True to hold out the end "
            "of each series, or monitor='train_loss'."
        )


def restart_lr(net, lr):
    """Let a schedule start anew: the last one may have ended at a rate of 0."""
    for group in net.optimizer_.param_groups:
        group["lr"] = lr
        group.pop("initial_lr", None)


def prediction_batch(module, n_steps):
    """Choose the number of windows that are predicted at a time.

    Batches are always padded to this number: matrix products of one shape give a row
    the same bits whatever the other rows are. So it depends on the net and the window
    alone. On the CPU 64 windows are as fast as more, or 256 where they are so short
    that the calls of torch count; elsewhere a batch is as large as memory allows within
    reason.

    Parameters
    ----------
    module : LSTMModule
    n_steps : int

    Returns
    -------
    int
    """
    if module.output.weight.device.type == "cpu":
        return int(np.clip(2 ** int(np.log2(_CPU_ROWS / n_steps)), 64, 256))
    lstm = module.lstm
    directions = 2 if lstm.bidirectional else 1
    per_step = lstm.input_size + 4 * lstm.hidden_size * lstm.num_layers * directions
    fitting = max(1, _DEVICE_BUDGET // (n_steps * per_step))
    return int(np.clip(2 ** int(np.log2(fitting)), 64, 8192))


class TrainingData(NamedTuple):
    """What a net learns from.

    Attributes
    ----------
    X : PanelWindows or ndarray
    y : ndarray of shape (n_windows, n_outputs), or StepTargets
    weight : ndarray of shape (n_windows,) or None
    scale : TargetScale
        The units that y is learned in.
    windows : WindowTensors
        X on the device.
    split : tuple of ndarray
        Positions of the windows of training and of validation.
    seed : int
    """

    X: object
    y: object
    weight: np.ndarray | None
    scale: TargetScale
    windows: WindowTensors
    split: tuple
    seed: int

    def labels_learned(self):
        """For each categorical column, the codes that occur in the training windows."""
        ahead = self.windows.ahead
        n_ahead = 0 if ahead is None else ahead.n_ahead
        return labels_learned(self.X, self.split[0], n_ahead)

    @property
    def device(self):
        return self.windows.inputs.device

    def iterators(self, estimator):
        """Make the batches of training and validation."""
        X, y, weight, scale, windows, split, _ = self
        return make_iterators(estimator, X, y, weight, scale, windows, *split)


def train_net(
    estimator, inputs, targets, data, n_epochs=None, *, checkpoint=None, tasks=None
):
    """Train a net from the start.

    Parameters
    ----------
    estimator : LSTMRegressor
    inputs : InputSpec
    targets : TargetFormat
    data : TrainingData
    n_epochs : int, default=None
        Number of epochs; by `max_epochs` if None, for which the schedule of the
        learning rate is made in any case.
    checkpoint : FitCheckpoint, default=None
        Where the training stands if it was begun before, and is written to.
    tasks : EpochTasks, default=None
        Who is told of each epoch.

    Returns
    -------
    WindowNet
    """
    iterators = data.iterators(estimator)
    max_epochs = choose_epochs(estimator, iterators[0])
    learned = data.labels_learned()[: len(inputs.labels)]
    threads = limit_threads(choose_threads(estimator, data.device))
    with threads, seeded(shared_seed(data.seed, data.device), data.device):
        net = make_net(
            estimator,
            inputs,
            targets,
            data.windows,
            data.scale,
            learned,
            iterators,
            max_epochs,
        )
        with share_training(net, iterators[0], len(data.X)) as main:
            batches = (main, iterators[1])
            _train_to_end(net, batches, n_epochs or max_epochs, checkpoint, tasks)
    net.learned_ = learned
    center_unlearned(net, learned)
    return net


def _train_to_end(net, iterators, n_epochs, checkpoint, tasks):
    """Train for a number of epochs, less those that are done in a checkpoint."""
    # The last callbacks: a checkpoint writes, and brings back, what the others did.
    last = [("fit_checkpoint", checkpoint), ("epoch_tasks", tasks)]
    own, last = net.callbacks_, [pair for pair in last if pair[1] is not None]
    net.callbacks_ = own + last
    left = n_epochs if checkpoint is None else checkpoint.n_left(n_epochs)
    net.partial_fit(iterators, epochs=left)
    net.callbacks_ = own


def train_on(estimator, net, data, n_epochs=None, n_passes=0):
    """Train a net on, from the weights that it has.

    Parameters
    ----------
    estimator : LSTMRegressor
    net : WindowNet
    data : TrainingData
    n_epochs : int, default=None
        Number of epochs; by `max_epochs` if None.
    n_passes : int, default=0
        Epochs of a schedule that are done, and which goes on.

    Returns
    -------
    WindowNet
    """
    iterators = data.iterators(estimator)
    if n_epochs is None:
        n_epochs = choose_epochs(estimator, iterators[0])
        # A fit of its own, with a schedule and an end of its own.
        validated = iterators[1] is not None
        own = make_callbacks(estimator, len(iterators[0]), n_epochs, validated)
        net.callbacks = own + clone_callbacks(estimator.callbacks or [])
        net.initialize_callbacks()
    threads = limit_threads(choose_threads(estimator, data.device))
    with threads, seeded(shared_seed(data.seed, data.device), data.device):
        restart_lr(net, lr_of_epoch(estimator, n_passes))
        with share_training(net, iterators[0], len(data.X)) as main:
            net.partial_fit((main, iterators[1]), epochs=n_epochs)
    more = data.labels_learned()
    net.learned_ = [a | b for a, b in zip(net.learned_, more, strict=False)]
    center_unlearned(net, net.learned_)
    return net
