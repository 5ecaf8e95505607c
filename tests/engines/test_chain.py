"""A chain of engines: the next one answers when one fails, and users see who, why and for how long."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.lockorder import LockOrder, lock_order  # noqa: F401  # a fixture
from vita_tui.cli.streams import ReaderGoneError
from vita_tui.clock import FakeClock, RunningClock
from vita_tui.engines.chain import Chain
from vita_tui.engines.probe import Prober
from vita_tui.errors import (
    DeviceError,
    EngineError,
    EngineTimeoutError,
    EngineUnavailableError,
    ModelError,
    NoEngineError,
)
from vita_tui.events import EngineStatus, EngineWorked, Event, EventBus, Health, Notice
from vita_tui.health.registry import registry
from vita_tui.settings import HealthSettings


class Engine:
    """Answers with its name, or fails as it is told to."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.notes = ""
        self.error: BaseException | None = None
        self.takes = 0.1
        self.calls = 0
        self._clock = clock

    def work(self) -> str:
        self.calls += 1
        self._clock.advance(self.takes)
        if self.error is not None:
            raise self.error
        return self.name


class Rig:
    """Piper and pyttsx3 in a chain, with all that is published."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.piper, self.pyttsx3 = Engine("piper", self.clock), Engine("pyttsx3", self.clock)
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.chain = Chain("tts", [self.piper, self.pyttsx3], HealthSettings(), bus=bus, clock=self.clock)

    def speak(self, allowance: float = 0.0) -> str:
        for attempt in self.chain.attempts(allowance=allowance):
            with attempt as engine:
                return engine.work()
        raise AssertionError("unreachable")

    def status(self, name: str) -> EngineStatus:
        """The last that the panel was told of this engine."""
        return [e for e in self.events if isinstance(e, EngineStatus) and e.engine == name][-1]

    def notices(self) -> list[tuple[str, str]]:
        return [(e.title, e.message) for e in self.events if isinstance(e, Notice)]

    def rest_piper(self) -> None:
        self.piper.error = EngineTimeoutError("Piper took longer than 10 s.")
        assert [self.speak(), self.speak()] == ["pyttsx3", "pyttsx3"]
        self.events.clear()


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_first_choice_answers_while_it_works(rig: Rig) -> None:
    assert [rig.speak() for _ in range(3)] == ["piper"] * 3
    assert rig.pyttsx3.calls == 0
    assert rig.notices() == []
    assert rig.status("piper") == EngineStatus("tts", "piper", Health.READY, True, "", None, 100.0, 100.0)


def test_the_same_words_are_spoken_by_the_next_engine_and_the_reason_is_shown(rig: Rig) -> None:
    rig.piper.error = EngineTimeoutError("Piper took longer than 10 s.")
    assert rig.speak() == "pyttsx3"
    assert rig.status("piper").health is Health.DEGRADED
    assert rig.status("piper").reason == "piper timed out (once; after 2 it is disabled)"
    assert rig.status("pyttsx3").active
    assert rig.notices() == []  # it is asked again at once

    assert rig.speak() == "pyttsx3"
    disabled = rig.status("piper")
    assert (disabled.health, disabled.reason, disabled.active) == (
        Health.DISABLED,
        "piper timed out (2 times)",
        False,
    )
    assert disabled.retry_seconds == pytest.approx(30.0, abs=0.2)
    assert rig.notices() == [("Speaking with pyttsx3", "Because piper timed out (2 times).")]

    assert rig.speak() == "pyttsx3"
    assert rig.piper.calls == 2  # it rests
    assert len(rig.notices()) == 1  # told once


def test_a_reason_that_is_a_sentence_is_told_within_one(rig: Rig) -> None:
    rig.piper.error = EngineUnavailableError("The Piper voice is not there.")
    assert rig.speak() == "pyttsx3"
    assert rig.notices() == [("Speaking with pyttsx3", "Because the Piper voice is not there.")]


def test_after_its_rest_the_first_choice_is_tried_and_its_return_is_told_once(rig: Rig) -> None:
    rig.rest_piper()
    rig.piper.error = None
    rig.clock.advance(31)
    assert [rig.speak(), rig.speak()] == ["piper", "piper"]
    assert rig.notices() == [("Speaking with piper again", "")]
    assert rig.status("piper").health is Health.READY


def test_when_none_works_the_error_gives_each_ones_reason_and_a_remedy(rig: Rig) -> None:
    rig.piper.error = EngineUnavailableError("Piper is not installed.", remedy="pip install vita-tui[piper]")
    rig.pyttsx3.error = EngineError("espeak-ng is missing.")
    with pytest.raises(NoEngineError) as caught:
        rig.speak()
    assert (
        caught.value.message
        == "No voice works now: piper: Piper is not installed; pyttsx3: espeak-ng is missing."
    )
    assert caught.value.remedy == "pip install vita-tui[piper]"
    assert rig.status("piper").health is Health.MISSING


def test_while_all_rest_the_error_tells_when_they_are_tried_again(rig: Rig) -> None:
    rig.piper.error = rig.pyttsx3.error = EngineError("No.")
    for _ in range(2):
        with pytest.raises(NoEngineError):
            rig.speak()
    with pytest.raises(NoEngineError, match=r"piper: No \(2 times\); retried in 30 s"):
        rig.speak()


def test_what_helps_an_engine_that_rests_is_still_told(rig: Rig) -> None:
    rig.piper.error = EngineError("No key.", remedy="Set the key.")
    rig.pyttsx3.error = EngineError("No.")
    for _ in range(3):
        with pytest.raises(NoEngineError) as caught:
            rig.speak()
        assert caught.value.remedy == "Set the key."


def test_an_empty_chain_says_so() -> None:
    chain: Chain[Engine] = Chain("stt", [], HealthSettings(), bus=EventBus())
    with pytest.raises(NoEngineError, match="No speech recognition is set up"):
        next(chain.attempts())
    with pytest.raises(NoEngineError):
        _ = chain.active
    assert (chain.active_name, chain.statuses()) == ("", [])


def test_a_defect_in_an_engine_is_a_failure_like_any_other(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.piper.error = ZeroDivisionError("division by zero")
    assert rig.speak() == "pyttsx3"
    assert rig.status("piper").reason == "ZeroDivisionError: division by zero (once; after 2 it is disabled)"
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError(), GeneratorExit(), KeyboardInterrupt(), ReaderGoneError(), DeviceError("x")],
)
def test_what_is_not_the_engines_failure_passes_through_and_does_not_count(
    rig: Rig, error: BaseException
) -> None:
    for _ in range(5):
        rig.piper.error = error
        with pytest.raises(type(error)):
            rig.speak()
    rig.piper.error = None
    assert rig.speak() == "piper"
    assert not any(isinstance(event, EngineWorked) and event.error for event in rig.events)


def test_a_cancelled_try_after_a_rest_leaves_room_for_the_next(rig: Rig) -> None:
    rig.rest_piper()
    rig.clock.advance(31)
    rig.piper.error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        rig.speak()
    rig.piper.error = None
    assert rig.speak() == "piper"


def test_an_attempt_that_is_never_entered_leaves_room_for_the_next(rig: Rig) -> None:
    rig.rest_piper()
    rig.piper.error = None
    rig.clock.advance(31)
    for _ in rig.chain.attempts():
        break
    assert rig.speak() == "piper"


def test_slow_work_counts_but_loading_and_long_work_do_not(rig: Rig) -> None:
    rig.piper.takes = 60.0
    assert rig.speak() == "piper"  # the first includes loading
    assert rig.status("piper").last_ms is None
    assert rig.speak(allowance=55.0) == "piper"
    assert rig.status("piper").health is Health.READY
    assert rig.speak() == "piper"
    assert rig.status("piper").reason == "took 60.0 s (once; after 2 it is disabled)"
    assert rig.speak() == "piper"
    assert rig.status("piper").health is Health.DISABLED
    assert rig.speak() == "pyttsx3"


def test_work_is_timed_until_the_engine_answers(rig: Rig) -> None:
    rig.speak()
    for attempt in rig.chain.attempts():
        with attempt as engine:
            engine.work()
            attempt.answered()
            rig.clock.advance(100.0)
            break
    assert rig.status("piper").last_ms == 100.0
    assert rig.status("piper").health is Health.READY


def test_after_unloading_the_next_work_is_not_timed(rig: Rig) -> None:
    rig.speak()
    rig.chain.unloaded(rig.piper)
    rig.piper.takes = 60.0
    rig.speak()
    assert rig.status("piper").health is Health.READY


def test_the_loop_ends_after_an_attempt_that_worked(rig: Rig) -> None:
    for attempt in rig.chain.attempts():
        with attempt as engine:
            engine.work()
    assert rig.pyttsx3.calls == 0


def test_unwanted_engines_are_passed_over(rig: Rig) -> None:
    for attempt in rig.chain.attempts(lambda engine: engine.name == "pyttsx3"):
        with attempt as engine:
            assert engine.name == "pyttsx3"
    assert rig.piper.calls == 0


def test_a_server_that_nobody_answers_at_was_called_and_failed(rig: Rig) -> None:
    rig.piper.error = EngineUnavailableError("nobody answers there.")
    rig.speak()
    first = next(event for event in rig.events if isinstance(event, EngineWorked))
    assert first == EngineWorked("tts", "piper", None, "EngineUnavailableError", called=True)


def test_notes_of_an_engine_show_as_degraded(rig: Rig) -> None:
    rig.piper.notes = "a smaller voice because of memory"
    rig.speak()
    assert (rig.status("piper").health, rig.status("piper").reason) == (Health.DEGRADED, rig.piper.notes)


def test_reset_ends_every_rest(rig: Rig) -> None:
    rig.rest_piper()
    rig.piper.error = None
    rig.chain.reset()
    assert rig.speak() == "piper"


def test_every_piece_of_work_is_reported_for_the_figures(rig: Rig) -> None:
    rig.piper.takes = 0.125
    rig.speak()
    rig.speak()
    rig.piper.error = ModelError("gone.")
    rig.speak()
    assert [event for event in rig.events if isinstance(event, EngineWorked)] == [
        EngineWorked("tts", "piper", None),
        EngineWorked("tts", "piper", 0.125),
        EngineWorked("tts", "piper", None, "ModelError", called=False),
        EngineWorked("tts", "pyttsx3", None),
    ]


async def test_it_serves_minds_on_the_loop(rig: Rig) -> None:
    rig.piper.error = EngineError("No.")

    async def ask() -> str:
        for attempt in rig.chain.attempts():
            with attempt as engine:
                await asyncio.sleep(0)
                return engine.work()
        raise AssertionError("unreachable")

    assert await ask() == "pyttsx3"
    rig.piper.error = None
    task = asyncio.create_task(ask())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ask() == "piper"


# ---- background probes


def _probe(rig: Rig) -> int:
    """What the owner of the engines does when it is told that it is time."""
    tried = 0
    for attempt in rig.chain.probes():
        tried += 1
        with attempt as engine:
            engine.work()
    return tried


def test_a_watched_chain_spares_users_the_try(rig: Rig) -> None:
    rig.chain.watched = True
    rig.rest_piper()
    rig.clock.advance(31)
    calls = rig.piper.calls
    assert rig.speak() == "pyttsx3"
    assert rig.piper.calls == calls
    assert _probe(rig) == 1  # still broken: it rests for twice as long
    assert rig.chain.due_seconds() == pytest.approx(60.0)
    rig.clock.advance(61)
    rig.piper.error = None
    assert rig.chain.due_seconds() == 0.0
    assert _probe(rig) == 1
    assert _probe(rig) == 0
    assert rig.speak() == "piper"


def test_users_reach_a_resting_engine_when_nothing_else_answers(rig: Rig) -> None:
    rig.chain.watched = True
    rig.rest_piper()
    rig.clock.advance(31)
    rig.piper.error = None
    rig.pyttsx3.error = EngineError("No.")
    assert rig.speak() == "piper"


def test_a_probe_that_is_broken_off_is_due_again(rig: Rig) -> None:
    rig.chain.watched = True
    rig.rest_piper()
    rig.clock.advance(31)
    with pytest.raises(asyncio.CancelledError):
        for attempt in rig.chain.probes():
            with attempt:
                assert rig.chain.due_seconds() is None  # it is on its way
                raise asyncio.CancelledError
    assert rig.chain.due_seconds() == 0.0
    assert _probe(rig) == 1


def test_probes_count_in_no_figure_and_a_spare_that_is_probed_stays_a_spare(rig: Rig) -> None:
    rig.speak()
    rig.piper.error = rig.pyttsx3.error = EngineError("No.")
    for _ in range(2):
        with pytest.raises(NoEngineError):
            rig.speak()
    rig.clock.advance(31)
    rig.piper.error = rig.pyttsx3.error = None
    worked = len([event for event in rig.events if isinstance(event, EngineWorked)])
    assert _probe(rig) == 2
    assert len([event for event in rig.events if isinstance(event, EngineWorked)]) == worked
    assert rig.chain.active_name == "piper"


def test_an_engine_that_is_put_aside_answers_only_when_no_other_does(rig: Rig) -> None:
    rig.speak()
    rig.chain.put_aside(rig.piper, "disabled to save memory")
    assert rig.chain.active_name == "pyttsx3"
    assert rig.speak() == "pyttsx3"
    assert rig.status("piper").reason == "disabled to save memory"
    rig.pyttsx3.error = EngineError("No.")
    assert rig.speak() == "piper"
    rig.pyttsx3.error = None
    rig.chain.take_back(rig.piper)
    assert rig.speak() == "piper"
    assert rig.status("piper").reason == ""
    assert not [event for event in rig.events if isinstance(event, Notice)]


def test_the_prober_calls_the_owner_when_it_is_time_and_stops(rig: Rig) -> None:
    asked: list[str] = []
    prober = Prober()
    prober.watch(rig.chain, lambda: asked.append("probe"))
    rig.rest_piper()
    prober.look()
    assert asked == []
    rig.clock.advance(31)
    prober.look()
    assert asked == ["probe"]

    prober.start()
    assert any(resource.name == "breaker-probe" for resource in registry.open())
    prober.cleanup()
    prober.cleanup()
    assert not any(resource.name == "breaker-probe" for resource in registry.open())
    assert not rig.chain.watched


def test_a_prober_whose_owner_fails_gives_users_their_turn_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vita_tui.engines.probe.PROBE_POLL_SECONDS", 0.001)
    failed = threading.Event()

    def broken() -> None:
        failed.set()
        raise RuntimeError("x")

    prober = Prober()
    prober.watch(rig.chain, broken)
    rig.rest_piper()
    rig.clock.advance(31)
    prober.start()
    assert failed.wait(60)
    assert prober._thread is not None
    prober._thread.join(60)
    assert not rig.chain.watched
    prober.cleanup()


# ---- threads


def test_under_many_threads_everyone_is_answered_and_the_last_word_is_the_newest(
    lock_order: LockOrder,  # noqa: F811
) -> None:
    rig = Rig()
    rig.piper.error = EngineError("No.")
    # The clock is everybody's: what others take would be seen as a thread's own time.
    rig.piper.takes = rig.pyttsx3.takes = 0.0
    answers: list[str] = []
    barrier = threading.Barrier(16)

    def work() -> None:
        barrier.wait()
        answers.extend(rig.speak() for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 800
    rig.piper.error = None
    rig.clock.advance(10_000)
    assert rig.speak() == "piper"
    assert [rig.status(engine.name) for engine in rig.chain.engines] == rig.chain.statuses()


# ---- while the program does not run


class Suspended(Rig):
    """A chain that judges by running time, in a program that is suspended for a minute in the middle of the work."""

    def __init__(self) -> None:
        super().__init__()
        self.running = RunningClock(self.clock)
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.chain = Chain("tts", [self.piper, self.pyttsx3], HealthSettings(), bus=bus, clock=self.running)
        self.speak()
        self.piper.takes = 60.0

    def speak(self, allowance: float = 0.0) -> str:
        with self.running.looking():  # as whoever waits for an engine does
            return super().speak(allowance)


def test_time_in_which_the_program_did_not_run_makes_no_engine_slow() -> None:
    rig = Suspended()
    assert [rig.speak() for _ in range(3)] == ["piper"] * 3
    assert rig.status("piper").health is Health.READY
    assert rig.status("piper").last_ms == 0.0


@pytest.mark.parametrize(
    "error",
    [EngineTimeoutError("No answer."), EngineUnavailableError("Gone."), ZeroDivisionError()],
    ids=type,
)
def test_what_fails_while_the_program_did_not_run_does_not_count(error: Exception) -> None:
    rig = Suspended()
    rig.piper.error = error
    assert [rig.speak() for _ in range(3)] == ["pyttsx3"] * 3
    assert rig.chain.breakers()[0].failures == 0
    rig.piper.error = None
    assert rig.speak() == "piper"
