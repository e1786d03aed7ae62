"""A folder that one loop at a time writes to."""

import os
import socket
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["lock_folder"]


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
