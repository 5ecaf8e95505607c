"""Where the weights are that a setting names, whether they are fetched or not."""

from __future__ import annotations

import contextlib
from pathlib import Path

from vita_tui import paths
from vita_tui.errors import ModelError
from vita_tui.models import catalogue, installed
from vita_tui.models.catalogue import Kind, Model

__all__ = ["digests", "known", "missing", "place"]


def place(kind: Kind, name: str) -> Path:
    """Where weights are, or will be once they are fetched: an engine says what is missing when it is loaded."""
    with contextlib.suppress(ModelError):
        return installed.resolve(name, kind)
    model = known(name)
    return paths.expand(name, f"{kind}.model") if model is None else installed.folder(model) / model.entry


def known(name: str) -> Model | None:
    """The model that a setting names; None for a path of the user's own."""
    with contextlib.suppress(ModelError):
        return catalogue.find(name)
    return None


def digests(name: str) -> dict[str, str]:
    """What the files of a model must be; empty for a folder of the user's own."""
    try:
        model = installed.known(catalogue.find(name))
    except ModelError:
        return {}
    if place("stt", name) != installed.folder(model):
        return {}
    return {file.name: file.digest for file in model.files if file.algorithm == "sha256"}


def missing(kind: Kind, name: str) -> bool:
    """Whether a model is not on this machine, or not whole."""
    try:
        installed.resolve(name, kind)
    except ModelError:
        return True
    return False
