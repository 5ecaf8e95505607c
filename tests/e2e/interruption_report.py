"""How quickly a reply gives way, and how often it does so for nothing.

    python -m tests.e2e.interruption_report [--minutes 10] [--people 8] [--echo -20] [--keys 12] [--json]

The real assistant with real Whisper (tiny.en), voice activity and echo handling speaks without end, in Piper's voice, into a
simulated room. For `--minutes` there are coughs, hums of agreement, music, machines and paper, one every seven seconds: every
reply that stops is a false stop. Then `--people` times somebody speaks into it. Times count from the first sample of the person's
voice in the microphone: until the reply begins to be turned down, until it is turned down all the way, and until it has stopped.

Before that, `--keys` times a reply on PulseAudio's virtual speaker is silenced as by a key: how much of it still sounds after that moment,
by the device's clock, and how much more or less of it the recording of the monitor holds than that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import sys
import time
from typing import Any

import numpy as np

from tests.audio.test_devices import child, sounding
from tests.e2e import stage
from tests.e2e.scenarios import SlowResponder, spoken
from tests.e2e.stage import StageMicrophone, StageSpeaker
from tests.room import Room
from tests.virtual_audio import virtual_audio
from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.echo import without_echo
from vita_tui.audio.reference import Tap
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import recognizers, synthesizers
from vita_tui.conversation.components import Components
from vita_tui.engines.chain import Chain
from vita_tui.events import Event, EventBus, Interjection, State
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.settings import Settings

AUDIBLE = 10 ** (-50 / 20)
"""Amplitude from which on a voice has begun."""
EVERY = 7.0
"""Seconds between two sounds."""
STORY = (
    "Gulls are clever birds that live near the sea. They eat fish, and bread, and now and then an ice cream. Some of them walk far "
    "inland, where they follow the plough and look for worms. In the evening they fly back to the water in large flocks. "
) * 6
LINES = (
    "Actually, tell me about whales instead.",
    "Wait a moment.",
    "How do you know that?",
    "Please stop talking now.",
)


def sounds() -> list[tuple[str, Samples]]:
    return [
        ("cough", stage.cough()),
        ("mhm", stage.mhm()),
        ("music", stage.music(3.0)),
        ("okay", spoken("Okay.", -26.0)),
        ("machine", stage.hum(3.0)),
        ("paper", stage.rustle(3.0)),
        ("cough", stage.cough(7)),
    ]


class ReportedSpeaker(StageSpeaker):
    """Keeps when it was turned down."""

    def __init__(self, *recognizer: Tap) -> None:
        super().__init__(*recognizer)
        self.turned_down: list[float] = []

    def fade(self, gain: float, seconds: float) -> None:
        if gain < 1.0:
            self.turned_down.append(time.monotonic())
        super().fade(gain, seconds)


def _lead(sound: Samples) -> float:
    """Seconds at its beginning in which nothing can be heard: it is in the file, not in the voice."""
    return int(np.argmax(np.abs(sound) > AUDIBLE)) / SAMPLE_RATE


def silence_by_key(times: int) -> dict[str, Any]:
    """How long a real output stream still sounds after it is told to be silent."""
    after: list[float] = []
    off: list[float] = []
    with virtual_audio() as audio, child(audio, "speaker") as speaker:
        rate = speaker.opened["rate"]
        speaker.do("play", 440, 0.2)  # the sink wakes up
        speaker.until("finished")
        for _ in range(times):
            with audio.recording() as recording:
                speaker.do("play", 440, 20)
                begin = speaker.until("queued")["span"][0]
                while sounding(recording.samples()) < 0.5:
                    time.sleep(0.01)
                speaker.do("flush")
                told = speaker.until("flushed")
                speaker.until("dropped")
                time.sleep(0.5)  # for the recorder
                off.append(sounding(recording.samples()) - (told["heard"] - begin) / rate)
            after.append((told["heard"] - told["before"]) / rate)
    return {"key_to_silence_ms": _spread(after), "recorded_more_ms": _spread(off)}


async def measure(minutes: float, people: int, echo: float) -> dict[str, Any]:
    settings = Settings(stt={"model": "tiny.en"})
    bus = EventBus()
    heard: list[tuple[float, Interjection]] = []

    def note(event: Event) -> None:
        if isinstance(event, Interjection):
            heard.append((time.monotonic(), event))

    bus.subscribe(note)
    microphone = StageMicrophone(Room(echo_db=echo, delay=0.08))
    speaker = ReportedSpeaker(microphone.echo.tap)
    vita = Assistant(
        Components(
            settings,
            responders=Chain("llm", [SlowResponder([STORY], 0.0)], settings.health, bus=bus),
            synthesizers=synthesizers(settings, bus),
            recognizers=recognizers(settings, bus),
            sessions=SessionManager(MemoryStore(), settings.sessions, bus=bus),
            microphone=without_echo(microphone, speaker, settings.audio),
            speaker=speaker,
            bus=bus,
        )
    )
    await vita.start()
    await vita.ready.wait()
    vita.set_hands_free(True)
    asking: asyncio.Task[None] | None = None

    async def talk() -> None:
        """Have it speak, if it does not."""
        nonlocal asking
        if not _speaks(vita):
            vita.stop()
            if asking is not None:
                await asking
            asking = asyncio.create_task(vita.ask("Tell me a story."))
            async with asyncio.timeout(30):
                while not _speaks(vita):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)

    false: list[str] = []
    spoke = 0.0
    kinds = sounds()
    for place in range(max(1, round(minutes * 60 / EVERY))):
        await talk()
        name, sound = kinds[place % len(kinds)]
        mark, began = len(heard), time.monotonic()
        microphone.say(sound)
        while time.monotonic() - began < EVERY and _speaks(vita):
            await asyncio.sleep(0.05)
        spoke += time.monotonic() - began
        false += [f"{name}: {event.text}" for _, event in heard[mark:] if event.kind == "stopped"]
    dips = len(speaker.turned_down)
    hinted: list[float] = []
    ducked: list[float] = []
    stopped: list[float] = []
    for place in range(people):
        await talk()
        mark = len(heard)
        line = spoken(LINES[place % len(LINES)], -24.0)
        down = len(speaker.turned_down)
        began = microphone.say(line) + _lead(line)
        await asyncio.sleep(4.0)
        hinted += [at - began for at in speaker.turned_down[down:]][:1]
        for kind, times in (("onset", ducked), ("stopped", stopped)):
            times += [at - began for at, event in heard[mark:] if event.kind == kind][:1]
        vita.stop()
        await asyncio.sleep(0.5)
    if asking is not None:
        await asking
    await vita.aclose()
    return {
        "minutes_spoken": round(spoke / 60, 1),
        "sounds": max(1, round(minutes * 60 / EVERY)),
        "false_stops": false,
        "false_stops_per_hour": round(len(false) / spoke * 3600, 1),
        "people": people,
        "stopped_for": len(stopped),
        "turned_down_times": dips,
        "voice_to_first_dip_ms": _spread(hinted),
        "voice_to_duck_ms": _spread(ducked),
        "voice_to_stop_ms": _spread(stopped),
    }


def _speaks(vita: Assistant) -> bool:
    return vita.state is State.SPEAKING


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    worst = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return {"p50": round(statistics.median(ordered) * 1e3), "p95": round(worst * 1e3)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--echo", type=float, default=-20.0)
    parser.add_argument("--keys", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = silence_by_key(given.keys) if given.keys else {}
    result |= asyncio.run(measure(given.minutes, given.people, given.echo))
    if given.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:22} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
