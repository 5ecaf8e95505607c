"""How quickly `vita ask` answers from the shell: from its start to the first word, and to its end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from vita_tui.bench.figures import about, spread
from vita_tui.bench.recordings import QUESTIONS
from vita_tui.errors import EngineError, EngineTimeoutError

__all__ = ["measure"]

MOST_SECONDS = 300.0
"""For one answer."""


def measure(rounds: int, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Ask `rounds` questions, each by a program of its own; milliseconds from its start until a word can be read, and until it is gone.

    Raises:
        EngineError: a question was not answered.
    """
    first: list[float] = []
    whole: list[float] = []
    for number in range(rounds):
        question = QUESTIONS[number % len(QUESTIONS)]
        progress(f"{number + 1} of {rounds}: {question}")
        begun, ended = _ask(question)
        first.append(begun)
        whole.append(ended)
    return {
        "about": about("ask"),
        "rounds": rounds,
        "first_word_ms": spread(first),
        "whole_ms": spread(whole),
        "raw": {"first_word_ms": first, "whole_ms": whole},
    }


def _ask(question: str) -> tuple[float, float]:
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "vita_tui", "ask", question],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "VITA_SESSIONS__STORE": "memory"},
    ) as program:
        assert program.stdout is not None
        first = program.stdout.read(1)
        begun = time.perf_counter()
        try:
            _, complaint = program.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                program.kill()
            raise EngineTimeoutError(f"“{question}” was not answered within {MOST_SECONDS:.0f} s.") from None
        ended = time.perf_counter()
    if program.returncode or not first:
        lines = complaint.decode("utf-8", "replace").strip().splitlines()
        raise EngineError(
            f"“{question}” was not answered: {lines[-1] if lines else 'no reason given'}",
            remedy="See: vita doctor",
        )
    return round((begun - started) * 1000, 1), round((ended - started) * 1000, 1)
