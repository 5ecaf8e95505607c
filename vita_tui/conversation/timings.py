"""Where the time of a turn went."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from vita_tui.clock import RUNNING, RunningClock
from vita_tui.events import TurnTimings

__all__ = ["Stage", "Stopwatch"]

Stage = Literal[
    "endpoint", "stt", "tools", "llm_first_token", "first_clause", "tts_first_audio", "voice_to_voice"
]

SLOW_MS = 1000.0
"""Voice to voice, from which on the causes are worth words."""


class Stopwatch:
    """Marks of one turn, in monotonic seconds; the first mark of a stage counts. Time in which the program did not run is left out."""

    def __init__(self, clock: RunningClock = RUNNING) -> None:
        self._clock = clock
        self.zero: float | None = None
        """The end of the user's speech, or the key."""
        self.endpoint_wait: float | None = None
        """Seconds waited for silence after the last word; None when a key ended the utterance."""
        self.guard: tuple[str, ...] = ()
        """Why the transcript had to be decoded again."""
        self._marks: dict[Stage, float] = {}

    def mark(self, stage: Stage, at: float) -> None:
        self._marks.setdefault(stage, at)

    def mark_tools(self, at: float) -> None:
        """A tool has returned; the last one before the first word of the reply counts."""
        if "llm_first_token" not in self._marks:
            self._marks["tools"] = at

    def timings(self) -> TurnTimings:
        """The turn as the user waited for it; what had been done ahead of the end of speech took 0 ms."""

        def ms(stage: Stage) -> float | None:
            if stage not in self._marks or self.zero is None:
                return None
            at = self._marks[stage]
            return round(max(0.0, at - self.zero - self._clock.lost_between(self.zero, at)) * 1000, 1)

        timings = TurnTimings(
            endpoint=None if self.endpoint_wait is None else round(self.endpoint_wait * 1000, 1),
            stt=ms("stt"),
            tools=ms("tools"),
            llm_first_token=ms("llm_first_token"),
            first_clause=ms("first_clause"),
            tts_first_audio=ms("tts_first_audio"),
            voice_to_voice=ms("voice_to_voice"),
        )
        return replace(timings, causes=tuple(self._causes(timings)))

    def _causes(self, timings: TurnTimings) -> list[str]:
        total = timings.voice_to_voice
        if total is None or total < SLOW_MS:
            return []
        causes = []
        if timings.endpoint and timings.endpoint > 0.3 * total:
            causes.append(
                f"waited {timings.endpoint:.0f} ms for silence: end with the key, or lower talk.end_silence"
            )
        if self.guard:
            causes.append(f"Whisper decoded {len(self.guard) + 1} times: {', '.join(self.guard)}")
        before = timings.endpoint or 0.0
        for name, advice in _ADVICE.items():
            value = getattr(timings, name)
            if value is None:
                continue
            if value - before > 0.4 * total:
                causes.append(f"{advice[0]} {value - before:.0f} ms: {advice[1]}")
            before = max(before, value)
        return causes


_ADVICE = {
    "stt": ("Whisper took", "try stt.model tiny.en"),
    "tools": ("the tools took", "see which in the lines above the reply"),
    "llm_first_token": ("the first word of the reply took", "try a smaller model or a shorter history"),
    "first_clause": ("the first clause took", "the model writes slowly; try a smaller one"),
    "tts_first_audio": ("the voice took", "try a lighter voice or pyttsx3"),
    "voice_to_voice": ("the speaker took", "see vita devices"),
}
