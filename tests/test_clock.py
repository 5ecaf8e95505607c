"""Time in which the program did not run counts against nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from vita_tui.clock import CLOCK_POLL_SECONDS, Deadline, FakeClock, RunningClock, time_limit


def test_time_that_passes_while_nobody_looks_counts() -> None:
    real = FakeClock()
    clock = RunningClock(real)
    start = clock.monotonic()
    real.advance(3600)
    assert clock.monotonic() - start == 3600


def test_a_long_step_between_two_looks_does_not_count() -> None:
    real = FakeClock()
    clock = RunningClock(real)
    with Deadline(10, clock) as deadline:
        for _ in range(12):
            real.advance(CLOCK_POLL_SECONDS)
            deadline.left()
        assert deadline.left() == 7
        real.advance(60)  # suspended
        assert deadline.left() == 7
        assert clock.lost == 60
        for _ in range(28):
            assert deadline.left() > 0
            real.advance(CLOCK_POLL_SECONDS)
        assert deadline.left() == 0
    real.advance(3600)
    assert clock.lost == 60


def test_what_was_lost_between_two_moments_is_known_afterwards() -> None:
    real = FakeClock()
    clock = RunningClock(real)
    with clock.looking():
        real.advance(CLOCK_POLL_SECONDS)
        clock.monotonic()
        real.advance(60)  # suspended from 0.25 to 60.25
        assert clock.lost_between(0, 61) == 60
        real.advance(CLOCK_POLL_SECONDS)
        clock.monotonic()
    assert clock.lost_between(0, 10.25) == 10
    assert clock.lost_between(50.25, 70) == 10
    assert clock.lost_between(0, 0.25) == clock.lost_between(60.25, 100) == 0


def test_the_clock_never_goes_backwards_and_two_who_look_lose_a_gap_once() -> None:
    real = FakeClock()
    clock = RunningClock(real)
    with Deadline(10, clock) as one, Deadline(20, clock) as other:
        before = clock.monotonic()
        real.advance(60)
        assert clock.monotonic() == before
        assert (one.left(), other.left()) == (10, 20)
    assert clock.lost == 60


def test_what_ends_while_suspended_is_not_seen_as_late() -> None:
    real = FakeClock()
    clock = RunningClock(real)
    with clock.looking():
        started = clock.monotonic()
        real.advance(60)
    assert clock.monotonic() == started


async def test_a_limit_that_is_over_raises_and_one_that_is_not_does_not() -> None:
    with pytest.raises(TimeoutError):
        async with time_limit(0.02):
            await asyncio.Event().wait()
    async with time_limit(60):
        await asyncio.sleep(0)


async def test_a_cancellation_passes_through_a_limit() -> None:
    async def wait() -> None:
        async with time_limit(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_process_that_is_stopped_for_longer_than_its_limits_meets_them() -> None:
    program = textwrap.dedent("""
        import asyncio, sys, threading, time
        from vita_tui.clock import RUNNING, Deadline, time_limit

        async def main():
            async with time_limit(1.5):
                print("limit", flush=True)
                await asyncio.to_thread(sys.stdin.readline)
            with Deadline(1.5) as deadline:
                print("deadline", flush=True)
                came = threading.Event()
                threading.Thread(target=lambda: (sys.stdin.readline(), came.set()), daemon=True).start()
                while not came.wait(deadline.step()):
                    assert deadline.left() > 0, "timed out"
            print("met", RUNNING.lost > 3, flush=True)

        asyncio.run(main())
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for wanted in ("limit", "deadline"):
            assert child.stdout.readline().strip() == wanted
            os.kill(child.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(2.0)
            os.kill(child.pid, signal.SIGCONT)
            child.stdin.write("go on\n")
            child.stdin.flush()
        assert child.stdout.readline().split() == ["met", "True"]
