"""The proofs of `proofs.py` as tests: what must hold, and that it does not hold without the mechanism."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.health import proofs

WRITES = int(os.environ.get("VITA_PROOF_WRITES", "40000"))
"""Metrics in the leak proof; 200000 is the full size."""


@pytest.mark.proof
@pytest.mark.slow
def test_a_day_of_new_metrics_leaves_memory_flat_and_without_limits_it_grows() -> None:
    bounded = proofs.leak(WRITES, limits=True)
    assert bounded.most <= 1000
    assert bounded.oldest <= proofs.DAY
    assert bounded.growth < 0.01
    ablation = proofs.leak(WRITES, limits=False)
    assert ablation.most == WRITES
    assert ablation.growth > 0.8  # twice the metrics, twice the memory


@pytest.mark.proof
def test_threads_that_write_their_own_metrics_never_wait_and_with_one_lock_they_do() -> None:
    assert proofs.contention(16, 500, one_lock=False).contended == 0
    assert proofs.contention(16, 2000, one_lock=True, switch=1e-6).contended > 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_freed_memory_returns_to_the_system_and_without_trimming_it_does_not() -> None:
    let_go, returned = _freed(trimmed=False)
    assert returned < 0.5 * let_go
    let_go, returned = _freed(trimmed=True)
    assert returned > 0.8 * let_go


def _freed(*, trimmed: bool) -> list[int]:
    """In a process whose allocator nobody has settled."""
    code = f"from tests.health import proofs; print(*proofs.freed(trimmed={trimmed}, megabytes=64))"
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    return [int(float(number)) for number in ran.stdout.split()]


@pytest.mark.proof
def test_what_hangs_does_not_keep_the_rest_from_closing_and_one_by_one_it_does() -> None:
    assert proofs.closing(isolated=True)[0] == 20
    assert proofs.closing(isolated=False)[0] == 0
