"""What was asked before, for the arrow keys; kept in the state folder, for the user's eyes only."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path

from vita_tui import atomic_files, paths

__all__ = ["PromptHistory"]

log = logging.getLogger(__name__)

LIMIT = 500
"""Prompts kept."""
MAX_PROMPT = 10_000
"""Characters of the longest prompt that is kept."""


class PromptHistory:
    """Prompts, the newest last, and a place among them. One JSON string a line, so that prompts may have several lines.

    Several terminals may add at once: each appends its line; the file is cut to the limit when it is read.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths.state_dir() / "prompts.jsonl"
        self._prompts = self._read()
        self._place = len(self._prompts)
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember `text` unless it is the last again; failing to keep it on disk is logged and no more."""
        repeated = bool(self._prompts) and self._prompts[-1] == text
        if len(text) <= MAX_PROMPT and not repeated:
            self._prompts.append(text)
            del self._prompts[:-LIMIT]
            try:
                paths.ensure_private_dir(self._file.parent)
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                    file.write(json.dumps(text, ensure_ascii=False) + "\n")
            except OSError as error:
                log.warning("prompt history cannot be written: %s", error)
        self._place = len(self._prompts)
        self._draft = ""

    def newest(self) -> list[str]:
        """All that is remembered, each once, the newest first."""
        return list(dict.fromkeys(reversed(self._prompts)))

    def older(self, current: str) -> str | None:
        """The prompt before; `current`, when it is not yet sent, is found again at the end of `newer`."""
        if self._place == 0:
            return None
        if self._place == len(self._prompts):
            self._draft = current
        self._place -= 1
        return self._prompts[self._place]

    def newer(self) -> str | None:
        """The prompt after, or the unsent draft; None at the end."""
        if self._place >= len(self._prompts):
            return None
        self._place += 1
        return self._draft if self._place == len(self._prompts) else self._prompts[self._place]

    def _read(self) -> list[str]:
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("prompt history cannot be read: %s", error)
            return []
        prompts = []
        for line in lines:
            with contextlib.suppress(ValueError):
                prompt = json.loads(line)
                if isinstance(prompt, str) and prompt:
                    prompts.append(prompt)
        if len(lines) > 2 * LIMIT:
            self._shorten(prompts[-LIMIT:])
        return prompts[-LIMIT:]

    def _shorten(self, prompts: list[str]) -> None:
        lines = (json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in prompts)
        try:
            atomic_files.write_whole(self._file, "".join(lines), durable=False)
        except OSError as error:
            log.warning("prompt history cannot be shortened: %s", error)
