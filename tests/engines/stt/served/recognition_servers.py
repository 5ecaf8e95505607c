"""Servers for speech recognition on loopback, one for each protocol: what they answer is the test's choice."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, cast

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from wyoming.event import Event, read_event, write_event

__all__ = ["Recognition", "http_server", "realtime_server", "wyoming_server"]


@dataclass
class Recognition:
    """A server, and what it was asked."""

    url: str = ""
    requests: list[Any] = field(default_factory=list)
    """Bodies, or messages, as they came."""
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    """Something was asked."""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """A client has gone without waiting for its answer."""
    over: threading.Event = field(default_factory=threading.Event)
    connections: int = 0


@contextlib.contextmanager
def http_server(
    *answers: tuple[int, str, bytes], hang: bool = False, models: int = 200, drop: bool = False
) -> Iterator[Recognition]:
    """OpenAI's route. Answers (status, content type, body) in turn, the last one again and again.

    Args:
        hang: it takes the request and never answers.
        drop: it hangs up after half of the answer.
        models: status of its list of models.
    """
    served = Recognition()
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.keys.append(self.headers.get("Authorization", ""))
            self._answer(models, "application/json", b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            served.paths.append(self.path)
            served.keys.append(self.headers.get("Authorization", ""))
            served.requests.append(body)
            served.came.set()
            if hang:
                self.connection.settimeout(60)
                with contextlib.suppress(OSError):
                    if not self.connection.recv(1):
                        served.hung_up.set()
                self.close_connection = True
                return
            self._answer(*(left.pop(0) if len(left) > 1 else left[0]))

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if drop and self.command == "POST":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with _running(server):
        served.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield served


@contextlib.contextmanager
def wyoming_server(
    answer: Callable[[bytes, int], list[Event] | None], *, info: dict[str, Any] | None = None
) -> Iterator[Recognition]:
    """Wyoming.

    Args:
        answer: given the sound and the number of the connection, what is sent at its end; None: it hangs up instead.
        info: what it says that it has; speech recognition and a voice by default.
    """
    served = Recognition()
    offered = {"asr": [{"name": "a"}], "tts": [{"name": "t"}]} if info is None else info

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sound = b""
            number = 0
            reader, writer = cast("BinaryIO", self.rfile), cast("BinaryIO", self.wfile)
            with contextlib.suppress(OSError):
                while (event := read_event(reader)) is not None:
                    if event.type == "describe":
                        write_event(Event("info", offered), writer)
                        continue
                    if event.type == "audio-chunk":
                        sound += event.payload or b""
                        served.came.set()
                        continue
                    served.requests.append((event.type, event.data))
                    if event.type in ("transcribe", "synthesize"):
                        served.connections += 1
                        number = served.connections
                    if event.type in ("audio-stop", "synthesize"):
                        said = answer(sound, number)
                        if said is None:
                            return
                        for one in said:
                            write_event(one, writer)
                        return
            served.hung_up.set()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    with _running(server):
        served.url = f"tcp://127.0.0.1:{server.server_address[1]}"
        yield served


@contextlib.contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


Send = Callable[..., None]


@contextlib.contextmanager
def realtime_server(
    answer: Callable[[Send, bytes, int], None],
    *,
    beta: bool = False,
    on_audio: Callable[[Send, bytes], None] | None = None,
) -> Iterator[Recognition]:
    """OpenAI's Realtime transcription.

    Args:
        answer: called at a commit with a way to send messages, the committed sound and the number of the connection; raising
            ConnectionError hangs up.
        beta: it knows only the form of the beta.
        on_audio: called for each piece of sound.
    """
    served = Recognition()

    def handle(connection: ServerConnection) -> None:
        served.connections += 1
        number = served.connections
        request = connection.request
        assert request is not None
        served.paths.append(request.path)
        served.keys.append(request.headers.get("Authorization", ""))

        def send(**message: Any) -> None:
            connection.send(json.dumps(message))

        send(type="session.created", session={})
        sound = b""
        try:
            for data in connection:
                message = json.loads(data)
                kind = message["type"]
                if kind == "input_audio_buffer.append":
                    sound += base64.b64decode(message["audio"])
                    served.came.set()
                    if on_audio is not None:
                        on_audio(send, sound)
                    continue
                served.requests.append(message)
                if kind.endswith("session.update"):
                    if beta and kind == "session.update":
                        send(type="error", error={"message": "Unknown type", "code": "invalid_value"})
                    else:
                        send(type=f"{kind}d", session={})
                elif kind == "input_audio_buffer.clear":
                    sound = b""
                elif kind == "input_audio_buffer.commit":
                    heard, sound = sound, b""
                    answer(send, heard, number)
        except ConnectionError:
            connection.socket.shutdown(socket.SHUT_RDWR)
        except ConnectionClosed:
            served.hung_up.set()

    with serve(handle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        served.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        try:
            yield served
        finally:
            server.shutdown()
            thread.join(60)
