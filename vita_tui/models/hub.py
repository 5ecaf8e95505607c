"""Files from the hub: bounded waits, resumption, and an end at once when the user wants one.

Name look-ups and TLS handshakes cannot be interrupted, so a reader thread does the talking and hands over pieces; whoever pulls only
waits on a queue. A reader that is no longer wanted is left to its own time limits and writes nowhere.

`huggingface_hub` gives the address of a file, the token, and the HTTP client with its proxies and certificates. Not the transfer: its
`http_get` cannot be cancelled, and waits a second before each of five retries where a package could be taken at once. Nor the question
which files there are: `HfApi` tells the hub, in its user agent, what else is installed here.
"""

from __future__ import annotations

import json
import math
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from typing import Any, TypeVar
from urllib.parse import quote

from vita_tui import __version__
from vita_tui.errors import ModelError
from vita_tui.health.threads import RegisteredThread
from vita_tui.models.catalogue import File, Hub, Model
from vita_tui.models.progress import Cancelled
from vita_tui.models.sink import Sink

__all__ = ["HubClient", "HubError"]

T = TypeVar("T")

_TICK = 0.05
"""Seconds between two looks at `cancelled`."""
_WHISPER = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
"""What faster-whisper reads from a repository."""


class HubError(Exception):
    """The hub did not deliver; another source may."""

    def __init__(self, reason: str, *, down: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.down = down
        """There was no answer at all, so asking again for another file is a waste of time."""


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    headers: Mapping[str, str]


@dataclass(slots=True)
class HubClient:
    """The hub that `HF_ENDPOINT` names, or the public one; remembers for one pull that it cannot be reached."""

    connect_seconds: float = 3.0
    answer_seconds: float = 6.0
    """For the name look-up, the connection and redirections together."""
    stall_seconds: float = 10.0
    """Without a byte, after which a download has timed out."""
    attempts: int = 5
    """Resumptions of one file, as long as each brought some bytes."""
    down: str = field(default="", init=False)
    """Why it cannot be reached; empty as long as it may be."""

    def fetch(
        self, source: Hub, sink: Sink, *, on_bytes: Callable[[int], None], cancelled: threading.Event
    ) -> None:
        """Fill `sink`, going on behind what it holds already.

        Args:
            on_bytes: called with the bytes in the sink whenever some came, and every 50 ms while none do.

        Raises:
            HubError: it did not deliver; the sink keeps what came.
            WrongBytesError: more came than the file has.
            Cancelled: `cancelled` was set.
            OSError: the disk is full or fails.
        """
        for attempt in range(self.attempts):
            before = sink.received
            try:
                self._fetch_once(source, sink, on_bytes, cancelled)
            except HubError as error:
                if error.down:
                    self.down = error.reason
                if sink.received <= before or attempt == self.attempts - 1:
                    raise
                self.down = ""
            else:
                return

    def _fetch_once(
        self, source: Hub, sink: Sink, on_bytes: Callable[[int], None], cancelled: threading.Event
    ) -> None:
        from huggingface_hub import hf_hub_url

        path = f"{source.folder}/{sink.file.name}" if source.folder else sink.file.name
        headers = _headers()
        if sink.received:
            headers["Range"] = f"bytes={sink.received}-"
        url = hf_hub_url(source.repo, path, revision=source.revision, endpoint=_endpoint())
        stream = self._stream(url, headers, cancelled, lambda: on_bytes(sink.received))
        try:
            self._begin(next(stream), sink, source)
            for piece in stream:
                assert isinstance(piece, bytes)
                sink.write(piece)
                on_bytes(sink.received)
        finally:
            stream.close()
        if not sink.full:
            raise HubError(f"the hub broke off {sink.file.name}", down=False)

    def _begin(self, head: _Head | bytes, sink: Sink, source: Hub) -> None:
        """Look at the answer's head, and set the sink back when it is sent from the start.

        Raises:
            HubError: it is not the file that was asked for.
        """
        assert isinstance(head, _Head)
        name = sink.file.name
        if head.status == 206 and head.headers.get("content-range", "").startswith(f"bytes {sink.received}-"):
            return
        if head.status in {200, 206, 416} and sink.received:
            sink.restart()
        if head.status in {206, 416}:
            raise HubError(f"the hub cannot resume {name}", down=False)
        if head.status in {401, 403}:
            raise HubError(f"the hub asks for permission to read {source.repo}: set HF_TOKEN", down=False)
        if head.status == 404:
            raise HubError(f"the hub does not have {name} in {source.repo}", down=False)
        if head.status != 200:
            raise HubError(f"the hub answered {head.status}", down=head.status >= 500 or head.status == 429)
        length = head.headers.get("content-length", "")
        if head.headers.get("content-encoding", "identity") != "identity" or (
            length.isdigit() and int(length) != sink.file.size
        ):
            raise HubError(f"what answers in place of the hub sent something else than {name}", down=True)

    def _stream(
        self,
        url: str,
        headers: Mapping[str, str],
        cancelled: threading.Event,
        on_idle: Callable[[], None] = lambda: None,
        *,
        whole: float = math.inf,
    ) -> Generator[_Head | bytes, None, None]:
        """Yield the head of the answer, then its body in pieces.

        Args:
            whole: seconds for all of it.
        """
        pieces: queue.Queue[_Head | bytes | BaseException | None] = queue.Queue(maxsize=32)
        stop = threading.Event()

        def put(item: _Head | bytes | BaseException | None) -> bool:
            while not stop.is_set():
                try:
                    pieces.put(item, timeout=_TICK)
                except queue.Full:
                    continue
                return True
            return False

        def read() -> None:
            from huggingface_hub import get_session

            limits = (self.connect_seconds, self.stall_seconds, self.stall_seconds, self.connect_seconds)
            try:
                with get_session().stream("GET", url, headers=dict(headers), timeout=limits) as response:
                    if put(_Head(response.status_code, response.headers)):
                        for piece in response.iter_raw():
                            if not put(piece):
                                return
                put(None)
            except Exception as error:  # noqa: BLE001 - the top of a thread: handed to whoever waits
                put(error)

        RegisteredThread(read, name="hub-reader", owner="models.hub").start()
        try:
            patience, until = self.answer_seconds, time.monotonic() + whole
            while True:
                item = _wait(pieces, min(patience, until - time.monotonic()), cancelled, on_idle)
                if isinstance(item, BaseException):
                    raise HubError(f"the hub cannot be reached ({_words(item)})", down=True) from item
                if item is None:
                    return
                yield item
                patience = self.stall_seconds
        finally:
            stop.set()

    def describe(self, model: Model, *, cancelled: threading.Event) -> Model:
        """Ask the hub which files `model` has, with their sizes and digests, and pin its revision.

        Raises:
            HubError: it did not answer.
            ModelError: there is no such repository or file there.
            Cancelled: `cancelled` was set.
        """
        if self.down:
            raise HubError(self.down, down=True)

        from huggingface_hub import constants

        revision = quote(model.hub.revision, safe="")
        url = (
            f"{_endpoint() or constants.ENDPOINT}/api/models/{model.hub.repo}/revision/{revision}?blobs=true"
        )
        try:
            head, *body = self._stream(url, _headers(), cancelled, whole=self.answer_seconds)
        except HubError as error:
            self.down = error.reason
            raise
        assert isinstance(head, _Head)
        if head.status != 200:
            raise _refusal(model, head.status, head.headers.get("x-error-code", ""))
        try:
            found = json.loads(b"".join(piece for piece in body if isinstance(piece, bytes)))
            siblings = {str(sibling["rfilename"]): sibling for sibling in found["siblings"]}
            pinned = replace(model, hub=replace(model.hub, revision=str(found["sha"])))
            return _choose(pinned, siblings)
        except (KeyError, TypeError, ValueError):
            raise HubError(f"the hub's description of {model.hub.repo} cannot be read", down=False) from None


def _refusal(model: Model, status: int, code: str) -> ModelError | HubError:
    """Why the hub does not describe `model`: its status, and its own word for it when it gives one."""
    repo = model.hub.repo
    if code == "GatedRepo":
        return ModelError(f"{repo} asks for permission.", remedy="Ask for it on the hub, then set HF_TOKEN.")
    if code == "RevisionNotFound":
        return ModelError(f"{repo} has no revision {model.hub.revision} on the hub.")
    if status in {401, 403, 404}:
        return ModelError(
            f"There is no repository {repo} on the hub, or it is private.",
            remedy="Look at the name; for a private one set HF_TOKEN.",
        )
    return HubError(f"the hub answered {status}", down=True)


def _file(name: str, sibling: Mapping[str, Any]) -> File:
    """A file of a repository as the hub describes it, under the name it has in the model's folder.

    Raises:
        KeyError | TypeError | ValueError: the description is not complete, or cannot be right.
    """
    if lfs := sibling.get("lfs"):
        return File(name, int(lfs["size"]), str(lfs["sha256"]))
    return File(name, int(sibling["size"]), str(sibling["blobId"]), algorithm="git-sha1")


def _headers() -> dict[str, str]:
    from huggingface_hub import get_token

    headers = {"Accept-Encoding": "identity", "User-Agent": f"vita/{__version__}"}
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _choose(model: Model, files: Mapping[str, Mapping[str, Any]]) -> Model:
    """`model` with those of a repository's files that belong to it, named relative to its folder.

    Raises:
        ModelError: it is not there.
        KeyError | TypeError | ValueError: the hub's description is not complete, or cannot be right.
    """
    repo, prefix = model.hub.repo, f"{model.hub.folder}/" if model.hub.folder else ""
    if model.kind == "stt":
        wanted = [
            name for name in files if "/" not in name and any(fnmatch(name, pattern) for pattern in _WHISPER)
        ]
        if "model.bin" not in wanted:
            others = sorted(name for name in files if name.endswith((".gguf", ".onnx")))[:3]
            raise ModelError(
                f"{repo} is not a CTranslate2 Whisper model: it has no model.bin.",
                remedy=f"Name a file: hf:{repo}/{others[0]}" if others else "Try one of: vita models list",
            )
    else:
        wanted = [prefix + model.entry, *([f"{prefix}{model.entry}.json"] if model.kind == "tts" else [])]
        for name in wanted:
            if name not in files:
                fitting = [known for known in files if known.endswith(model.entry[-5:])]
                near = f"Name one of its files, such as hf:{repo}/{min(fitting)}" if fitting else ""
                raise ModelError(f"{repo} has no file {name} on the hub.", remedy=near)
    chosen = tuple(_file(name.removeprefix(prefix), files[name]) for name in wanted)
    return replace(model, files=chosen)


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _wait(
    items: queue.Queue[T], seconds: float, cancelled: threading.Event, on_idle: Callable[[], None]
) -> T:
    deadline = time.monotonic() + seconds
    while True:
        if cancelled.is_set():
            raise Cancelled
        try:
            return items.get(timeout=_TICK)
        except queue.Empty:
            on_idle()
            if time.monotonic() >= deadline:
                raise HubError(f"the hub was silent for {seconds:.0f} seconds", down=True) from None


def _words(error: BaseException) -> str:
    """The first line of what `error` says, or its name when it says nothing."""
    lines = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
