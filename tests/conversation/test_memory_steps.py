"""Memory runs short: each step with the real engines frees what it says, everything still works, and it all comes back."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from pathlib import Path

import pytest

from tests.conversation.support import Events, assistant
from tests.conversation.test_upkeep import program
from vita_tui import paths
from vita_tui.audio.files import read_audio
from vita_tui.clock import SystemClock
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.memory_steps import ASIDE, LIVE
from vita_tui.engines.llm.embedded import EmbeddedResponder
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.events import EventBus, Job, Notice
from vita_tui.health import process_memory as memory
from vita_tui.health.pressure import MemoryReading, PressureChange, PressureWatch
from vita_tui.health.process_memory import MB, MemoryMeter
from vita_tui.sessions.session import Turn
from vita_tui.sessions.stores import make_manager
from vita_tui.settings import Settings

STEPS = [
    "History caches are emptied",
    "Partial transcripts are off",
    "Whisper tiny.en listens instead of whisper base",
    "Pyttsx3 speaks instead of piper",
    "The language model is unloaded until the next question",
]
PLENTY = 64_000 * MB
CALM = {"pressure": True, "pressure_seconds": 3600, "pressure_dwell_seconds": 0}


def watch_of(made: Assistant) -> PressureWatch:
    assert made.upkeep is not None
    return made.upkeep.pressure


async def step(made: Assistant, available: int) -> PressureChange:
    """Tell the ladder that so many bytes are left, as its thread would, and have it announce what it does."""
    watch = watch_of(made)
    change = await asyncio.to_thread(watch.ladder.observe, MemoryReading(0, available))
    assert change is not None
    watch.announce(change)
    return change


async def understood(made: Assistant, file: Path) -> str:
    hearing = made._parts.hearing
    assert hearing is not None
    return (await asyncio.wrap_future(hearing.worker.final(read_audio(file)))).text


def active(made: Assistant, job: Job) -> str:
    return made.chains[job].active_name


@pytest.mark.models
@pytest.mark.speech
@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc, which gives memory back when it is told to")
async def test_every_step_frees_memory_and_comes_back(
    speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("piper")
    pytest.importorskip("xllamacpp")
    if shutil.which("espeak-ng") is None or not (paths.models_dir() / "whisper-tiny.en").is_dir():
        pytest.skip("needs espeak-ng and whisper-tiny.en")
    async with program(health=CALM) as (made, events):
        ladder = watch_of(made).ladder
        assert "country" in await understood(made, speech / "jfk.flac")
        await made.ask("Say hello.")
        freed = {}
        for place, name in enumerate(STEPS):
            change = await step(made, 0)
            assert (change.step, change.taken, change.problem) == (name, True, "")
            assert len(ladder.taken) == place + 1
            freed[name] = change.freed
        assert [notice.title for notice in pressure(events)] == STEPS
        # What Whisper's step frees in this process is not asserted by itself: a reply's sound may weigh as much just then.
        assert sum(freed.values()) > 120 * MB
        assert freed[STEPS[4]] > 80 * MB

        # With all of them taken it hears, thinks and speaks.
        assert active(made, "stt") == "whisper tiny.en"
        assert made.chains["stt"].statuses()[0].reason == ASIDE
        assert "country" in await understood(made, speech / "jfk.flac")
        responder = made.chains["llm"].active
        assert isinstance(responder, EmbeddedResponder)
        assert responder.pid is None
        await made.ask("Say hello.")
        assert made.last is not None
        assert made.last.reason in ("complete", "length")
        assert made.last.speech is not None
        assert made.last.speech.engines == ["pyttsx3"]
        assert responder.pid is not None
        assert made._parts.model.unloading is not None, "it is unloaded again when no question follows"

        taken = {}
        for name in reversed(STEPS):
            change = await step(made, PLENTY)
            assert (change.step, change.taken, change.problem) == (name, False, "")
            taken[name] = -change.freed
        assert ladder.taken == ()
        assert "country" in await understood(made, speech / "jfk.flac")
        assert active(made, "stt") == "whisper base"
        await made.ask("Say hello.")
        assert made.last.speech.engines == ["piper"]
        assert made.chains["stt"].statuses()[0].reason == ""
    with capsys.disabled():
        for name in STEPS:
            print(f"\n    {name}: freed {freed[name] / MB:.0f} MB, takes {taken[name] / MB:.0f} MB", end="")


def pressure(events: Events) -> list[Notice]:
    return [notice for notice in events.of(Notice) if notice.key.startswith("pressure:")]


@pytest.mark.models
async def test_a_smaller_whisper_that_does_not_load_changes_nothing(tmp_path: Path) -> None:
    tiny = paths.models_dir() / "whisper-tiny.en"
    if not tiny.is_dir():
        pytest.skip("needs whisper-tiny.en")
    broken = tmp_path / "tiny"
    shutil.copytree(tiny, broken)
    with (broken / "model.bin").open("r+b") as file:
        file.truncate(1_000_000)
    async with program(health=CALM, stt={"fallback": (str(broken),)}, audio={"speak": False}) as (
        made,
        events,
    ):
        for _ in range(2):
            await step(made, 0)
        change = await step(made, 0)
        assert "damaged" in change.problem
        assert pressure(events)[-1].title.startswith("Failed: Whisper")
        assert active(made, "stt") == "whisper base"
        assert made.chains["stt"].statuses()[0].reason == ""


@pytest.mark.long
async def test_history_caches_give_their_memory_back_and_lose_nothing() -> None:
    settings = Settings(sessions={"store": "sqlite"})
    manager = make_manager(settings.sessions, SystemClock(), EventBus())
    await manager.open()
    try:
        sessions = []
        for number in range(100):
            session = await manager.create()
            sessions.append(
                await manager.append(session.id, Turn(role="user", text=f"{number} " + "x" * 300_000))
            )
        assert manager.stats().live == 100
        meter = MemoryMeter()
        memory.trim()
        before = meter.read(fresh=True).own
        del session
        ids = [session.id for session in sessions]
        sessions.clear()
        await manager.limit_memory(LIVE)
        memory.trim()
        assert manager.stats().live == LIVE
        assert before - meter.read(fresh=True).own > 15 * MB
        for number, id_ in enumerate(ids[:10]):
            assert (await manager.get(id_)).turns[0].text.startswith(f"{number} x")
        assert manager.stats().live == LIVE
        await manager.limit_memory(None)
        for id_ in ids[:10]:
            await manager.get(id_)
        assert manager.stats().live >= 10
    finally:
        await manager.cleanup()


class Heavy(FakeResponder):
    """A responder whose model takes memory."""

    def __init__(self) -> None:
        super().__init__(["An answer."])
        self.log: list[str] = []

    async def load(self) -> None:
        if self.log[-1:] != ["load"]:
            self.log.append("load")

    async def unload(self) -> None:
        self.log.append("unload")


@pytest.mark.long
async def test_while_memory_is_short_the_model_comes_with_the_question_and_goes_after_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vita_tui.conversation.thinking.language_model.SPARING_SECONDS", 0.0)
    responder = Heavy()
    async with assistant(responder, upkeep=True, health=CALM) as (made, _):
        while (await step(made, 0)).step != STEPS[4]:
            pass
        assert responder.log == ["load", "unload"]
        await made.ask("One?")
        assert made._parts.model.unloading is not None
        await made._parts.model.unloading
        assert responder.log == ["load", "unload"] * 2
        assert (await step(made, PLENTY)).undone == "The language model stays loaded again"
        await made.ask("Two?")
        assert responder.log == [*["load", "unload"] * 2, "load"]


async def test_a_step_that_waits_for_the_voice_does_not_hold_up_quitting() -> None:
    gate = threading.Event()
    piper, system = FakeSynthesizer(name="piper", gate=gate), FakeSynthesizer(name="pyttsx3")
    async with assistant(FakeResponder(["A reply."]), voices=[piper, system], upkeep=True, health=CALM) as (
        made,
        _,
    ):
        await step(made, 0)
        asking = asyncio.create_task(made.ask("One?"))
        await asyncio.to_thread(piper.asked.wait)
        taking = asyncio.create_task(step(made, 0))  # waits until the clause is spoken, which it never is
        while piper not in made.chains["tts"].engines[:1] or not made.chains["tts"].statuses()[0].reason:
            await asyncio.sleep(0.001)
        await made.aclose()
        await asking
        assert (await taking).step == STEPS[3]
