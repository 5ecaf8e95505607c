"""Asking a running VITA: what is open, close what leaked, give memory back.

Every program listens on a Unix socket in `runtime_dir()/control`, a folder that only the user can enter; where there are none, on a
free port of the loopback interface. `<pid>.json` beside it (0600) names the socket or the port, and a random key. A request is one
line, key and word; the answer is one line of JSON. One thread serves all connections, and none holds up another: whoever has not
sent a request within `REQUEST_SECONDS` is dropped, however it drips. Requests that take their time, with an argument in JSON behind
the word, leave this thread (`health.control_calls`). What a crash leaves behind is removed at the next start.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vita_tui import paths
from vita_tui.health.processes import birth, clean_up, runs, write_json
from vita_tui.health.registry import Entry, registry

if TYPE_CHECKING:
    from vita_tui.health.control_calls import RemoteCalls

__all__ = ["ControlServer", "Program", "ask", "connected", "programs", "standard_answers"]

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds that the asking side waits for the whole answer."""
REQUEST_SECONDS = 0.5
"""Seconds in which the whole of a request must have arrived."""
FULL_SECONDS = 0.01
"""Between two attempts to reach a program whom many others want to reach at the moment."""
ANSWER_SECONDS = 1.0
"""Seconds in which an answer must have been taken."""
MAX_CONNECTIONS = 64
"""Connections that are open at once; one more drops the oldest."""
MAX_REQUEST_BYTES = 65_536
"""Bytes of a request."""

ControlAnswer = Callable[[], Any]
"""Gives what JSON can hold; called in the control thread."""


def standard_answers(on_cleanup: ControlAnswer | None = None) -> dict[str, ControlAnswer]:
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

    def __init__(
        self,
        answers: Mapping[str, ControlAnswer] | None = None,
        calls: RemoteCalls | None = None,
        *,
        serves: bool = False,
    ) -> None:
        """
        Args:
            calls: what may be asked beside `answers` and takes its time.
            serves: this program is a server for others, and no conversation to be driven.
        """
        self._serves = serves
        self._calls = calls
        self._answers = dict(answers if answers is not None else standard_answers())
        self._key = secrets.token_hex(16)
        self._thread: threading.Thread | None = None
        self._entry: Entry | None = None
        self._wake: socket.socket | None = None
        """Closed when the thread is to end."""
        self._file = paths.runtime_dir() / "control" / f"{os.getpid()}.json"

    def start(self) -> None:
        """Listen. A machine without sockets or with a full disk costs only this service."""
        if self._thread is not None:
            return
        import psutil

        server: socket.socket | None = None
        try:
            paths.ensure_private_dir(self._file.parent)
            server, where = _listen(self._file.with_suffix(".sock"))
            pid = os.getpid()
            record = {
                "pid": pid,
                "created": psutil.Process().create_time(),
                "birth": birth(pid),
                **where,
                **({"serves": True} if self._serves else {}),
                "key": self._key,
            }
            write_json(self._file, record)
        except OSError as error:
            log.warning("no control socket: %s", error)
            if server is not None:
                server.close()
            self._remove()
            return
        self._wake, woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, args=(server, woken), name="control", daemon=True)
        self._entry = registry.register(
            self._thread, kind="server", name="control", owner="health.control", close=self.cleanup
        )
        self._thread.start()

    def cleanup(self) -> None:
        """Stop listening and remove the record."""
        wake, self._wake = self._wake, None
        thread, self._thread = self._thread, None
        if wake is not None:
            wake.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=1.0)
        if thread is not None:
            self._remove()
        if self._entry is not None:
            self._entry.leave()

    def _remove(self) -> None:
        for file in (self._file, self._file.with_suffix(".sock")):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _run(self, server: socket.socket, woken: socket.socket) -> None:
        try:
            removed = clean_up()  # of programs that were killed
            if removed.ended or removed.removed:
                log.info(
                    "a crash had left %d processes and %d files", len(removed.ended), len(removed.removed)
                )
            with server, woken, selectors.DefaultSelector() as selector:
                self._serve(server, woken, selector)
        except Exception:
            log.exception("the control thread ended")

    def _serve(self, server: socket.socket, woken: socket.socket, selector: selectors.BaseSelector) -> None:
        server.setblocking(False)
        selector.register(server, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        open_: dict[socket.socket, tuple[float, bytes]] = {}
        """Until when each connection must have sent its request, and what it has sent; oldest first."""

        def drop(connection: socket.socket) -> None:
            del open_[connection]
            selector.unregister(connection)
            connection.close()

        def answered(connection: socket.socket, request: bytes) -> None:
            selector.unregister(connection)
            del open_[connection]
            if not self._answer(connection, request):
                connection.close()

        try:
            while True:
                first = next(iter(open_.values()), None)
                wait = None if first is None else max(0.0, first[0] - time.monotonic())
                ready = [key.fileobj for key, _ in selector.select(wait)]
                if woken in ready:
                    return
                for connection in [one for one in open_ if one in ready]:
                    until, before = open_[connection]
                    try:
                        data = connection.recv(MAX_REQUEST_BYTES)
                    except OSError:
                        data = b""
                    request = before + data
                    if b"\n" in request or len(request) > MAX_REQUEST_BYTES or not data:
                        answered(connection, request)
                    else:
                        open_[connection] = until, request
                now = time.monotonic()
                for connection in [one for one, (until, _) in open_.items() if until <= now]:
                    drop(connection)
                if server in ready:
                    with suppress(OSError):
                        connection, _ = server.accept()
                        connection.setblocking(False)
                        open_[connection] = now + REQUEST_SECONDS, b""
                        selector.register(connection, selectors.EVENT_READ)
                    if len(open_) > MAX_CONNECTIONS:
                        drop(next(iter(open_)))
        finally:
            for connection in open_:
                connection.close()

    def _answer(self, connection: socket.socket, request: bytes) -> bool:
        """Answer, or hand the connection over to whoever does; whether it was handed over."""
        line, end, _ = request.partition(b"\n")
        key, _, asked = line.decode("utf-8", "replace").strip().partition(" ")
        if not end or not hmac.compare_digest(key.encode(), self._key.encode()):
            return False
        word, _, argument = asked.partition(" ")
        if self._calls is not None and self._calls.knows(word):
            self._calls.take(connection, word, argument)
            return True
        answer = self._answers.get(word)
        if answer is None:
            reply: dict[str, Any] = {"error": f"unknown request {word[:40]}"}
        else:
            try:
                reply = {"answer": answer()}
            except Exception as error:  # the caller is told, the thread goes on
                log.exception("the request %s failed", word)
                reply = {"error": f"{type(error).__name__}: {error}"}
        with suppress(OSError):
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(json.dumps(reply).encode() + b"\n")
        return False


def _listen(file: Path) -> tuple[socket.socket, dict[str, Any]]:
    """A socket that listens at `file`, or on loopback; and how its record names it.

    Raises:
        OSError: neither can be had.
    """
    if hasattr(socket, "AF_UNIX"):
        server = socket.socket(socket.AF_UNIX)
        try:
            file.unlink(missing_ok=True)
            with _short(file) as address:
                server.bind(address)
            file.chmod(0o600)
            server.listen(MAX_CONNECTIONS)
        except OSError as error:
            log.info("no Unix socket at %s: %s", file, error)
            server.close()
        else:
            return server, {"socket": file.name}
    server = socket.create_server(("127.0.0.1", 0), backlog=MAX_CONNECTIONS)
    return server, {"port": server.getsockname()[1]}


@contextmanager
def _short(file: Path) -> Iterator[str]:
    """A name of `file` that fits into a socket's address, which has room for about 100 bytes."""
    if len(os.fsencode(file)) < 100 or not Path("/proc/self/fd").is_dir():
        yield str(file)
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{file.name}"
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class Program:
    """A running VITA that listens."""

    pid: int
    address: Path | int
    """Its socket, or its port on the loopback interface."""
    key: str
    created: float = 0.0
    """When it was started, in seconds since 1970."""
    serves: bool = False
    """It is a server for other programs, and no conversation."""


def programs() -> list[Program]:
    """The VITA programs of this user that run now, this one left out."""
    found = []
    folder = paths.runtime_dir() / "control"
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        data = _read(file)
        if data is None or data["pid"] == os.getpid():
            continue
        if runs(int(data["pid"]), float(data["created"]), str(data["birth"])):
            created = float(data["created"])
            serves = data.get("serves") is True
            found.append(Program(int(data["pid"]), _address(file, data), str(data["key"]), created, serves))
    return found


def _address(file: Path, data: Mapping[str, Any]) -> Path | int:
    """Of the program whose record is `file`: the socket lies beside it, whatever the record says."""
    return file.with_suffix(".sock") if "socket" in data else int(data["port"])


def _read(file: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or not {"pid", "created", "birth", "key"} <= set(data):
        return None
    return data if {"port", "socket"} & set(data) else None


def ask(program: Program, word: str, *, timeout: float = TIMEOUT) -> Any:
    """Send a request and return the answer.

    Raises:
        OSError: the program does not answer within `timeout` seconds, or refuses.
    """
    until = time.monotonic() + timeout
    line = b""
    with connected(program.address, timeout) as connection:
        connection.sendall(f"{program.key} {word}\n".encode())
        while not line.endswith(b"\n"):
            connection.settimeout(max(0.001, until - time.monotonic()))
            if not (data := connection.recv(65536)):
                break
            line += data
    try:
        reply = json.loads(line)
    except ValueError:
        raise OSError(f"process {program.pid} gave no answer") from None
    if "error" in reply:
        raise OSError(f"process {program.pid}: {reply['error']}")
    return reply["answer"]


def connected(address: Path | int, timeout: float = TIMEOUT) -> socket.socket:
    """A connection to the program that listens there.

    Raises:
        OSError: none does.
    """
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short(address) as name:
            connection.settimeout(timeout)
            until = time.monotonic() + timeout
            while True:
                try:
                    connection.connect(name)
                    break
                except BlockingIOError:  # as many as it lets wait do so already
                    if time.monotonic() >= until:
                        raise
                    time.sleep(FULL_SECONDS)
    except OSError:
        connection.close()
        raise
    return connection
