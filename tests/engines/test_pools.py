"""Servers side by side in a chain share the work: the least busy, then the quickest; and a second one is asked for what takes long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from vita_tui.clock import FakeClock
from vita_tui.engines.attempt import Attempt
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer, Stop, Transcription
from vita_tui.engines.stt.fake import FakeRecognizer, ScriptedCall
from vita_tui.engines.stt.scheduling.hedge import Hedge
from vita_tui.engines.stt.scheduling.work import transcribe
from vita_tui.engines.stt.scheduling.worker import WhisperWorker
from vita_tui.errors import EngineError, EngineTimeoutError, NoEngineError
from vita_tui.events import Event, EventBus, Notice
from vita_tui.settings import HealthSettings

SOUND = np.zeros(16_000, np.float32)


@dataclass
class Server:
    name: str
    weight: float = 1.0
    notes: str = ""
    takes: float = 0.1
    error: EngineError | None = None
    where: str = "box.lan"


@dataclass
class Local:
    name: str = "local"
    notes: str = ""
    takes: float = 0.1
    error: EngineError | None = None


KEPT: list[Iterator[Any]] = []
"""An iterator that is let go of abandons its attempt."""


def begun(chain: Chain[Any]) -> Attempt[Any]:
    """An attempt that is under way."""
    KEPT.append(attempts := chain.attempts())
    attempt = next(attempts)
    attempt.begin()
    return attempt


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    yield
    KEPT.clear()


@dataclass
class Rig:
    """Engines in a chain, and what is published."""

    engines: list[Any]
    clock: FakeClock = field(default_factory=FakeClock)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        bus = EventBus()
        bus.subscribe(self.events.append)
        self.chain: Chain[Any] = Chain("llm", self.engines, HealthSettings(), bus=bus, clock=self.clock)

    def work(self) -> str:
        """Who did it."""
        for attempt in self.chain.attempts():
            with attempt as engine:
                self.clock.advance(engine.takes)
                if engine.error is not None:
                    raise engine.error
                done = engine.name
        return str(done)

    def order(self) -> list[str]:
        return [link.engine.name for link in self.chain._order()]

    def begun(self) -> Attempt[Any]:
        return begun(self.chain)

    @property
    def told(self) -> list[str]:
        return [event.title for event in self.events if isinstance(event, Notice)]


def test_the_quicker_of_two_is_asked_once_both_are_known() -> None:
    rig = Rig([Server("slow", takes=0.5), Server("quick", takes=0.1), Local()])
    # What an engine does first includes loading, and is not timed.
    first = [rig.work() for _ in range(6)]
    assert {"slow", "quick"} == set(first)
    assert [rig.work() for _ in range(5)] == ["quick"] * 5


def test_who_was_quick_long_ago_is_measured_again() -> None:
    rig = Rig([Server("slow", takes=0.5), Server("quick", takes=0.1)])
    for _ in range(8):
        rig.work()
    rig.clock.advance(120)
    assert {rig.work() for _ in range(4)} == {"slow", "quick"}


def test_work_under_way_counts_before_speed() -> None:
    rig = Rig([Server("a"), Server("b"), Local()])
    one, two = rig.begun(), rig.begun()
    assert {one.engine.name, two.engine.name} == {"a", "b"}
    third = rig.begun()
    assert third.engine.name in ("a", "b"), "a local engine is no part of the pool"
    for attempt in (one, two, third):
        attempt.abandon()
    assert all(link.outstanding == 0 for link in rig.chain._links)


@pytest.mark.parametrize(
    ("error", "elsewhere", "expected"),
    [
        (EngineTimeoutError("It said nothing for 8 s."), "box.lan", "local"),
        (EngineTimeoutError("It said nothing for 8 s."), "other.lan", "second"),
        (EngineError("It has no Realtime."), "box.lan", "second"),
    ],
)
def test_a_host_that_timed_out_is_not_waited_for_twice(
    error: EngineError, elsewhere: str, expected: str
) -> None:
    rig = Rig([Server("first", error=error), Server("second", weight=0, where=elsewhere), Local()])
    assert rig.work() == expected
    second = rig.chain.breakers()[1]
    assert not second.failures, "who was not asked has not failed"
    rig.engines[0].error = None
    assert rig.work() == "first"


def test_shares_follow_the_weights() -> None:
    rig = Rig([Server("big", weight=3), Server("small", weight=1)])
    begun = [rig.begun().engine.name for _ in range(8)]
    assert begun.count("big") == 6


def test_weight_nought_only_helps_out() -> None:
    rig = Rig([Server("first", weight=0), Server("second")])
    assert rig.begun().engine.name == "second"
    assert rig.begun().engine.name == "second"
    rig.engines[1].error = EngineError("away")
    assert rig.work() == "first"


def test_a_local_engine_between_them_parts_the_pools() -> None:
    rig = Rig([Server("a"), Local(), Server("b"), Server("c")])
    rig.begun()
    assert rig.order()[:2] == ["a", "local"], "however busy the first server is"


def test_one_of_the_pool_taking_over_is_not_worth_a_word() -> None:
    rig = Rig([Server("a"), Server("b"), Local()])
    rig.work()
    rig.engines[0].error = EngineError("gone")
    for _ in range(6):
        assert rig.work() == "b"
    assert rig.told == []
    rig.engines[1].error = EngineError("gone too")
    for _ in range(4):
        assert rig.work() == "local"
    assert rig.told == ["Answering with local"]


def test_all_of_them_failing_gives_each_reason() -> None:
    rig = Rig([Server("a", error=EngineError("no")), Server("b", error=EngineError("never"))])
    with pytest.raises(NoEngineError, match=r"a: no; b: never"):
        rig.work()


# ---- hedging


class ServedFake(FakeRecognizer):
    """Follows a script, as on a server."""

    where = "box.lan"
    weight = 1.0
    partials = True


def pair(first: list[Any], second: list[Any], *, hedge: bool = True) -> Chain[Recognizer]:
    engines: list[Recognizer] = [ServedFake(first, name="first"), ServedFake(second, name="second")]
    return Chain("stt", engines, HealthSettings(), bus=EventBus(), hedge=hedge)


def hedged(chain: Chain[Recognizer], cancelled: Stop | None = None) -> tuple[str, Attempt[Recognizer]]:
    """What was understood, and the attempt at the first server."""
    attempt = begun(chain)
    rival = chain.rival(attempt)
    assert rival is not None
    found = Hedge(transcribe(SOUND), None, cancelled or Stop()).first(attempt, 0.0, rival[1])
    attempt.settle(None)
    return found.text, attempt


def outstanding(chain: Chain[Recognizer]) -> list[int]:
    return [link.outstanding for link in chain._links]


def test_a_server_that_hangs_loses_to_the_second() -> None:
    chain = pair([ScriptedCall("late", seconds=600)], ["in time"])
    assert hedged(chain)[0] == "in time"
    assert outstanding(chain) == [0, 0]


def test_a_second_server_that_hangs_is_stopped() -> None:
    chain = pair(["at once"], [ScriptedCall("late", seconds=600)])
    assert hedged(chain)[0] == "at once"
    assert outstanding(chain) == [0, 0]


def test_a_first_server_that_fails_counts_as_failed_though_the_second_answered() -> None:
    chain = pair([EngineError("no")], ["here"])
    found, attempt = hedged(chain)
    assert found == "here"
    assert attempt.failed is not None


def test_when_both_fail_the_first_reason_is_told() -> None:
    chain = pair([EngineError("no")], [EngineError("never")])
    with pytest.raises(EngineError, match="no"):
        hedged(chain)


def test_nobody_waits_when_it_is_cancelled() -> None:
    chain = pair([ScriptedCall("a", seconds=600)], [ScriptedCall("b", seconds=600)])
    cancelled = Stop()
    done = threading.Event()

    def run() -> None:
        hedged(chain, cancelled)
        done.set()

    threading.Thread(target=run, daemon=True).start()
    first = chain.engines[0]
    assert isinstance(first, FakeRecognizer)
    assert first.began.acquire(timeout=60)
    cancelled.set()
    assert done.wait(60)
    assert outstanding(chain) == [0, 0]


def test_there_is_no_rival_unless_it_is_asked_for_and_stands_beside() -> None:
    plain = pair(["a"], ["b"], hedge=False)
    assert plain.rival(begun(plain)) is None
    engines: list[Recognizer] = [ServedFake(["a"], name="a"), FakeRecognizer(["b"], name="whisper")]
    chain = Chain("stt", engines, HealthSettings(), bus=EventBus(), hedge=True)
    assert chain.rival(begun(chain)) is None


def test_a_final_by_the_worker_is_hedged_and_is_one_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vita_tui.engines.attempt.HEDGE_SECONDS", 0.0)
    chain = pair([ScriptedCall("late", seconds=600)], ["in time"])
    worker = WhisperWorker(chain, timeout=120)
    worker.start().result(60)
    try:
        found: Transcription = worker.final(SOUND).result(60)
        assert found.text == "in time"
        assert worker.counts().finals == 1
        assert worker.final(SOUND).result(60).text == "in time"
    finally:
        worker.cleanup(60)


def test_what_a_server_swallows_is_understood_by_the_next_engine() -> None:
    engines: list[Recognizer] = [
        ServedFake([EngineError("reset")], name="box"),
        FakeRecognizer(["what time is it"], name="whisper"),
    ]
    chain = Chain("stt", engines, HealthSettings(), bus=EventBus())
    worker = WhisperWorker(chain, timeout=60)
    worker.start().result(60)
    try:
        found = [worker.final(SOUND).result(60) for _ in range(5)]
        assert [one.text for one in found] == ["what time is it"] * 5
    finally:
        worker.cleanup(60)


def test_partials_come_from_an_engine_that_makes_them() -> None:
    box = ServedFake(["final"], name="box")
    box.partials = False
    local = FakeRecognizer(["partial words here"], name="whisper")
    chain: Chain[Recognizer] = Chain("stt", [box, local], HealthSettings(), bus=EventBus())
    assert list(chain.glance(lambda engine: getattr(engine, "partials", True))) == [], (
        "nothing is loaded for partials alone"
    )
    for attempt in chain.attempts(lambda engine: engine is local):
        with attempt as engine:
            engine.load()
    assert [a.engine for a in chain.glance(lambda engine: getattr(engine, "partials", True))] == [local]
