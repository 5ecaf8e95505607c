"""What can be done without when memory is short, the least missed first: the steps of the ladder in `health.pressure`.

The steps are taken in the pressure thread, which waits until each is done: only then can be measured what it freed. The engines
are freed and loaded where they live, between two pieces of work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar

from vita_tui.conversation.hearing.hearing import Hearing
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.engines.attempt import Named
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Recognizer
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.engines.tts.remote import RemoteSynthesizer
from vita_tui.errors import EngineError, ModelError
from vita_tui.health.pressure import PressureStep, SimpleStep
from vita_tui.models import installed
from vita_tui.settings import Settings

__all__ = ["smaller_whisper", "steps"]

log = logging.getLogger(__name__)

FREE_SECONDS = 90.0
"""Seconds in which an engine must have been freed or loaded: more than loading may take."""
LIVE = 2
"""Conversations that stay in memory when the history caches are emptied."""
ASIDE = "disabled to save memory"

E = TypeVar("E", bound=Named)


def steps(
    settings: Settings,
    *,
    recognizers: Chain[Recognizer],
    synthesizers: Chain[Synthesizer],
    hearing: Hearing | None,
    speech: Speaking,
    limit_history: Callable[[int | None], None],
    free_model: Callable[[bool], None],
) -> list[PressureStep]:
    """The steps that there are with these engines, mildest first.

    Args:
        hearing: None without a microphone.
        limit_history: keeps at most so many conversations in memory; None for the setting. Waits until it is done.
        free_model: with True unloads the language model, now and after every answer; with False loads it. Waits until it is done.
    """

    def empty_caches() -> None:
        limit_history(LIVE)
        speech.forget_sound()

    found: list[PressureStep] = [
        SimpleStep(
            "History caches are emptied",
            empty_caches,
            lambda: limit_history(None),
            "History caches are used again",
        )
    ]
    if hearing is not None and settings.stt.partials:
        found.append(
            SimpleStep(
                "Partial transcripts are off",
                lambda: hearing.show_partials(False),
                lambda: hearing.show_partials(True),
                "Partial transcripts are on again",
            )
        )

    def tiny() -> Recognizer | None:
        return smaller_whisper(recognizers, settings.stt.language)

    if hearing is not None and tiny() is not None:
        worker = hearing.worker
        found.append(_Lighter(recognizers, tiny, worker.unload, worker.reload, "listens"))
    if speech.usable and _lighter_voice(synthesizers) is not None:
        found.append(
            _Lighter(
                synthesizers, lambda: _lighter_voice(synthesizers), speech.unload, speech.reload, "speaks"
            )
        )
    found.append(
        SimpleStep(
            "The language model is unloaded until the next question",
            lambda: free_model(True),
            lambda: free_model(False),
            "The language model stays loaded again",
        )
    )
    return found


def smaller_whisper(chain: Chain[Recognizer], language: str) -> Recognizer | None:
    """The smallest recognizer of `chain` that is smaller than the first and understands `language`."""
    sizes = [(_size(engine.name), place, engine) for place, engine in enumerate(chain.engines)]
    able = [
        (size, place, engine)
        for size, place, engine in sizes
        if size and place and (language == "en" or not engine.name.endswith(".en"))
    ]
    if not able:
        return None
    size, _, smallest = min(able, key=lambda entry: entry[:2])
    return smallest if size < sizes[0][0] else None


def _size(name: str) -> int:
    """Bytes of the weights of a recognizer; 0 when they are not there."""
    try:
        file = installed.resolve(name.removeprefix("whisper "), "stt") / "model.bin"
        return file.stat().st_size
    except (ModelError, OSError):
        return 0


def _lighter_voice(chain: Chain[Synthesizer]) -> Synthesizer | None:
    """The system's voice, where a neural one comes before it."""
    names = [engine.name for engine in chain.engines]
    if "piper" in names and "pyttsx3" in names[names.index("piper") :]:
        return chain.engines[names.index("pyttsx3")]
    return None


class _Lighter(Generic[E]):
    """Has the light engine of a job do the work, and frees those before it. What does not work is undone at once."""

    def __init__(
        self,
        chain: Chain[E],
        light: Callable[[], E | None],
        unload: Callable[[E], Future[Any]],
        reload: Callable[[], Future[Any]],
        verb: str,
    ) -> None:
        """
        Args:
            light: finds the light engine among those that do the job now: others may have taken their place.
        """
        self._chain = chain
        self._find = light
        self._unload = unload
        self._reload = reload
        self._verb = verb
        self.name = self.undone = ""
        self._light: E | None = None
        self._heavy: Sequence[E] = ()
        self._look()

    def _look(self) -> None:
        """Which engines it is about."""
        light, engines = self._find(), self._chain.engines
        before = engines[: engines.index(light)] if light is not None else []
        # A voice on a server takes no memory here.
        self._heavy = [engine for engine in before if not isinstance(engine, RemoteSynthesizer)]
        self._light = light
        if light is not None and self._heavy:
            usual = self._heavy[0].name
            self.name = f"{_capital(light.name)} {self._verb} instead of {usual}"
            self.undone = f"{_capital(usual)} {self._verb} again"

    def apply(self) -> None:
        """
        Raises:
            EngineError: the light engine does not work, or there is none any more; all is as it was.
        """
        self._look()
        if self._light is None:
            raise EngineError("There is no lighter engine any more.")
        for engine in self._heavy:
            self._chain.put_aside(engine, ASIDE)
            _wait(self._unload(engine))
        _wait(self._reload())
        if problem := self._problem(self._light):
            self.undo()
            raise EngineError(f"{problem}.")

    def undo(self) -> None:
        for engine in self._heavy:
            self._chain.take_back(engine)
        _wait(self._reload())
        # One that does not load again leaves the light one in its place.
        if self._light is not None and not all(self._problem(engine) for engine in self._heavy):
            _wait(self._unload(self._light))

    def _problem(self, engine: E) -> str:
        """Why `engine` failed last; empty when it did not."""
        engines = self._chain.engines
        # One that was replaced meanwhile is nobody's concern any more.
        return self._chain.breakers()[engines.index(engine)].reason.rstrip(".") if engine in engines else ""


def _wait(future: Future[Any]) -> None:
    """Until `future` is done. What an engine says of itself is in its chain."""
    try:
        future.result(FREE_SECONDS)
    except EngineError as error:
        log.warning("%s", error)
    except CancelledError:
        pass  # its thread does not run: there is nothing to be freed or loaded
    except TimeoutError:
        raise EngineError(f"An engine did not end its work within {FREE_SECONDS:.0f} s.") from None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
