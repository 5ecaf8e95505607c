"""A program on a pseudo-terminal: keys go in as bytes, what it paints comes out, and both are timed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence

from vita_tui.errors import EngineError, VitaError

__all__ = ["PseudoTerminal"]

CHUNK = 65_536


class PseudoTerminal:
    """A child on its own terminal. All times are monotonic seconds.

    Raises:
        VitaError: this system has no pseudo-terminals.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, size: tuple[int, int] = (120, 40)
    ) -> None:
        """
        Args:
            size: columns and rows.
        """
        try:
            import fcntl
            import pty
            import termios
        except ImportError:
            raise VitaError("The screen can be measured on Linux and macOS only.") from None
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.started = time.monotonic()
        self._child = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=dict(environment),
            start_new_session=True, close_fds=True,
        )  # fmt: skip
        os.close(slave)
        self.output = bytearray()

    def press(self, keys: str) -> float:
        """Send keys; returns when."""
        at = time.monotonic()
        os.write(self._master, keys.encode())
        return at

    def wait_for(self, wanted: str, timeout: float, *, start: int = 0) -> float:
        """When `wanted` was in the output after its first `start` bytes.

        Raises:
            EngineError: it did not come, or the program has ended.
        """
        sought, looked = wanted.encode(), start
        deadline = time.monotonic() + timeout
        while True:
            if self.output.find(sought, max(start, looked - len(sought))) >= 0:
                return time.monotonic()
            looked = len(self.output)
            if not self._read(deadline - time.monotonic()):
                raise EngineError(f"The screen did not show {wanted!r} within {timeout:.0f} s.")

    def settle(self, seconds: float) -> None:
        """Read for so long, whatever comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)

    def wait_for_end(self, timeout: float) -> float:
        """When the program had ended.

        Raises:
            EngineError: it goes on.
        """
        deadline = time.monotonic() + timeout
        while self._child.poll() is None:
            if time.monotonic() > deadline:
                raise EngineError(f"The program did not end within {timeout:.0f} s.")
            with contextlib.suppress(EngineError):
                self._read(0.002)
        return time.monotonic()

    def close(self) -> None:
        """End the program, if it goes on, and everything that it has started."""
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        with contextlib.suppress(OSError):
            os.close(self._master)

    def _read(self, timeout: float) -> bool:
        """Take in what there is; False when nothing came in time.

        Raises:
            EngineError: the program has ended.
        """
        if not select.select([self._master], [], [], max(0.0, timeout))[0]:
            return False
        try:
            data = os.read(self._master, CHUNK)
        except OSError:  # the other end is closed
            data = b""
        if not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(0.05)
            raise EngineError(f"The program has ended: {self._last_words()}")
        self.output += data
        return True

    def _last_words(self) -> str:
        words = bytes(self.output[-400:]).decode(errors="replace")
        return " ".join(words.split()) or "it said nothing"
