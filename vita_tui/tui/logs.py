"""The log file: everything that VITA and its libraries have to say while the screen is in use."""

from __future__ import annotations

import logging
import logging.handlers
import os

from vita_tui import paths

__all__ = ["log_to_file"]

SIZE = 2_000_000
"""Bytes after which a new file is begun; two old ones are kept."""


class _PrivateFile(logging.handlers.RotatingFileHandler):
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
