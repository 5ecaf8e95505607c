"""The ladder: one step at a time, back in reverse order, without swinging; and memory that really returns."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from vita_tui.clock import FakeClock
from vita_tui.events import Event, EventBus, Notice
from vita_tui.health import process_memory as memory
from vita_tui.health.metrics import Metrics
from vita_tui.health.pressure import Ladder, MemoryReading, PressureChange, PressureWatch, SimpleStep
from vita_tui.health.process_memory import MB, MemoryMeter, Usage
from vita_tui.health.registry import registry
from vita_tui.settings import HealthSettings

SETTINGS = HealthSettings(
    pressure_available_mb=(800, 600, 400), pressure_rss_mb=1000, pressure_stall=20, pressure_dwell_seconds=30
)


class House:
    """A machine with `free` MB left, and comforts that each take 100 MB while they are on."""

    def __init__(self, free: int = 2000) -> None:
        self.free = free
        self.on = {"caches": True, "partials": True, "whisper": True}
        self.log: list[str] = []
        self.clock = FakeClock()
        self.ladder = Ladder(
            [SimpleStep(name, self._switch(name, on=False), self._switch(name, on=True)) for name in self.on],
            SETTINGS,
            clock=self.clock,
            measure=lambda: self.own,
        )

    @property
    def own(self) -> int:
        return (200 + 100 * sum(self.on.values())) * MB

    @property
    def available(self) -> int:
        return (self.free + 100 * (3 - sum(self.on.values()))) * MB

    def _switch(self, name: str, *, on: bool) -> Callable[[], None]:
        def switch() -> None:
            assert self.on[name] is not on, "done twice"
            self.on[name] = on
            self.log.append(f"{'+' if on else '-'}{name}")

        return switch

    def look(self, seconds: float = 5.0, stall: float = 0.0, own: int | None = None) -> PressureChange | None:
        self.clock.advance(seconds)
        return self.ladder.observe(MemoryReading(own if own is not None else self.own, self.available, stall))


def test_plenty_of_memory_changes_nothing() -> None:
    house = House()
    assert [house.look() for _ in range(100)] == [None] * 100


def test_a_step_is_taken_and_tells_what_it_freed() -> None:
    house = House(free=790)
    change = house.look()
    assert change == PressureChange("caches", True, "790 MB of memory are left", 100 * MB)
    assert house.ladder.taken == ("caches",)


def test_when_it_gets_worse_the_next_step_does_not_wait() -> None:
    house = House(free=790)
    house.look()
    house.free = 450
    assert house.look() is not None
    house.free = 150
    assert house.look() is not None
    assert house.log == ["-caches", "-partials", "-whisper"]
    assert house.look() is None  # no more to give up


def test_steps_come_back_one_by_one_in_reverse_after_a_calm() -> None:
    house = House(free=100)
    while house.look(60):
        pass
    house.log.clear()
    house.free = 3000
    changes = [change for _ in range(40) if (change := house.look())]
    assert house.log == ["+whisper", "+partials", "+caches"]
    assert [change.taken for change in changes] == [False] * 3
    assert changes[0].freed == -100 * MB


def test_nothing_is_undone_while_what_it_freed_would_bring_the_pressure_back() -> None:
    house = House(free=790)
    house.look()
    house.free = 950  # with the caches off 1050 are left; 950 with them on are under 800 × 1.25
    assert [house.look() for _ in range(100)] == [None] * 100
    house.free = 1010
    assert any(house.look() for _ in range(10))


def test_a_restless_calm_is_no_calm() -> None:
    house = House(free=790)
    house.look()
    for _ in range(50):
        house.free = 2000
        assert house.look(20) is None
        house.free = 850
        assert house.look(20) is None


def test_a_machine_that_swings_makes_the_ladder_slower_not_busier() -> None:
    def swings(hours: float) -> int:
        """Memory is short whenever the step is undone, and plenty when it is taken: the worst case."""
        house = House()
        count = 0
        for _ in range(int(hours * 720)):
            house.free = 2000 if house.ladder.taken else 700
            count += house.look(5.0) is not None
        return count

    # Every undo is followed at once by a new step; undone every 35 s it would be some 200 changes an hour.
    assert swings(1.0) <= 40
    assert swings(2.0) - swings(1.0) <= 20


def test_our_own_size_takes_one_step_after_the_other_at_its_own_pace() -> None:
    house = House()
    assert house.look(own=1100 * MB) is not None
    assert house.look(own=1100 * MB) is None
    assert house.look(seconds=30, own=1100 * MB) is not None


def test_stalls_alone_take_a_step() -> None:
    house = House()
    change = house.look(stall=55.0)
    assert change is not None
    assert "wait for memory 55 %" in change.reason


def test_a_step_that_fails_is_told_and_the_next_one_is_taken() -> None:
    def broken() -> None:
        raise RuntimeError("x")

    done: list[str] = []
    clock = FakeClock()
    steps = [
        SimpleStep("bad", broken, lambda: None),
        SimpleStep("good", lambda: done.append("good"), lambda: None),
    ]
    ladder = Ladder(steps, SETTINGS, clock=clock)
    first = ladder.observe(MemoryReading(0, 100 * MB))
    assert first is not None
    assert first.failed
    clock.advance(30)
    assert ladder.observe(MemoryReading(0, 100 * MB)) is not None
    assert done == ["good"]


def test_undoing_all_leaves_nothing_taken() -> None:
    house = House(free=100)
    while house.look(60):
        pass
    house.log.clear()
    assert len(house.ladder.undo_all()) == 3
    assert house.log == ["+whisper", "+partials", "+caches"]


class _Meter(MemoryMeter):
    def __init__(self, available: int) -> None:
        super().__init__()
        self.available = available

    def read(self, *, fresh: bool = False) -> Usage:
        usage = super().read(fresh=fresh)
        return Usage(usage.rss, usage.children, self.available, usage.total)


def test_the_watch_tells_users_and_the_figures_and_stops() -> None:
    bus, told = EventBus(), list[Event]()
    bus.subscribe(told.append)
    metrics = Metrics()
    steps = [SimpleStep("Partial transcripts are off", lambda: None, lambda: None)]
    watch = PressureWatch(steps, HealthSettings(), bus=bus, metrics=metrics, meter=_Meter(500 * MB))
    watch.look()
    (notice,) = told
    assert isinstance(notice, Notice)
    assert notice.title == "Partial transcripts are off"
    assert notice.message.startswith("500 MB of memory are left; this freed")
    assert {"memory_own_bytes", "pressure_steps", "pressure_changes"} <= {s.name for s in metrics.summaries()}

    watch.start()
    assert any(resource.name == "pressure" for resource in registry.open())
    watch.cleanup()
    watch.cleanup()
    assert not any(resource.name == "pressure" for resource in registry.open())


def test_the_setting_switches_it_off() -> None:
    watch = PressureWatch([], HealthSettings(pressure=False), bus=EventBus())
    watch.start()
    assert not any(resource.name == "pressure" for resource in registry.open())


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_memory_that_a_step_frees_really_returns_to_the_system() -> None:
    meter = MemoryMeter()
    # Blocks too small for pages of their own, with a long-lived one between: the worst case for the allocator.
    blocks = [bytearray(64 * 1024) for _ in range(1600)]
    pins = [bytearray(1024) for _ in range(1600)]
    ladder = Ladder(
        [SimpleStep("drop 100 MB", blocks.clear, lambda: None)],
        SETTINGS,
        measure=lambda: meter.read(fresh=True).own,
        trim=memory.trim,
    )
    change = ladder.observe(MemoryReading(0, 100 * MB))
    assert change is not None
    assert change.freed > 80 * MB
    assert len(pins) == 1600


def test_the_meter_sees_children_and_answers_again_from_its_last_reading() -> None:
    import subprocess

    clock = FakeClock()
    meter = MemoryMeter(clock=clock)
    before = meter.read(fresh=True).children  # a test run has children of its own, such as a sound server
    child = subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(50_000_000); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert meter.read().children == before
    clock.advance(6)
    usage = meter.read()
    assert usage.children > before + 40_000_000
    assert usage.own == usage.rss + usage.children
    assert 0 < usage.available <= usage.total
    child.communicate(b"\n")
    assert meter.read(fresh=True).children < before + 40_000_000


def test_psi_is_a_percentage_or_unknown() -> None:
    found = memory.stall()
    assert found is None or 0.0 <= found <= 100.0
