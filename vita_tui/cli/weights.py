"""Weights that a command needs and that are not on this machine: fetched where somebody can say yes, named elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vita_tui.cli.output import say
from vita_tui.text.clean import clean_name

if TYPE_CHECKING:
    from vita_tui.events import Job
    from vita_tui.models.catalogue import Model
    from vita_tui.settings import Settings

__all__ = ["chosen_weights", "missing_weights", "need_weights"]

_ABSENT = "not on this machine"
_STATES = {"damaged": "damaged", "incomplete": "not complete"}


def need_weights(settings: Settings, *jobs: Job) -> None:
    """Make sure that each of `jobs` can be done by some engine: on a terminal fetching what is missing is offered.

    Raises:
        ModelError: weights are missing; names the command that fetches them.
    """
    needed = [job for job in jobs if not _another_way(settings, job)]
    if needed or "stt" in jobs:
        _check_place()
    lacking = [model for job in needed for model in missing_weights(settings, job)]
    if not lacking:
        return
    if sys.stdin.isatty() and sys.stderr.isatty() and _wanted(lacking):
        from vita_tui.cli.progress import PullBars
        from vita_tui.models import fetch

        with PullBars() as bars:
            fetch.pull([model.handle for model in lacking], bars.update)
        return
    from vita_tui.errors import ModelError
    from vita_tui.models import installed

    named = " and ".join(model.title for model in lacking)
    states = {_STATES.get(installed.standing(model), _ABSENT) for model in lacking}
    raise ModelError(
        f"{named} {'is' if len(lacking) == 1 else 'are'} {states.pop() if len(states) == 1 else _ABSENT}.",
        remedy=f"Fetch {'it' if len(lacking) == 1 else 'them'}: vita models pull {' '.join(m.handle for m in lacking)}",
    )


def _check_place() -> None:
    """Models are opened by libraries that take text for a name."""
    from vita_tui import paths
    from vita_tui.errors import ModelError

    try:
        str(paths.models_dir()).encode()
    except UnicodeEncodeError:
        raise ModelError(
            f"The folder {clean_name(paths.models_dir())} has a name that is not UTF-8: models cannot be opened in it.",
            remedy="Rename it, or set VITA_HOME to another folder.",
        ) from None


def missing_weights(settings: Settings, job: Job) -> list[Model]:
    """The model that the settings name for `job`, where it is one that can be fetched and is not here."""
    from vita_tui.models import installed

    return [
        model
        for model in chosen_weights(settings, job)
        if installed.standing(model) not in {"ready", "unknown"}
    ]


def chosen_weights(settings: Settings, job: Job) -> list[Model]:
    """The model that the settings name for `job`, where it is one that can be fetched.

    Raises:
        ModelError: there is no model of that name.
    """
    from vita_tui import paths
    from vita_tui.errors import ModelError
    from vita_tui.models import catalogue

    if job == "llm" and settings.llm.on_server:
        return []
    if job == "stt" and settings.stt.engines[:1] != ("local",):
        return []
    if job == "tts" and "piper" not in settings.tts.engines:
        return []
    name = {"stt": settings.stt.model, "llm": settings.llm.model, "tts": settings.tts.voice}[job]
    try:
        return [catalogue.find(name)]
    except ModelError:
        if not set(name) & set("/\\~") and not paths.there(Path(name)):  # it is meant as a name
            raise
        return []  # the engine itself will say what is wrong there


def _another_way(settings: Settings, job: Job) -> bool:
    """Whether another engine does the job without the model that is missing; the command then tells which."""
    if job == "llm":
        return settings.llm.on_server
    from vita_tui.errors import ModelError
    from vita_tui.models import installed

    if job == "tts":
        return any(
            name != "piper" for name in settings.tts.engines if name != "remote" or settings.tts.base_url
        )
    if job == "stt":
        if settings.stt.engines[:1] != ("local",):
            return True
        for name in settings.stt.fallback:
            try:
                installed.resolve(name, "stt")
            except ModelError:
                continue
            return True
    return False


def _wanted(lacking: list[Model]) -> bool:
    for model in lacking:
        size = f", {model.size / 1e6:,.0f} MB" if model.size else ""
        say(f"{model.title}{size}, is not on this machine.")
    question = "Fetch it now?" if len(lacking) == 1 else "Fetch them now?"
    try:
        return typer.confirm(question, default=True, err=True)
    except typer.Abort:  # ctrl+c, ctrl+d: no
        say("")
        return False
