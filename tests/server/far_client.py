"""VITA that uses another one for all three jobs: a turn for each line on standard input; what came of it as JSON on standard output.

To be run as `python -m tests.server.far_client QUESTION.wav`, with the variables of `vita --server`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from vita_tui import settings
from vita_tui.audio.files import FileSpeaker, read_audio
from vita_tui.bench.microphone import StudioMicrophone
from vita_tui.bench.one_turn import spoken_turn
from vita_tui.bench.turn import end_utterance
from vita_tui.conversation.build import build
from vita_tui.errors import VitaError
from vita_tui.events import Event, FinalTranscript


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)  # this is its output


class Spoken:
    """A microphone that tells when it begins to hear."""

    def __init__(self, microphone: StudioMicrophone) -> None:
        self._microphone = microphone

    def play(self) -> None:
        self._microphone.play()
        tell(event="speaking")


async def main(question: Path) -> None:
    sound = read_audio(question)
    microphone = StudioMicrophone()
    assistant = build(settings.load(), microphone=microphone, speaker=FileSpeaker(pace=False))
    loop = asyncio.get_running_loop()
    understood: list[FinalTranscript] = []

    def ended() -> None:
        loop.call_soon_threadsafe(end_utterance, assistant)

    def listen(event: Event) -> None:
        if isinstance(event, FinalTranscript):
            understood.append(event)

    assistant.bus.subscribe(listen)
    await assistant.start()
    await assistant.ready.wait()
    tell(event="ready")
    try:
        while await loop.run_in_executor(None, sys.stdin.readline):
            understood.clear()
            microphone.cue(sound, ended)
            try:
                turn = await spoken_turn(assistant, Spoken(microphone))
            except VitaError as error:
                turn = {"error": str(error)}
            found = understood[-1] if understood else None
            tell(
                event="turn",
                finals=[one.text for one in understood],
                stt=found.engine if found else "",
                instead_of=found.instead_of if found else "",
                because=found.because if found else "",
                **turn,
            )
    finally:
        await assistant.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
