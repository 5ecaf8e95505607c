"""The built-in language model: llama.cpp in a child process, asked like any other server.

The child runs at lower priority, so that speech is made in time on the same cores; it listens on loopback with a random key;
it is started when it is needed, also after it died; and it ends when we end, however we end: see `server`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from vita_tui import paths
from vita_tui.clock import time_limit
from vita_tui.engines.llm.base import MESSAGE_OVERHEAD, Message, StreamPiece, ToolOffer
from vita_tui.engines.llm.beginning import Beginning, folder
from vita_tui.engines.llm.llama_server import LlamaResponder
from vita_tui.engines.llm.openai_server import import_client
from vita_tui.engines.llm.tokens import estimate
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, ModelError
from vita_tui.health.processes import child_environment, forget_process, record_process
from vita_tui.health.registry import Entry, register_task, registry

__all__ = ["EmbeddedResponder", "parted"]

log = logging.getLogger(__name__)

START_SECONDS = 60.0
"""To load a model: a large one from a slow disk takes its time."""
STOP_SECONDS = 0.2
"""For the child to end by itself; it has nothing to lose when it is killed."""
LOG_BYTES = 1_000_000
"""Of the child's log that are kept when it starts anew."""
DEATHS = 3
DEATHS_SECONDS = 60.0
"""A child that died this often within this time is not started again at once."""


class EmbeddedResponder:
    """A `Responder` with a child process. Lives on one asyncio loop."""

    continues = True

    def __init__(
        self,
        model: Path,
        *,
        name: str = "",
        context_window: int = 2048,
        timeout: float = 30.0,
        temperature: float = 0.1,
        threads: int = 2,
        gpu_layers: int = -1,
        examples: Sequence[tuple[str, str]] = (),
        repeat_penalty: float | None = None,
        short_keys: bool = False,
        longest_reply: int = 0,
        tool_room: int = 0,
    ) -> None:
        """
        Args:
            model: a GGUF file.
            context_window: tokens of a conversation; the examples have room of their own.
            timeout: seconds without a token after which it has failed.
            examples: (question, answer) that the model is shown before every conversation.
            repeat_penalty: as llama.cpp counts it; None for what it does by itself.
            longest_reply: tokens; as the fallback of a model that may say more; 0 for no limit.
            tool_room: tokens for the tools that the model is offered, besides the conversation.
            short_keys: keep what it has read in 8 bits, which llama.cpp dies of where heads are no multiple of 32 wide.
        """
        self.name = name or model.stem
        self._context_window = context_window
        self._longest_reply = longest_reply
        self.notes = ""
        self.tools: Sequence[ToolOffer] = ()
        self._tool_room = tool_room
        self._knows_tools = False
        """By its chat template."""
        self.starts = 0
        """How often the child was started."""
        self._model = model
        self._timeout = timeout
        self._sampling = temperature
        self._repeat_penalty = repeat_penalty
        self._examples = [message for example in examples for message in _as_messages(*example)]
        self._config = {
            "model": str(model),
            "context_window": context_window + tool_room + sum(map(_room, self._examples)),
            "threads": threads,
            "gpu_layers": gpu_layers,
            "folder": str(folder()),
            "short_keys": short_keys,
        }
        self._process: asyncio.subprocess.Process | None = None
        self._remote: LlamaResponder | None = None
        self._beginning: Beginning | None = None
        self._entry: Entry | None = None
        self._watch: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self.restarts = 0
        """Times that it died and had to be started again."""
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Of the child, while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def temperature(self) -> float:
        """Of the sampling; may be changed at any time, for the next reply."""
        return self._sampling

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self._sampling = temperature
        if self._remote is not None:
            self._remote.temperature = temperature

    @property
    def weights_size(self) -> int:
        """Bytes of its weights, which it has in memory; 0 when they are not there."""
        with contextlib.suppress(OSError):
            return self._model.stat().st_size
        return 0

    async def load(self) -> None:
        async with self._starting:
            if self.pid is not None and self._remote is not None:
                return
            await asyncio.to_thread(_check, self._model)
            now = time.monotonic()
            if len(self._deaths) == DEATHS and now - self._deaths[0] < DEATHS_SECONDS:
                raise EngineError(
                    f"{self.name} died {DEATHS} times within {now - self._deaths[0]:.0f} s.",
                    remedy=f"See {_log_file()}",
                )
            await self._start()

    async def window(self) -> int:
        return self._context_window

    async def takes_tools(self) -> bool:
        return self._knows_tools and bool(self.tools)

    async def tool_room(self) -> int:
        return self._tool_room

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        await self.load()
        remote, beginning = self._remote, self._beginning
        assert remote is not None
        assert beginning is not None
        remote.tools = self.tools if self._knows_tools else ()
        first, rest = parted(messages, self._examples)
        longest = self._longest_reply or max_tokens
        max_tokens = min(max_tokens or longest, longest)
        try:
            await beginning.recall(first)
            async with contextlib.aclosing(remote.stream([*first, *rest], max_tokens=max_tokens)) as pieces:
                async for piece in pieces:
                    yield piece
        except EngineTimeoutError:
            # A child of our own that is silent for so long hangs: the next `load` starts another.
            await self._kill()
            raise
        except EngineError as error:
            if self._process is not None:
                with contextlib.suppress(TimeoutError):  # it may be about to be seen dead
                    await asyncio.wait_for(self._process.wait(), 0.2)
            if self.pid is None:
                raise EngineError(
                    f"{self.name} died while it answered.", remedy=f"See {_log_file()}"
                ) from error
            raise

    async def prefill(self, messages: Sequence[Message]) -> None:
        remote, beginning = self._remote, self._beginning
        if remote is not None and beginning is not None:
            remote.tools = self.tools if self._knows_tools else ()
            first, rest = parted(messages, self._examples)
            await beginning.prepare(first)
            await remote.prefill([*first, *rest])

    async def end_probability(self, messages: Sequence[Message]) -> float | None:
        remote, beginning = self._remote, self._beginning
        if remote is None or beginning is None:
            return None
        first, rest = parted(messages, self._examples)
        await beginning.recall(first)
        return await remote.end_probability([*first, *rest])

    async def count_tokens(self, text: str) -> int:
        if self._remote is not None:
            return await self._remote.count_tokens(text)
        return estimate(text)

    async def cleanup(self) -> None:
        self._closing = True
        try:
            await self._end()
        finally:
            self._closing = False

    async def unload(self) -> None:
        """Give the model's memory back until the next `load`, which waits for this to be done."""
        async with self._starting:
            await self.cleanup()

    # ---- the child

    async def _start(self) -> None:
        await self._end()
        started = time.monotonic()
        key = secrets.token_urlsafe(24)
        with _open_log() as log_file:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "vita_tui.engines.llm.server",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log_file,
                    env=child_environment(PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
                    # Ctrl+c in the terminal is ours to handle, not the child's. The session stays ours: Linux shares the
                    # processor out among sessions first (autogroup), and a lower priority counts only within one.
                    process_group=0,
                )
            except OSError as error:
                raise EngineError(f"The process of {self.name} could not be started: {error}.") from None
        self.starts += 1
        process = self._process
        record_process(process.pid, "llm")
        self._entry = registry.register(
            process,
            kind="process",
            name=f"{self.name} (pid {process.pid})",
            owner="engines.llm",
            force=process.kill,
        )
        self._watch = asyncio.create_task(self._watch_over(process), name="llm watch")
        register_task(self._watch, owner="engines.llm")
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({**self._config, "api_key": key}).encode() + b"\n")
            await process.stdin.drain()
            # The client is imported while the child loads the model.
            answer, _ = await asyncio.gather(self._first_line(process), import_client())
        except BaseException:
            # Also when we are cancelled: a child that nobody waits for must not stay.
            await self._end()
            raise
        remote = LlamaResponder(
            f"{answer['address']}/v1",
            self.name,
            api_key=key,
            timeout=self._timeout,
            context_window=self._context_window,
            temperature=self._sampling,
            name=self.name,
            repeat_penalty=self._repeat_penalty,
        )
        await remote.load()
        self._knows_tools = await remote.template_takes_tools()
        self._remote, self._beginning = remote, Beginning(self._model, remote)
        log.info("%s is ready after %.2f s (pid %d)", self.name, time.monotonic() - started, process.pid)

    async def _first_line(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        """What the child says when it listens.

        Raises:
            EngineError: it could not load the model, died, or took too long.
        """
        assert process.stdout is not None
        try:
            async with time_limit(START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            raise EngineTimeoutError(
                f"{self.name} was not ready after {START_SECONDS:.0f} s.", remedy=f"See {_log_file()}"
            ) from None
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise ModelError(f"{self.name} could not be loaded.", remedy=f"See {_log_file()}") from None
        if "missing" in answer:
            raise EngineUnavailableError(
                "xllamacpp, which runs the embedded model, is not installed.", remedy="pip install xllamacpp"
            )
        if "address" not in answer:
            raise ModelError(
                f"{self.name} could not be loaded: {answer.get('error', 'no reason given')}.",
                remedy=f"vita models verify, or see {_log_file()}",
            )
        return answer

    async def _watch_over(self, process: asyncio.subprocess.Process) -> None:
        """Notice the child's death, whoever caused it."""
        code = await process.wait()
        forget_process(process.pid)
        if self._entry is not None and self._process is process:
            self._entry.leave()
        if not self._closing and self._process is process:
            log.warning("%s (pid %d) ended with code %s", self.name, process.pid, code)
            self._deaths.append(time.monotonic())
            self.restarts += 1

    async def _kill(self) -> None:
        if (process := self._process) is not None and process.returncode is None:
            log.warning("%s (pid %d) hangs and is killed", self.name, process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _end(self) -> None:
        remote, self._remote, self._beginning = self._remote, None, None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                # One that is still loading looks at nothing else until it has loaded.
                await asyncio.wait_for(process.wait(), STOP_SECONDS if remote is not None else 0.0)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process is not None:
            forget_process(process.pid)
        if remote is not None:
            await remote.cleanup()
        if self._entry is not None:
            self._entry.leave()
            self._entry = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


def parted(
    messages: Sequence[Message], examples: Sequence[Message]
) -> tuple[Sequence[Message], Sequence[Message]]:
    """What every conversation begins with, the system prompt if there is one and the examples; and the rest of `messages`."""
    start = int(bool(messages) and messages[0]["role"] == "system")
    return [*messages[:start], *examples], messages[start:]


def _as_messages(question: str, answer: str) -> tuple[Message, Message]:
    return {"role": "user", "content": question}, {"role": "assistant", "content": answer}


def _room(message: Message) -> int:
    """Tokens that a message takes in the window, rather too many than too few."""
    return len(message["content"].encode()) // 3 + MESSAGE_OVERHEAD


def _log_file() -> Path:
    return paths.log_file().with_name("llm.log")


def _open_log() -> Any:
    """The child's log, readable by the user alone; a long one starts anew."""
    file = _log_file()
    try:
        paths.ensure_private_dir(file.parent)
        mode = os.O_TRUNC if file.exists() and file.stat().st_size > LOG_BYTES else os.O_APPEND
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | mode, 0o600), "ab")
    except OSError:
        # A full or read-only disk costs the log, not the conversation.
        return Path(os.devnull).open("ab")


def _check(model: Path) -> None:
    """Raise `ModelError` for what is not a GGUF file, before a child dies of it."""
    try:
        with model.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise ModelError(
            f"The language model {model.name} is not there.", remedy="vita models pull"
        ) from None
    except OSError as error:
        raise ModelError(f"{model} cannot be read: {error.strerror or error}.") from None
    if magic != b"GGUF":
        raise ModelError(f"{model} is not a GGUF file.", remedy="vita models verify")
