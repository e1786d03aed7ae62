"""The checkpoints of a loop in one folder."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._panel import show
from ._checkpoints import read_checkpoint, write_checkpoint

__all__ = ["CheckpointFolder", "describe_loop"]

# They decide where and when is written, not what is trained.
_FREE = {"checkpoint_dir", "checkpoint_every", "resume", "compare_joint"}


def describe_loop(model, X, y):
    """Describe what decides the weights: every parameter, and the data.

    Parameters
    ----------
    model : SequentialForecaster
    X : DataFrame
    y : Series, DataFrame or array

    Returns
    -------
    dict of str to str
    """
    parameters = {
        name: _words(value)
        for name, value in model.get_params().items()
        if name not in _FREE and not name.endswith("verbose")
    }
    digest = hashlib.sha256(pd.util.hash_pandas_object(X.reset_index()).values)
    digest.update(np.ascontiguousarray(np.asarray(y, dtype=np.float64)))
    return parameters | {"data": digest.hexdigest()}


def _words(value):
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if isinstance(value, np.random.RandomState):
        state = [part.tolist() for part in value.get_state() if hasattr(part, "tolist")]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()
    # The address of an object says nothing about it.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


class CheckpointFolder:
    """Write and read the checkpoints of a loop.

    Parameters
    ----------
    folder : str, Path or None
        None keeps none.
    every : int or None
        Epochs between two checkpoints inside a stage; None keeps those after stages.
    description : dict of str to str, or None
        What a loop that resumes must agree with; None writes nothing to resume from.
    """

    def __init__(self, folder=None, every=None, description=None):
        self.folder = None if folder is None else Path(folder)
        self.every = every
        self.description = description

    def save_epoch(self, trainer, progress, n_done):
        """Write where a stage stands, if its turn has come."""
        if self.folder is not None and self.every and n_done % self.every == 0:
            self._write("latest.npz", trainer, progress, n_done)

    def save_stage(self, trainer, progress, improved):
        """Write the state after a stage, and once more for data sets it is best for."""
        if self.folder is None:
            return
        state = trainer.state()
        last = progress.n_begun - 1
        names = [f"stage_{last:03d}.npz", *(f"best_{i:03d}.npz" for i in improved)]
        # The one that a loop resumes from comes last: the others must be there then.
        if self.description is not None:
            names.append("latest.npz")
        for name in names:
            self._write(name, trainer, progress, 0, state)

    def load_latest(self):
        """Read where the loop stood, None if it has not begun."""
        path = self.folder / "latest.npz"
        if not path.exists():
            return None
        return self._read(path)

    def load_stage(self, number):
        """Read the state after a stage."""
        return self._read(self.folder / f"stage_{number:03d}.npz")

    def _write(self, name, trainer, progress, n_done, state=None):
        arrays, facts = state or trainer.state()
        facts = {
            "description": self.description,
            "progress": progress.to_dict(),
            "n_done": n_done,
            "trainer": facts,
        }
        write_checkpoint(self.folder / name, arrays, facts)

    def _read(self, path):
        arrays, facts = read_checkpoint(path)
        if facts["description"] != self.description:
            raise ValueError(_other_loop(path, facts["description"], self.description))
        return arrays, facts


def _other_loop(path, theirs, ours):
    if {**theirs, "data": ""} == {**ours, "data": ""}:
        what = "with the same parameters, but on other data"
    else:
        names = [n for n in theirs | ours if theirs.get(n) != ours.get(n)]
        pairs = [
            f"{name}={theirs.get(name, 'absent')} (now {ours.get(name, 'absent')})"
            for name in names
            if name != "data"
        ]
        what = "with " + show(pairs, 8).replace('"', "").replace("'", "")
    return (
        f"The checkpoint {str(path)!r} is that of another loop, {what}. Fit with the "
        "same parameters and data, choose another checkpoint_dir, or set resume=False "
        "to write over it."
    )
