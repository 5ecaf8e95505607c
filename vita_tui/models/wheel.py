"""Weights out of Python packages: the ordinary package client fetches them, nothing in them is ever run.

pip works in a child process whose end is tied to ours by its standard input: when VITA dies, however it dies, the pipe closes and the
child leaves. Its temporary files lie beside the models, because the system's own temporary folder may be a small one in memory.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from vita_tui.errors import ModelError
from vita_tui.health.processes import child_environment
from vita_tui.health.registry import registry
from vita_tui.models.catalogue import Wheel
from vita_tui.models.progress import Cancelled
from vita_tui.models.sink import Sink

__all__ = ["PREFIX", "download", "reason_of", "unpack"]

PREFIX = "package-"
"""Start of the names of the temporary folders."""

_ERRORS = "errors.txt"
_TICK = 0.1
"""Seconds between two looks at how much has come."""
_CHUNK = 1 << 20

_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)+(?=[A-Z])(?:\w+: (?=\S))?|^[A-Z]\w*: (?=\S)")
_BROKEN = re.compile(r"after connection broken by '(.*)': /")
_WITHIN = re.compile(r"""\[[^\]]+\] |\): |[,(] ?['"]""")
"""What stands before the innermost message of a connection that broke: an error's number, a pool, or an opening quote."""
_MARKED = re.compile(r"\s*(?:ERROR:|×)\s*(\S.*)")

_PIP = """
import os, runpy, sys, threading

def follow():
    os.read(0, 1)
    os._exit(130)

threading.Thread(target=follow, daemon=True).start()
sys.argv = ["pip", *sys.argv[1:]]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
"""`python -m pip`, gone when the other end of its standard input is."""


def download(
    wheel: Wheel, staging: Path, *, on_bytes: Callable[[int], None], cancelled: threading.Event
) -> Path:
    """Fetch `wheel` into a new folder inside `staging`; the caller deletes that folder, which is the result's parent.

    Args:
        on_bytes: called some ten times a second with the bytes of the wheel that are there.

    Raises:
        ModelError: pip is not there, or it could not fetch the package.
        Cancelled: `cancelled` was set; pip is gone and the folder deleted.
        OSError: the disk is full or fails.
    """
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            f"pip, which would fetch the package {wheel.package}, is not installed for {sys.executable}.",
            remedy=f"{sys.executable} -m ensurepip --upgrade",
        )
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=staging))
    kept = False
    try:
        errors = place / _ERRORS
        with errors.open("wb") as stream:
            child = subprocess.Popen(
                _command(wheel, place),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env=child_environment(**dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))),
            )
        entry = registry.register(
            child,
            kind="process",
            name=f"pip {child.pid}",
            owner="models.wheel",
            close=child.terminate,
            force=child.kill,
        )
        try:
            while child.poll() is None:
                if cancelled.wait(_TICK):
                    raise Cancelled
                on_bytes(min(wheel.size, _largest(place)))
        finally:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()
            entry.leave()
        if child.returncode != 0:
            _explain(wheel, errors.read_text(encoding="utf-8", errors="replace"))
        found = list(place.glob("*.whl"))
        if len(found) != 1:
            raise ModelError(f"pip fetched no wheel of {wheel.package} {wheel.version}.")
        kept = True
        return found[0]
    finally:
        if not kept:
            shutil.rmtree(place, ignore_errors=True)


def _command(wheel: Wheel, place: Path) -> list[str]:
    # Only a carrier: no dependency, no build, and the Python versions that it would run on do not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    quiet = [
        "--no-input",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--no-color",
    ]
    package = f"{wheel.package}=={wheel.version}"
    return [sys.executable, "-P", "-c", _PIP, "download", *options, *quiet, "--dest", str(place), package]


def _largest(place: Path) -> int:
    """Size of the largest file under `place` but for pip's errors: what pip is writing now, or has just copied."""
    sizes = [0]
    for folder, _, names in os.walk(place):
        for name in names:
            if name == _ERRORS:
                continue
            try:
                sizes.append((Path(folder) / name).stat().st_size)
            except OSError:
                continue  # pip has moved it meanwhile
    return max(sizes)


def _explain(wheel: Wheel, said: str) -> NoReturn:
    """Raise what pip `said` as one error.

    Raises:
        ModelError: with pip's own reason.
        OSError: the disk is full.
    """
    if os.strerror(errno.ENOSPC) in said:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise ModelError(
        f"pip could not fetch the package {wheel.package} {wheel.version}: {reason_of(said)}.",
        remedy="Look at the network, then try again.",
    )


def reason_of(said: str) -> str:
    """Why pip failed, as part of a sentence, from all that it `said` on standard error.

    pip tells of a failure in one of four ways: a line of warning for each attempt at a connection, lines with "ERROR:", a line
    with "×" below "error: KIND", or its own traceback.
    """
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    if any(_TRACEBACK in line for line in lines):
        # The last line at the margin is the exception that ended it; what it was raised from stands above.
        told = _EXCEPTION.sub("", next(line for line in reversed(lines) if not line[0].isspace()))
    elif broken := _BROKEN.findall(said):
        inner = re.split("['\"]", _WITHIN.split(broken[-1])[-1])[0]
        told = f"the package index cannot be reached ({inner[:-1] if inner.count(')') > inner.count('(') else inner})"
    else:
        marked = [found[1] for line in lines if (found := _MARKED.match(line))]
        told = (marked or lines[-1:] or ["it gave no reason"])[0]
    return told.strip().rstrip(".:")


def unpack(archive: Path, wheel: Wheel, sinks: Mapping[str, Sink], *, cancelled: threading.Event) -> None:
    """Append the members of `archive` to the files that they belong to; members of other files are passed over.

    Raises:
        ModelError: the package is damaged or is not the one that was meant.
        WrongBytesError: a member is longer than its file.
        Cancelled: `cancelled` was set.
        OSError: the disk is full or fails.
    """
    what = f"The package {wheel.package} {wheel.version}"
    try:
        with zipfile.ZipFile(archive) as members:
            for member, target in wheel.members:
                if target not in sinks:
                    continue
                with members.open(member) as stream:
                    while chunk := stream.read(_CHUNK):
                        if cancelled.is_set():
                            raise Cancelled
                        sinks[target].write(chunk)
    except KeyError:
        raise ModelError(f"{what} is not the expected one: a file is not in it.") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise ModelError(f"{what} is damaged: {error}.") from None
