"""What a language says: the files in `sentences/`, one a language."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

__all__ = ["data", "languages", "own_data"]


@functools.cache
def languages() -> tuple[str, ...]:
    """The languages with sentences of our own."""
    place = resources.files("vita_tui.abilities") / "sentences"
    return tuple(sorted(entry.name[:2] for entry in place.iterdir() if entry.name.endswith(".yaml")))


@functools.cache
def data(language: str) -> dict[str, Any]:
    """Sentences, words and answers: our own, and those of plug-ins; empty for a language that has none of ours."""
    from vita_tui.abilities.plugins import plugins

    own = own_data(language)
    if not own:
        return own
    added = plugins().sentences(language)
    return {**own, **{part: {**entries, **own.get(part, {})} for part, entries in added.items()}}


@functools.cache
def own_data(language: str) -> dict[str, Any]:
    """Our own alone."""
    import yaml

    file = resources.files("vita_tui.abilities") / "sentences" / f"{language}.yaml"
    if not file.is_file():
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
    return loaded
