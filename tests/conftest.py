"""What every test gets: a home of its own, a look at the order of locks, and a skip that names what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import lockorder

LOCKS = lockorder.LockOrder()
"""Of the whole run: module-level locks included, because this is imported before anything of VITA."""
if (
    "PYTEST_VERSION" in os.environ and "PYTEST_CURRENT_TEST" not in os.environ
):  # not in children, nor in programs
    lockorder.install(LOCKS)

from tests.lending import lend_weights  # noqa: E402  # after the look at locks has begun

ROOT = Path(__file__).parent.parent
SPEECH = ROOT.parent / "shared" / "speech"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A VITA home that is empty but for the weights, which are linked in for tests marked `models`."""
    folder = tmp_path / "vita"
    if request.node.get_closest_marker("models") is not None:
        lend_weights(folder)
    monkeypatch.setenv("VITA_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_deadlock() -> Iterator[None]:
    """Fails the test in which locks were taken in an order that contradicts another one, or in which one was never had."""
    yield
    LOCKS.check_news()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(
        f"lock order: {LOCKS.made:,} locks of VITA taken {LOCKS.taken:,} times, {len(LOCKS.edges)} pairs held together"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from vita_tui import paths

    needs = {
        "models": (
            (paths.models_dir() / "whisper-base" / "model.bin").exists(),
            "the default weights: vita models pull",
        ),
        "audio": (all(map(shutil.which, ("pulseaudio", "pactl", "espeak-ng"))), "PulseAudio and espeak-ng"),
        "redis": (shutil.which("redis-server") is not None, "redis-server"),
        "speech": (SPEECH.is_dir(), "../shared/speech"),
    }
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "audio" in marks and "soak" not in marks:
            # Sound is lost in a stream that a busy machine does not serve in time: that says nothing about VITA the first time.
            item.add_marker(pytest.mark.flaky(reruns=2))
        for mark, (there, what) in needs.items():
            if not there and mark in marks:
                item.add_marker(pytest.mark.skip(reason=f"needs {what}"))


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of recorded human speech; only for tests marked `speech`."""
    return SPEECH
