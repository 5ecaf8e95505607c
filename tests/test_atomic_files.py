"""Files that are written whole or not at all, and what a killed program leaves beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vita_tui import atomic_files

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX modes")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_file_stays_when_the_new_one_fails(tmp_path: Path) -> None:
    target = tmp_path / "kept"
    target.write_text("old")
    with pytest.raises(ValueError, match="half way"), atomic_files.replacing(target) as new:
        new.write_text("new, but")
        raise ValueError("half way")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["kept"]


def test_one_that_exists_is_refused_even_if_it_came_meanwhile(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    with pytest.raises(FileExistsError), atomic_files.replacing(target, replace=False) as new:
        new.write_text("mine")
        target.write_text("theirs")
    with pytest.raises(FileExistsError):
        atomic_files.write_whole(target, "mine", replace=False)
    assert target.read_text() == "theirs"
    assert names(tmp_path) == ["taken"]


@posix
@pytest.mark.parametrize(
    ("before", "keep", "mode", "after"),
    [
        (0o644, False, 0o600, 0o600),
        (0o640, True, 0o600, 0o640),
        (None, True, 0o600, 0o600),
        (None, False, 0o666, 0o644),
    ],
)
def test_modes(tmp_path: Path, before: int | None, keep: bool, mode: int, after: int) -> None:
    target = tmp_path / "file"
    if before is not None:
        target.touch()
        target.chmod(before)
    umask = os.umask(0o022)
    try:
        atomic_files.write_whole(target, "x", mode=mode, keep_mode=keep)
    finally:
        os.umask(umask)
    assert target.stat().st_mode & 0o777 == after


@posix
def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(real)
    atomic_files.write_whole(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    atomic_files.write_whole(pipe, "through")
    reader.join()
    assert read == ["through"]
    assert pipe.is_fifo()


def test_the_longest_name_that_there_is_can_be_written(tmp_path: Path) -> None:
    for name in ("n" * 255, "名" * 85):
        atomic_files.write_whole(tmp_path / name, "x")
    assert len(names(tmp_path)) == 2


def test_what_a_killed_program_left_is_removed_and_what_a_running_one_writes_is_not(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from vita_tui import atomic_files\nwith atomic_files.replacing(Path(sys.argv[1])): os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=False)
    old = tmp_path / f".old.{os.getpid()}-1.new"
    old.touch()
    os.utime(old, (time.time() - 100_000,) * 2)
    (tmp_path / "mine.new").touch()
    with atomic_files.replacing(tmp_path / "other") as writing:
        assert len(names(tmp_path)) == 4
        removed = atomic_files.remove_leftovers(tmp_path)
        assert len(removed) == 2
        assert names(tmp_path) == sorted([writing.name, "mine.new"])
