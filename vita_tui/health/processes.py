"""What a crash leaves behind: child processes, control files and temporary files, and how they are found again.

Below `paths.runtime_dir()`::

    processes/<pid>.json         one for each running child, removed when it ends
    control/<pid>.json           one for each running program (see `control`)
    tmp/<pid>-<random><suffix>   temporary files, named for the program that made them

A process id is used again after a while, so every record also holds the moment of the process's birth; nothing is ended or
removed unless both agree. On Linux the birth is counted in clock ticks since boot, which setting the clock does not change.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from vita_tui import atomic_files, paths

__all__ = [
    "Cleanup",
    "ProcessRecord",
    "birth",
    "child_environment",
    "clean_up",
    "forget_process",
    "half_written",
    "kill_process",
    "record_process",
    "remove_own_records",
    "runs",
    "stale_files",
    "stale_processes",
    "temporary_path",
    "write_json",
]

log = logging.getLogger(__name__)

TERMINATE_SECONDS = 2.0
"""What a stale child gets to end by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A child process that VITA started."""

    pid: int
    created: float
    """Seconds since 1970, as psutil tells them."""
    kind: str
    parent: int
    parent_created: float
    started: float = 0.0
    """Seconds since 1970 at which it was written down."""
    birth: str = ""
    """See `birth`; empty where only `created` is known."""
    parent_birth: str = ""


_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|^OPENAI_|^VITA_(?!HOME$|CONFIG$)", re.IGNORECASE)
"""Variables that hold keys and passwords, or may: VITA's settings among them, of which a child has no need."""


def child_environment(**more: str) -> dict[str, str]:
    """The environment for a child process: this process's own without keys and passwords, and `more`."""
    return {name: value for name, value in os.environ.items() if not _SECRET.search(name)} | more


def _folder() -> Path:
    return paths.runtime_dir() / "processes"


def birth(pid: int) -> str:
    """What tells this process from a later one with the same id; empty where the system has nothing exact, or it is gone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name in parentheses may hold spaces; the start time is the 20th field after it.
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot}:{ticks}"


def runs(pid: int, created: float, born: str = "") -> bool:
    """Whether the very process that was written down still runs; a zombie does not."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if born and (now := birth(pid)):
            return now == born
        return abs(process.create_time() - created) < 1.0
    except psutil.Error:
        return False


def record_process(pid: int, kind: str) -> None:
    """Write down a child, so that it can be found after a crash; a disk that is full costs only that."""
    import psutil

    with suppress(OSError, psutil.Error):
        record = {
            "pid": pid,
            "created": psutil.Process(pid).create_time(),
            "kind": kind,
            "parent": os.getpid(),
            "parent_created": psutil.Process().create_time(),
            "started": time.time(),
            "birth": birth(pid),
            "parent_birth": birth(os.getpid()),
        }
        write_json(paths.ensure_private_dir(_folder()) / f"{pid}.json", record)


def forget_process(pid: int) -> None:
    """The child has ended."""
    with suppress(OSError):
        (_folder() / f"{pid}.json").unlink(missing_ok=True)


def write_json(file: Path, data: Any) -> None:
    """Write `data` so that a reader sees the old or the new file, whole, and nobody else can read it (0600).

    Raises:
        OSError: the disk is full or the folder cannot be written; the old file is untouched.
    """
    # Records of what runs now and figures: after a power cut the last seconds of them are missed by nobody.
    atomic_files.write_whole(file, json.dumps(data, ensure_ascii=False, separators=(",", ":")), durable=False)


def _read(file: Path) -> ProcessRecord | None:
    """The record in `file`; None when it cannot be understood."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return ProcessRecord(
            int(data["pid"]),
            float(data["created"]),
            str(data["kind"]),
            int(data["parent"]),
            float(data["parent_created"]),
            float(data.get("started", 0.0)),
            str(data.get("birth", "")),
            str(data.get("parent_birth", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def stale_processes() -> list[ProcessRecord]:
    """Children that still run although the program that started them is gone; records of dead children are removed."""
    found = []
    for file in _files(_folder(), "*.json"):
        record = _read(file)
        if record is None or not runs(record.pid, record.created, record.birth):
            with suppress(OSError):
                file.unlink()
        elif not runs(record.parent, record.parent_created, record.parent_birth):
            found.append(record)
    return found


def kill_process(record: ProcessRecord, *, patience: float = TERMINATE_SECONDS) -> bool:
    """End the child that `record` is about, gently first; returns whether it is gone.

    A process that merely has the same id is left alone.
    """
    import psutil

    try:
        process = psutil.Process(record.pid)
        if runs(record.pid, record.created, record.birth):
            # psutil compares ids and births once more, at the moment of the signal.
            process.terminate()
            _, alive = psutil.wait_procs([process], timeout=patience)
            for survivor in alive:
                survivor.kill()
            psutil.wait_procs(alive, timeout=1.0)
    except psutil.NoSuchProcess:
        pass
    except psutil.Error as error:
        log.warning("process %s could not be ended: %s", record.pid, error)
    if runs(record.pid, record.created, record.birth):
        return False
    forget_process(record.pid)
    return True


# ---- temporary files


def _temporary_folder(room: int) -> Path:
    import shutil
    import tempfile

    folder = paths.runtime_dir() / "tmp"
    try:
        paths.ensure_private_dir(folder)
        if shutil.disk_usage(folder).free < room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        if not os.access(folder, os.W_OK):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))
    except OSError:
        other = Path(tempfile.gettempdir())  # FileNotFoundError where there is none that can be written
        if shutil.disk_usage(other).free < room:
            raise
        return other
    return folder


@contextmanager
def temporary_path(suffix: str = "", *, owner: str, room: int = 0) -> Iterator[Path]:
    """A path for a temporary file of one's own, below `runtime_dir()/tmp`; what lies there at the end is removed.

    Where that cannot be written, or has no room, it is in the system's folder for such files.

    Args:
        owner: as in `Registry.register`.
        room: bytes that must be free.

    Raises:
        OSError: neither folder can be used; says why not the first.
    """
    from vita_tui.health.registry import registry

    folder = _temporary_folder(room)
    path = folder / f"{os.getpid()}-{secrets.token_hex(6)}{suffix}"
    entry = registry.register(
        path, kind="file", name=path.name, owner=owner, close=lambda: path.unlink(missing_ok=True)
    )
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        entry.leave()


def stale_files() -> list[Path]:
    """Temporary files, control files and files half written of programs that are gone."""
    folder = paths.runtime_dir()
    ours = _files(folder / "tmp", "*") + _files(folder / "control", "[!.]*")
    return [file for file in ours if not _maker_runs(file)] + half_written()


def half_written() -> list[Path]:
    """What a program that was killed has left beside the files that it wrote, in every folder of VITA's."""
    settings = paths.config_file()
    found = list(atomic_files.leftovers(settings.parent, f".{escape(settings.name)}.*.new"))
    for root in (paths.data_dir(), paths.state_dir(), paths.cache_dir()):
        found += (left for folder, _, _ in os.walk(root) for left in atomic_files.leftovers(Path(folder)))
    return sorted(set(found))


def _maker_runs(file: Path) -> bool:
    """Whether the program that made `file` may still want it: it runs, and did so before the file was written."""
    import psutil

    name = file.stem.split("-")[0]
    if not name.isdigit():
        return False
    try:
        return psutil.Process(int(name)).create_time() <= file.stat().st_mtime + 1.0
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except (psutil.Error, OSError):
        return True


def remove_own_records() -> None:
    """Remove what this process has written below `runtime_dir`: it is about to end, and its children were killed."""
    folder, me = paths.runtime_dir(), os.getpid()
    own = [file for file in _files(_folder(), "*.json") if (record := _read(file)) and record.parent == me]
    own += _files(folder / "control", f"{me}.*") + _files(folder / "tmp", f"{me}-*")
    for file in own:
        with suppress(OSError):
            file.unlink()


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if not path.is_dir())
    except OSError:
        return []


# ---- after a crash


@dataclass(slots=True)
class Cleanup:
    """What `clean_up` found and did."""

    ended: list[ProcessRecord] = field(default_factory=list)
    stubborn: list[ProcessRecord] = field(default_factory=list)
    """Still running: another user's, or beyond signals."""
    removed: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    """Could not be removed."""


def clean_up(*, pretend: bool = False) -> Cleanup:
    """End and remove what programs that are gone have left; running programs and their children are not touched.

    Args:
        pretend: only say what would be done.
    """
    done = Cleanup()
    for record in stale_processes():
        gone = pretend or kill_process(record)
        (done.ended if gone else done.stubborn).append(record)
    for file in stale_files():
        try:
            if not pretend:
                file.unlink(missing_ok=True)
            done.removed.append(file)
        except OSError as error:
            log.warning("%s could not be removed: %s", file, error)
            done.kept.append(file)
    return done
