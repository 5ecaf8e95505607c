"""The first run: what VITA needs is fetched above the prompt, while the conversation is already usable.

The pull runs in a thread of this widget's own. It is stopped by setting an event, which the pull looks at several times a
second; what was fetched so far is kept and resumed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Label, ProgressBar, Static

from vita_tui.errors import ModelError
from vita_tui.events import Job, Part
from vita_tui.tui.core import Lacking, Weights
from vita_tui.tui.formatting import clean, duration, size
from vita_tui.tui.look import MUTED

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["Fetch", "offer"]

log = logging.getLogger(__name__)

PURPOSE: dict[Part, str] = {
    "llm": "language model",
    "stt": "speech recognition",
    "tts": "voice",
    "turn": "end of turn",
}


async def offer(app: VitaApp, *, always: bool = False) -> None:
    """Fetch what is missing, if anything is.

    Args:
        always: say so when nothing is.
    """
    if app.core is None or app.weights is None or app.main.query(Fetch):
        return
    lacking = await asyncio.to_thread(app.weights.missing, app.core.settings)
    if lacking:
        await app.main.query_one("#left").mount(Fetch(app.weights, lacking), before="#partial")
    elif always:
        app.notify("Every model is here.", title="Models", markup=False)


class Row(Horizontal):
    """One model: its name, a bar, and how far it is."""

    def __init__(self, model: Lacking) -> None:
        super().__init__()
        self.model = model

    def compose(self) -> ComposeResult:
        yield Label(
            Content.assemble((PURPOSE[self.model.job], "bold"), "  ", (clean(self.model.name), MUTED)),
            classes="name",
        )
        yield ProgressBar(total=self.model.size or None, show_percentage=False, show_eta=False)
        yield Label(Content(size(self.model.size) if self.model.size else "…"), classes="figures")

    def show(self, progress: Any) -> None:
        """`progress` is a `models.progress.Progress` about this model."""
        self.query_one(ProgressBar).update(total=progress.model_total or None, progress=progress.model_done)
        words = {
            "checking": "checking",
            "waiting": "waiting",
            "connecting": "connecting",
            "unpacking": "unpacking",
            "ready": "✓ ready",
        }.get(progress.phase, "")
        if not words:
            words = f"{size(progress.model_done)} of {size(progress.model_total)}"
        self.query_one(".figures", Label).update(Content(words))


class Fetch(Vertical):
    """Bars, speed and time left; can be cancelled, tried again, and closed."""

    class Arrived(Message):
        """The models of one job are here."""

        def __init__(self, job: Part, names: set[str]) -> None:
            super().__init__()
            self.job = job
            self.names = names

    class Stopped(Message):
        """It failed or was cancelled: nothing more comes."""

    class _Progressed(Message):
        def __init__(self, progress: Any) -> None:
            super().__init__()
            self.progress = progress

    class _Ended(Message):
        def __init__(self, error: Exception | None) -> None:
            super().__init__()
            self.error = error

    def __init__(self, weights: Weights, lacking: Sequence[Lacking]) -> None:
        super().__init__(id="fetch")
        self._weights = weights
        self._lacking = list(lacking)
        self._ready: set[str] = set()
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self.border_title = "Fetching what VITA needs"

    def compose(self) -> ComposeResult:
        for model in self._lacking:
            yield Row(model)
        with Horizontal(classes="foot"):
            yield Static("", classes="words")
            yield Button("Cancel", id="fetch-cancel", compact=True)
            yield Button("Try again", id="fetch-retry", variant="primary", compact=True)
            yield Button("Close", id="fetch-close", compact=True)
        yield Static("", classes="problem")

    def brings(self, job: Job) -> bool:
        """Whether what `job` needs is on its way."""
        coming = self._thread is not None and self._thread.is_alive() and not self._cancelled.is_set()
        return coming and any(m.job == job and m.name not in self._ready for m in self._lacking)

    def on_mount(self) -> None:
        self._begin()

    def on_unmount(self) -> None:
        self._cancelled.set()

    def _begin(self) -> None:
        from vita_tui.health.threads import RegisteredThread

        cancelled = self._cancelled = threading.Event()
        names = [model.name for model in self._lacking if model.name not in self._ready]
        self._say("Starting. You can type as soon as the first one is here.")
        self._buttons("fetch-cancel")
        self.query_one(".problem").display = False

        def work() -> None:
            error: Exception | None = None
            try:
                self._weights.pull(names, lambda progress: self._tell(self._Progressed(progress)), cancelled)
            except Exception as failure:  # noqa: BLE001 - the top of a thread; it is shown and logged in `on_fetch__ended`
                error = failure
            self._tell(self._Ended(error))

        self._thread = RegisteredThread(work, name="fetch models", owner="tui.fetch", close=cancelled.set)
        self._thread.start()

    def _tell(self, message: Message) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the program is ending
            self.post_message(message)

    def on_fetch__progressed(self, message: _Progressed) -> None:
        message.stop()
        progress = message.progress
        for row in self.query(Row):
            if row.model.name != progress.model:
                continue
            row.show(progress)
            if progress.phase == "ready" and row.model.name not in self._ready:
                self._ready.add(row.model.name)
                self.post_message(self.Arrived(row.model.job, {row.model.name}))
        parts = [f"{size(progress.done)} of {size(progress.total)}"]
        if progress.speed:
            parts.append(f"{size(progress.speed)}/s")
        if progress.eta is not None:
            parts.append(f"{duration(progress.eta)} left")
        self._say(clean(progress.message) or " · ".join(parts))

    def on_fetch__ended(self, message: _Ended) -> None:
        from vita_tui.models.progress import Cancelled

        message.stop()
        if message.error is None:
            self.app.notify("VITA has all it needs.", title="Models are here", markup=False)
            self.remove()
            return
        self.post_message(self.Stopped())
        self._buttons("fetch-retry", "fetch-close")
        if isinstance(message.error, Cancelled):
            self._say("Cancelled; what was fetched is kept. Later: vita models pull")
            return
        if isinstance(message.error, ModelError):
            words = f"{message.error.message} {message.error.remedy}"
        else:
            log.error("fetching models failed", exc_info=message.error)
            words = f"{message.error or type(message.error).__name__}."
        log.warning("models were not fetched: %s", words)
        self._say("Later: vita models pull. ctrl+l has the details.")
        problem = self.query_one(".problem", Static)
        problem.update(Content(f"✗ {clean(words)}"))
        problem.display = True

    @on(Button.Pressed, "#fetch-cancel")
    def _cancel(self) -> None:
        self._cancelled.set()
        self._say("Cancelling …")

    @on(Button.Pressed, "#fetch-retry")
    def _retry(self) -> None:
        self._begin()

    @on(Button.Pressed, "#fetch-close")
    def _close(self) -> None:
        self.remove()

    def _buttons(self, *shown: str) -> None:
        for button in self.query(Button):
            button.display = button.id in shown

    def _say(self, words: str) -> None:
        self.query_one(".words", Static).update(Content(words))
