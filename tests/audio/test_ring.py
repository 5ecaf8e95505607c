"""The ring between the microphone's callback and its reader: every sample once, in order, or counted as lost."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vita_tui.audio.ring import Ring

RATE = 16_000


def numbered(first: int, count: int) -> NDArray[np.float32]:
    """Samples that say where they stand."""
    return np.arange(first, first + count, dtype=np.float32)


_step = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 40)), st.tuples(st.just("read"), st.integers(1, 16))
)


@given(st.integers(16, 24), st.lists(_step, max_size=60))
def test_like_a_list_of_which_only_the_end_is_kept(capacity: int, steps: list[tuple[str, int]]) -> None:
    ring = Ring(capacity, RATE)
    written = read = lost = 0
    for number, (what, count) in enumerate(steps):
        if what == "write":
            ring.write(numbered(written, count), float(number))
            written += count
            latest = float(number)
        else:
            oldest = max(read, written - capacity)
            lost, read = lost + oldest - read, oldest
            chunk = ring.read(count, 0.0)
            if written - read < count:
                assert chunk is None
            else:
                assert chunk is not None
                assert chunk.position == read
                assert chunk.captured == latest
                assert chunk.samples.tolist() == list(range(read, written))
                read = written
            assert ring.position == read
            assert ring.lost == lost
        assert ring.written == written


@given(st.integers(1, 50))
def test_of_a_block_longer_than_the_ring_the_end_is_kept(extra: int) -> None:
    ring = Ring(8, RATE)
    ring.write(numbered(0, 8 + extra), 1.0)
    chunk = ring.read(1, 0.0)
    assert chunk is not None
    assert chunk.samples.tolist() == list(range(extra, 8 + extra))
    assert (chunk.position, ring.lost) == (extra, extra)


def test_what_was_read_is_the_readers_own() -> None:
    ring = Ring(8, RATE)
    ring.write(numbered(0, 8), 1.0)
    chunk = ring.read(8, 0.0)
    assert chunk is not None
    ring.write(numbered(100, 8), 2.0)
    assert chunk.samples.tolist() == list(range(8))


def test_a_reader_that_waits_is_woken_by_the_samples_it_wants() -> None:
    ring = Ring(64, RATE)
    got: list[int] = []

    def read() -> None:
        chunk = ring.read(20, 30.0)
        got.append(-1 if chunk is None else len(chunk.samples))

    reader = threading.Thread(target=read)
    reader.start()
    ring.write(numbered(0, 10), 1.0)
    ring.write(numbered(10, 10), 2.0)
    reader.join(60)
    assert got == [20]


def test_a_reader_that_waits_in_vain_is_let_go() -> None:
    ring = Ring(64, RATE)
    ring.write(numbered(0, 10), 1.0)
    assert ring.read(11, 0.01) is None
    assert ring.position == 0


@pytest.mark.parametrize("capacity", [256, 4096])
def test_a_writer_and_a_reader_at_once_never_mix_old_and_new(capacity: int) -> None:
    ring = Ring(capacity, RATE)
    total = 60_000  # below 2**24, where every number is a float32 of its own
    done = threading.Event()

    def write() -> None:
        for first in range(0, total, 60):
            ring.write(numbered(first, 60), 0.0)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = end = 0
    while (chunk := ring.read(1, 0.0 if done.is_set() else 0.01)) is not None or not done.is_set():
        if chunk is None:
            continue
        assert chunk.position >= end
        assert np.array_equal(chunk.samples, numbered(chunk.position, len(chunk.samples)))
        end = chunk.position + len(chunk.samples)
        seen += len(chunk.samples)
    writer.join()
    chunk = ring.read(1, 0.0)
    seen += 0 if chunk is None else len(chunk.samples)
    assert seen + ring.lost == total
