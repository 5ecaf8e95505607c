"""What every conversation with the embedded model begins with, read once and kept in the cache: reading it takes seconds, restoring it
milliseconds.

llama.cpp writes what it has computed for the tokens in its slot (keys and values) to a file, and reads it back. Only the system prompt and
the examples are ever written: nothing that was said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from glob import escape
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vita_tui import atomic_files, paths
from vita_tui.engines.llm.base import Message, as_offers
from vita_tui.engines.llm.llama_server import LlamaResponder
from vita_tui.health.registry import register_task

__all__ = ["Beginning", "folder"]

log = logging.getLogger(__name__)

KEPT_BEGINNINGS = 4
"""Beginnings of one model, each of some megabytes: other system prompts are tried, and come back."""


def folder() -> Path:
    """Where llama.cpp keeps its files."""
    return paths.cache_dir()


class Beginning:
    """Of one child process. Lives on the asyncio loop."""

    def __init__(self, model: Path, server: LlamaResponder) -> None:
        """
        Args:
            server: llama.cpp, which has read nothing yet.
        """
        self._model = model
        self._name = model.stem
        self._server = server
        self._tried = ""
        """The key of what was to be recalled."""
        self._done = False
        """It was recalled, or read to its end."""
        self._saving: asyncio.Task[None] | None = None
        """Goes on when who asked for it is cancelled: what the server is asked next waits for it."""

    async def recall(self, messages: Sequence[Message]) -> None:
        """Have the server remember `messages` if it read them in an earlier run. Done once."""
        if self._saving is not None:
            await asyncio.wait({self._saving})
        try:
            key = self._key(messages)
            if self._done or self._tried == key or not messages:
                return
            self._tried = key
            for file in folder().glob(f"{escape(key)}-*.slot"):
                # llama.cpp dies of a file that was cut off.
                whole = file.name.endswith(f"-{file.stat().st_size}.slot")
                if whole and await self._server.slot("restore", file.name):
                    self._done = True
                    with suppress(OSError):  # a cache that may only be read
                        os.utime(file)
                    return
                log.warning("%s is rebuilt", file.name)
                file.unlink()
        except OSError as error:
            log.warning("the prompt cache of %s cannot be used: %s", self._name, error)

    async def prepare(self, messages: Sequence[Message]) -> None:
        """As `recall`; or have the server read `messages`, and keep what it made of them for the next run.

        Cancelled by a question, it is done at the next call, at which the server forgets what was said since then.
        """
        await self.recall(messages)
        if self._done or not messages or not await self._server.read(messages):
            return
        self._done = True
        # Nothing comes between the reading and this: what is said later is never in the file.
        self._saving = asyncio.create_task(self._save(messages), name="llm save")
        register_task(self._saving, owner="engines.llm")
        await asyncio.shield(self._saving)

    async def _save(self, messages: Sequence[Message]) -> None:
        new = folder() / f"{self._name}.{os.getpid()}.new"
        try:
            key = self._key(messages)
            paths.ensure_private_dir(folder())
            atomic_files.remove_leftovers(folder())
            if await self._server.slot("save", new.name):
                earlier = folder().glob(f"{escape(self._name)}-{'?' * 16}-*.slot")
                for old in sorted(earlier, key=lambda file: file.stat().st_mtime)[: -KEPT_BEGINNINGS + 1]:
                    old.unlink(missing_ok=True)
                new.replace(folder() / f"{key}-{new.stat().st_size}.slot")
        except OSError as error:
            log.warning("the prompt cache of %s cannot be kept: %s", self._name, error)
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _key(self, messages: Sequence[Message]) -> str:
        """How the file's name begins; its size ends it. Another one when the model, llama.cpp or the messages have changed."""
        stat = self._model.stat()
        try:
            engine = version("xllamacpp")
        except PackageNotFoundError:
            engine = ""
        made_of = [engine, str(self._model.resolve()), stat.st_size, stat.st_mtime_ns, list(messages)]
        if self._server.tools:
            made_of.append(as_offers(self._server.tools))
        digest = blake2b(json.dumps(made_of).encode(), digest_size=8).hexdigest()
        return f"{self._name}-{digest}"
