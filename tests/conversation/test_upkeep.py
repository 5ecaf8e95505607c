"""What a program does for itself that is open for days: an engine that broke and was mended is used again, by itself."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversation.support import DEADLINE, Events, assistant, silence
from vita_tui import paths
from vita_tui.audio.files import FileSpeaker, read_audio
from vita_tui.conversation.assistant import Assistant
from vita_tui.conversation.build import build
from vita_tui.conversation.hearing.signals import UtteranceEnded
from vita_tui.conversation.hearing.utterance import Utterance
from vita_tui.engines.chain import Chain
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.engines.tts.fake import FakeSynthesizer
from vita_tui.errors import EngineError
from vita_tui.events import (
    Alert,
    EngineStatus,
    EngineWorked,
    EventBus,
    Health,
    Notice,
    TurnFailed,
    TurnFinished,
)
from vita_tui.health.breaker import BreakerState
from vita_tui.health.registry import registry
from vita_tui.health.series import MetricValue
from vita_tui.settings import HealthSettings, Settings

HASTY: dict[str, Any] = {"breaker_failures": 1, "breaker_seconds": 0.05, "pressure": False}
"""An engine rests after its first failure, for a moment."""


@pytest.fixture(autouse=True)
def quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vita_tui.engines.probe.PROBE_POLL_SECONDS", 0.02)


@contextlib.asynccontextmanager
async def program(**sections: Any) -> AsyncIterator[tuple[Assistant, Events]]:
    """The whole conversation of the interactive program, with its upkeep; files stand in for the sound devices."""
    bus = EventBus()
    events = Events(bus)
    sections.setdefault("health", HASTY)
    made = build(
        Settings(**sections), microphone=silence(), speaker=FileSpeaker(pace=False), bus=bus, upkeep=True
    )
    await made.start()
    try:
        async with asyncio.timeout(60):
            await made.ready.wait()
        yield made, events
    finally:
        await made.aclose()


def mend(broken: Path, sound: Path) -> None:
    """Put what is right in the place of what is wrong, in one step."""
    fallback = broken.with_name(f"{broken.name}.new")
    fallback.symlink_to(sound)
    if broken.is_dir() and not broken.is_symlink():
        shutil.rmtree(broken)
    fallback.replace(broken)


def attempts(events: Events, job: str, engine: str) -> list[EngineWorked]:
    return [event for event in events.of(EngineWorked) if (event.job, event.engine) == (job, engine)]


@pytest.mark.models
async def test_a_voice_that_was_mended_speaks_again_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("piper")
    real = next((paths.models_dir()).glob("*/en_US-joe-medium.onnx"), None)
    if real is None or shutil.which("espeak-ng") is None:
        pytest.skip("needs the default voice and espeak-ng")
    voice = tmp_path / "voice.onnx"
    voice.write_bytes(b"not a voice")
    (tmp_path / "voice.onnx.json").symlink_to(real.with_name(f"{real.name}.json"))
    async with program(tts={"voice": str(voice)}) as (made, events):
        await made.ask("Say hello.")
        assert made.last is not None
        assert made.last.speech is not None
        assert made.last.speech.engines == ["pyttsx3"]
        failures = len(attempts(events, "tts", "piper"))
        mend(voice, real)
        await events.until(Notice, lambda event: event.title == "Speaking with piper again")
        await made.ask("Say hello again.")
        assert made.last.speech.engines == ["piper"]
        told = attempts(events, "tts", "piper")
        assert len([event for event in told if event.error]) == failures, (
            "a user's clause failed on the way back"
        )
    assert not [resource for resource in registry.open() if resource.name in ("breaker-probe", "voice probe")]


@pytest.mark.models
async def test_a_model_that_was_mended_answers_again_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    real = next(paths.models_dir().glob("smollm2*/*.gguf"))
    model = tmp_path / "model.gguf"
    model.write_bytes(b"not a model")
    async with program(llm={"model": str(model)}, audio={"speak": False}) as (made, events):
        assert made.chains["llm"].statuses()[0].health is Health.MISSING
        mend(model, real)
        await events.until(EngineStatus, lambda event: event.job == "llm" and event.health is Health.READY)
        failures = len(attempts(events, "llm", "model"))
        await made.ask("Say hello.")
        assert made.last is not None
        assert made.last.reason in ("complete", "length"), made.last.error
        assert not [event for event in attempts(events, "llm", "model")[failures:] if event.error]


@pytest.mark.models
@pytest.mark.speech
async def test_ears_that_were_mended_hear_again_by_themselves(tmp_path: Path, speech: Path) -> None:
    real = paths.models_dir() / "whisper-tiny.en"
    if not real.is_dir():
        pytest.skip("needs whisper-tiny.en")
    model = tmp_path / "recognizer"
    shutil.copytree(real, model)
    with (model / "model.bin").open("r+b") as file:
        file.truncate(1_000_000)
    async with program(stt={"model": str(model), "fallback": ()}, audio={"speak": False}) as (made, events):
        assert made.chains["stt"].breakers()[0].state is not BreakerState.CLOSED
        mend(model, real)
        await events.until(EngineStatus, lambda event: event.job == "stt" and event.health is Health.READY)
        hearing = made._parts.hearing
        assert hearing is not None
        audio = read_audio(speech / "jfk.flac")
        understood = await asyncio.wrap_future(hearing.worker.final(audio))
        assert "country" in understood.text
        assert hearing.worker.counts().finals_failed == 0


# ---- probes with scripted engines: whom they keep waiting


def rested(chain: Chain[Any]) -> None:
    """Make the first engine of `chain` fail once, which is once too often."""
    with contextlib.suppress(EngineError):
        for attempt in chain.attempts():
            with attempt:
                raise EngineError("Broken.")


async def test_a_probe_in_the_whisper_thread_makes_way_for_a_person() -> None:
    base = FakeRecognizer([ScriptedCall("a probe", seconds=60), "hello there"])
    engines: list[Recognizer] = [base]
    chain = Chain("stt", engines, HealthSettings(**{**HASTY, "breaker_seconds": 0.001}), bus=EventBus())
    chain.watched = True
    worker = WhisperWorker(chain)
    worker.start().result(DEADLINE)
    rested(chain)
    while chain.due_seconds() != 0.0:
        await asyncio.sleep(0.001)
    worker.probe()
    worker.probe()  # asked for again while it runs: once is enough
    assert await asyncio.to_thread(base.began.acquire, timeout=DEADLINE)
    said = worker.final(np.zeros(16_000, np.float32))
    assert said.result(DEADLINE).text == "hello there"
    assert worker.counts().probes == 1
    assert chain.breakers()[0].state is BreakerState.CLOSED
    assert worker.cleanup()


async def test_a_voice_that_hangs_while_it_is_probed_keeps_no_clause_waiting() -> None:
    hang = threading.Event()
    broken = FakeSynthesizer(name="piper", failures=[EngineError("Broken."), hang])
    fallback = FakeSynthesizer(name="pyttsx3")
    health = {**HASTY, "breaker_seconds": 0.001}
    try:
        async with assistant(voices=[broken, fallback], health=health, upkeep=True) as (made, events):
            await made.ask("One?")  # the first clause breaks piper
            while len(broken.clauses) < 2:  # and the probe hangs in the second
                await asyncio.sleep(0.001)
            await made.ask("Two?")
            assert made.last is not None
            assert made.last.speech is not None
            assert made.last.speech.engines == ["pyttsx3"]
            hang.set()
            await events.until(Notice, lambda event: event.title == "Speaking with piper again")
            await made.ask("Three?")
            assert made.last.speech.engines == ["piper"]
    finally:
        hang.set()


async def test_the_only_model_is_left_to_the_question_that_comes_while_it_is_probed() -> None:
    gate = asyncio.Event()
    responder = FakeResponder([EngineError("Broken."), "A probe.", "An answer."], name="model", gate=gate)
    health = {**HASTY, "breaker_seconds": 0.001}
    async with assistant(responder, health=health, upkeep=True, audio={"speak": False}) as (made, events):
        await made.ask("One?")
        assert made.last is not None
        assert made.last.reason == "failed"
        while len(responder.requests) < 2:
            await asyncio.sleep(0.001)
        asking = asyncio.create_task(made.ask("Two?"))
        while len(responder.requests) < 3:
            await asyncio.sleep(0.001)
        gate.set()
        await asking
        assert made.last.text == "An answer."
        assert len(events.of(TurnFinished)) == 2


# ---- figures of what reached the user


def figures(made: Assistant, name: str, **labels: str) -> MetricValue:
    assert made.upkeep is not None
    wanted = tuple(sorted(labels.items()))
    return next(s for s in made.upkeep.metrics.summaries() if s.name == name and s.labels == wanted)


async def test_turns_that_keep_failing_raise_one_alert_even_while_the_engine_rests() -> None:
    responder = FakeResponder([EngineError("The model is broken.")], name="model")
    health = {"breaker_failures": 2, "breaker_seconds": 3600}
    async with assistant(responder, upkeep=True, health=health, audio={"speak": False}) as (made, events):
        for number in range(15):
            await made.ask(f"Question {number}?")
        assert len(responder.requests) < 15, "it rests and is not asked"
        (alert,) = events.of(Alert)
        assert alert.title == "Questions were not answered"
        assert alert.message.startswith("10 of the last 10 times. ")
        jobs = figures(made, "turn_jobs", engine="model", job="llm")
        assert (jobs.count, jobs.errors) == (15, 15)
        assert figures(made, "errors", kind="NoEngineError").value == 15


async def test_turns_that_work_and_an_engine_that_another_stands_in_for_are_no_errors() -> None:
    broken = FakeSynthesizer(name="piper", failures=[EngineError("No.")] * 2)
    health = {"breaker_failures": 2, "breaker_seconds": 3600}
    async with assistant(voices=[broken, FakeSynthesizer(name="pyttsx3")], upkeep=True, health=health) as (
        made,
        events,
    ):
        for number in range(12):
            await made.ask(f"Question {number}?")
        assert not events.of(Alert)
        jobs = figures(made, "turn_jobs", engine="pyttsx3", job="tts")
        assert (jobs.count, jobs.errors) == (12, 0)
        assert figures(made, "engine_errors", kind="EngineError").value == 2
        assert made.upkeep is not None
        assert "errors" not in {summary.name for summary in made.upkeep.metrics.summaries()}


async def counted(made: Assistant, name: str, **labels: str) -> None:
    """Wait until there is such a figure: the thread that tells of a failure may be before the one who counts it."""
    async with asyncio.timeout(60):
        while True:
            assert made.upkeep is not None
            if any(
                one.name == name and dict(one.labels) == labels for one in made.upkeep.metrics.summaries()
            ):
                return
            await asyncio.sleep(0.01)


async def test_a_voice_and_ears_that_fail_are_counted_for_their_turn() -> None:
    voice = FakeSynthesizer(name="piper", failures=[EngineError("No.")] * 99)
    listener = FakeRecognizer([EngineError("No.")], name="whisper")
    health = {"breaker_failures": 99}
    async with assistant(
        voices=[voice], recognizer=listener, microphone=silence(), upkeep=True, health=health
    ) as (made, events):
        await made.ask("Will you say it?")
        failed = await events.until(TurnFailed, lambda event: event.job == "tts")
        assert (failed.engine, failed.error) == ("piper", "NoEngineError")
        hearing = made._parts.hearing
        assert hearing is not None
        utterance = Utterance(1, np.zeros(16_000, np.float32), 1.0, 1.0, 1.0, 1.0, "key")
        hearing._transcriber.take(UtteranceEnded(utterance))
        failed = await events.until(TurnFailed, lambda event: event.job == "stt")
        assert failed.engine == "whisper"
        await counted(made, "turn_jobs", engine="whisper", job="stt")
        assert figures(made, "turn_jobs", engine="whisper", job="stt").errors == 1
        assert figures(made, "turn_jobs", engine="piper", job="tts").errors == 1
        assert figures(made, "turn_jobs", engine="fake model", job="llm").errors == 0
