"""The models that the settings ask for, and fetching those that are not here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from vita_tui.errors import ModelError
from vita_tui.tui.core import Lacking

__all__ = ["ModelStore"]


class ModelStore:
    """The real `Weights`: the catalogue, the hub, and the packages."""

    def missing(self, settings: Any) -> list[Lacking]:
        from vita_tui.models import missing

        wanted = []
        if not settings.llm.on_server:
            wanted.append(settings.llm.model)
        if "local" in settings.stt.engines:
            wanted.append(settings.stt.model)
        if "piper" in settings.tts.engines:
            wanted.append(settings.tts.voice)
        if settings.talk.smart_turn:
            wanted.append("smart-turn")
        found = []
        for name in wanted:
            try:
                found += [Lacking(model.handle, model.kind, model.size) for model in missing([name])]
            except ModelError:
                continue  # a path, or a name that the engine itself will complain about
        return found

    def pull(
        self, names: Sequence[str], on_progress: Callable[[Any], None], cancelled: threading.Event
    ) -> None:
        from vita_tui.models.fetch import pull

        pull(names, on_progress, cancelled)
