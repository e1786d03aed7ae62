"""Checkpoints of one training, so that a fit that was killed goes on."""

from pathlib import Path
from time import monotonic

import torch
from skorch.callbacks import Callback, EarlyStopping

from .._panels.checkpoint_files import digest_of, read_checkpoint, write_checkpoint
from .._panels.fingerprint import fingerprint
from .._windows.step_targets import StepTargets
from .._windows.windows import PanelWindows
from ._device import get_generators, set_generators
from ._net_state import collect_state, restore_net, restore_training
from ._processes import is_first

__all__ = ["FitCheckpoint"]

# Another number for trainings that end otherwise though all else is the same.
_FORMAT = 1
# Seconds between two checkpoints, so that short epochs are not all written.
_SECONDS = 5.0
# Parameters that do not decide the weights, or are read from the data.
_FREE = {"checkpoint_dir", "device", "n_threads", "random_state", "verbose"}
# What early stopping knows besides the best weights.
_STOPPING = ("misses_", "best_epoch_", "dynamic_threshold_")
_BEST = "best/"


class FitCheckpoint(Callback):
    """Write where a training stands after its epochs, and go on from there.

    The name of the file is a digest of all that decides the weights: the parameters,
    the data, and the seed. Another training has another file, so none goes on from a
    state that is not its own.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path):
        self.path = path
        self._found = read_checkpoint(path) if path.exists() else None

    @classmethod
    def of(cls, estimator, data, n_epochs):
        """Make the checkpoint of a training, None without `checkpoint_dir`.

        Parameters
        ----------
        estimator : LSTMRegressor
        data : TrainingData
        n_epochs : int or None
            As of the training.

        Returns
        -------
        FitCheckpoint or None
        """
        if estimator.checkpoint_dir is None:
            return None
        if estimator.random_state is None:
            raise ValueError(
                "checkpoint_dir needs a random_state: with None every fit draws a seed "
                "of its own, and none can go on where another was. Set it to an "
                "integer, such as random_state=0."
            )
        params = estimator.get_params(deep=False)
        arrays, words = _read(data)
        facts = {
            "format": _FORMAT,
            "fit": fingerprint({k: v for k, v in params.items() if k not in _FREE}),
            "windows": fingerprint(words),
            "n_epochs": n_epochs,
            "seed": int(data.seed),
            "device": data.device.type,
            "torch": torch.__version__,
        }
        name = digest_of(arrays, facts)[:32]
        return cls(Path(estimator.checkpoint_dir, f"fit_{name}.npz"))

    def n_left(self, n_epochs):
        """How many epochs are left of those of the training."""
        if self._found is None:
            return n_epochs
        facts = self._found[1]
        return 0 if facts["done"] else n_epochs - len(facts["history"])

    def on_train_begin(self, net, **kwargs):
        self._written, self._generators = monotonic(), get_generators(_device(net))
        if self._found is None:
            return
        (arrays, facts), self._found = self._found, None
        best = {k: arrays.pop(k) for k in list(arrays) if k.startswith(_BEST)}
        generators = [arrays.pop(k) for k in sorted(arrays) if k.startswith("rng/")]
        restore_net(net, arrays, facts)
        restore_training(net, facts)
        self._generators = [torch.as_tensor(state) for state in generators]
        set_generators(self._generators, _device(net))
        stopping = _stopping(net)
        for name, value in facts["stopping"].items():
            setattr(stopping, name, value)
        if best:
            stopping.best_model_weights_ = {
                name.removeprefix(_BEST): torch.as_tensor(value)
                for name, value in best.items()
            }

    def on_epoch_end(self, net, **kwargs):
        self._generators = get_generators(_device(net))
        if monotonic() - self._written >= _SECONDS:
            self._write(net, done=False)

    def on_train_end(self, net, **kwargs):
        # Who asked for a stop is not among the parameters: a fit without goes on.
        stopped = any(getattr(c, "asked_to_stop_", False) for _, c in net.callbacks_)
        self._write(net, done=not stopped)

    def _write(self, net, done):
        arrays, facts = collect_state(net)
        for number, state in enumerate(self._generators):
            arrays[f"rng/{number}"] = state.cpu().numpy()
        stopping, facts["stopping"] = _stopping(net), {}
        if stopping is not None:
            facts["stopping"] = {name: getattr(stopping, name) for name in _STOPPING}
            best = getattr(stopping, "best_model_weights_", None) or {}
            arrays |= {_BEST + k: v.cpu().numpy() for k, v in best.items()}
        if is_first():
            write_checkpoint(self.path, arrays, facts | {"done": done})
        self._written = monotonic()


def _device(net):
    return net.module_.output.weight.device


def _stopping(net):
    found = [c for _, c in net.callbacks_ if isinstance(c, EarlyStopping)]
    return found[0] if found else None


def _read(data):
    """What a training learns from: arrays by name, and all else."""
    X, y = data.X, data.y
    arrays, words = {"train": data.split[0], "valid": data.split[1]}, []
    if isinstance(X, PanelWindows):
        table = X.table
        parts = ("values", "codes", "target", "indptr", "segments")
        arrays |= {f"X/{name}": getattr(table, name) for name in parts}
        arrays["X/ends"] = X.ends
        categories = {name: list(of) for name, of in table.categories.items()}
        words = [X.window_size, table.names, table.known, table.view, categories]
    else:
        arrays["X"] = X
    if isinstance(y, StepTargets):
        arrays |= {"y": y.target, "y/origins": y.origins, "y/segments": y.segments}
        words.append(y.horizon)
    else:
        arrays["y"] = y
    if data.weight is not None:
        arrays["weight"] = data.weight
    return arrays, words
