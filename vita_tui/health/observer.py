"""From a conversation's events to figures.

Names, all listed in `vita metrics`:

    turn_seconds                 end of speech or enter → first sound, or first word of a silent reply; slow ones raise an alert
    turn_stage_seconds{stage}    end of speech or enter → that stage; stages follow `TurnTimings`
    drafts{used}                 answers that were begun in a pause: used, or thrown away because the user went on
    turns, replies{reason}, nothing_heard, alerts, notices{severity}
    turn_jobs{engine, job}       what turns needed done, with the share that no engine did: a high one raises an alert
    engine_calls{engine, job}    with the share that failed, whether or not a fallback answered; one without its weights is not called
    engine_errors{kind}          why calls failed
    engine_seconds{engine, job}  until the engine answered
    tool_calls{source, tool}     with the share that failed; denied and cancelled ones are not among them
    tool_denials{source, tool}   calls that were not allowed
    tool_seconds{source, tool}   until the tool returned
    partial_lag_seconds, clause_gap_seconds
    errors{kind}                 that reached the user
    internal_errors{kind, where} bugs that were met and cost one thing
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vita_tui.events import (
    Alert,
    ClauseFinished,
    DraftOver,
    EngineWorked,
    Event,
    InternalError,
    NothingHeard,
    Notice,
    PartialTranscript,
    ReplyFinished,
    ToolFinished,
    TurnFailed,
    TurnFinished,
    TurnTimings,
)
from vita_tui.health.metrics import Metrics

__all__ = ["Observer"]

STAGES = ("endpoint", "stt", "tools", "llm_first_token", "first_clause", "tts_first_audio", "voice_to_voice")
_REMEDIES = {
    "endpoint": "End with the key, or lower talk.end_silence",
    "stt": "A smaller model for speech recognition: stt.model",
    "llm_first_token": "A smaller language model, or a faster server: f2",
    "tts_first_audio": "A smaller voice: tts.voice",
}
"""What one can do where a stage takes long."""
JOBS = {
    "stt": "Questions were not understood",
    "llm": "Questions were not answered",
    "tts": "Replies were not spoken",
}
FAILURES = {
    "EngineTimeoutError": ("It did not answer in time.", "A smaller model, or a faster server: f2"),
    "EngineUnavailableError": ("It could not be used.", "vita doctor says what it needs"),
    "ModelError": ("Its model could not be loaded.", "vita models pull"),
}
"""By kind of error: what it is, and what one can do."""
_WORDS = {
    "endpoint": "waiting for silence",
    "stt": "Whisper",
    "tools": "tools",
    "llm_first_token": "the first word of the reply",
    "first_clause": "the first clause",
    "tts_first_audio": "the voice",
    "voice_to_voice": "the speaker",
}


class Observer:
    """A subscriber of the bus; quick, and safe from any thread."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            TurnFinished: self._turn,
            TurnFailed: self._failed,
            EngineWorked: self._worked,
            NothingHeard: lambda _: metrics.count("nothing_heard"),
            PartialTranscript: lambda event: metrics.time("partial_lag_seconds", event.lag_seconds),
            ClauseFinished: self._clause,
            ToolFinished: self._tool,
            ReplyFinished: lambda event: metrics.count("replies", reason=event.reason),
            Notice: lambda event: metrics.count("notices", severity=event.severity),
            DraftOver: lambda event: metrics.count("drafts", used="yes" if event.used else "no"),
            Alert: lambda _: metrics.count("alerts"),
            InternalError: lambda event: metrics.count("internal_errors", kind=event.kind, where=event.where),
        }

    def __call__(self, event: Event) -> None:
        if (handler := self._handlers.get(type(event))) is not None:
            handler(event)

    def _turn(self, event: TurnFinished) -> None:
        self._metrics.count("turns")
        timings = event.timings
        for stage in STAGES:
            if (ms := getattr(timings, stage)) is not None:
                self._metrics.time("turn_stage_seconds", ms / 1000, stage=stage)
        waited = timings.voice_to_voice if timings.voice_to_voice is not None else timings.llm_first_token
        if waited is not None:
            why, remedy = (timings.causes[0], "") if timings.causes else _longest(timings)
            self._metrics.time(
                "turn_seconds",
                waited / 1000,
                slow=self._metrics.settings.slow_seconds,
                what="Answers are slow",
                why=why,
                remedy=remedy,
            )

        for job, engine in event.engines.items():
            if job not in event.failed:
                self._metrics.call("turn_jobs", True, job=job, engine=engine)

    def _failed(self, event: TurnFailed) -> None:
        self._metrics.count("errors", kind=event.error)
        self._metrics.call(
            "turn_jobs",
            False,
            what=JOBS[event.job],
            why=event.message,
            job=event.job,
            engine=event.engine,
        )

    def _worked(self, event: EngineWorked) -> None:
        if event.called:
            why, remedy = FAILURES.get(event.error, ("It failed.", "vita doctor says why"))
            self._metrics.call(
                "engine_calls",
                not event.error,
                what=f"{event.engine} keeps failing",
                why=why,
                remedy=remedy,
                job=event.job,
                engine=event.engine,
            )
        if event.error:
            self._metrics.count("engine_errors", kind=event.error)
        if event.seconds is not None:
            self._metrics.time("engine_seconds", event.seconds, job=event.job, engine=event.engine)

    def _tool(self, event: ToolFinished) -> None:
        if not event.source:
            return  # there is none of that name: models invent them, and each would be a figure
        if event.outcome == "denied":
            self._metrics.count("tool_denials", source=event.source, tool=event.tool)
        elif event.outcome != "cancelled":
            self._metrics.call(
                "tool_calls",
                event.outcome == "done",
                what=f"The tool {event.tool} keeps failing",
                why=event.summary or "It failed.",
                remedy=f"vita mcp test {event.source}" if event.source != "VITA" else "",
                source=event.source,
                tool=event.tool,
            )
            self._metrics.time("tool_seconds", event.seconds, source=event.source, tool=event.tool)

    def _clause(self, event: ClauseFinished) -> None:
        if event.index or event.gap_seconds:
            self._metrics.time("clause_gap_seconds", event.gap_seconds)


def _longest(timings: TurnTimings) -> tuple[str, str]:
    """The stage that took longest, in words, and what one can do about it."""
    before, longest, longest_ms = 0.0, "", 0.0
    for stage in STAGES:
        if (ms := getattr(timings, stage)) is not None:
            if ms - before > longest_ms:
                longest, longest_ms = stage, ms - before
            before = max(before, ms)
    if not longest:
        return "", ""
    return f"{longest_ms / 1000:.1f} s of it went into {_WORDS[longest]}.", _REMEDIES.get(longest, "")
