"""Where the time of a turn went, in numbers and in words."""

from __future__ import annotations

import pytest

from vita_tui.clock import FakeClock, RunningClock
from vita_tui.conversation.timings import Stage, Stopwatch

STAGES: tuple[Stage, ...] = ("stt", "llm_first_token", "first_clause", "tts_first_audio", "voice_to_voice")


def watch(*seconds: float, wait: float | None = None) -> Stopwatch:
    """A turn whose stages were reached so many seconds after its start."""
    made = Stopwatch()
    made.zero = 100.0
    made.endpoint_wait = wait
    for stage, at in zip(STAGES, seconds, strict=False):
        made.mark(stage, 100.0 + at)
    return made


def test_milliseconds_from_the_end_of_speech() -> None:
    timings = watch(0.1, 0.2, 0.25, 0.3, 0.35).timings()
    assert [getattr(timings, stage) for stage in STAGES] == pytest.approx([100, 200, 250, 300, 350])
    assert timings.endpoint is None
    assert timings.causes == ()


def test_time_in_which_the_program_was_suspended_is_no_slowness() -> None:
    real = FakeClock()
    made = Stopwatch(clock := RunningClock(real))
    made.zero = real.monotonic()
    with clock.looking():
        real.advance(0.25)
        clock.monotonic()
        real.advance(60)  # suspended
        made.mark("llm_first_token", real.monotonic())  # before anybody has looked at the clock
        clock.monotonic()
        real.advance(0.25)
        made.mark("voice_to_voice", real.monotonic())
        clock.monotonic()
        real.advance(60)  # suspended once more, while it speaks
    timings = made.timings()
    assert (timings.llm_first_token, timings.voice_to_voice) == (250, 500)
    assert timings.causes == ()


def test_what_did_not_happen_is_none() -> None:
    timings = watch(0.1).timings()
    assert timings.stt == 100
    assert timings.voice_to_voice is None
    assert Stopwatch().timings().stt is None


def test_what_was_done_ahead_took_no_time() -> None:
    assert watch(-0.5, -0.2, 0.1).timings().llm_first_token == 0.0


def test_the_first_mark_of_a_stage_counts() -> None:
    made = watch(0.1)
    made.mark("stt", 105.0)
    assert made.timings().stt == 100


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        ((1.5, 1.6, 1.7, 1.8, 1.9), "Whisper took"),
        ((0.1, 1.6, 1.7, 1.8, 1.9), "first word of the reply"),
        ((0.1, 0.2, 1.7, 1.8, 1.9), "first clause"),
        ((0.1, 0.2, 0.3, 1.8, 1.9), "the voice took"),
        ((0.1, 0.2, 0.3, 0.4, 1.9), "the speaker took"),
    ],
)
def test_a_slow_turn_names_the_one_that_was_slow(seconds: tuple[float, ...], says: str) -> None:
    (cause,) = watch(*seconds).timings().causes
    assert says in cause


def test_waiting_for_silence_and_decoding_again_are_named() -> None:
    made = watch(0.9, 1.0, 1.1, 1.15, 1.2, wait=0.8)
    made.guard = ("repetition", "loud music")
    causes = made.timings().causes
    assert any("800 ms for silence" in cause for cause in causes)
    assert any("decoded 3 times: repetition, loud music" in cause for cause in causes)
    assert not any("Whisper took" in cause for cause in causes)  # the waiting is not Whisper's
