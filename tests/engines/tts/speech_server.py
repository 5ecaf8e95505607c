"""A speech server on loopback, as OpenAI's: what it answers is the test's choice, byte by byte."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from vita_tui.engines.tts.base import Pcm

__all__ = ["Answer", "SpeechServer", "serving", "wave"]


@dataclass
class Answer:
    """What a request gets."""

    body: bytes | list[bytes]
    """Whole, with its length; or piece by piece, as it is made."""
    kind: str = "audio/wav"
    status: int = 200
    then_hang: bool = False
    """After the first piece nothing comes any more, until the test is over."""
    then_drop: bool = False
    """After the last piece the connection breaks off instead of ending."""


@dataclass
class SpeechServer:
    base_url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """What was sent as authorisation."""
    hung_up: threading.Event = field(default_factory=threading.Event)
    """The client has gone in the middle of an answer."""
    hanging: threading.Event = field(default_factory=threading.Event)
    """An answer has come to the point where nothing more comes."""
    over: threading.Event = field(default_factory=threading.Event)


def wave(samples: Pcm, rate: int, *, channels: int = 1, known: bool = True) -> bytes:
    """`samples` as a 16-bit WAV file; without a known length its header is a server's that streams."""
    data = np.repeat((np.clip(samples, -1, 1) * 32767).astype("<i2"), channels).tobytes()
    length = len(data) if known else 0xFFFF_FFFF
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    extra = b"LIST" + struct.pack("<I", 5) + b"INFO\0\0"
    head = b"RIFF" + struct.pack("<I", min(0xFFFF_FFFF, length + 36)) + b"WAVE"
    return head + b"fmt " + struct.pack("<I", 16) + form + extra + b"data" + struct.pack("<I", length) + data


@contextlib.contextmanager
def serving(answer: Callable[[str], Answer]) -> Iterator[SpeechServer]:
    """A server that answers each text with `answer`."""
    served = SpeechServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.requests.append({"path": self.path, **request})
            served.keys.append(self.headers.get("Authorization", ""))
            given = answer(request["input"])
            self.send_response(given.status)
            self.send_header("Content-Type", given.kind)
            if isinstance(given.body, bytes):
                self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for piece in given.body:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    if given.then_hang:
                        served.hanging.set()
                        # The client's end of the connection becomes readable when it hangs up.
                        self.connection.settimeout(20)
                        if not self.connection.recv(1):
                            served.hung_up.set()
                        return
                if given.then_drop:
                    self.close_connection = True
                    return
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                served.hung_up.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        served.over.set()
        server.shutdown()
        server.server_close()
        thread.join(60)
