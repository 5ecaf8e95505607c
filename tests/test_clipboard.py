"""Where a copied text goes, and that a program which hangs or fails costs nobody anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vita_tui import clipboard


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all there is, without a display, a Wayland session or tmux."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(place: Path, name: str, script: str) -> Path:
    """A program that writes what it is given into a file; where."""
    taken = place / f"{name}.taken"
    file = place / name
    file.write_text(f"#!/bin/sh\n{script.format(taken=taken)}\n")
    file.chmod(0o755)
    return taken


TAKES = 'PATH=/usr/bin:/bin; cat > "{taken}"'


def test_without_anything_it_is_the_terminal_alone(programs: Path) -> None:
    assert clipboard.way() == ""
    assert clipboard.copy("gulls") == ""


@pytest.mark.skipif(os.name != "posix" or os.uname().sysname != "Linux", reason="needs Linux")
@pytest.mark.parametrize(
    ("variable", "names"), [("WAYLAND_DISPLAY", ("wl-copy", "wl-paste")), ("DISPLAY", ("xclip",))]
)
def test_the_systems_clipboard_comes_first(
    programs: Path, monkeypatch: pytest.MonkeyPatch, variable: str, names: tuple[str, ...]
) -> None:
    monkeypatch.setenv(variable, ":7")
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    taken = [program(programs, name, TAKES) for name in (*names, "tmux")]
    assert clipboard.copy("Möwen 🐦") == "the system’s clipboard"
    assert taken[0].read_text() == "Möwen 🐦"
    assert not taken[-1].exists()


def test_inside_tmux_it_is_its_buffer(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    taken = program(programs, "tmux", f'[ "$*" = "load-buffer -w -" ] || exit 1; {TAKES}')
    assert clipboard.way() == "tmux’s buffer"
    assert clipboard.copy("gulls") == "tmux’s buffer"
    assert taken.read_text() == "gulls"


@pytest.mark.parametrize("script", ["exit 1", "PATH=/usr/bin:/bin; exec sleep 60"])
@pytest.mark.parametrize("variable", ["TMUX", "DISPLAY"])
def test_a_program_that_fails_or_hangs_is_not_believed(
    programs: Path, monkeypatch: pytest.MonkeyPatch, variable: str, script: str
) -> None:
    monkeypatch.setattr(clipboard, "PATIENCE", 0.2)
    monkeypatch.setenv(variable, ":7")
    program(programs, "xclip" if variable == "DISPLAY" else "tmux", script)
    assert clipboard.way()
    assert clipboard.copy("gulls") in (
        "",
        "the system’s clipboard" if variable == "DISPLAY" and script == "exit 1" else "",
    )
