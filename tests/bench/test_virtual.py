"""Time that is moved by sound: what is done takes as long as it kept the processor, and nothing is played."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np

from vita_tui.bench.virtual import PacedRecognizer, VirtualMicrophone, VirtualTime
from vita_tui.engines.stt.base import Stop, Transcription
from vita_tui.engines.stt.fake import FakeRecognizer

SOUND = np.zeros(512 * 4, np.float32)
LIMIT = 60.0


class Worker:
    """Has `do` done in a thread of its own."""

    def __init__(self, do: Callable[[], Transcription]) -> None:
        self.result: Transcription | None = None

        def work() -> None:
            self.result = do()

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    """Look again and again; the limit is for a test that fails."""
    looked = threading.Event()
    for _ in range(round(LIMIT / 0.005)):
        if condition():
            return
        looked.wait(0.005)
    raise AssertionError("it never came to that")


def test_a_result_is_held_back_until_its_time_has_come() -> None:
    clock = VirtualTime()
    paced = PacedRecognizer(FakeRecognizer(["words"]), clock)
    worker = Worker(lambda: paced.transcribe(SOUND))
    until(lambda: paced.waiting)
    assert worker.result is None
    clock.advance(3600.0)
    worker.join()
    assert worker.result is not None
    assert worker.result.text == "words"
    assert not paced.waiting


def test_what_is_cancelled_is_not_waited_for() -> None:
    clock, stop = VirtualTime(), Stop()
    paced = PacedRecognizer(FakeRecognizer(["words"]), clock)
    worker = Worker(lambda: paced.transcribe(SOUND, cancelled=stop))
    until(lambda: paced.waiting)
    stop.set()
    worker.join()
    assert clock.monotonic() == 0.0


def test_nobody_waits_on_a_clock_that_is_closed() -> None:
    clock = VirtualTime()
    paced = PacedRecognizer(FakeRecognizer(["words"]), clock)
    worker = Worker(lambda: paced.transcribe(SOUND))
    until(lambda: paced.waiting)
    clock.close()
    worker.join()


async def test_each_frame_moves_the_clock_once_everybody_is_done_with_the_last() -> None:
    clock = VirtualTime()
    microphone = VirtualMicrophone(clock, asyncio.get_running_loop())
    asked: list[float] = []
    ended = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def settled() -> bool:
        asked.append(clock.monotonic())
        return True

    microphone.settled = settled

    def finished() -> None:
        loop.call_soon_threadsafe(ended.set_result, None)

    microphone.play(SOUND, lambda seconds: seconds >= 0.096, finished)
    frames = []
    while not ended.done():
        frame = await asyncio.to_thread(microphone.read, 0.1)
        await asyncio.sleep(0)
        if frame is not None:
            frames.append((frame.position, round(frame.captured, 3)))
    assert frames == [(0, 0.032), (512, 0.064), (1024, 0.096)]
    assert {round(one, 3) for one in asked} == {0.0, 0.032, 0.064, 0.096}
