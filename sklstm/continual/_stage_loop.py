"""The loop over stages: train, score every data set, react, keep."""

from dataclasses import asdict, dataclass, field
from warnings import warn

import numpy as np

from ._stage_plan import Stage, group_of_windows
from ._stage_scores import error_by_group, worst_increase

__all__ = ["Progress", "StageLoop"]

_ERRORS = {
    "mae": lambda truth, guess: float(np.abs(truth - guess).mean()),
    "rmse": lambda truth, guess: float(np.sqrt(((truth - guess) ** 2).mean())),
}


@dataclass
class Progress:
    """How far a loop has come; data sets are named by position.

    Attributes
    ----------
    untrained : list of float
        The error of each data set before any training.
    scores : list of list of float
        The error of each data set after each stage that was kept.
    kept : list of list of int
        The data sets of each of these stages.
    stages : list of dict
        What happened in each stage.
    stopped : bool
    """

    untrained: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    stages: list = field(default_factory=list)
    stopped: bool = False

    @property
    def n_begun(self):
        return len(self.stages)

    def to_dict(self):
        return asdict(self)

    def since(self, n):
        """The first kept stage of each of `n` data sets, -1 if there is none."""
        since = np.full(n, -1)
        for stage, datasets in reversed(list(enumerate(self.kept))):
            since[datasets] = stage
        return since

    def errors(self, n):
        """Errors of shape (n_kept, n); NaN for data sets that came later."""
        rows = [row + [np.nan] * (n - len(row)) for row in self.scores]
        return np.array(rows, dtype=float).reshape(len(rows), n)


class StageLoop:
    """Train a regressor on data sets in turn.

    Parameters
    ----------
    model : ContinualForecaster
        Whose parameters are read.
    data : LoopData
    trainer : object
        The trainer returned by `stage_trainer` of the regressor.
    folder : CheckpointFolder
    progress : Progress
    """

    def __init__(self, model, data, trainer, folder, progress):
        self.model = model
        self.data = data
        self.trainer = trainer
        self.folder = folder
        self.progress = progress
        self._held_out = np.concatenate(data.valid)
        self._truth = np.asarray(data.targets[self._held_out])

    def score(self):
        """The error of each data set on its own tail, as a list."""
        n = len(self.data.names)
        if len(self._held_out) == 0:
            return [np.nan] * n
        guess = self.trainer.estimator.predict(self.data.windows[self._held_out])
        error = _ERRORS.get(self.model.scoring, self.model.scoring)
        group = self.data.dataset[self._held_out]
        errors = error_by_group(self._truth, guess, group, n, error)
        self._check_not_negative(errors)
        return errors.tolist()

    def _check_not_negative(self, errors):
        negative = np.flatnonzero(errors < -1e-9)  # less is rounding
        if len(negative):
            first = negative[0]
            raise ValueError(
                "scoring must return an error of 0 or more, lower for better, got "
                f"{errors[first]:.6g} for data set {self.data.names[first]!r}. Return "
                "what is 0 for perfect forecasts, such as 1 - r2 in place of -r2."
            )

    def resume(self, arrays, facts):
        """Go back to the latest checkpoint.

        Parameters
        ----------
        arrays, facts : dict
            The content of the checkpoint.

        Returns
        -------
        int
            Epochs that are done of the stage that comes next.
        """
        self.trainer.load(arrays, facts["trainer"])
        self.progress = Progress(**facts["progress"])
        return facts["n_done"]

    def run(self, plan, n_done=0):
        """Go through stages.

        Parameters
        ----------
        plan : list of (list of int, int or None)
            The data sets of each stage, and its number of epochs.
        n_done : int, default=0
            Epochs of the first of these stages that lie behind.
        """
        scores = self.progress.scores
        if scores and len(scores[-1]) < len(self.data.names):
            # Data sets that have come since are scored before they are learned.
            n_known, scores[-1] = len(scores[-1]), self.score()
            scored = np.flatnonzero(np.isfinite(scores[-1]))
            self.folder.save_best(self, scored[scored >= n_known].tolist())
        for datasets, n_epochs in plan:
            if self.progress.stopped:
                return
            self._run_stage(datasets, n_epochs, n_done)
            n_done = 0

    def _run_stage(self, datasets, n_epochs, n_done):
        progress = self.progress
        before = self._state_before(n_done)
        stage = self._describe(datasets, n_epochs, n_done)
        self.trainer.train(stage)
        n_epochs = self.trainer.epochs_of_last_stage()
        progress.scores.append(self.score())
        progress.kept.append(datasets)
        errors = progress.errors(len(self.data.names))
        increase, worst = worst_increase(errors, progress.since(errors.shape[1]))
        outcome = self._react(increase, worst, datasets, before)
        progress.stages.append(
            {
                "datasets": datasets,
                "n_epochs": n_epochs,
                "lr_factor": stage.lr_factor,
                "increase": increase if np.isfinite(increase) else np.nan,
                "worst": worst if np.isfinite(increase) else None,
                "outcome": outcome,
            }
        )
        improved = [] if outcome == "undone" else _improved(errors)
        self.folder.save_stage(self, improved)

    def _state_before(self, n_done):
        """The state to go back to, where that may be asked for."""
        if self.model.on_forgetting != "rollback" or self.progress.n_begun == 0:
            return None
        if n_done == 0:
            return self.trainer.state()
        arrays, facts = self.folder.load_stage(self.progress.n_begun - 1)
        return arrays, facts["trainer"]

    def _describe(self, datasets, n_epochs, n_done):
        model, data, number = self.model, self.data, self.progress.n_begun
        seen = sorted({j for earlier in self.progress.kept for j in earlier})
        return Stage(
            learned=_joined(data.learned, datasets),
            valid=_joined(data.valid, datasets),
            remembered=_joined(data.learned, [j for j in seen if j not in datasets]),
            groups=group_of_windows(model.balance, data.dataset, data.windows),
            balanced=len(datasets) > 1 and model.balance != "rows",
            replay=model.replay,
            n_epochs=n_epochs,
            lr_factor=model.lr_decay**number,
            keep_optimizer=model.keep_optimizer,
            l2_sp=model.l2_sp,
            ewc=model.ewc,
            n_done=n_done,
            after_epoch=self._after_epoch,
        )

    def _after_epoch(self, n_done):
        # The state of early stopping is not kept, so that a stage with it is resumed
        # from its start.
        if not getattr(self.trainer.estimator, "early_stopping", False):
            self.folder.save_epoch(self, n_done)

    def _react(self, increase, worst, datasets, before):
        """Do what `on_forgetting` says, and name it."""
        action, names = self.model.on_forgetting, self.data.names
        if increase <= self.model.tolerance or action == "ignore":
            return "kept"
        now = ", ".join(repr(names[j]) for j in datasets)
        message = (
            f"The error of data set {names[worst]!r} rose by {increase:.0%} in the "
            f"stage of {now}, which is more than tolerance={self.model.tolerance:.0%}."
        )
        if action == "warn":
            remedy = " Raise replay, l2_sp or ewc, or lower lr_decay."
            warn(message + remedy, UserWarning, stacklevel=2)
            return "kept"
        if action == "stop":
            warn(message + " The loop stops here.", UserWarning, stacklevel=2)
            self.progress.stopped = True
            return "stopped"
        warn(message + " The stage is undone.", UserWarning, stacklevel=2)
        self.trainer.load(*before)
        self.trainer.skip_stage()
        self.progress.scores.pop()
        self.progress.kept.pop()
        return "undone"


def _joined(positions, datasets):
    parts = [positions[j] for j in datasets]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.intp)


def _improved(errors):
    """The data sets whose error is lower than after every stage before."""
    best = np.fmin.reduce(errors[:-1], axis=0, initial=np.inf)
    return np.flatnonzero(errors[-1] < best).tolist()
