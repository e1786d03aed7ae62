"""One net, trained in stages on parts of its windows."""

from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.base import clone

from ..._panels.parameters import with_python_numbers
from .._callbacks import make_callbacks
from .._device import (
    choose_threads,
    get_generators,
    limit_threads,
    seeded,
    set_generators,
)
from .._labels import center_unlearned, grow_embeddings, labels_of_series
from .._net_state import (
    collect_state,
    restore_net,
    restore_training,
    restore_weights,
)
from .._training import (
    choose_epochs,
    make_iterators,
    make_net,
    restart_lr,
)
from .mixed_batches import MixedIterator
from .stage_callbacks import StageEnd, StageResume, WeightPenalty
from .weight_penalty import (
    add_quadratics,
    fisher_quadratic,
    grow_quadratics,
    l2_quadratic,
)

__all__ = [
    "TrainerState",
    "ContinualTrainer",
]


class ContinualTrainer:
    """Train the net of a regressor in stages, on parts of its windows.

    Parameters
    ----------
    estimator : LSTMRegressor
        The regressor whose parameters are read.
    X : PanelWindows
        The windows of all stages.
    y : StepTargets
    inputs : InputSpec
    targets : TargetFormat
    net : WindowNet, default=None
        The net to train. None builds one, in units of `scale`, from `seed`.
    state : TrainerState, default=None
        The state of the trainer of earlier stages.
    scale : TargetScale, default=None
    seed : int, default=0
    """

    def __init__(
        self, estimator, X, y, inputs, targets, net=None, state=None, scale=None, seed=0
    ):
        self.estimator = estimator
        self.settings = with_python_numbers(estimator)
        self.X = X
        self.y = y
        self.carried = state or TrainerState()
        device = estimator.device_ if net is None else net.module_.output.weight.device
        self.carried.move(device)
        self.windows = inputs.tensors(X, targets.n_outputs, device)
        self.labels = inputs.labels
        self._facts = None
        self.net = net
        if net is None:
            self._build(inputs, targets, scale, seed)
        else:
            self._grow()

    def train(self, stage):
        """Train for one stage.

        Parameters
        ----------
        stage : Stage
        """
        main, valid = self._iterators(stage)
        estimator = self.settings
        settings = clone(estimator).set_params(lr=estimator.lr * stage.lr_factor)
        n_epochs = stage.n_epochs or choose_epochs(estimator, main)
        shown = self._labels_of(stage.learned)
        if stage.replay and len(stage.remembered):
            shown = _either(shown, self._labels_of(stage.remembered))
        if stage.n_done == 0:
            self._begin(stage, settings.lr)
        stops = estimator.early_stopping and valid is not None
        own = make_callbacks(settings, len(main), n_epochs, stops)
        after_epoch = self._note_generators(stage)
        self.net.callbacks = [
            *self._penalties(stage),
            *own,
            *clone(estimator.callbacks or [], safe=False),
            ("stage_end", StageEnd(self.carried.n_stages, shown, after_epoch)),
            ("stage_resume", StageResume(self._resume)),
        ]
        self.net.initialize_callbacks()
        with self._running():
            self.net.partial_fit((main, valid), epochs=n_epochs - stage.n_done)
            self._end(stage, shown)
        self._drop_callbacks()

    def epochs_of_last_stage(self):
        """How many epochs the last stage had."""
        stages = self.net.history[:, "stage"]
        return stages.count(stages[-1])

    def state(self):
        """Collect all that the next epoch depends on.

        Returns
        -------
        arrays : dict of str to ndarray
        facts : dict
            Fit for JSON.
        """
        arrays, facts = collect_state(self.net)
        return arrays | self.carried.to_arrays(), facts | {
            "n_stages": self.carried.n_stages
        }

    def load(self, arrays, facts):
        """Go back to a state that was collected before."""
        restore_net(self.net, arrays, facts)
        self.carried.read_arrays(arrays, self.windows.inputs.device)
        self.carried.n_stages = facts["n_stages"]
        self._facts = facts

    def skip_stage(self):
        """Count a stage that was undone."""
        self.carried.n_stages += 1

    def load_weights(self, arrays):
        """Go back to the weights of a state alone."""
        restore_weights(self.net, arrays)

    def _build(self, inputs, targets, scale, seed):
        device = self.windows.inputs.device
        learned = self._labels_of(np.arange(len(self.X)))
        batches = [None], None
        with seeded(seed, device):
            self.net = make_net(
                self.settings,
                inputs,
                targets,
                self.windows,
                scale,
                learned,
                batches,
                max_epochs=1,
            )
            self.carried.generators = get_generators(device)
        self.carried.used = [np.arange(len(known) + 1) == 0 for known in self.labels]

    def _grow(self):
        sizes = [len(known) for known in self.labels]
        grow_embeddings(self.net, sizes)
        carried = self.carried
        carried.used = [
            np.pad(used, (0, n + 1 - len(used)))
            for used, n in zip(carried.used, sizes, strict=True)
        ]
        carried.fisher = grow_quadratics(carried.fisher, self.net.module_)

    def _iterators(self, stage):
        def iterate(learned, valid=()):
            return make_iterators(
                self.settings,
                self.X,
                self.y,
                None,
                self.net.scale_,
                self.windows,
                learned,
                np.asarray(valid, dtype=np.intp),
            )

        main, valid = iterate(stage.learned, stage.valid)
        replayed = stage.replay > 0 and len(stage.remembered) > 0
        if not replayed and not stage.balanced:
            return main, valid
        remembered, union = None, main
        if replayed:
            remembered = iterate(stage.remembered)[0]
            both = np.union1d(stage.learned, stage.remembered)
            union = iterate(both)[0]
        mixed = MixedIterator(
            main,
            remembered,
            union,
            groups=stage.groups,
            balanced=stage.balanced,
            replay=stage.replay,
        )
        return mixed, valid

    def _begin(self, stage, lr):
        restart_lr(self.net, lr)
        if not stage.keep_optimizer:
            self.net.optimizer_.state.clear()
        self.carried.anchor = None
        if stage.l2_sp and self.carried.n_stages:
            self.carried.anchor = l2_quadratic(
                self.net.module_, stage.l2_sp, self.carried.used
            )
        self._facts = None

    def _penalties(self, stage):
        total = self.carried.anchor
        if stage.ewc and self.carried.fisher is not None:
            total = add_quadratics(total, self.carried.fisher, stage.ewc)
        return [] if total is None else [("weight_penalty", WeightPenalty(total))]

    def _end(self, stage, shown):
        carried = self.carried
        carried.used = _either(carried.used, shown)
        self.net.learned_ = list(carried.used)
        center_unlearned(self.net, carried.used)
        if stage.ewc:
            new = fisher_quadratic(self.net, self.windows, stage.learned)
            carried.fisher = add_quadratics(carried.fisher, new)
        carried.n_stages += 1
        carried.anchor = None

    def _drop_callbacks(self):
        """Leave no callback in the net that holds on to the stage."""
        own = {"weight_penalty", "stage_end", "stage_resume"}
        net, users = self.net, self.estimator.callbacks
        net.callbacks_ = [pair for pair in net.callbacks_ if pair[0] not in own]
        net.callbacks = clone(users or [], safe=False)

    def _resume(self, net):
        """Bring back the schedules, where a stage goes on that was begun before."""
        if self._facts is not None:
            restore_training(net, self._facts)
            self._facts = None

    def _labels_of(self, positions):
        return labels_of_series(self.X, positions)[: len(self.labels)]

    def _note_generators(self, stage):
        done = stage.n_done

        def after_epoch():
            nonlocal done
            done += 1
            if stage.after_epoch is not None:
                self.carried.generators = get_generators(self.windows.inputs.device)
                stage.after_epoch(done)

        return after_epoch

    @contextmanager
    def _running(self):
        """Let the generators go on from where they stood, and keep where they end."""
        device = self.windows.inputs.device
        with limit_threads(choose_threads(self.settings, device)), seeded(0, device):
            set_generators(self.carried.generators, device)
            yield
            self.carried.generators = get_generators(device)


def _either(one, other):
    return [a | b for a, b in zip(one, other, strict=True)]


@dataclass
class TrainerState:
    """What stages leave to later ones, besides the net.

    Attributes
    ----------
    n_stages : int
        Stages that are done.
    generators : list of Tensor
        States of the generators of the CPU and, where it is used, of the GPU.
    used : list of ndarray of bool
        For each embedding the labels that were learned.
    fisher : dict of str to (Tensor, Tensor), or None
        The sum of the penalties of elastic weight consolidation.
    anchor : dict of str to (Tensor, Tensor), or None
        The penalty of L2-SP in the stage that runs.
    """

    n_stages: int = 0
    generators: list = field(default_factory=list)
    used: list = field(default_factory=list)
    fisher: dict | None = None
    anchor: dict | None = None

    def __getstate__(self):
        """Plain parts, since tensors would be pickled in a file without pickle."""
        return {
            "n_stages": self.n_stages,
            "n_generators": len(self.generators),
            "n_used": len(self.used),
            "arrays": self.to_arrays(),
        }

    def __setstate__(self, state):
        self.n_stages = state["n_stages"]
        self.generators = [None] * state["n_generators"]
        self.used = [None] * state["n_used"]
        self.read_arrays(state["arrays"], torch.device("cpu"))

    def move(self, device):
        """Bring the penalties to a device."""
        for kind in ("fisher", "anchor"):
            parts = getattr(self, kind) or {}
            moved = {k: tuple(t.to(device) for t in v) for k, v in parts.items()}
            setattr(self, kind, moved or None)

    def to_arrays(self):
        """Write all but `n_stages` as a dict of ndarray."""
        arrays = {
            f"generator/{i}": state.numpy().copy()
            for i, state in enumerate(self.generators)
        }
        arrays |= {f"used/{i}": used for i, used in enumerate(self.used)}
        for kind in ("fisher", "anchor"):
            for name, parts in (getattr(self, kind) or {}).items():
                for part, tensor in zip("ab", parts, strict=True):
                    arrays[f"{kind}/{part}/{name}"] = tensor.cpu().numpy().copy()
        return arrays

    def read_arrays(self, arrays, device):
        """Take over what was written, the penalties on a device."""
        n_generators, n_used = len(self.generators), len(self.used)
        self.generators = [
            torch.tensor(arrays[f"generator/{i}"]) for i in range(n_generators)
        ]
        self.used = [arrays[f"used/{i}"] for i in range(n_used)]
        self.fisher = _read_quadratics("fisher", arrays, device)
        self.anchor = _read_quadratics("anchor", arrays, device)


def _read_quadratics(kind, arrays, device):
    prefix = f"{kind}/a/"
    names = [key[len(prefix) :] for key in arrays if key.startswith(prefix)]
    found = {
        name: tuple(
            torch.tensor(arrays[f"{kind}/{part}/{name}"], device=device)
            for part in "ab"
        )
        for name in names
    }
    return found or None
