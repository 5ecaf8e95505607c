"""`vita calibrate` on virtual devices in simulated rooms: what it measures, chooses, writes, and says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.room import Room, room_between
from tests.virtual_audio import VirtualAudio, virtual_audio
from vita_tui import settings

pytestmark = pytest.mark.audio

TRIES = 5


@pytest.fixture(scope="module")
def audio() -> Iterator[VirtualAudio]:
    with virtual_audio() as made:
        yield made


def calibrate(audio: VirtualAudio, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "vita_tui", "calibrate", *arguments],
        env={**audio.env, "VITA_HOME": str(home)}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def measured(audio: VirtualAudio, home: Path, room: Room, expected: str, *arguments: str) -> dict[str, Any]:
    """What calibrating tells; again when it chose another mode than `expected`, as after a hole in the sound of a busy machine."""
    for _ in range(TRIES):
        with room_between(audio, room):
            done = calibrate(audio, home, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        near = room.echo_db >= 0 or abs(told["measured"]["echo_db"] - room.echo_db) <= 2
        if told["settings"]["audio.duplex"] == expected and near:
            break
    assert told["settings"]["audio.duplex"] == expected
    return told


def test_a_room_is_measured_and_written(audio: VirtualAudio, home: Path) -> None:
    pytest.importorskip("livekit.rtc", reason="needs the extra echo")
    told = measured(audio, home, Room(-20.0, 0.1, -60.0), "full_duplex")
    assert told["measured"]["echo_db"] == pytest.approx(-20, abs=2)
    assert told["measured"]["noise_dbfs"] == pytest.approx(-60, abs=2)
    assert told["measured"]["delay"] > 0.08
    written = settings.load(Path(told["written"]))
    assert written.audio.duplex == "full_duplex"
    assert written.audio.echo_delay == pytest.approx(told["measured"]["delay"], abs=1e-3)
    assert written.audio.noise_floor == pytest.approx(-60, abs=2)


def test_a_dry_run_writes_nothing(audio: VirtualAudio, home: Path) -> None:
    told = measured(audio, home, Room(0.0, 0.02, -60.0), "half_duplex", "--dry-run")
    assert "turn it down" in told["why"]
    assert told["written"] is None
    assert not list(home.rglob("*.toml"))


def test_clipping_is_named(audio: VirtualAudio, home: Path) -> None:
    told = measured(audio, home, Room(12.0, 0.02, -60.0), "half_duplex", "--dry-run")
    assert "clipping" in told["why"]


def test_a_room_as_loud_as_a_voice_needs_the_key(audio: VirtualAudio, home: Path) -> None:
    told = measured(audio, home, Room(-20.0, 0.02, -25.0), "push_to_talk", "--dry-run")
    assert "dBFS" in told["why"]


def test_a_microphone_that_delivers_silence_is_named(audio: VirtualAudio, home: Path) -> None:
    done = calibrate(audio, home)
    assert done.returncode == 3
    assert "delivers silence only" in done.stderr
    assert "Unmute" in done.stderr
    assert not list(home.rglob("*.toml"))


def test_no_device_at_all_is_said(audio: VirtualAudio, home: Path) -> None:
    with virtual_audio() as gone:
        gone.stop()
        done = calibrate(gone, home)
    assert done.returncode == 3
    assert "→" in done.stderr
