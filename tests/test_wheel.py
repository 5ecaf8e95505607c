"""What people install: the wheel alone, in its own environment and home, far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import wave
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import vita_tui
from vita_tui.cli.app import app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archive of the source and the wheel that is made from it."""
    if shutil.which("uv") is None:
        pytest.skip("needs uv")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["uv", "build", "--quiet", "--out-dir", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the command, as `uv tool install` makes it, without extras."""
    folder = tmp_path_factory.mktemp("tools")
    (wheel,) = built.glob("*.whl")
    environment = {**os.environ, "UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    environment.pop("VIRTUAL_ENV", None)
    install = ["uv", "tool", "install", "--quiet", "--python", sys.executable, str(wheel)]
    subprocess.run(install, cwd=folder, env=environment, check=True)
    yield folder / "bin"
    shutil.rmtree(folder)


@pytest.fixture
def vita(installed: Path, tmp_path: Path) -> Run:
    """Run the command in an empty home; none of these may end in a traceback."""

    def run(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:  # noqa: A002
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "LANG", "TMPDIR") if name in os.environ}
        done = subprocess.run(
            [str(installed / "vita"), *arguments],
            cwd=home,
            input=input,
            env={**kept, "HOME": str(home), "USERPROFILE": str(home), "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def commands() -> list[tuple[str, ...]]:
    """Every command with those below it."""

    def below(command: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        children = getattr(command, "commands", {})
        return [path, *(one for name, child in children.items() for one in below(child, (*path, name)))]

    return below(typer.main.get_command(app), ())


def test_the_wheel_holds_what_the_checkout_does(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("vita_tui/")}
    tracked = subprocess.run(
        ["git", "ls-files", "vita_tui"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("needs git's list of files")
    assert inside == set(tracked.stdout.split())
    assert vita_tui.__version__ in wheel.name


def test_it_is_the_wheel_that_is_tested(vita: Run) -> None:
    assert vita("--version").stdout.strip() == f"vita {vita_tui.__version__}"


def test_every_command_explains_itself(vita: Run) -> None:
    paths = commands()
    assert len(paths) > 20
    with ThreadPoolExecutor(2) as pool:
        for path, done in zip(paths, pool.map(lambda path: vita(*path, "--help"), paths), strict=True):
            assert done.returncode == 0, path
            assert "Usage: vita" in done.stdout, path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("doctor",), 1),
        (("ask", "Hello?"), 3),
        (("turn", "question.wav"), 3),
        (("transcribe", "question.wav"), 3),
        (("devices",), None),
        (("sessions", "list"), 0),
        (("models", "list"), 0),
        (("config", "show"), 0),
        (("metrics",), 0),
        (("cleanup", "--dry-run"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_in_an_empty_home_a_command_works_or_says_what_to_run(
    vita: Run, tmp_path: Path, arguments: tuple[str, ...], code: int | None
) -> None:
    (tmp_path / "home").mkdir()
    # Loud enough, and changing often enough, to be taken for speech.
    moments = np.arange(32_000) / 16_000
    tone = np.sin(2 * np.pi * 140 * moments) + np.sin(2 * np.pi * 700 * moments)
    spoken = 10_000 * tone * (np.sin(2 * np.pi * 4 * moments) > 0)
    with wave.open(str(tmp_path / "home" / "question.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(spoken.astype("<i2").tobytes())
    done = vita(*arguments)
    assert done.returncode == code or (code is None and done.returncode in (0, 1, 3)), done.stderr
    if code == 3:
        assert "vita " in done.stderr.removeprefix("vita: "), done.stderr
        assert len(done.stderr.strip().splitlines()) <= 6, done.stderr


def test_say_speaks_with_the_systems_voice_or_says_what_to_install(vita: Run, tmp_path: Path) -> None:
    done = vita("say", "Hello.", "--out", "hello.wav")
    if shutil.which("espeak-ng"):
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "home" / "hello.wav").stat().st_size > 1000
    else:
        assert done.returncode == 3
        assert done.stderr.strip()
