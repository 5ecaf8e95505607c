"""Files that are there whole: written beside their place and renamed into it.

A reader, a full disk and `kill -9` find the old file or the new one, never half of either. What a killed program has left beside
a file is named `.NAME.PID-THREAD.new` and is removed by `remove_leftovers`.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["leftovers", "remove_leftovers", "replacing", "write_whole"]

STALE_SECONDS = 86_400.0
"""After so long a file that was never finished is nobody's any more, even if a process has the number of its writer."""
LONGEST_NAME = 255
"""Bytes of a file's name, on nearly every file system."""

_LEFT = re.compile(r"\.(\d+)(?:-\d+)?\.new$")


@contextmanager
def replacing(
    target: Path, *, mode: int = 0o600, keep_mode: bool = False, replace: bool = True, durable: bool = True
) -> Iterator[Path]:
    """An empty file to write into, which takes the place of `target` when the block ends without an error.

    A link stays a link: the file that it leads to is replaced. What is no regular file (a pipe, a device) is given as it is.

    Args:
        mode: of the new file, cut by the umask: 0600 is private also where the old file was not.
        keep_mode: a file that is there keeps its own.
        replace: False refuses a target that exists.
        durable: have the bytes on the disk before the name leads to them.

    Raises:
        FileExistsError: `replace` is False and there is one; it is as it was.
        OSError: the disk is full or the folder cannot be written; an old file is as it was.
    """
    kept = False
    with suppress(FileNotFoundError):
        there = target.stat()
        if not stat.S_ISREG(there.st_mode) and not stat.S_ISDIR(there.st_mode):
            yield target
            return
        if not replace:
            raise FileExistsError(17, "File exists", str(target))
        if keep_mode:
            kept, mode = True, stat.S_IMODE(there.st_mode)
    target = Path(os.path.realpath(target))
    new = _beside(target)
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        if kept:
            new.chmod(mode)
        yield new
        if durable:
            _sync(new)
        if replace:
            new.replace(target)
        else:
            _put_if_free(new, target)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def write_whole(
    target: Path,
    data: str | bytes,
    *,
    mode: int = 0o600,
    keep_mode: bool = False,
    replace: bool = True,
    durable: bool = True,
) -> None:
    """Make `data` (text as UTF-8; what UTF-8 cannot hold becomes "?") the content of `target`; the rest as in `replacing`."""
    content = data.encode("utf-8", "replace") if isinstance(data, str) else data
    with replacing(target, mode=mode, keep_mode=keep_mode, replace=replace, durable=durable) as new:
        new.write_bytes(content)


def leftovers(folder: Path, pattern: str = "*.new") -> Iterator[Path]:
    """Files in `folder` that a program began to write and did not finish, and that nobody writes any more."""
    for file in folder.glob(pattern):
        found = _LEFT.search(file.name)
        with suppress(OSError):
            if found and (not _runs(int(found[1])) or time.time() - file.lstat().st_mtime > STALE_SECONDS):
                yield file


def remove_leftovers(folder: Path, pattern: str = "*.new") -> list[Path]:
    """Remove `leftovers`; returns which."""
    removed = []
    for file in leftovers(folder, pattern):
        with suppress(OSError):
            file.unlink()
            removed.append(file)
    return removed


def _beside(target: Path) -> Path:
    ending = f".{os.getpid()}-{threading.get_ident()}.new"
    name = os.fsencode(target.name)[: LONGEST_NAME - len(ending) - 1]
    return target.with_name(f".{name.decode('utf-8', 'ignore')}{ending}")


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_if_free(new: Path, target: Path) -> None:
    try:
        os.link(new, target)  # unlike a rename it refuses a name that is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(17, "File exists", str(target)) from None
        new.replace(target)


def _runs(pid: int) -> bool:
    if os.name != "posix":
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
