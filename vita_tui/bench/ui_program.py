"""The program that `vita bench ui` opens: the real screen and engines, without sound devices, and as busy as they can be.

    python -m vita_tui.bench.ui_program idle|busy

`busy`: one reply after the other is streamed and spoken into a speaker that nobody hears, at the pace of a real one; the microphone
listens to a silent room; and recognition decodes four seconds of sound as often as partial transcripts do.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["main"]

QUESTION = "Tell me a long story about a ship and its crew."


def main(how: str) -> int:
    """Open the screen; returns its exit code."""
    from vita_tui.tui.start import run

    return run(build=busy if how == "busy" else idle)


def idle(overrides: Mapping[str, Any]) -> Any:
    """An assistant that waits."""
    from vita_tui import settings
    from vita_tui.audio.files import FileSpeaker
    from vita_tui.bench.microphone import StudioMicrophone
    from vita_tui.conversation.build import build

    return build(
        settings.load(overrides=overrides), microphone=StudioMicrophone(), speaker=FileSpeaker(), upkeep=True
    )


def busy(overrides: Mapping[str, Any]) -> Any:
    """An assistant whose engines have no rest once all are loaded."""
    assistant = idle({**overrides, "talk": {"hands_free": True}, "llm": {"max_tokens": 400}})
    start = assistant.start

    async def start_and_work(*, resume: str | None = None) -> None:
        await start(resume=resume)
        assistant.bench = asyncio.create_task(_work(assistant), name="bench")  # kept, or it is collected

    assistant.start = start_and_work
    return assistant


async def _work(assistant: Any) -> None:
    from vita_tui.events import Event, ReplyFinished

    await assistant.ready.wait()
    loop, finished = asyncio.get_running_loop(), asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, ReplyFinished):
            loop.call_soon_threadsafe(finished.set)

    assistant.bus.subscribe(listen)
    threading.Thread(target=_decode, args=(assistant,), name="bench decodes", daemon=True).start()
    while True:
        # The reply before is still being spoken: it is interrupted, as a user would.
        finished.clear()
        asking = asyncio.create_task(assistant.ask(QUESTION))
        await finished.wait()
        del asking


def _decode(assistant: Any) -> None:
    """Recognise four seconds of sound that is like speech, in the rhythm of partial transcripts."""
    import numpy as np

    from vita_tui.errors import VitaError

    seconds = np.arange(4 * 16_000, dtype=np.float32) / 16_000
    voice = sum(np.sin(2 * np.pi * 140 * n * seconds) / n for n in range(1, 12))
    sound = (0.1 * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * seconds))).astype(np.float32)
    engine = assistant.chains["stt"].active
    while True:
        try:
            engine.transcribe(sound, partial=True)
        except VitaError:
            return  # it was closed: the program ends
        time.sleep(assistant.settings.stt.partial_interval)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
