"""Checkpoints as files: arrays and facts, written whole or not at all."""

import hashlib
import io
import json
import os
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .rows import show

__all__ = ["copy_checkpoint", "digest_of", "read_checkpoint", "write_checkpoint"]

_FACTS, _DIGEST = "facts", "digest"

# What a file that was cut or changed makes NumPy and its zip reader raise.
_DAMAGE = (
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_checkpoint(path, arrays, facts):
    """Write a checkpoint so that the file is at no time half there.

    Parameters
    ----------
    path : Path
    arrays : dict of str to ndarray
    facts : dict
        Fit for JSON.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Numbers of numpy, as callbacks may record, become those of Python.
    facts = json.loads(json.dumps(facts, default=lambda value: value.item()))
    text = json.dumps(facts | {_DIGEST: digest_of(arrays, facts)})
    with _put_in_place(path) as part, open(part, "w+b") as file:
        np.savez(file, **arrays)
        _add_text(file, text)
        file.flush()
        os.fsync(file.fileno())


def _add_text(file, text):
    """Add the facts to an archive, compressed: weights hardly can be, they can."""
    array = io.BytesIO()
    np.save(array, np.frombuffer(text.encode(), np.uint8))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{_FACTS}.npy", array.getvalue())


def copy_checkpoint(path, other):
    """Put a checkpoint in a second place as well, without writing it again.

    Where the file system has no hard links, it is copied.

    Parameters
    ----------
    path, other : Path
    """
    with _put_in_place(other) as part:
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)


@contextmanager
def _put_in_place(path):
    """Yield a temporary name, whose file is moved to `path` unless the block raises."""
    part = path.with_name(f"{path.name}.part")
    # What a process left that was killed is not written into: it may have other names.
    part.unlink(missing_ok=True)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read_checkpoint(path):
    """Read a checkpoint, and raise if it is not what was written.

    Parameters
    ----------
    path : Path

    Returns
    -------
    arrays : dict of str to ndarray
    facts : dict
    """
    # An error of the file system is raised as it is, and is no damage.
    with open(path, "rb") as file:
        content = file.read()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        text = arrays.pop(_FACTS, None)
        facts = None if text is None else json.loads(text.tobytes())
        digest = None if text is None else facts.pop(_DIGEST)
    except _DAMAGE as error:
        raise ValueError(_damaged(path)) from error
    if facts is None:
        raise ValueError(
            f"{str(path)!r} is not a checkpoint of a loop over data sets: it contains "
            f"the arrays {show(list(arrays))} and no record of a loop."
        )
    if digest != digest_of(arrays, facts):
        raise ValueError(_damaged(path))
    return arrays, facts


def digest_of(arrays, facts):
    """A digest of arrays and facts, the same in every process.

    Parameters
    ----------
    arrays : dict of str to ndarray
    facts : dict
        Fit for JSON.

    Returns
    -------
    str
    """
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _damaged(path):
    return (
        f"The checkpoint {str(path)!r} is damaged: it is not what was written. Put "
        "back a copy, or delete it: what only it contains is trained anew or lost."
    )


def _sync_folder(folder):
    """Make a renamed file last through a power cut, where folders can be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
