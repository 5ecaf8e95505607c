"""Whether anybody could bring VITA back when it is suspended."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["is_job"]


def is_job() -> bool:
    """Whether a shell that controls jobs may have started VITA: the terminal of `tmux new vita` or `ssh -t host vita` would stand still for ever.

    That is so when the process group is not orphaned, as the system itself says of ctrl+z (POSIX, 2.4.3).
    """
    if os.name != "posix":
        return False
    import psutil

    group, session = os.getpgrp(), os.getsid(0)
    with suppress(psutil.Error, OSError):
        parent = psutil.Process().parent()
        while parent is not None and os.getpgid(parent.pid) == group:
            parent = parent.parent()
        return parent is not None and os.getsid(parent.pid) == session
    return False
