"""A small process that waits for the program and gives the terminal back, however the program ends.

Nothing inside a process can do that: a library that aborts, a segmentation fault, `kill -9` and a disk that never answers leave no
time. So the process that the shell started forks before anything heavy is imported. The child becomes the program; the parent waits
for its end, passes signals on, puts the terminal back if the child did not, cleans up after a crash, and takes the exit code over.
A program that was told to leave and does not is killed. If the parent is killed, the child is told by a hang-up signal.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

__all__ = ["attributes_before", "give_back", "leaving", "restore", "stand_guard"]

LEAVE_SECONDS = 0.95
"""From the wish to leave to the end of a program that hangs beyond its own last resort."""
KILL_SECONDS = 0.3
"""A process that waits for a disk outlives even SIGKILL: after this long it is left to the system."""
QUIT_KEY = b"\x11"
"""ctrl+q: the terminal itself makes a signal of it, as of ctrl+\\, until Textual takes all keys."""
RESTORED = (
    "\x1b[?2026l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse, and a frame that was begun
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l"  # focus, pasting, size
    "\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h"  # the keys of the alternate screen, before it is left
)
"""What gives a terminal back that Textual could not leave by itself."""

attributes_before: list[Any] | None = None
"""The terminal's own, from before the program changed them; None where nobody did."""
words: tuple[int, int] | None = None
"""Both ends of the pipe for what native libraries print; the guard reads what a crash has left in it."""
_guard = 0
"""Process id of the parent that stands guard; 0 without one."""


def stand_guard() -> None:
    """Go on in a child process, of which the present one waits for the end; nothing where there is no terminal or no `fork`.

    Does nothing the second time. From here on nothing that is typed is echoed or interpreted before Textual has the terminal,
    but for ctrl+c and ctrl+q, which end the program.
    """
    global attributes_before, words, _guard
    if _guard or os.name != "posix" or not os.isatty(0):
        return
    import termios

    before: list[Any] | None = None
    with suppress(termios.error, OSError):
        before = termios.tcgetattr(0)
    hears_parent, parent = os.pipe()
    printed = os.pipe()
    guard = os.getpid()
    # Whoever quits in this very moment is heard by both, once the parent listens.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])
    try:
        child = os.fork()
    except OSError:  # no more processes: it goes without
        child = 0
        guard = 0
    if child:
        os.close(hears_parent)
        os.close(printed[1])
        os._exit(_wait_for(child, before, printed[0]))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGQUIT])
    _guard = guard
    attributes_before, words = before, printed
    if guard:
        os.close(parent)
        threading.Thread(target=_watch_parent, args=(hears_parent,), name="guard", daemon=True).start()
    _take_keys(before)


def leaving() -> None:
    """Tell the guard that the program is about to end."""
    if _guard and os.getppid() == _guard:
        with suppress(OSError):
            os.kill(_guard, signal.SIGUSR1)


def give_back() -> None:
    """Put the terminal's attributes back as they were."""
    if attributes_before is not None:
        import termios

        with suppress(termios.error, OSError):
            if termios.tcgetattr(0) != attributes_before:
                termios.tcsetattr(0, termios.TCSANOW, attributes_before)


def restore(terminal: int, before: list[Any] | None) -> None:
    """Leave everything on `terminal`, a file descriptor, that Textual has begun, and set its attributes to `before`."""
    import termios

    with suppress(OSError):
        os.write(terminal, RESTORED.encode())
    if before is not None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _watch_parent(hears_parent: int) -> None:
    while os.read(hears_parent, 1):
        pass
    os.kill(os.getpid(), signal.SIGHUP)


def _take_keys(before: list[Any] | None) -> None:
    """No echo, no lines, no ctrl+s and ctrl+q of the terminal's own.

    While modules are imported ctrl+c interrupts, and ctrl+q ends the program at once: nothing is open yet that would have to be closed.
    """
    import termios

    if before is None:
        return
    with suppress(termios.error, OSError):
        if os.tcgetpgrp(0) == os.getpgrp():
            now = termios.tcgetattr(0)
            now[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
            now[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
            if _guard:  # which gives the terminal back
                now[6][termios.VQUIT] = QUIT_KEY
            termios.tcsetattr(0, termios.TCSANOW, now)


# ---- in the parent


class _LeftBehindError(Exception):
    """The child does not even die of SIGKILL."""


class _Alarm:
    """Kills the child when its time to leave is over."""

    def __init__(self, child: int) -> None:
        self._child = child
        self.asked = False
        """It was told to leave."""
        self._killed = False

    def begin(self, *_: object) -> None:
        if not self.asked:
            self.asked = True
            signal.setitimer(signal.ITIMER_REAL, LEAVE_SECONDS)

    def ring(self, *_: object) -> None:
        if self._killed:
            raise _LeftBehindError
        self._killed = True
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        signal.setitimer(signal.ITIMER_REAL, KILL_SECONDS)

    def pass_on(self, number: int, _: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._child, number)
        self.begin()


def _wait_for(child: int, before: list[Any] | None, printed: int) -> int:
    """Wait for the end of `child`; returns the exit code of the whole."""
    alarm = _Alarm(child)
    signal.signal(signal.SIGALRM, alarm.ring)
    signal.signal(signal.SIGUSR1, alarm.begin)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, alarm.pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGQUIT])
    signal.signal(signal.SIGTSTP, lambda number, _: os.kill(child, number))
    # Linux: so that `ps` tells the two apart. pathlib is not imported yet.
    with suppress(OSError), open("/proc/self/comm", "w") as name:  # noqa: PTH123
        name.write("vita guard")
    try:
        code = _end_of(child)
    except _LeftBehindError:
        code = -signal.SIGKILL
    signal.setitimer(signal.ITIMER_REAL, 0)
    crashed = code < 0 and not alarm.asked
    if code < 0 or _differs(before):
        _restore(before)
    if code < 0:
        _clean_up()
    if crashed:
        _explain(-code, _last_words(printed))
    if code < 0 and alarm.asked:
        return 0
    return code if code >= 0 else 128 - code


def _end_of(child: int) -> int:
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        # It is suspended, and so are we, for the shell waits for us; where there is none, nobody would continue us.
        from vita_tui.tui.job_control import is_job

        if not is_job():
            continue
        os.kill(os.getpid(), signal.SIGSTOP)
        # A shell continues all of the job, others perhaps only us.
        if not os.waitpid(child, os.WNOHANG | os.WCONTINUED)[0]:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)


def _differs(before: list[Any] | None) -> bool:
    import termios

    try:
        return before is not None and termios.tcgetattr(0) != before
    except (termios.error, OSError):
        return False  # it is gone


def _restore(before: list[Any] | None) -> None:
    signal.signal(
        signal.SIGTTOU, signal.SIG_IGN
    )  # somebody else's terminal by now: it is written to all the same
    restore(next((descriptor for descriptor in (1, 2, 0) if os.isatty(descriptor)), 0), before)


def _clean_up() -> None:
    """What a crash has left goes at once."""
    from vita_tui.health.processes import clean_up

    with suppress(OSError):
        clean_up()


def _last_words(printed: int) -> str:
    """Write what the program's libraries printed last into the log; returns its last line."""
    from vita_tui import paths
    from vita_tui.text.clean import clean_line

    os.set_blocking(printed, False)
    text = b""
    with suppress(OSError):
        while data := os.read(printed, 65536):
            text += data
    lines = text.decode(errors="replace").splitlines()
    with suppress(OSError), paths.log_file().open("ab") as log:
        log.write(text)
    # A stack of Python's follows the line that tells of the fault.
    telling = [
        line for line in lines if line.strip() and not line.startswith((" ", "Current thread", "Thread"))
    ]
    return clean_line(telling[-1])[:200] if telling else ""


def _explain(number: int, words: str) -> None:
    from vita_tui import paths

    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    with suppress(OSError, ValueError):
        sys.stderr.write(f"vita: VITA was ended by {name}{f': {words}' if words else '.'}\n")
        sys.stderr.write(f"  → The log has what came before: {paths.log_file()}\n")
        sys.stderr.flush()
