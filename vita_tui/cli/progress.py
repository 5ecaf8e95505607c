"""Progress bars on stderr: of a pull, one for each model, with total, speed and time left; of a recording, with time left."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vita_tui.cli.output import moves, plain, say

if TYPE_CHECKING:
    from rich.progress import TaskID

    from vita_tui.models.progress import Progress as Report

__all__ = ["Bar", "PullBars", "amount", "time_left"]

_SAY = {
    "checking": "checking",
    "waiting": "waiting",
    "connecting": "connecting",
    "downloading": "downloading",
    "unpacking": "unpacking",
    "ready": "ready",
}


def amount(size: float) -> str:
    """Bytes as people read them: "512 kB", "98.4 MB"."""
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def time_left(seconds: float | None) -> str:
    """ "1:05" for 65 seconds; empty when it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class PullBars:
    """Shows what `fetch.pull` reports. Where stderr is no terminal, one line for each new phase instead of moving bars."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._moving = moves()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[amount]}", markup=False, justify="right"),
            TextColumn("{task.fields[speed]}", markup=False, justify="right"),
            TextColumn("{task.fields[left]}", markup=False, justify="right"),
            console=Console(stderr=True, highlight=False),
            disable=not self._moving,
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last_line = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, report: Report) -> None:
        """Draw `report`."""
        if not self._moving:
            self._line(report)
            return
        if report.message:
            self._progress.console.print(plain(report.message), markup=False)
        if report.model not in self._tasks:
            self._tasks[report.model] = self._progress.add_task(
                "", total=report.model_total, amount="", speed="", left=""
            )
        loading = report.phase == "downloading"
        self._progress.update(
            self._tasks[report.model],
            description=plain(f"{report.model}: {_SAY[report.phase]}"),
            completed=report.model_done,
            amount=f"{amount(report.model_done)} of {amount(report.model_total)}",
            speed=f"{amount(report.speed)}/s" if loading and report.speed else "",
            left=f"{time_left(report.eta)} left" if loading and report.eta is not None else "",
        )

    def _line(self, report: Report) -> None:
        if report.message:
            say(report.message)
        line = f"{report.model}: {_SAY[report.phase]}"
        if report.phase == "downloading":
            line += f" {report.file} ({report.source})"
        if line != self._last_line:
            say(line)
            self._last_line = line


class Bar:
    """How much of a recording is done. Nothing is drawn where stderr is no terminal, or where it takes less than a moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.monotonic()
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, done: float, total: float | None) -> None:
        """
        Args:
            done, total: seconds of the recording; None when it is not known how long it is.
        """
        if not moves() or (total is not None and done >= total):
            return
        if self._progress is None:
            self._start(total)
        took = time.monotonic() - self._started
        left = took / done * (total - done) if total is not None and done else None
        of = f" of {time_left(total)}" if total is not None else ""
        self._progress.update(
            self._task,
            completed=done,
            at=f"{time_left(done)}{of}",
            left=f"{time_left(left)} left" if left else "",
        )

    def _start(self, total: float | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[at]}", markup=False),
            TextColumn("{task.fields[left]}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task(plain(self._name), total=total, at="", left="")
        self._progress.start()
