"""Export a picture of the real program after a spoken and a typed question: see `scripts/screenshot`."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita_tui import settings
from vita_tui.audio.files import FileMicrophone, FileSpeaker, read_audio
from vita_tui.conversation.build import build
from vita_tui.events import Event, NothingHeard, TurnFinished
from vita_tui.tui.app import VitaApp

SPOKEN = "Why is the sky blue?"
TYPED = "How do tides come about?"
SIZE = (124, 34)
PATIENCE = 300
"""Seconds for everything: engines, two turns, and a slow machine."""


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        question = Path(folder) / "question.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", question, SPOKEN], check=True)
        picture = asyncio.run(asyncio.wait_for(draw(question), PATIENCE))
    target.write_text(picture, encoding="utf-8")
    sys.stderr.write(f"{target}: {len(picture):,} characters\n")


async def draw(question: Path) -> str:
    microphone = FileMicrophone(read_audio(question, max_seconds=30))
    microphone.hold()

    def assistant(overrides: Mapping[str, Any]) -> Any:
        return build(
            settings.load(overrides=overrides), microphone=microphone, speaker=FileSpeaker(pace=False)
        )

    overrides = {
        "llm": {"max_tokens": 90},
        "sessions": {"store": "memory"},
        "audio": {"earcons": False, "speak": True},
    }
    app = VitaApp(assistant, overrides=overrides, theme="textual-dark")
    loop = asyncio.get_running_loop()
    ended: asyncio.Queue[Event] = asyncio.Queue()

    def listen(event: Event) -> None:
        if isinstance(event, NothingHeard | TurnFinished):
            loop.call_soon_threadsafe(ended.put_nowait, event)

    async with app.run_test(size=SIZE) as pilot:
        while app.core is None:
            await pilot.pause(0.05)
        core: Any = app.core
        core.bus.subscribe(listen)
        await core.ready.wait()
        app.talk()
        microphone.play()
        if isinstance(event := await ended.get(), NothingHeard):
            raise SystemExit(f"the question was not understood: {event.reason}")
        app.ask(TYPED)
        await ended.get()
        await pilot.pause(3.0)
        return plain_fonts(app.export_screenshot(title="VITA"))


def plain_fonts(svg: str) -> str:
    """`svg` without fonts from elsewhere: the reader's own monospaced font will do."""
    svg = re.sub(r"@font-face\s*{[^}]*}\s*", "", svg)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
