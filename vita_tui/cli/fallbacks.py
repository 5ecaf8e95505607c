"""Who did the work in place of whom, and why: told by every command that uses engines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from vita_tui.cli.output import complain
from vita_tui.engines.chain import Chain
from vita_tui.events import EngineStatus, Event, EventBus, Job
from vita_tui.settings import Settings

__all__ = ["Fallbacks", "first_only"]

_COUNT = re.compile(r" \((?:once|\d+ times)(?:; after \d+ it is disabled)?\)$")
_NOTES = re.compile(r"^\S+ because \S+ did not load: ")


class Fallbacks:
    """Watches the engines of a command; to be made before they are loaded."""

    def __init__(self, settings: Settings, bus: EventBus, chains: Iterable[Chain[Any]]) -> None:
        self._settings = settings
        self._chains = {chain.job: chain for chain in chains}
        self._asked = {job: chain.engines[0].name for job, chain in self._chains.items() if chain.engines}
        self._reasons: dict[Job, str] = {}
        bus.subscribe(self._listen)

    def _listen(self, event: Event) -> None:
        if isinstance(event, EngineStatus) and event.reason and event.engine == self._asked.get(event.job):
            self._reasons.setdefault(event.job, _COUNT.sub("", event.reason))

    def answered(self, job: Job, engine: str | None = None) -> dict[str, str | None]:
        """`engine` that did the work (by default the one that answers now), `instead_of` whom, `because` of what; None where nobody
        was replaced."""
        asked = self._asked.get(job, "")
        engine = engine or self._chains[job].active_name
        names = {one.name for one in self._chains[job].engines}
        # Who is none of the engines has answered without any: an ability, or what was heard before.
        if not asked or engine == asked or engine not in names:
            return {"engine": engine, "instead_of": None, "because": None}
        # Whisper takes its next model by itself and keeps the reason as a note.
        notes = self._chains[job].engines[0].notes
        because = _NOTES.sub("", notes) or self._reasons.get(job, "it did not work")
        return {"engine": engine, "instead_of": asked, "because": because.rstrip(".")}

    def tell(self, job: Job, engine: str | None = None) -> None:
        """Say it on stderr, where a fallback answered."""
        found = self.answered(job, engine)
        if found["instead_of"]:
            verb = {"stt": "understood the speech", "llm": "answered", "tts": "spoke"}[job]
            complain(
                f"{found['engine']} {verb} instead of {found['instead_of']}: {found['because']}.",
                self._remedy(job, found["because"] or ""),
            )

    def _remedy(self, job: Job, because: str) -> str:
        """What fetches the weights of the engine that was asked for, where they are missing or damaged."""
        from vita_tui.cli.weights import chosen_weights, missing_weights

        found = chosen_weights if "is damaged" in because else missing_weights
        names = [model.handle for model in found(self._settings, job)]
        return f"vita models pull {' '.join(names)}" if names else ""


def first_only(settings: Settings) -> Settings:
    """`settings` with the first engine of each job alone: what it cannot do is not done."""
    tts = settings.tts
    voices = [name for name in settings.voices if name != "remote" or tts.base_url]
    return settings.model_copy(
        update={
            "stt": settings.stt.model_copy(update={"fallback": (), "engines": settings.stt.engines[:1]}),
            "llm": settings.llm.model_copy(update={"fallback": False, "engines": settings.llm.order[:1]}),
            "tts": tts.model_copy(update={"engines": tuple(voices[:1])}),
        }
    )
