"""What the allocator keeps, and what goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")
@pytest.mark.parametrize(("settled", "kept"), [(True, False), (False, True)])
def test_what_the_engines_free_goes_back_at_once_when_the_allocator_is_settled(
    settled: bool, kept: bool
) -> None:
    code = f"""
import ctypes, os
from vita_tui.health.process_memory import settle_allocator
{"settle_allocator()" if settled else ""}
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def taken(size):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
libc.free(taken(30 << 20))  # from now on glibc keeps blocks of that size
blocks = [taken(20 << 20) for _ in range(2)]
lid = taken(300_000)
before = resident()
for block in blocks:
    libc.free(block)
print(before - resident())
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (int(child.stdout) < 30 << 20) is kept
