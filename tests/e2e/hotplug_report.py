"""Devices that are unplugged and plugged in again under the running program: what it costs, and that nothing leaks.

    python -m tests.e2e.hotplug_report [--times 50] [--json]

The real program in a real terminal speaks a long reply, hands-free, while PulseAudio's modules for the speaker and the microphone are
unloaded and loaded again, `--times` times in a row. Each time it must say that they are gone, find them again and go on with the
reply. Files, threads, children and memory of the program are counted after the third time and at the end.

`back_ms` is the time from the moment the modules are loaded until the reply sounds again; `listening_ms`, until the microphone is
used again. `lost_ms` and `twice_ms` are about a tone that is played instead, on the device alone: how much of it was counted as heard
but is in no recording, and how much is in two.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.audio.test_devices import child, sounding
from tests.e2e.conftest import answering
from tests.e2e.terminal import Terminal
from tests.lending import lend_weights
from tests.virtual_audio import VirtualAudio, virtual_audio

__all__ = ["Toll", "endure", "tone_toll"]

STORY = (
    "Gulls are clever birds that live near the sea. They eat fish, and bread, and now and then an ice cream. "
    * 8
)
"""A minute of speech, whose sound is a few megabytes."""
ANEW = 5
"""After so many times it is asked again: there is always enough left to be said."""
SETTLED = 3
"""After so many times everything has been loaded and every pool is filled."""
PATIENCE = 60.0
GONE = ("virtmic", "mic", "speaker")
"""All there is, at the same moment: from one that goes alone PulseAudio moves the streams to another."""


@dataclass
class Toll:
    """What it cost."""

    times: int = 0
    back: list[float] = field(default_factory=list)
    """Seconds until the reply sounded again."""
    listening: list[float] = field(default_factory=list)
    """Seconds until the microphone was used again."""
    megabytes: list[float] = field(default_factory=list)
    """Of memory, after each tenth time, while it speaks."""
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def growth(self) -> dict[str, float]:
        return {name: round(self.after[name] - value, 1) for name, value in self.before.items()}


def endure(audio: VirtualAudio, home: Path, times: int) -> Toll:
    """Do it `times` times to the real program.

    Raises:
        AssertionError: the program did not say or do what it must.
    """
    toll = Toll()
    with answering(STORY) as url, _program(audio, home, url) as vita:
        vita.wait_ready()
        # The guard that it was forked from has the same command line, and is older.
        process = max(filter(_is_main, vita.processes()), key=lambda one: one.create_time())
        for number in range(times):
            if number % ANEW == 0:
                vita.press("Escape")
                vita.wait(lambda _: vita.state() == "idle")
            if vita.state() != "speaking":
                vita.type("Tell me about gulls.")
                vita.press("Enter")
                vita.wait(lambda _: vita.state() == "speaking")
            mark = _log(vita).count("listening to")
            audio.unplug(*GONE)
            vita.wait(lambda _, seen=number + 1: _log(vita).count("lost the speaker") >= seen)  # type: ignore[misc]
            audio.plug(*reversed(GONE))
            plugged = time.monotonic()
            with audio.recording() as recording:
                _until(lambda: sounding(recording.samples()) > 0.05, vita, number)
                toll.back.append(time.monotonic() - plugged)
                _until(lambda seen=mark: _log(vita).count("listening to") > seen, vita, number)
                toll.listening.append(time.monotonic() - plugged)
            toll.times += 1
            if toll.times % 10 == 0:
                toll.megabytes.append(round(process.memory_info().rss / 1e6))
            if number + 1 in (min(SETTLED, times - 1), times):
                # A reply's sound is kept while it is spoken: counted when nothing is said.
                vita.press("Escape")
                vita.wait(lambda _: vita.state() == "idle")
                toll.after = _footprint(process)
                toll.before = toll.before or toll.after
        assert vita.quit() == 0
        assert vita.processes() == []
    return toll


@contextlib.contextmanager
def _program(audio: VirtualAudio, home: Path, url: str) -> Iterator[Terminal]:
    settings = {
        "LLM__BASE_URL": url,
        "LLM__MODEL": "fixed",
        "LLM__MAX_TOKENS": "4000",
        "STT__MODEL": "tiny.en",
        "TALK__HANDS_FREE": "true",
        "AUDIO__EARCONS": "false",
    }
    vita = Terminal(audio.env, home, settings)
    try:
        yield vita
    finally:
        vita.close()


def _is_main(process: psutil.Process) -> bool:
    return process.cmdline()[1:3] == ["-m", "vita_tui"]


def _log(vita: Terminal) -> str:
    file = Path(vita.env["VITA_HOME"]) / "state" / "log" / "vita.log"
    return file.read_text(errors="replace") if file.exists() else ""


def _until(true: Any, vita: Terminal | None = None, number: int = 0) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            told = (
                ""
                if vita is None
                else f"\n{vita.screen()}\n{_log(vita)[-3000:]}\n{str(vita.turns())[-3000:]}"
            )
            raise AssertionError(f"it did not come back after {number} times{told}")
        time.sleep(0.01)


def _footprint(process: psutil.Process) -> dict[str, float]:
    """Of a program that has come to rest."""
    time.sleep(1.0)
    return {
        "files": process.num_fds(),
        "threads": process.num_threads(),
        "children": len(process.children(recursive=True)),
        "megabytes": process.memory_info().rss / 1e6,
    }


def tone_toll(audio: VirtualAudio, times: int) -> tuple[list[float], list[float]]:
    """Of a tone on the speaker's device: seconds that were counted as heard and were not, and that were heard twice."""
    lost: list[float] = []
    twice: list[float] = []
    for _ in range(times):
        with child(audio, "speaker") as speaker:
            speaker.do("play", 440, 0.2)  # the sink wakes up
            speaker.until("finished")
            with audio.recording() as before:
                speaker.do("play", 440, 60)
                begin = speaker.until("queued")["span"][0]
                rate = speaker.opened["rate"]
                _until(lambda: sounding(before.samples()) > 1.0)
                audio.unplug(*GONE)
                counted = (speaker.until("lost")["played"] - begin) / rate
                heard = sounding(before.stop())
            audio.plug(*reversed(GONE))
        lost.append(max(0.0, counted - heard))
        twice.append(max(0.0, heard - counted))
    return lost, twice


def _spread(seconds: list[float]) -> dict[str, int]:
    return {"p50": round(statistics.median(seconds) * 1e3), "worst": round(max(seconds) * 1e3)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="vita-hotplug-"))
    lend_weights(home)
    try:
        with virtual_audio() as audio:
            toll = endure(audio, home, given.times)
        with virtual_audio() as audio:
            lost, twice = tone_toll(audio, min(10, given.times))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    result: dict[str, Any] = {
        "times": toll.times,
        "back_ms": _spread(toll.back),
        "listening_ms": _spread(toll.listening),
        "lost_ms": _spread(lost),
        "twice_ms": _spread(twice),
        "before": toll.before,
        "growth": toll.growth,
        "megabytes": toll.megabytes,
    }
    if given.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:14} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
