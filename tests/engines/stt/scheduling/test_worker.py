"""The whisper thread: what matters most goes first, and nothing piles up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Transcription
from vita_tui.engines.stt.fake import FakeRecognizer, Step
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import EngineError, EngineTimeoutError
from vita_tui.events import EngineWorked, EventBus
from vita_tui.health.breaker import BreakerState
from vita_tui.settings import HealthSettings

AUDIO = np.zeros(16_000, np.float32)
PATIENCE = 10.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a decode until it is set."""
    event = threading.Event()
    yield event
    event.set()


def started(recognizer: FakeRecognizer, **options: float) -> WhisperWorker:
    worker = WhisperWorker(recognizer, **options)
    worker.start().result(PATIENCE)
    return worker


def test_a_final_is_understood() -> None:
    worker = started(FakeRecognizer(["hello there"]))
    assert worker.final(AUDIO).result(PATIENCE).text == "hello there"
    assert worker.cleanup()


def test_of_waiting_partials_only_the_newest_is_decoded(gate: threading.Event) -> None:
    worker = started(FakeRecognizer([Step("first", until=gate), "newest"]))
    first = worker.final(AUDIO)
    for _ in range(5):
        worker.partial(1, AUDIO, lambda partial: None)
    gate.set()
    first.result(PATIENCE)
    worker.final(AUDIO).result(PATIENCE)
    counts = worker.counts()
    assert counts.partials_skipped >= 4
    assert counts.finals == 2
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
    worker = started(FakeRecognizer([Step("too early", until=gate)]))
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
    worker = started(FakeRecognizer([Step("never", until=gate)]), timeout=0.2)
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
    """Until no thread but the worker's own decodes."""
    late = [t for t in threading.enumerate() if t.name == "whisper" and t is not worker._thread]
    for thread in late:
        thread.join(PATIENCE)
        assert not thread.is_alive()


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
