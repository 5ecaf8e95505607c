"""`vita mcp` as a server: a voice for coding agents, by the Model Context Protocol on standard input and output.

The VITA that runs lends its engines, its microphone and its loudspeaker, and has agents take turns; where none runs, engines of this
process are loaded when they are first needed, and a lock that all such processes share has them take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from vita_tui.errors import AudioFileError, VitaError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from vita_tui.health.control_calls import RemoteCall

__all__ = ["VoiceTools", "server"]

INSTRUCTIONS = """A voice for you: speak to the user, and hear what they say. Say little and plainly, in whole sentences without markup; long \
texts, code and paths belong on the screen. Use converse to ask something. When nobody answers, go on in writing."""
LOCK_SECONDS = 0.2
"""Between two looks at whether another process has finished speaking."""
LONGEST_WAIT = 600.0
"""Seconds for which somebody may be waited for."""


class VoiceTools:
    """The engines that speak and listen: those of the VITA that runs, or this process's own."""

    def __init__(self) -> None:
        self._closing = AsyncExitStack()
        self._own: Mapping[str, RemoteCall] | None = None
        self._loading = asyncio.Lock()

    async def have(self, word: str, given: Mapping[str, Any]) -> Any:
        """Carry out one of the requests of `conversation.remote`.

        Raises:
            VitaError: it did not work.
        """
        from vita_tui.cli.running import running
        from vita_tui.health.control_calls import call

        program = await asyncio.to_thread(running)
        if program is not None:
            return await call(program, word, given)
        own = await self._own_engines()
        async with _turn():
            return await own[word](given, lambda _: None)

    async def aclose(self) -> None:
        """Free the engines."""
        await self._closing.aclose()

    async def _own_engines(self) -> Mapping[str, RemoteCall]:
        from vita_tui import settings as all_settings
        from vita_tui.cli.weights import need_weights
        from vita_tui.conversation.build import build
        from vita_tui.conversation.remote_calls import calls

        async with self._loading:
            if self._own is None:
                settings = all_settings.load(
                    overrides={"sessions": {"store": "memory"}, "talk": {"hands_free": False}}
                )
                need_weights(settings, "stt", "tts")
                assistant = build(settings, thinking=False)
                self._closing.push_async_callback(assistant.aclose)
                await assistant.start()
                await assistant.ready.wait()
                self._own = calls(assistant)
            return self._own


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    """While it lasts, no other process of this user that has loaded engines of its own speaks or listens."""
    from filelock import FileLock, Timeout

    from vita_tui import paths

    folder = await asyncio.to_thread(paths.ensure_private_dir, paths.runtime_dir())
    lock = FileLock(folder / "voice.lock", thread_local=False)
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            await asyncio.sleep(LOCK_SECONDS)
    try:
        yield
    finally:
        lock.release()


ToSay = Annotated[str, Field(description="What to say, in plain sentences.")]
LanguageCode = Annotated[str, Field(description="Its language, such as 'de'; empty for the user's own.")]
Timeout = Annotated[
    float,
    Field(
        description="Seconds in which the user must have begun to speak; their end is noticed by itself.",
        gt=0,
        le=LONGEST_WAIT,
    ),
]


def server() -> MCPServer[Any]:
    """The server, which has not begun.

    Raises:
        VitaError: the package that speaks the protocol is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ModuleNotFoundError:
        raise VitaError("The package mcp is not installed.", remedy="pip install 'vita-tui[mcp]'") from None
    from vita_tui import __version__

    voice = VoiceTools()

    @asynccontextmanager
    async def life(_server: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await voice.aclose()

    made: MCPServer[Any] = MCPServer("vita", instructions=INSTRUCTIONS, version=__version__, lifespan=life)

    async def have(word: str, **given: Any) -> Any:
        try:
            return await voice.have(word, given)
        except VitaError as error:
            raise ToolError(str(error)) from error

    @made.tool()
    async def speak(text: ToSay, language: LanguageCode = "") -> str:
        """Say something to the user. Returns when it was said; the user may interrupt it."""
        said = await have("say", text=text, language=language)
        return "Said." if said["heard"] else "The user interrupted; not all of it was heard."

    @made.tool()
    async def listen(timeout: Timeout = 30.0) -> dict[str, Any]:  # noqa: ASYNC109 - the agent sets it
        """Listen until the user has said something and paused. Gives text, confidence (0 to 1), seconds, and a problem when there is no text."""
        return _utterance(await have("listen", by_voice=True, timeout=timeout))

    @made.tool()
    async def converse(
        text: ToSay,
        timeout: Timeout = 30.0,  # noqa: ASYNC109 - the agent sets it
        language: LanguageCode = "",
    ) -> dict[str, Any]:
        """Say something and listen to the answer. Gives what listen gives."""
        return _utterance(
            await have("converse", text=text, language=language, by_voice=True, timeout=timeout)
        )

    @made.tool()
    async def transcribe(
        path: Annotated[str, Field(description="An audio or video file on this machine, of any length.")],
        language: Annotated[
            str, Field(description="Such as 'de', or 'auto'; empty for the user's own.")
        ] = "",
    ) -> dict[str, Any]:
        """Write down what is said in a recording. Gives text, language, seconds, and a problem when a part cannot be read."""
        try:
            return await asyncio.to_thread(_transcribe, path, language)
        except VitaError as error:
            raise ToolError(str(error)) from error

    return made


def _utterance(spoken: Mapping[str, Any]) -> dict[str, Any]:
    return {**spoken, "confidence": round(float(spoken["confidence"]), 3)}


def _transcribe(path: str, language: str) -> dict[str, Any]:
    """Raises:
    VitaError: the file cannot be read, or there is no Whisper.
    """
    from vita_tui import settings as all_settings
    from vita_tui.cli.weights import need_weights
    from vita_tui.conversation.build import recognizers
    from vita_tui.conversation.transcripts import transcribe_file
    from vita_tui.events import EventBus

    file = Path(path).expanduser()
    if not file.is_file():
        raise AudioFileError(f"There is no file {path}.")
    settings = all_settings.load(overrides={"stt": {"language": language} if language else {}})
    need_weights(settings, "stt")
    chain = recognizers(settings, EventBus())
    try:
        found = transcribe_file(chain, file, languages=settings.stt.language)
    finally:
        for engine in chain.engines:
            engine.cleanup()
    return {
        "text": found.text,
        "language": found.language,
        "seconds": round(found.seconds, 2),
        "problem": found.problem,
    }
