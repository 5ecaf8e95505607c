"""The end of the log file, followed as it grows."""

from __future__ import annotations

import os
from typing import BinaryIO, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import RichLog

from vita_tui import paths
from vita_tui.tui.formatting import clean
from vita_tui.tui.screens.base import Sheet

__all__ = ["LogScreen"]

TAIL = 100_000
"""Bytes from the end of the file that are shown at first."""
LINES = 2_000
REFRESH_SECONDS = 0.5
"""Seconds between two looks at the file."""


class LogScreen(Sheet):
    HEADING = "Log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="log.follow", tooltip="Stay at the end, or stop staying there"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._file: BinaryIO | None = None

    def content(self) -> ComposeResult:
        yield RichLog(max_lines=LINES, wrap=True, markup=False, highlight=False)

    def ways(self) -> str:
        return "f follows · esc closes"

    def on_mount(self) -> None:
        self.query_one(".sheet").border_title = f"Log · {paths.log_file()}"
        self._open(at_start=False)
        self._read()
        self.set_interval(REFRESH_SECONDS, self._read)
        self.query_one(RichLog).focus()

    def on_unmount(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def action_follow(self) -> None:
        view = self.query_one(RichLog)
        view.auto_scroll = not view.auto_scroll
        if view.auto_scroll:
            view.scroll_end(animate=False)

    def _open(self, *, at_start: bool) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        try:
            file = self._file = paths.log_file().open("rb")
        except OSError as error:
            self.query_one(RichLog).write(f"The log cannot be read: {error.strerror or error}.")
            return
        if not at_start:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            if file.tell():
                file.readline()

    def _read(self) -> None:
        if self._file is None or not self.query(RichLog):  # the screen is being closed
            return
        view = self.query_one(RichLog)
        text = self._file.read(TAIL).decode("utf-8", errors="replace")
        if text:
            view.write(clean(text.rstrip("\n")))
        elif self._rotated():
            self._open(at_start=True)

    def _rotated(self) -> bool:
        """Whether a new file has taken the name since."""
        assert self._file is not None
        try:
            return paths.log_file().stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except OSError:
            return False
