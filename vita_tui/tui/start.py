"""Opening the screen, from the terminal to the exit code."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from vita_tui.errors import VitaError
from vita_tui.tui.app import VitaApp
from vita_tui.tui.core import Build, Core
from vita_tui.tui.terminal import private_terminal

__all__ = ["run"]


def _look() -> tuple[str, bool]:
    """The theme and whether the panel is shown, without the cost of reading all settings: those are checked later, and told about."""
    theme, panel = os.environ.get("VITA_UI__THEME", ""), True
    from vita_tui import paths

    with contextlib.suppress(OSError, ValueError):
        file = paths.config_file()
        if file.is_file():
            import tomllib

            section = tomllib.loads(file.read_text(encoding="utf-8")).get("ui", {})
            if isinstance(section, dict):
                theme = theme or str(section.get("theme", ""))
                panel = section.get("panel") is not False
    return theme, panel


def _build(overrides: Mapping[str, Any]) -> Core:
    """The real assistant. Called in a thread."""
    from vita_tui import settings
    from vita_tui.conversation.build import build

    return build(settings.load(overrides=overrides), upkeep=True, asks=True)


def run(
    resume: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    question: str = "",
    *,
    build: Build | None = None,
) -> int:
    """Open the screen; returns the exit code when the user has left.

    Args:
        resume: id of the conversation to go on with; "latest" for the last one.
        overrides: settings from the command line, as nested dictionaries.
        question: is asked as if it were typed at once.
        build: makes the assistant; the real one when None.

    Raises:
        VitaError: the assistant could not be built (a wrong settings file, for one).
    """
    from vita_tui.tui.weights import ModelStore

    theme, panel = _look()
    with private_terminal() as terminal:
        app = VitaApp(
            build or _build,
            weights=ModelStore() if build is None else None,
            resume=resume,
            overrides=overrides,
            question=question,
            theme=theme,
            panel=panel,
            terminal=terminal,
        )
        app.run()
    if app.error is not None:
        if isinstance(app.error, VitaError):
            raise app.error
        from vita_tui import paths

        raise VitaError(
            f"VITA could not start: {app.error}.", remedy=f"The log has the details: {paths.log_file()}"
        )
    if app.return_code not in (0, None, 130):
        from vita_tui import paths

        raise VitaError(
            "VITA crashed because of a bug.", remedy=f"The log has the details: {paths.log_file()}"
        )
    return app.return_code or 0
