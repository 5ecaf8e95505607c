"""Other programs that keep cores busy while something is measured, as they do on people's machines."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from vita_tui.errors import EngineError

__all__ = ["MOST_CORES", "MOST_SECONDS", "beside"]

MOST_CORES = 64
MOST_SECONDS = 3600.0
"""After which a busy program ends by itself."""
STOP_SECONDS = 5.0
_BUSY = """
import os, sys, threading, time

def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(0)

threading.Thread(target=end_with_parent, daemon=True).start()
print("busy", flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(100_000):
        pass
"""
"""Counts until its time is over, or its parent is gone, however that ended."""


@contextlib.contextmanager
def beside(cores: int, *, seconds: float = MOST_SECONDS) -> Iterator[list[int]]:
    """Keep `cores` cores busy meanwhile, each by a program of ordinary priority in a session of its own; yields their pids.

    Args:
        seconds: after which they end in any case.

    Raises:
        EngineError: a program could not be started.
    """
    programs: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(cores):
            try:
                program = subprocess.Popen(
                    [sys.executable, "-I", "-c", _BUSY, str(seconds)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    # Linux shares the processor out among sessions first; other programs are in others.
                    start_new_session=True,
                )
            except OSError as error:
                raise EngineError(f"A busy program could not be started: {error}.") from None
            programs.append(program)
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()
        yield [program.pid for program in programs]
    finally:
        for program in programs:
            _end(program)


def _end(program: subprocess.Popen[bytes]) -> None:
    assert program.stdin is not None
    assert program.stdout is not None
    with contextlib.suppress(OSError):
        program.stdin.close()
    try:
        program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()
    program.stdout.close()
