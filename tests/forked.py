"""`vita` as a user runs it, without waiting for its imports: each command is a fork of one process that has them.

`run_vita` has what `subprocess.run` has: own standard streams, environment, folder, exit code, and a traceback where there is one. Tests of
how the program starts (imports, signals, closed streams, encodings) start Python themselves.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["run_vita"]

IMPORTS = (
    "anyio",
    "asyncio",
    "av",
    "h11",
    "hassil",
    "httpcore2",
    "httpx2",
    "num2words",
    "numpy",
    "pint",
    "pydantic_settings",
    "rich.table",
    "soxr",
    "tomli_w",
    "truststore",
    "vita_tui.abilities.lists",
    "vita_tui.abilities.machine",
    "vita_tui.abilities.talk",
    "vita_tui.abilities.timers",
    "vita_tui.audio.files",
    "vita_tui.bench.turn",
    "vita_tui.cli.app",
    "vita_tui.cli.fallbacks",
    "vita_tui.conversation.build",
    "vita_tui.doctor.checks",
    "vita_tui.engines.llm.embedded",
    "vita_tui.engines.llm.openai_server",
    "vita_tui.text.spoken",
)
"""Nothing of these starts a thread, and nothing that reads the environment as it is imported."""
ROOT = Path(__file__).parent.parent
LONGEST = 1_000_000
"""Bytes of a request."""


def run_vita(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    input: str | None = None,  # noqa: A002 - as subprocess names it
    cwd: Path | None = None,
    timeout: float = 150,
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        env: its whole environment; None: that of the tests.
        input: what it reads; None: nothing.
        fresh: start Python for it, as for what loads engines.

    Raises:
        TimeoutError: it was killed after `timeout` seconds.
    """
    environment = dict(os.environ if env is None else env)
    folder = Path.cwd() if cwd is None else cwd
    if (
        fresh or not hasattr(os, "fork") or sys.platform == "darwin"
    ):  # where forks of what has threads are not safe
        return subprocess.run(
            [sys.executable, "-m", "vita_tui", *arguments],
            capture_output=True, text=True, input=input or "", check=False, timeout=timeout, env=environment, cwd=folder,
        )  # fmt: skip
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write((input or "").encode())
        files[0].seek(0)
        request = {"arguments": arguments, "env": environment, "folder": os.fspath(folder)}
        code = _Parent.the().run(json.dumps(request).encode(), [file.fileno() for file in files], timeout)
        printed = []
        for file in files[1:]:
            file.seek(0)
            printed.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess([*arguments], code, *printed)


class _Parent:
    """The process that has imported everything, seen from the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VITA_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={**clean, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        atexit.register(self.close)

    @classmethod
    @functools.cache
    def the(cls) -> _Parent:
        """The one of this process, started by the first who asks."""
        return cls()

    def run(self, request: bytes, files: list[int], timeout: float) -> int:
        """The exit code, negative for a signal."""
        self._socket.settimeout(timeout)
        socket.send_fds(self._socket, [len(request).to_bytes(4, "big")], files)
        self._socket.sendall(request)
        pid = int(self._socket.recv(32))
        self._socket.sendall(b"\n")
        try:
            return int(self._socket.recv(32))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._socket.settimeout(60)
            self._socket.recv(32)
            raise TimeoutError(f"vita has not ended after {timeout:.0f} s") from None

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _serve(connection: socket.socket) -> None:
    """Fork for every request until the tests are over."""
    for name in IMPORTS:
        __import__(name)
    while True:
        head, files, _, _ = socket.recv_fds(connection, 4, 3)
        if not head:
            return
        request = b""
        while len(request) < int.from_bytes(head, "big"):
            request += connection.recv(LONGEST)
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(files, **json.loads(request))
        for file in files:
            os.close(file)
        connection.sendall(str(pid).encode())
        connection.recv(1)
        _, status = os.waitpid(pid, 0)
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(files: list[int], arguments: list[str], env: dict[str, str], folder: str) -> Any:
    """Be the command, in the fork."""
    code = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(env)
        for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
            errors = "backslashreplace" if number == 2 else "surrogateescape"
            stream = os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        random.seed()
        sys.argv = ["vita", *arguments]
        from vita_tui.__main__ import main

        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:  # noqa: BLE001 - what Python does with it
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _connection:
        _serve(_connection)
