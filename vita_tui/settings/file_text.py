"""The settings file as text: read, parsed, and written only where what comes out is valid."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vita_tui import atomic_files
from vita_tui.errors import SettingsError
from vita_tui.settings.sources import load

__all__ = ["parse", "read_text", "write_text"]


def read_text(file: Path) -> str:
    """What `file` holds; nothing when there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.") from None


def parse(text: str, file: Path) -> dict[str, Any]:
    """The TOML in `text`, which is that of `file`.

    Raises:
        SettingsError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}.", remedy="Fix that line first.") from None


def write_text(text: str, file: Path, wanted: Mapping[str, Any] | None = None) -> None:
    """Put `text` in the place of what `file` holds.

    Args:
        wanted: what must be valid also where the environment hides it.

    Raises:
        SettingsError: the settings would not be valid, or the file cannot be written. The file is then as it was.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_files.replacing(file, keep_mode=True) as new:
            new.write_text(text, encoding="utf-8")
            try:
                load(new)
            except SettingsError as error:
                message = error.message.replace(str(new), str(file))
                raise SettingsError(message, remedy=error.remedy) from None
            if wanted is not None:
                _check_hidden(new, file, wanted)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}.") from None


def _check_hidden(new: Path, file: Path, wanted: Mapping[str, Any]) -> None:
    """The environment goes before the file, and hides what is wrong with it for as long as it is set."""
    try:
        load(new, overrides=wanted)
    except SettingsError as error:
        message = error.message.partition(": ")[2]
        raise SettingsError(f"{file}: {message}", remedy=error.remedy) from None
