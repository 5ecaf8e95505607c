"""What every test gets: its own home, and a skip that names what is missing. `--lockorder` watches locks in every test."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import lockorder

WATCHING = "VITA_TEST_LOCKORDER"
"""Set by --lockorder, for the workers of pytest-xdist."""
LOCKS = lockorder.LockOrder()
"""Of the whole run, with --lockorder: module-level locks included, because this is imported before anything of VITA."""
if "--lockorder" in sys.argv:
    os.environ[WATCHING] = "1"
if WATCHING in os.environ and "PYTEST_CURRENT_TEST" not in os.environ:  # not in the programs that tests start
    lockorder.install(LOCKS)

# A shell that starts this in the background ignores ctrl+c for it, and so for every program that a test starts and interrupts.
if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.lending import lend_weights  # noqa: E402  # after the look at locks has begun
from tests.sessions.servers import RedisServer  # noqa: E402

pytest_plugins = ["tests.reruns"]

# How long an example takes says nothing on a busy machine.
settings.register_profile(
    "vita", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("fast", settings.get_profile("vita"), max_examples=20)
settings.load_profile("vita")
ROOT = Path(__file__).parent.parent
SPEECH = ROOT.parent / "shared" / "speech"
FOLDERS = itertools.count()
ANYWHERE_ELSE = ("audio", "long", "models", "proof", "redis", "slow", "soak", "speech")
"""Marks of what `scripts/test --fast` leaves out; everything else gets the mark `fast`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clients", action="store_true", help="install the clients of others that tests/server wants"
    )
    parser.addoption("--lockorder", action="store_true", help="watch the order of all locks in every test")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of the test's own. In the place of pytest's, which for each test looks through the folders of all before it."""
    folder = tmp_path_factory.getbasetemp() / str(next(FOLDERS))
    folder.mkdir(mode=0o700)
    yield folder
    with contextlib.suppress(OSError):  # most tests have left nothing in it
        folder.rmdir()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A VITA home that is empty but for the weights, which are linked in for tests marked `models`."""
    folder = tmp_path / "vita"
    if request.node.get_closest_marker("models") is not None:
        lend_weights(folder)
    if any(request.node.get_closest_marker(mark) for mark in ("models", "audio", "slow", "soak", "proof")):
        # These ask the engines, in whatever words; what is answered without a model has tests of its own.
        monkeypatch.setenv("VITA_ABILITIES__ENABLED", "false")
    monkeypatch.setenv("VITA_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_deadlock() -> Iterator[None]:
    """With --lockorder, fails the test in which locks were taken in an order that contradicts another one, or one was never had."""
    yield
    LOCKS.check_news()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["locks"] = (LOCKS.made, LOCKS.taken, len(LOCKS.edges))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    made, taken, pairs = getattr(node, "workeroutput", {}).get("locks", (0, 0, 0))
    _counted[:] = [_counted[0] + made, _counted[1] + taken, max(_counted[2], pairs)]


_counted = [0, 0, 0]
"""Of all workers: locks made, how often they were taken, and the most pairs that one worker saw."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WATCHING in os.environ:
        made, taken, pairs = max(_counted, [LOCKS.made, LOCKS.taken, len(LOCKS.edges)])
        terminalreporter.write_line(
            f"lock order: {made:,} locks of VITA taken {taken:,} times, {pairs} pairs held together"
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
        if not marks.intersection(ANYWHERE_ELSE):
            item.add_marker(pytest.mark.fast)
        for mark, (there, what) in needs.items():
            if not there and mark in marks:
                item.add_marker(pytest.mark.skip(reason=f"needs {what}"))


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of recorded human speech; only for tests marked `speech`."""
    return SPEECH


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; needs root on Linux."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "vita-test", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()
