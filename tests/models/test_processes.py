"""Several processes, and processes that are killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.models.conftest import Toy
from tests.models.support import FILES, Answer, hub_path, serving
from vita_tui.errors import ModelError
from vita_tui.models import fetch, installed
from vita_tui.models.wheel import PREFIX

BIG = FILES["model.bin"]
ROOT = Path(__file__).parents[2]


@contextmanager
def worker(toy: Toy) -> Iterator[subprocess.Popen[str]]:
    """A process that pulls `toy`."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.models.worker", str(toy.file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], *starts: str) -> str:
    """The first line that begins so; fails when the process ends without one."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(starts):
            return line
    raise AssertionError(f"the process ended after: {''.join(seen)}")


def test_the_second_waits_for_the_first_and_fetches_nothing(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=400_000, then="stall"))
    with worker(toy) as first:
        read_until(first, "downloading hub 400000")
        with worker(toy) as second:
            read_until(second, "waiting")
            toy.hub.released.set()
            read_until(first, "pulled")
            assert "downloading" not in {line.split()[0] for line in second.stdout or ()}
            assert (first.wait(), second.wait()) == (0, 0)
    assert toy.whole()
    assert [path for path, _ in toy.hub.requests] == [hub_path(name) for name in FILES]


def test_weights_that_are_being_fetched_are_not_deleted(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=400_000, then="stall"))
    with worker(toy) as process:
        read_until(process, "downloading hub 400000")
        with pytest.raises(ModelError, match="Another VITA is fetching toy now"):
            installed.remove(toy.model)


def test_killed_in_the_middle_of_the_hub_and_pulled_again(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=400_000, then="stall"), Answer(BIG))
    with worker(toy) as process:
        read_until(process, "downloading hub 400000")
        process.kill()
        process.wait()
    assert installed.standing(toy.model) == "missing"
    fetch.pull(["toy"], within=toy.catalogue)
    assert toy.whole()
    # What had reached the disk is not fetched again; the last few kilobytes died with the process.
    assert toy.hub.asked("model.bin")[1] in {f"bytes={n}-" for n in range(390_000, 400_001)}


@pytest.mark.long
def test_killed_in_the_middle_of_a_package_leaves_no_pip_and_no_litter(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.hub.pages.clear()
    with serving() as index:
        wheel = toy.wheels / "toy_part1-1.0-py3-none-any.whl"
        index.put("/simple/toy-part1/", Answer(f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode()))
        index.put(f"/files/{wheel.name}", Answer(wheel.read_bytes(), limit=200_000, then="stall"))
        with monkeypatch.context() as changed:
            changed.delenv("PIP_NO_INDEX")
            changed.delenv("PIP_FIND_LINKS")
            changed.setenv("PIP_INDEX_URL", f"{index.url}/simple")
            with worker(toy) as process:
                assert index.stalled.wait(60)
                process.kill()
                process.wait()
                assert index.left.wait(60), "pip outlived the program"
    assert list(installed.incoming(toy.model).glob(f"{PREFIX}*"))
    fetch.pull(["toy"], within=toy.catalogue)
    assert toy.whole()


def test_a_killed_pull_does_not_hold_the_lock(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=400_000, then="stall"))
    with worker(toy) as process:
        read_until(process, "downloading hub 400000")
        process.kill()
        process.wait()
    installed.remove(toy.model)
    assert not installed.incoming(toy.model).exists()
    shutil.rmtree(toy.folder, ignore_errors=True)
