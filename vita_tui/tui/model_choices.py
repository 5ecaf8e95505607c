"""What language models there are to choose from, with what is worth knowing of each: a list, without a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vita_tui.engines.llm.served_models import ServedModel
from vita_tui.models import catalogue, installed
from vita_tui.models.lookup import missing
from vita_tui.models.memory_need import fits, memory_need
from vita_tui.settings import LlmSettings
from vita_tui.text.urls import host_port
from vita_tui.tui.formatting import size

__all__ = ["BUILT_IN", "Selectable", "built_in_choices", "served_choices", "typed_choice"]

BUILT_IN = "On this machine, with nothing else to install"


@dataclass(frozen=True, slots=True)
class Selectable:
    """Something that can be chosen."""

    title: str
    facts: str
    """Size, window, and what else is known; empty where nothing is."""
    group: str
    values: Mapping[str, Any]
    """The settings that choosing it changes, by "section.name"."""
    later: Mapping[str, Any] = field(default_factory=dict)
    """Of a choice that lacks something: what changes when it has come, where `values` change at once."""
    lacking: str = ""
    """Name of the weights that have to be fetched first; empty when they are here, or are somebody else's."""
    bytes: int = 0
    """To be fetched; 0 where that is not known."""
    current: bool = False
    warning: str = ""
    """Why it may not be a good choice, such as that it does not fit into memory."""


def built_in_choices(llm: LlmSettings, available: int) -> list[Selectable]:
    """Models that run inside VITA: of the catalogue, those that were fetched, other files, and those worth fetching.

    Args:
        available: bytes of memory that could be used.
    """
    known = [model for model in (*catalogue.models(), *installed.installed()) if model.kind == "llm"]
    found = [
        _built_in(model.handle, model.title, model.size, model.about, llm, available)
        for model in map(installed.known, known)
    ]
    there = {choice.values["llm.model"] for choice in found}
    found += [
        _built_in(offer.name, offer.title or offer.name, offer.size, offer.about, llm, available)
        for offer in catalogue.default().offers
        if offer.kind == "llm" and offer.name not in there
    ]
    there |= {choice.values["llm.model"] for choice in found}
    if not llm.base_url and llm.model not in there and not any(choice.current for choice in found):
        found.insert(0, _file(Path(llm.model).expanduser(), llm.model, llm, available))
    return found


def served_choices(models: Iterable[ServedModel], product: str, llm: LlmSettings) -> list[Selectable]:
    """Models of a server."""
    return [
        Selectable(
            title=model.name,
            facts=_facts(model.size, model.window, model.detail),
            group=f"{product} at {host_port(model.base_url)}" if product else host_port(model.base_url),
            values={"llm.base_url": model.base_url, "llm.model": model.name},
            current=_same_server(llm.base_url, model.base_url) and llm.model == model.name,
        )
        for model in models
    ]


def typed_choice(words: str, llm: LlmSettings, available: int) -> Selectable | None:
    """A model that is written and not listed: a .gguf file, a place on the hub, or a name on the server; None for no words."""
    words = words.strip()
    if not words:
        return None
    if words.startswith("hf:"):
        return _built_in(words, words.rpartition("/")[2], 0, "From the hub.", llm, available)
    if words.endswith(".gguf"):
        return _file(Path(words).expanduser(), words, llm, available)
    if llm.base_url:
        group = host_port(llm.base_url)
        return Selectable(words, "Not in the server's list.", group, {"llm.model": words})
    return None


def _same_server(one: str, other: str) -> bool:
    def plain(url: str) -> str:
        return url.rstrip("/").replace("//localhost", "//127.0.0.1")

    return plain(one) == plain(other)


def _built_in(
    name: str, title: str, weights: int, about: str, llm: LlmSettings, available: int
) -> Selectable:
    lacks = missing("llm", name)
    state = "to be fetched" if lacks else "here"
    return Selectable(
        title=title or name,
        facts=_facts(weights, 0, state, about),
        group=BUILT_IN,
        values={"llm.base_url": "", "llm.model": name},
        lacking=name if lacks else "",
        bytes=weights if lacks else 0,
        current=not llm.base_url and llm.model == name,
        warning=_memory(weights, available),
    )


def _file(file: Path, name: str, llm: LlmSettings, available: int) -> Selectable:
    weights = file.stat().st_size if file.is_file() else 0
    return Selectable(
        title=file.name,
        facts=_facts(weights, 0, "a file of yours"),
        group=BUILT_IN,
        values={"llm.base_url": "", "llm.model": name},
        current=not llm.base_url and llm.model == name,
        warning=_memory(weights, available) if weights else "There is no such file",
    )


def _memory(weights: int, available: int) -> str:
    if not weights or fits(weights, available):
        return ""
    return f"Does not fit into memory: about {size(memory_need(weights))} of {size(available)}"


def _facts(weights: int, window: int, *words: str) -> str:
    parts: Sequence[str] = [
        size(weights) if weights else "",
        f"{window:,} tokens" if window else "",
        *words,
    ]
    return " · ".join(part.rstrip(".") for part in parts if part)
