"""The checkpoints of a loop in one folder."""

from contextlib import contextmanager
from pathlib import Path

from ._checkpoints import copy_checkpoint, read_checkpoint, write_checkpoint
from ._folder_lock import lock_folder

__all__ = ["CheckpointFolder"]


class CheckpointFolder:
    """Write and read the checkpoints of a loop.

    Parameters
    ----------
    identity : LoopIdentity
        What is written to each file, and must agree with those that are read.
    folder : str, Path or None, default=None
        None keeps none.
    every : int, default=None
        Epochs between two checkpoints inside a stage; None keeps those after stages.
    """

    def __init__(self, identity, folder=None, every=None):
        self.identity = identity
        self.folder = None if folder is None else Path(folder)
        self.every = every

    @contextmanager
    def locked(self):
        """Keep other loops from writing to the folder."""
        if self.folder is None:
            yield self
            return
        with lock_folder(self.folder):
            yield self

    def save_epoch(self, loop, n_done):
        """Write the progress of a stage after every `every` epochs."""
        if self._resumable and self.every and n_done % self.every == 0:
            self._write_latest(loop, n_done, *loop.trainer.state())

    def save_stage(self, loop, improved):
        """Write the state after a stage, and once more for data sets it is best for."""
        if self.folder is None:
            return
        arrays, facts = loop.trainer.state()
        stage = self._stage(loop.progress.n_begun - 1)
        self._write(stage, arrays, {"trainer": facts})
        for i in improved:
            copy_checkpoint(stage, self.folder / f"best_{i:03d}.npz")
        # The one that a loop resumes from comes last: the others must be there then.
        if self._resumable:
            self._write_latest(loop, 0, arrays, facts)

    def load_latest(self):
        """Read where the loop stood, None if it has not begun."""
        try:
            return self._read(self.folder / "latest.npz")
        except FileNotFoundError:
            return None

    def load_stage(self, number):
        """Read the state after a stage."""
        return self._read(self._stage(number))

    @property
    def _resumable(self):
        """Whether ``latest.npz`` is written: `fit` resumes, `partial_fit` does not."""
        return self.folder is not None and not self.identity.later

    def _stage(self, number):
        return self.folder / f"stage_{number:03d}.npz"

    def _write_latest(self, loop, n_done, arrays, facts):
        facts = {
            "datasets": [repr(name) for name in loop.data.names],
            "progress": loop.progress.to_dict(),
            "n_done": n_done,
            "trainer": facts,
        }
        self._write(self.folder / "latest.npz", arrays, facts)

    def _write(self, path, arrays, facts):
        write_checkpoint(path, arrays, self.identity.to_dict() | facts)

    def _read(self, path):
        arrays, facts = read_checkpoint(path)
        self.identity.check(
            path,
            facts,
            "Fit with the same parameters and data, choose another checkpoint_dir, or "
            "set resume=False to overwrite it.",
        )
        return arrays, facts
