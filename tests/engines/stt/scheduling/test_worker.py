"""The whisper thread: what matters most goes first, and nothing piles up."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vita_tui.clock import CLOCK_POLL_SECONDS, FakeClock, RunningClock
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import SAMPLE_RATE, Recognizer, Transcription
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.stt.scheduling.agreement import Partial
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import EngineError, EngineTimeoutError, NoEngineError
from vita_tui.events import EngineWorked, EventBus
from vita_tui.health.breaker import BreakerState
from vita_tui.settings import HealthSettings

AUDIO = np.zeros(16_000, np.float32)
PATIENCE = 60.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a decode until it is set."""
    event = threading.Event()
    yield event
    event.set()


def started(*recognizers: Recognizer, timeout: float = 20.0) -> WhisperWorker:
    chain = Chain("stt", recognizers, HealthSettings(), bus=EventBus())
    worker = WhisperWorker(chain, timeout=timeout)
    worker.start().result(PATIENCE)
    return worker


def test_a_final_is_understood() -> None:
    worker = started(FakeRecognizer(["hello there"]))
    assert worker.final(AUDIO).result(PATIENCE).text == "hello there"
    assert worker.cleanup()


def test_of_waiting_partials_only_the_newest_is_decoded(gate: threading.Event) -> None:
    recognizer = FakeRecognizer([ScriptedCall("first", until=gate), "newest"])
    worker = started(recognizer)
    first = worker.final(AUDIO)
    assert recognizer.began.acquire(timeout=PATIENCE)
    heard: queue.SimpleQueue[Partial] = queue.SimpleQueue()
    for number in range(1, 6):
        worker.partial(1, AUDIO[: 1000 * number], heard.put)
    gate.set()
    first.result(PATIENCE)
    newest = heard.get(timeout=PATIENCE)
    assert (newest.tail, round(newest.audio_seconds * SAMPLE_RATE)) == ("newest", 5000)
    worker.final(AUDIO).result(PATIENCE)
    assert heard.empty()
    assert [round(call.audio_seconds * SAMPLE_RATE) for call in recognizer.calls] == [16_000, 5000, 16_000]
    assert worker.counts().partials_skipped == 4
    worker.cleanup()


def test_a_speculation_that_is_claimed_is_not_decoded_again() -> None:
    recognizer = FakeRecognizer(["what time is it"])
    worker = started(recognizer)
    worker.speculate(1, AUDIO).result(PATIENCE)
    decoded = worker.counts().windows
    claimed = worker.claim(1)
    assert claimed is not None
    assert claimed.result(PATIENCE).text == "what time is it"
    assert worker.counts().windows == decoded
    assert worker.counts().speculations_claimed == 1
    worker.cleanup()


def test_a_speculation_that_was_discarded_cannot_be_claimed(gate: threading.Event) -> None:
    worker = started(FakeRecognizer([ScriptedCall("too early", until=gate)]))
    speculation = worker.speculate(1, AUDIO)
    worker.discard(1)
    assert worker.claim(1) is None
    with pytest.raises(CancelledError):
        speculation.result(PATIENCE)
    gate.set()
    worker.cleanup()


def test_a_failure_ends_one_decode_and_not_the_thread() -> None:
    worker = started(FakeRecognizer([EngineError("it failed."), "it works again"]))
    with pytest.raises(EngineError, match="it failed"):
        worker.final(AUDIO).result(PATIENCE)
    assert worker.final(AUDIO).result(PATIENCE).text == "it works again"
    worker.cleanup()


def test_a_decode_that_hangs_is_given_up(gate: threading.Event) -> None:
    worker = started(FakeRecognizer([ScriptedCall("never", until=gate)]), timeout=0.2)
    with pytest.raises(EngineTimeoutError):
        worker.final(AUDIO).result(PATIENCE)
    assert worker.counts().overruns == 1
    gate.set()
    worker.cleanup()


def test_after_cleanup_nothing_is_taken_and_start_works_again() -> None:
    worker = started(FakeRecognizer(["hello"]))
    assert worker.cleanup()
    assert worker.cleanup()
    with pytest.raises(EngineError):
        worker.final(AUDIO)
    worker.start().result(PATIENCE)
    assert worker.final(AUDIO).result(PATIENCE).text == "hello"
    worker.cleanup()


# ---- decodes that take too long


class Slow(FakeRecognizer):
    """Decodes until it is told to stop and returns what it has, as Whisper does, or does not listen until `released`."""

    def __init__(self, *, obeys: bool, released: threading.Event) -> None:
        super().__init__(["too late"], name="slow")
        self._obeys = obeys
        self._released = released

    def transcribe(
        self, audio: NDArray[np.float32], *, cancelled: threading.Event | None = None, **how: Any
    ) -> Transcription:
        late = super().transcribe(audio, **how)
        assert cancelled is not None
        (cancelled if self._obeys else self._released).wait(PATIENCE)
        return replace(late, text="") if self._obeys else late


def wait_for_late(worker: WhisperWorker) -> None:
    """Until every decode that timed out has come back."""
    while worker._thread._given_up:
        time.sleep(0.001)


@pytest.mark.parametrize("obeys", [True, False], ids=["obeys", "does not obey"])
def test_a_decode_that_takes_too_long_never_wins_and_disables_its_engine(
    gate: threading.Event, obeys: bool
) -> None:
    slow, fallback = Slow(obeys=obeys, released=gate), FakeRecognizer(["right"], name="fallback")
    bus, worked = EventBus(), []
    bus.subscribe(lambda event: worked.append(event) if isinstance(event, EngineWorked) else None)
    chain: Chain[Recognizer] = Chain("stt", [slow, fallback], HealthSettings(breaker_failures=2), bus=bus)
    worker = WhisperWorker(chain, timeout=0.05)
    worker.start().result(PATIENCE)
    worked.clear()

    finals = []
    for _ in range(6):
        finals.append(worker.final(AUDIO).result(PATIENCE).text)
        gate.set()  # what does not obey comes back too late
        wait_for_late(worker)
        gate.clear()
    assert worker.cleanup()

    assert finals == ["right"] * 6
    assert Counter((event.engine, event.error) for event in worked) == {
        ("slow", "EngineTimeoutError"): 2,
        ("fallback", ""): 6,
    }
    snapshot, _ = chain.breakers()
    assert (snapshot.state, snapshot.failures) == (BreakerState.OPEN, 2)
    assert chain.active_name == "fallback"
    assert len(slow.calls) == 2


@pytest.mark.parametrize("obeys", [True, False], ids=["obeys", "does not obey"])
def test_a_late_failure_does_not_ask_the_next_engine_a_second_time(
    gate: threading.Event, obeys: bool
) -> None:
    class Failing(Slow):
        def transcribe(self, audio: NDArray[np.float32], **how: Any) -> Transcription:
            super().transcribe(audio, **how)
            raise EngineError("too late.")

    failing, fallback = Failing(obeys=obeys, released=gate), FakeRecognizer(["right"], name="fallback")
    chain: Chain[Recognizer] = Chain("stt", [failing, fallback], HealthSettings(), bus=EventBus())
    worker = WhisperWorker(chain, timeout=0.05)
    worker.start().result(PATIENCE)
    assert worker.final(AUDIO).result(PATIENCE).text == "right"
    gate.set()
    wait_for_late(worker)
    assert len(fallback.calls) == 1
    assert chain.breakers()[0].failures == 1
    assert worker.cleanup()


def test_a_partial_that_hangs_counts_against_its_engine_when_a_final_waits_for_it(
    gate: threading.Event,
) -> None:
    hanging, fallback = (
        FakeRecognizer([ScriptedCall("never", until=gate)]),
        FakeRecognizer(["right"], name="fallback"),
    )
    chain: Chain[Recognizer] = Chain("stt", [hanging, fallback], HealthSettings(), bus=EventBus())
    worker = WhisperWorker(chain, timeout=0.05)
    worker.start().result(PATIENCE)
    partials: list[Partial] = []
    worker.partial(1, AUDIO, partials.append)
    assert hanging.began.acquire(timeout=PATIENCE)
    assert worker.final(AUDIO, key=1).result(PATIENCE).text == "right"
    assert chain.breakers()[0].failures == 1
    gate.set()
    wait_for_late(worker)
    assert partials == []
    assert worker.cleanup()


def test_loading_that_hangs_is_given_up_when_a_final_waits_for_it(gate: threading.Event) -> None:
    hanging, fallback = FakeRecognizer(loading=gate), FakeRecognizer(["right"], name="fallback")
    chain: Chain[Recognizer] = Chain("stt", [hanging, fallback], HealthSettings(), bus=EventBus())
    worker = WhisperWorker(chain, timeout=0.05)
    loaded = worker.start()
    assert worker.final(AUDIO).result(PATIENCE).text == "right"
    loaded.result(PATIENCE)
    gate.set()
    wait_for_late(worker)
    assert worker.cleanup()


def test_while_the_only_engine_hangs_a_final_says_so(gate: threading.Event) -> None:
    worker = started(FakeRecognizer([ScriptedCall("never", until=gate)]), timeout=0.05)
    for sentence in ("took longer", "has been decoding"):
        with pytest.raises(EngineTimeoutError, match=sentence):
            worker.final(AUDIO).result(PATIENCE)
    gate.set()
    wait_for_late(worker)
    assert worker.final(AUDIO).result(PATIENCE).text == "never"
    assert worker.cleanup()


def test_a_decode_that_nobody_wants_any_more_says_nothing_about_its_engine() -> None:
    bus, worked = EventBus(), []
    bus.subscribe(lambda event: worked.append(event) if isinstance(event, EngineWorked) else None)
    slow = FakeRecognizer([EngineError("once."), ScriptedCall("slow", seconds=60), "right"])
    chain: Chain[Recognizer] = Chain("stt", [slow], HealthSettings(breaker_failures=3), bus=bus)
    worker = WhisperWorker(chain)
    worker.start().result(PATIENCE)
    with pytest.raises(NoEngineError):
        worker.final(AUDIO).result(PATIENCE)
    worked.clear()
    unwanted = worker.final(AUDIO)
    for _ in range(2):
        assert slow.began.acquire(timeout=PATIENCE)
    unwanted.cancel()
    while not worker.idle:
        time.sleep(0.001)
    assert worked == []
    assert chain.breakers()[0].failures == 1
    assert worker.final(AUDIO).result(PATIENCE).text == "right"
    assert worker.cleanup()


def test_of_the_time_to_decode_only_that_counts_in_which_the_program_ran(gate: threading.Event) -> None:
    real = FakeClock()
    clock = RunningClock(real)
    engine = FakeRecognizer([ScriptedCall("in time", until=gate), ScriptedCall("too late", seconds=60)])
    chain: Chain[Recognizer] = Chain("stt", [engine], HealthSettings(), bus=EventBus(), clock=clock)
    worker = WhisperWorker(chain, timeout=20, clock=clock)
    worker.start().result(PATIENCE)
    final = worker.final(AUDIO)
    assert engine.began.acquire(timeout=PATIENCE)
    with clock.looking():
        real.advance(60)  # suspended
        clock.monotonic()
    with pytest.raises(TimeoutError):
        final.result(3 * CLOCK_POLL_SECONDS)  # the watch looks, and leaves it alone
    gate.set()
    assert final.result(PATIENCE).text == "in time"
    final = worker.final(AUDIO)
    assert engine.began.acquire(timeout=PATIENCE)
    for _ in range(100):
        real.advance(CLOCK_POLL_SECONDS)
        clock.monotonic()
    with pytest.raises(EngineTimeoutError):
        final.result(PATIENCE)
    assert worker.counts().overruns == 1
    wait_for_late(worker)
    assert worker.cleanup()
