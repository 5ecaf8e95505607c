"""A damaged database gets another name and stays; no two programs do that at once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from vita_tui.errors import StoreError

__all__ = ["held", "name_aside", "set_aside"]


def name_aside(file: Path, now: float) -> Path:
    """A free name beside `file` for what is damaged of it, with the time `now`, in seconds since 1970."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    target = file.with_name(f"{file.name}.damaged-{stamp}")
    number = 1
    while target.exists():
        number += 1
        target = file.with_name(f"{file.name}.damaged-{stamp}-{number}")
    return target


def set_aside(file: Path, target: Path) -> None:
    """Give a database, and the log beside it, another name; until another takes its place there is one under its own."""
    with contextlib.suppress(OSError):
        os.link(file, target)
    for ending in ("-wal", "-shm", *([] if target.exists() else [""])):
        part = file.with_name(file.name + ending)
        if part.exists():
            part.rename(target.with_name(target.name + ending))


@contextlib.contextmanager
def held(folder: Path, seconds: float = 60.0) -> Iterator[None]:
    """Keep other VITAs out of checking and setting aside, so that none moves away the file that another has just begun.

    Saving a large damaged file takes a minute. The lock is on the folder itself and leaves no file behind. Where the system has no `flock` (Windows) an open file cannot
    be renamed anyway. One that is held for more than `seconds`, by a stopped process perhaps, is not waited for.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        give_up = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise StoreError(
                        f"Another VITA has been bringing {folder} in order for more than {seconds:g} s.",
                        remedy="Let it finish, then try again.",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)
