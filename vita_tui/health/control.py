"""Asking a running VITA: what is open, close what leaked, give memory back.

Every program listens on a free port of the loopback interface and writes port and a random key to
`runtime_dir()/control/<pid>.json`, which only the user can read (0600). A request is one line, key and word; the answer is one
line of JSON. This works alike on every system, needs no signal handler, and ends with the program; records that a crash
leaves behind are removed by `vita cleanup`.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.health.processes import birth, runs, write_json
from vita_tui.health.registry import Entry, registry

__all__ = ["ControlServer", "Program", "ask", "programs", "standard_answers"]

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds that the asking side waits for the answer."""
REQUEST_SECONDS = 0.5
"""Seconds in which a request must have arrived: whoever connects and is silent must not keep others waiting."""
LONGEST = 1024
"""Bytes of a request."""

Answer = Callable[[], Any]
"""Gives what JSON can hold; called in the control thread."""


def standard_answers(on_cleanup: Answer | None = None) -> dict[str, Answer]:
    """`open`: what is open; `cleanup`: close what leaked, whatever `on_cleanup` adds, and give memory back."""
    from dataclasses import asdict

    from vita_tui.health.process_memory import MemoryMeter, trim

    def cleanup() -> dict[str, Any]:
        meter = MemoryMeter()
        before = meter.read(fresh=True).own
        leaks = registry.leaks()
        remaining = registry.close_leaks()
        more = on_cleanup() if on_cleanup is not None else None
        trim()
        return {
            "leaks": [asdict(leak) for leak in leaks],
            "remaining": [asdict(leak) for leak in remaining],
            "freed": before - meter.read(fresh=True).own,
            "more": more,
        }

    return {"open": lambda: [asdict(resource) for resource in registry.open()], "cleanup": cleanup}


class ControlServer:
    """Owns the `control` thread and its socket. `cleanup` ends both and may be called twice."""

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self._answers = dict(answers if answers is not None else standard_answers())
        self._key = secrets.token_hex(16)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._stopping = threading.Event()
        self._file = paths.runtime_dir() / "control" / f"{os.getpid()}.json"

    def start(self) -> None:
        """Listen. A machine without a loopback interface or with a full disk costs only this service."""
        if self._thread is not None:
            return
        import psutil

        try:
            self._socket = socket.create_server(("127.0.0.1", 0))
            pid = os.getpid()
            record = {
                "pid": pid,
                "created": psutil.Process().create_time(),
                "birth": birth(pid),
                "port": self._socket.getsockname()[1],
                "key": self._key,
            }
            paths.ensure_private_dir(self._file.parent)
            write_json(self._file, record)
        except OSError as error:
            log.warning("no control socket: %s", error)
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(self._socket,), name="control", daemon=True)
        self._entry = registry.register(
            self._thread, kind="server", name="control", owner="health.control", close=self.cleanup
        )
        self._thread.start()

    def cleanup(self) -> None:
        """Stop listening and remove the record."""
        self._stopping.set()
        server, self._socket = self._socket, None
        thread, self._thread = self._thread, None
        if server is not None:
            with suppress(OSError):
                # A blocked accept() does not notice that its socket is closed: a visitor wakes it.
                socket.create_connection(server.getsockname(), timeout=0.5).close()
            if thread is not None and thread is not threading.current_thread():
                thread.join(timeout=1.0)
            server.close()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
        if self._entry is not None:
            self._entry.leave()

    def _run(self, server: socket.socket) -> None:
        try:
            while not self._stopping.is_set():
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    connection.settimeout(REQUEST_SECONDS)
                    self._serve(connection)
        except OSError:
            if not self._stopping.is_set():
                log.exception("the control thread ended")
        except Exception:
            log.exception("the control thread ended")

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rwb") as stream:
            key, _, word = stream.readline(LONGEST).decode("utf-8", "replace").strip().partition(" ")
            if not hmac.compare_digest(key.encode(), self._key.encode()):
                return
            answer = self._answers.get(word)
            if answer is None:
                reply: dict[str, Any] = {"error": f"unknown request {word[:40]}"}
            else:
                try:
                    reply = {"answer": answer()}
                except Exception as error:  # the caller is told, the thread goes on
                    log.exception("the request %s failed", word)
                    reply = {"error": f"{type(error).__name__}: {error}"}
            stream.write(json.dumps(reply).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Program:
    """A running VITA that listens."""

    pid: int
    port: int
    key: str


def programs() -> list[Program]:
    """The VITA programs of this user that run now, this one left out."""
    found = []
    folder = paths.runtime_dir() / "control"
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        data = _read(file)
        if data is None or data["pid"] == os.getpid():
            continue
        if runs(int(data["pid"]), float(data["created"]), str(data["birth"])):
            found.append(Program(int(data["pid"]), int(data["port"]), str(data["key"])))
    return found


def _read(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return (
            data
            if isinstance(data, dict) and {"pid", "created", "birth", "port", "key"} <= set(data)
            else None
        )
    except (OSError, ValueError):
        return None


def ask(program: Program, word: str) -> Any:
    """Send a request and return the answer.

    Raises:
        OSError: the program does not answer within `TIMEOUT`, or refuses.
    """
    address = ("127.0.0.1", program.port)
    with (
        socket.create_connection(address, timeout=TIMEOUT) as connection,
        connection.makefile("rwb") as stream,
    ):
        stream.write(f"{program.key} {word}\n".encode())
        stream.flush()
        line = stream.readline()
    try:
        reply = json.loads(line)
    except ValueError:
        raise OSError(f"process {program.pid} gave no answer") from None
    if "error" in reply:
        raise OSError(f"process {program.pid}: {reply['error']}")
    return reply["answer"]
