"""The whisper thread: what matters most goes first, and nothing piles up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import numpy as np
import pytest

from vita_tui.engines.stt.fake import FakeRecognizer, Step
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import EngineError, EngineTimeoutError

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
