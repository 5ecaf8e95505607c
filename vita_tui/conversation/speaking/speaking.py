"""Speaking, as the conversation uses it: voices, synthesis thread and speaker behind one object.

    clause → Synthesis (thread) → sound → Playback → speaker → what was heard

Data moves forward only; what was heard is read from `Playback`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from vita_tui.audio.base import Speaker
from vita_tui.clock import Clock, SystemClock
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.conversation.speaking.clauses import WHOLE_SENTENCES, ClauseCutter
from vita_tui.conversation.speaking.playback import Playback
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.conversation.speaking.synthesis import Synthesis
from vita_tui.conversation.speaking.voice_probe import VoiceProbe
from vita_tui.engines.chain import Chain
from vita_tui.engines.tts.base import Synthesizer
from vita_tui.events import EventBus

__all__ = ["Speaking"]


class Speaking:
    """Speaks replies with the first voice of `chain` that works, on `speaker`. From any thread."""

    def __init__(
        self,
        chain: Chain[Synthesizer],
        speaker: Speaker | None,
        bus: EventBus,
        *,
        ahead: bool = True,
        clock: Clock | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            ahead: a clause may be heard while its end is still being synthesised.
            on_ready: called in the synthesis thread when the voice is loaded and the speaker open, or neither can be.
        """
        self.muted = False
        """Nothing is spoken for now."""
        clock = clock or SystemClock()
        self._chain = chain
        self._playback = Playback(speaker, bus, clock)
        self._probe = VoiceProbe(chain)
        self._synthesis = Synthesis(
            chain,
            self._playback,
            bus,
            ahead=ahead,
            clock=clock,
            on_ready=on_ready,
            before_clause=self._probe.cancel,
        )
        self.duck = self._playback.duck
        self.earcon = self._playback.earcon
        self.ring = self._playback.ring
        self.use = self._playback.use
        self.start = self._synthesis.start
        self.probe = self._probe.start

    @property
    def usable(self) -> bool:
        """Whether there is a voice and a speaker to try."""
        return self._playback.there and bool(self._chain.engines)

    @property
    def own_words(self) -> OwnWords:
        """What sounds, and when."""
        return self._playback.own_words

    def begin(self, turn: int) -> Speech:
        """A new reply that wants to be spoken."""
        return Speech(turn, self._playback, self._synthesis.submit)

    def say(self, text: str, language: str, *, turn: int = 0) -> Speech:
        """Have `text`, of the reply `turn` or of none, spoken behind what is being said, sentence by sentence."""
        speech = self.begin(turn)
        cutter = ClauseCutter(language, WHOLE_SENTENCES)
        for clause in (*cutter.feed(text), *cutter.finish()):
            speech.add(clause)
        speech.release()
        speech.complete()
        return speech

    def reload(self) -> Future[None]:
        """What the voice was missing is there now, or another is to speak: load it, between two clauses.

        The future is done when it is loaded, or is known not to load.
        """
        return self._synthesis.between_clauses(self._synthesis.load)

    def forget_sound(self) -> None:
        """Keep no sound of what was said, for it takes memory."""
        self._synthesis.between_clauses(self._synthesis.kept.clear)

    def unload(self, engine: Synthesizer) -> Future[None]:
        """Free `engine` between two clauses; its next clause loads it again."""

        def free() -> None:
            engine.cleanup()
            self._chain.unloaded(engine)

        return self._synthesis.between_clauses(free)

    def cleanup(self) -> None:
        """Silence, stop the thread, free voices and speaker; may be called twice. Blocks for less than half a second."""
        self._probe.cleanup()
        self._playback.silence()
        self._synthesis.cleanup()
        self._playback.cleanup()
