"""How far a pull has come, as data that a bar on the command line and one in the TUI are drawn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vita_tui.clock import Clock

__all__ = ["Cancelled", "Meter", "ModelSource", "Phase", "Progress"]

Phase = Literal["checking", "waiting", "connecting", "downloading", "unpacking", "ready"]
ModelSource = Literal["", "hub", "package"]

_WINDOW = 5.0
"""Seconds over which the speed is taken."""
_SURE = 1.0
"""Seconds of data before a time left is told."""
_EVERY = 0.1
"""Least seconds between two reports of mere growth."""


class Cancelled(Exception):  # noqa: N818 - it is no error: the caller asked for it
    """The caller set the `cancelled` event; what was downloaded from the hub is kept and resumed the next time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a pull is. Sizes are in bytes of the models' files, whatever carries them."""

    model: str
    file: str
    """The file or the package that is being fetched; empty between them."""
    phase: Phase
    source: ModelSource
    done: int
    """Of everything that was asked for, what was there already included."""
    total: int
    model_done: int
    model_total: int
    speed: float
    """Bytes a second over the last five seconds; 0 when nothing has moved."""
    eta: float | None
    """Seconds until all is done at that speed; None when it cannot be told."""
    message: str = ""
    """A sentence for the user when something is not as usual: another process is waited for, the hub cannot be reached."""


class Meter:
    """Adds up what each model has and reports it, at most ten times a second unless something other than size changes.

    Belongs to the thread that pulls.
    """

    def __init__(self, on_progress: Callable[[Progress], None], clock: Clock, totals: dict[str, int]) -> None:
        """`totals`: bytes of each model by name."""
        self._on_progress = on_progress
        self._clock = clock
        self._totals = totals
        self._done = dict.fromkeys(totals, 0)
        self._moved = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._last_report = float("-inf")
        self._model = self._file = ""
        self._phase: Phase = "checking"
        self._source: ModelSource = ""

    def turn_to(
        self, model: str, phase: Phase, *, file: str = "", source: ModelSource = "", message: str = ""
    ) -> None:
        """Report that `model` is now in `phase`."""
        if (phase, source) != (self._phase, self._source):
            self._samples.clear()
        self._model, self._phase, self._file, self._source = model, phase, file, source
        self._report(message)

    def set(self, done: int, *, moved: bool = True) -> None:
        """The current model now has `done` bytes.

        Args:
            moved: they came over the network just now, so they count for the speed.
        """
        done = max(0, min(done, self._totals[self._model]))
        gain = done - self._done[self._model]
        self._done[self._model] = done
        if moved and gain > 0:
            self._moved += gain
        if self._clock.monotonic() - self._last_report >= _EVERY:
            self._report("")

    def _report(self, message: str) -> None:
        now = self._last_report = self._clock.monotonic()
        if self._samples and self._samples[0][1] == self._moved:
            # Nothing has moved in the window: waiting for the first byte must not count as slowness.
            self._samples.clear()
        self._samples.append((now, self._moved))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW:
            self._samples.popleft()
        since, before = self._samples[0]
        speed = (self._moved - before) / (now - since) if now > since else 0.0
        done, total = sum(self._done.values()), sum(self._totals.values())
        self._on_progress(
            Progress(
                model=self._model,
                file=self._file,
                phase=self._phase,
                source=self._source,
                done=done,
                total=total,
                model_done=self._done[self._model],
                model_total=self._totals[self._model],
                speed=speed,
                eta=(total - done) / speed if speed > 0 and now - since >= _SURE else None,
                message=message,
            )
        )
