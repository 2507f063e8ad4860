"""Locks on files and folders, held by one process and gone with it however it ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from arc_affinity.errors import ArcAffinityError, os_errors

LOCK = ".lock"
"""Name of the lock within a folder that a command works in; it is removed when the work ends, but by a kill."""

WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.EBADF}
"""What file systems answer that have no locks (some mounts of NFS and Lustre), or none on folders (NFS: EBADF)."""


def take(handle: int) -> bool | None:
    """Lock an open file or folder without waiting: True if it is ours now, False if another process holds it.

    None says that the file system has no locks, where work goes on unguarded rather than not at all.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return None
        raise
    return True


def still_at(handle: int, path: Path) -> bool:
    """Whether ``path`` is the open file; another process may have removed it before the lock was ours."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def open_locked(path: Path, busy: str) -> int:
    """Open ``path`` for reading and writing, made if need be and never through a link, and lock it.

    Args:
        path: the file; its folder is there.
        busy: what is said if another process holds it.

    Raises:
        ArcAffinityError: another process holds it.
        OSError: it cannot be opened.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        try:
            if take(handle) is False:
                raise ArcAffinityError(busy)
            if still_at(handle, path):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold ``folder``, made if need be, for this process alone.

    Raises:
        ArcAffinityError: another process holds it, it cannot be written, or someone's own file is called as the lock.
    """
    path = folder / LOCK
    with os_errors(f"cannot write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        handle = open_locked(path, f"another process is at work in {folder}; wait for it, or choose another folder")
    if os.fstat(handle).st_size:
        os.close(handle)
        raise ArcAffinityError(f"{path} holds something, and so is no lock; move it away, or choose another folder")
    try:
        yield
    finally:
        # Removed while it is held: who waits for it finds that it is not the one that lies there any more.
        if still_at(handle, path):
            path.unlink()
        os.close(handle)
