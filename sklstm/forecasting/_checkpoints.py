"""Checkpoints: arrays and facts in one file, whole or refused.

A file is an ordinary ``.npz`` that NumPy reads without pickle: the arrays under their
names, and under ``facts`` a JSON text with all else and a digest of the whole.
"""

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

__all__ = ["digest_of", "read_checkpoint", "write_checkpoint"]

_FACTS, _DIGEST = "facts", "digest"

# What a file that was cut or changed makes NumPy and its zip reader raise.
_DAMAGE = (
    ValueError,
    KeyError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
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
    text = json.dumps(facts | {_DIGEST: digest_of(arrays, facts)})
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays, **{_FACTS: np.frombuffer(text.encode(), np.uint8)})
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
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
    try:
        # NumPy would leave a file open that it cannot read.
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays.pop(_FACTS).tobytes())
        digest = facts.pop(_DIGEST)
    except FileNotFoundError:
        raise
    except _DAMAGE as error:
        raise ValueError(_damaged(path)) from error
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
        f"The checkpoint {str(path)!r} is damaged: it is not what was written. Delete "
        "it to start anew, or put back a copy."
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
