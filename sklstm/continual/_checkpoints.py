"""Checkpoints of a loop: the files of a folder, and its lock."""

import os
import socket
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from .._panels.checkpoint_files import (
    copy_checkpoint,
    read_checkpoint,
    write_checkpoint,
)

__all__ = ["CheckpointFolder", "lock_folder"]


@contextmanager
def lock_folder(folder):
    """Keep a folder for the block inside, or raise if another loop has it.

    The operating system releases the lock when the process ends, however it ends. On
    Windows, and in file systems without locks, nothing is locked.

    Parameters
    ----------
    folder : Path
        It is made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    path = folder / "loop.lock"
    handle = _acquire(path)
    try:
        yield
    finally:
        # Removed while it is held: who opened it in between finds another file there.
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path):
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle, path)
            if _is_at(handle, path):
                _write_owner(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle, path):
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        owner = os.read(handle, 200).decode(errors="replace") or "unknown"
        raise ValueError(
            f"Another loop is writing to checkpoint_dir={str(path.parent)!r}: process "
            f"{owner}. Choose another checkpoint_dir, or wait until that loop ends."
        ) from error
    except OSError:  # a file system without locks
        pass


def _is_at(handle, path):
    try:
        return Path(path).stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _write_owner(handle):
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} on {socket.gethostname()}".encode())


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
            copy_checkpoint(stage, self._best(i))
        # The one that a loop resumes from comes last: the others must be there then.
        if self._resumable:
            self._write_latest(loop, 0, arrays, facts)

    def save_best(self, loop, datasets):
        """Write the state between stages as the best so far for some data sets."""
        if self.folder is None:
            return
        arrays, facts = loop.trainer.state()
        for i in datasets:
            self._write(self._best(i), arrays, {"trainer": facts})

    def load_latest(self):
        """Read where the loop stood, None if it has not begun."""
        try:
            found = self._read(self.folder / "latest.npz")
        except FileNotFoundError:
            return None
        # What `restore` needs later, so that damage shows before training.
        for kind in ("stage", "best"):
            for path in sorted(self.folder.glob(f"{kind}_*.npz")):
                read_checkpoint(path)
        return found

    def load_stage(self, number):
        """Read the state after a stage."""
        return self._read(self._stage(number))

    @property
    def _resumable(self):
        """Whether ``latest.npz`` is written: `fit` resumes, `partial_fit` does not."""
        return self.folder is not None and not self.identity.later

    def _stage(self, number):
        return self.folder / f"stage_{number:03d}.npz"

    def _best(self, dataset):
        return self.folder / f"best_{dataset:03d}.npz"

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
