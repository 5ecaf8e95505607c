"""Scenarios: who does what when, and what must come of it; one small file each in `scenarios/`.

    python -m tests.e2e.scenarios [--real] [NAME ...]

They run with the real assistant, real Whisper, real voice activity and echo handling, and Piper as the people's voice; the
model follows a script, so that what is heard of a reply can be counted. With `clock = "microphone"` time passes as fast as the sound
of it can be listened to. Those with `real` are also performed by the whole program in a terminal, on PulseAudio's virtual devices, with
keys that are pressed and sound that is played into the microphone (`--real`; see `tests.e2e.theatre`). A file has:

    about       what it shows
    reply       what the model says each time; a list for one after another
    think_seconds  how long the model takes for its first word (0.05)
    hands_free  true unless it says otherwise
    clock       "real", or "microphone": then a cue's `at` is the second of the recording, and only says or sounds something
    seconds     how long the recording is, with that clock
    real        the whole program performs it as well
    voice       "tone" (each word a tenth of a second; the default) or "piper"
    room        echo_db, delay, noise_dbfs of `tests.room.Room`; no echo unless it says so
    settings    as in the settings file
    [[cue]]     on: what it waits for: "start", a state, "onset", "stopped", "ignored", "finished", "pausing", "words 3"
                (so many words of the reply have been heard)
                after: seconds later (0)
                then one of: say (Piper; dbfs -26), sound (cough, rustle, hum, music; seconds), key (talk, stop, hold, type),
                unplug or plug (microphone, speaker)
    [expect]    questions: what was understood as questions, as regular expressions, in order
                interjections: kinds, in order; without a list they do not matter
                heard: for each reply, "all", or [least, most] words that were heard
                replies: how many; said: regular expression that a reply's text matches
                real: what is to be expected instead in the whole program, whose voice is Piper
                notices, remarks: regular expressions, each of which one must match
                state: at the end ("idle")
    needs       a module that must be installed
    for         seconds after the last cue (20; it stops early when all is quiet)
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
import tomllib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from tests.e2e import stage
from tests.e2e.stage import StageClock, StageMicrophone, StageSpeaker
from tests.person import person
from tests.room import Room
from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.echo import without_echo
from vita_tui.audio.voice import dbfs
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import recognizers, synthesizers
from vita_tui.conversation.components import Components
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import (
    Event,
    EventBus,
    Heard,
    Interjection,
    LevelChanged,
    NothingHeard,
    Notice,
    Pausing,
    ReplyFinished,
    State,
    StateChanged,
    TurnFinished,
    UserSaid,
)
from vita_tui.sessions.manager import SessionManager
from vita_tui.sessions.memory import MemoryStore
from vita_tui.settings import Settings

__all__ = ["FOLDER", "Outcome", "Scenario", "judge", "load", "play"]

FOLDER = Path(__file__).parent / "scenarios"
PATIENCE = 60.0
"""Seconds for what must happen."""
QUIET = 1.2
"""Seconds without an event, in `idle`, after which a scenario is over."""


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    reply: tuple[str, ...]
    cues: tuple[dict[str, Any], ...]
    expect: dict[str, Any]
    room: Room
    settings: dict[str, Any]
    hands_free: bool
    voice: str
    think_seconds: float
    seconds: float
    needs: str
    clock: str
    length: float
    real: bool


@dataclass
class Outcome:
    """What came of one."""

    questions: list[str] = field(default_factory=list)
    interjections: list[Interjection] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    """Of each reply: heard, and not heard."""
    notices: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    state: str = ""
    log: list[str] = field(default_factory=list)
    ducked: list[float] = field(default_factory=list)
    """Seconds from the start of a person's sound to the reply being turned down."""


def load(path: Path) -> Scenario:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    reply = data.get("reply", "Certainly.")
    room = {"echo_db": -99.0, **data.get("room", {})}
    return Scenario(
        path.stem,
        data["about"],
        tuple([reply] if isinstance(reply, str) else reply),
        tuple(data.get("cue", ())),
        data["expect"],
        Room(**room),
        data.get("settings", {}),
        data.get("hands_free", True),
        data.get("voice", "tone"),
        data.get("think_seconds", 0.05),
        data.get("for", 20.0),
        data.get("needs", ""),
        data.get("clock", "real"),
        data.get("seconds", 0.0),
        data.get("real", False),
    )


@lru_cache(maxsize=64)
def spoken(text: str, level: float) -> Samples:
    """`text` in Piper's voice, at `level` dBFS."""
    piper = person(rate=0.9)
    try:
        sound = np.concatenate(list(piper.speak(text, cancelled=threading.Event())))
        sound = np.asarray(soxr.resample(sound, piper.sample_rate, SAMPLE_RATE), np.float32)
    finally:
        piper.cleanup()
    return np.asarray(sound * 10 ** ((level - dbfs(sound)) / 20), np.float32)


class SlowResponder(FakeResponder):
    """A model that follows a script, in its own time."""

    def __init__(self, script: Sequence[str], think_seconds: float) -> None:
        super().__init__(script)
        self._think = think_seconds

    async def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[StreamPiece, None]:
        await asyncio.sleep(self._think)
        async with contextlib.aclosing(super().stream(messages, max_tokens=max_tokens)) as words:
            async for word in words:
                yield word


class _Show:
    """One performance."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.speaks_at = 0.0
        self.outcome = Outcome()

    def take(self, event: Event) -> None:
        if isinstance(event, LevelChanged):
            return  # ten a second, of which nothing is judged
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._note, event)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        out, at = self.outcome, self.loop.time()
        match event:
            case UserSaid():
                out.questions.append(event.text)
            case Interjection():
                out.interjections.append(event)
                if event.kind == "onset" and self.speaks_at:
                    out.ducked.append(at - self.speaks_at)
            case ReplyFinished() if event.text:
                out.replies.append(event.text)
            case Heard(final=True):
                out.heard.append((event.heard, event.unheard))
            case Notice():
                out.notices.append(f"{event.title}: {event.message}")
            case NothingHeard():
                out.remarks.append(event.reason)
        if type(event).__name__ not in (
            "ReplyDelta",
            "Heard",
            "EngineStatus",
            "EngineWorked",
        ):
            out.log.append(f"{at - self.began:6.2f} {event}"[:160])
        self.changed.set()

    began = 0.0

    async def until(self, wanted: str, place: int, vita: Assistant) -> int:
        """Wait for what a cue waits for, among the events from `place` on; the place behind it."""
        if wanted == "start":
            return place
        if wanted.startswith("words "):
            async with asyncio.timeout(PATIENCE):
                while vita._parts.replies.current is None or len(
                    vita._parts.replies.current.heard()[0].split()
                ) < int(wanted[6:]):
                    await asyncio.sleep(0.01)
            return place
        async with asyncio.timeout(PATIENCE):
            while True:
                for number in range(place, len(self.events)):
                    if _is(self.events[number], wanted):
                        return number + 1
                self.changed.clear()
                await self.changed.wait()

    async def quiet(self, vita: Assistant, limit: float) -> None:
        """Until nothing happens any more, at most `limit` seconds."""
        end = self.loop.time() + limit
        calm = self.loop.time()
        seen = -1
        while self.loop.time() < end:
            await asyncio.sleep(0.1)
            count = len(self.events)
            if count != seen or vita.state is not State.IDLE:
                seen, calm = count, self.loop.time()
            elif self.loop.time() - calm > QUIET:
                return


def _is(event: Event, wanted: str) -> bool:
    match event:
        case StateChanged():
            return event.state.value == wanted
        case Interjection():
            return event.kind == wanted
        case TurnFinished():
            return wanted == "finished"
        case Pausing():
            return wanted == "pausing" and event.seconds is not None
        case Notice():
            return wanted == "notice" and event.severity != "information"
        case _:
            return False


async def play(scenario: Scenario) -> Outcome:
    """Perform it, in real time."""
    show = _Show(scenario)
    show.began = show.loop.time()
    settings = Settings(**{"stt": {"model": "tiny.en"}, **scenario.settings})
    paced = scenario.clock == "real"
    microphone = StageMicrophone(scenario.room, paced=paced)
    microphone.limit = None if paced else round(scenario.length * SAMPLE_RATE)
    speaker = StageSpeaker(microphone.echo.tap, paced=paced)
    recognizer = (
        without_echo(microphone, speaker, settings.audio) if scenario.room.echo_db > -90 else microphone
    )
    bus = EventBus()
    bus.subscribe(show.take)
    voices: Chain[Synthesizer] = Chain("tts", [FakeSynthesizer()], settings.health, bus=bus)
    if scenario.voice == "piper":
        voices = synthesizers(settings, bus)
    sounds = {cue["say"]: await asyncio.to_thread(_said, cue) for cue in scenario.cues if "say" in cue}
    vita = Assistant(
        Components(
            settings,
            responders=Chain(
                "llm",
                [SlowResponder(scenario.reply, scenario.think_seconds)],
                settings.health,
                bus=bus,
            ),
            synthesizers=voices,
            recognizers=recognizers(settings, bus),
            sessions=SessionManager(MemoryStore(), settings.sessions, bus=bus),
            microphone=recognizer,
            speaker=speaker,
            bus=bus,
            clock=StageClock(microphone),
        )
    )
    if not paced:
        for cue in scenario.cues:
            microphone.say_at(cue["at"], sounds[cue["say"]] if "say" in cue else _sound(cue))
        microphone.held.clear()
        bus.subscribe(lambda event: _stand_still(microphone, event))
    await vita.start()
    try:
        async with asyncio.timeout(60):
            await vita.ready.wait()
        vita.set_hands_free(scenario.hands_free)
        if not paced:
            microphone.held.set()
            async with asyncio.timeout(300):
                while microphone.seconds < scenario.length:
                    await asyncio.sleep(0.05)
            await show.quiet(vita, scenario.seconds)
            show.outcome.state = vita.state.value
            return show.outcome
        await asyncio.sleep(0.6)
        place = len(show.events)
        for cue in scenario.cues:
            place = await show.until(cue.get("on", "start"), place, vita)
            await asyncio.sleep(cue.get("after", 0.0))
            await _act(cue, vita, show, microphone, speaker, sounds)
        await show.quiet(vita, scenario.seconds)
        show.outcome.state = vita.state.value
    finally:
        await vita.aclose()
    return show.outcome


def _stand_still(microphone: StageMicrophone, event: Event) -> None:
    """No time passes while the assistant thinks: it thinks in real time, which is much slower."""
    if isinstance(event, StateChanged):
        (microphone.held.clear if event.state is State.THINKING else microphone.held.set)()


def _said(cue: dict[str, Any]) -> Samples:
    return spoken(cue["say"], cue.get("dbfs", -26.0))


def _sound(cue: dict[str, Any]) -> Samples:
    make = getattr(stage, cue["sound"])
    made: Samples = make() if cue["sound"] in ("cough", "mhm") else make(cue.get("seconds", 3.0))
    return made


async def _act(
    cue: dict[str, Any],
    vita: Assistant,
    show: _Show,
    microphone: StageMicrophone,
    speaker: StageSpeaker,
    sounds: dict[str, Samples],
) -> None:
    if "say" in cue:
        show.speaks_at = microphone.say(sounds[cue["say"]])
        if cue.get("wait", False):
            await asyncio.sleep(len(sounds[cue["say"]]) / SAMPLE_RATE)
    elif "sound" in cue:
        microphone.say(_sound(cue))
    elif "key" in cue:
        key = cue["key"]
        if key == "type":
            vita._parts.tasks.spawn(vita.ask(cue["text"]), "typed")
        else:
            {"talk": vita.talk, "stop": vita.stop, "hold": vita.hold_open}[key]()
    for name, device in (("microphone", microphone), ("speaker", speaker)):
        if name in (cue.get("unplug"), cue.get("plug")):
            await asyncio.to_thread(device.plug, cue.get("plug") == name)


def judge(scenario: Scenario, outcome: Outcome) -> list[str]:
    """What is not as expected; empty when all is."""
    expect, wrong = scenario.expect, []
    questions = expect.get("questions", [])
    if len(questions) != len(outcome.questions) or not all(
        re.search(wanted, got, re.IGNORECASE)
        for wanted, got in zip(questions, outcome.questions, strict=False)
    ):
        wrong.append(f"questions {outcome.questions}, not {questions}")
    kinds = [event.kind for event in outcome.interjections]
    if "interjections" in expect and kinds != expect["interjections"]:
        wrong.append(f"interjections {kinds}, not {expect['interjections']}")
    if "never" in expect and set(kinds) & set(expect["never"]):
        wrong.append(f"interjections {kinds}, with {expect['never']}")
    if "replies" in expect and len(outcome.replies) != expect["replies"]:
        wrong.append(f"{len(outcome.replies)} replies, not {expect['replies']}")
    for place, wanted in enumerate(expect.get("heard", [])):
        if place >= len(outcome.heard):
            wrong.append(f"reply {place + 1} was not heard")
            continue
        heard, unheard = outcome.heard[place]
        words = len(heard.split())
        if (wanted == "all" and unheard.strip()) or (
            wanted != "all" and not (wanted[0] <= words <= wanted[1] and unheard.strip())
        ):
            wrong.append(
                f"of reply {place + 1} {words} words were heard, not {wanted}: {heard!r} | {unheard!r}"
            )
    if "said" in expect and not any(re.search(expect["said"], reply) for reply in outcome.replies):
        wrong.append(f"no reply says {expect['said']}: {outcome.replies}")
    for kind in ("notices", "remarks"):
        got = getattr(outcome, kind)
        wrong += [
            f"no {kind[:-1]} says {wanted}: {got}"
            for wanted in expect.get(kind, [])
            if not any(re.search(wanted, one) for one in got)
        ]
    if outcome.state != expect.get("state", "idle"):
        wrong.append(f"it is {outcome.state} at the end")
    return wrong


def main(names: Sequence[str]) -> int:
    failed = 0
    real = "--real" in names
    names = [name for name in names if name != "--real"]
    for file in sorted(FOLDER.glob("*.toml")):
        scenario = load(file)
        if (names and file.stem not in names) or (real and not (scenario.real or names)):
            continue
        if real:
            from tests.e2e import theatre

            outcome = theatre.perform(scenario)
            scenario = theatre.seen_from_outside(scenario)
        else:
            outcome = asyncio.run(play(scenario))
        wrong = judge(scenario, outcome)
        failed += bool(wrong)
        print("ok  " if not wrong else "FAIL", scenario.name, *wrong, sep="  ")
        if wrong or names:
            print("\n".join("      " + line for line in outcome.log))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
