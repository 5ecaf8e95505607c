"""`vita bench` as users run it: what is missing is said in a sentence, with its exit code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.forked import run_vita


def bench(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = run_vita("bench", *arguments, env={**os.environ, **env})
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_help_names_every_bench() -> None:
    told = bench("--help").stdout
    assert all(name in told for name in ("stt", "turn", "ui", "compare"))


def test_recordings_without_a_table_are_refused(tmp_path: Path) -> None:
    done = bench("stt", str(tmp_path))
    assert done.returncode == 1
    assert "refs.tsv" in done.stderr


@pytest.mark.parametrize("what", [("turn",), ("turn", "--json")])
def test_missing_weights_are_an_engine_error(tmp_path: Path, what: tuple[str, ...]) -> None:
    from vita_tui.audio.encoding import write_wav

    write_wav(tmp_path / "q.wav", __import__("numpy").full(8_000, 0.1, "float32"), 16_000)
    done = bench(*what, "--folder", str(tmp_path))
    assert done.returncode == 3
    assert "vita models pull" in done.stderr
    assert done.stdout == ""
