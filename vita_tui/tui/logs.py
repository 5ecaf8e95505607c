"""The log file: everything that VITA and its libraries have to say while the screen is in use."""

from __future__ import annotations

import logging
import logging.handlers
import os
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from vita_tui import paths

__all__ = ["log_to_file"]

SIZE = 2_000_000
"""Bytes after which a new file is begun; two old ones are kept."""
NATIVE = "native"
"""Who speaks for the native libraries."""
REPEAT_SECONDS = 60.0
REMEMBERED_ERRORS = 16
"""Different things that are looked out for."""


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """Readable by the user alone. What native libraries say again and again within a minute is written once, and then how often."""

    def __init__(self, file: Path, **keywords: Any) -> None:
        super().__init__(file, **keywords)
        self._said: OrderedDict[str, tuple[logging.LogRecord, int]] = OrderedDict()
        """What was written lately: its record, and how often it was said since then."""

    def emit(self, record: logging.LogRecord) -> None:
        for text, (first, _) in list(self._said.items()):
            if record.created - first.created > REPEAT_SECONDS or len(self._said) > REMEMBERED_ERRORS:
                self._tell(text)
        text = record.getMessage()
        if record.name != NATIVE:  # of ours the order tells what happened
            super().emit(record)
        elif text in self._said:
            first, times = self._said[text]
            self._said[text] = first, times + 1
        else:
            self._said[text] = record, 0
            super().emit(record)

    def close(self) -> None:
        for text in list(self._said):
            self._tell(text)
        super().close()

    def _tell(self, text: str) -> None:
        """Write how often it was said again, and forget it."""
        first, times = self._said.pop(text)
        if times:
            again = logging.makeLogRecord({**first.__dict__, "created": time.time()})
            again.msg, again.args = f"{first.getMessage()} (× {times} more)", ()
            super().emit(again)

    def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as the base class declares it
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600) if hasattr(os, "fchmod") else None
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors="replace")


def log_to_file() -> None:
    """Send all logging to the log file and nowhere else; without a writable log file it goes nowhere."""
    root = logging.getLogger()
    if any(isinstance(handler, _PrivateFile) for handler in root.handlers):
        return
    handler: logging.Handler
    try:
        paths.ensure_private_dir(paths.log_file().parent)
        handler = _PrivateFile(paths.log_file(), maxBytes=SIZE, backupCount=2, encoding="utf-8")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s")
    )
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # One line for each request, with addresses in it: nothing a user could use.
    for name in ("httpx", "httpx2", "httpcore", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
