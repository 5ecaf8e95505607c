"""Weights that a command needs and that are not on this machine: fetched where somebody can say yes, named elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from vita_tui.events import Job
    from vita_tui.models.catalogue import Model
    from vita_tui.settings import Settings

__all__ = ["missing_weights", "need_weights"]


def need_weights(settings: Settings, *jobs: Job) -> None:
    """Make sure that each of `jobs` can be done by some engine: on a terminal fetching what is missing is offered.

    Raises:
        ModelError: weights are missing; names the command that fetches them.
    """
    lacking = [
        model for job in jobs if not _another_way(settings, job) for model in missing_weights(settings, job)
    ]
    if not lacking:
        return
    if sys.stdin.isatty() and sys.stderr.isatty() and _wanted(lacking):
        from vita_tui.cli.progress import PullBars
        from vita_tui.models import fetch

        with PullBars() as bars:
            fetch.pull([model.handle for model in lacking], bars.update)
        return
    from vita_tui.errors import ModelError

    named = " and ".join(model.title for model in lacking)
    raise ModelError(
        f"{named} {'is' if len(lacking) == 1 else 'are'} not on this machine.",
        remedy=f"Fetch {'it' if len(lacking) == 1 else 'them'}: vita models pull {' '.join(m.handle for m in lacking)}",
    )


def missing_weights(settings: Settings, job: Job) -> list[Model]:
    """The model that the settings name for `job`, where it is one that can be fetched and is not here."""
    from vita_tui.errors import ModelError
    from vita_tui.models import missing

    if job == "llm" and settings.llm.base_url:
        return []
    if job == "tts" and "piper" not in settings.tts.engines:
        return []
    name = {"stt": settings.stt.model, "llm": settings.llm.model, "tts": settings.tts.voice}[job]
    try:
        return missing([name])
    except ModelError:  # a path, or a name that the engine itself will complain about
        return []


def _another_way(settings: Settings, job: Job) -> bool:
    """Whether another engine does the job without the model that is missing; the command then tells which."""
    from vita_tui.errors import ModelError
    from vita_tui.models import store

    if job == "tts":
        return any(
            name != "piper" for name in settings.tts.engines if name != "remote" or settings.tts.base_url
        )
    if job == "stt":
        for name in settings.stt.fallback:
            try:
                store.resolve(name, "stt")
            except ModelError:
                continue
            return True
    return False


def _wanted(lacking: list[Model]) -> bool:
    from vita_tui.text.clean import clean_line

    for model in lacking:
        size = f", {model.size / 1e6:,.0f} MB" if model.size else ""
        sys.stderr.write(clean_line(f"{model.title}{size}, is not on this machine.") + "\n")
    question = "Fetch it now?" if len(lacking) == 1 else "Fetch them now?"
    return typer.confirm(question, default=True, err=True)
