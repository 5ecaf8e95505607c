"""The assistant's own voice in simulated rooms: cancelled, told apart from others, and never mistaken when sound is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.audio import echo_report
from tests.audio.echo_report import Figures, Reply, SpeechCheck
from tests.room import BEGAN, Rehearsal, Room
from vita_tui.audio import canceller, echo
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Frame, Samples
from vita_tui.audio.calibration import Measurement, RoomRecording, choose, measure, sweeps
from vita_tui.audio.delay import Delay, find_delay
from vita_tui.audio.echo import EchoMicrophone, plan
from vita_tui.audio.files import FileSpeaker
from vita_tui.audio.reference import Reference
from vita_tui.audio.voice import dbfs
from vita_tui.errors import DeviceError
from vita_tui.settings import DuplexMode

ROOM = Room(-20.0, 0.12, -60.0)
needs_canceller = pytest.mark.skipif(not canceller.can_cancel(), reason="needs the extra echo: livekit")


def babble(seconds: float, seed: int = 3, rate: int = SAMPLE_RATE) -> Samples:
    """Noise that comes and goes like syllables, with silence at the start."""
    count = round(seconds * rate)
    random = np.random.default_rng(seed)
    steps = np.repeat(random.uniform(0.0, 1.0, count // (rate // 5) + 1) ** 2, rate // 5)[:count]
    smooth = np.convolve(steps, np.hanning(rate // 20) / (rate // 40), "same")
    made = 0.1 * random.standard_normal(count) * smooth
    made[: rate // 2] = 0.0
    return np.asarray(made, np.float32)


def heard(microphone: EchoMicrophone) -> list[Frame]:
    frames: list[Frame] = []
    microphone.open()
    while True:
        try:
            frame = microphone.read(1.0)
        except EOFError:
            return frames
        assert frame is not None
        frames.append(frame)


def level(frames: list[Frame], start: float, end: float) -> float:
    """dBFS from `start` to `end` seconds."""
    first, last = round(start * SAMPLE_RATE / BLOCK), round(end * SAMPLE_RATE / BLOCK)
    return dbfs(np.concatenate([frame.samples for frame in frames[first:last]]))


# ---- the reference


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_the_reference_gives_what_sounded_at_a_time(rate: int) -> None:
    seconds = 3.0
    tone = np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate).astype(np.float32)
    tone[: rate // 2] = 0.0
    rehearsal = Rehearsal(np.zeros(round(seconds * SAMPLE_RATE), np.float32), tone, rate=rate, jitter=0.002)
    got = []
    for number in range(60):
        rehearsal.read(1.0)
        got.append(rehearsal.reference.at(BEGAN + number * BLOCK / SAMPLE_RATE, BLOCK))
    samples = np.concatenate(got)
    wanted = np.sin(2 * np.pi * 440 * np.arange(len(samples)) / SAMPLE_RATE)
    assert not np.any(np.abs(samples[:7_000]) > 0.01)
    found = find_delay(tone_band(wanted[9_000:], 1), tone_band(samples[9_000:], 1))
    assert abs(found.seconds) < 0.004 or abs(abs(found.seconds) % (1 / 440)) < 0.004
    assert np.std(samples[9_000:]) == pytest.approx(np.sqrt(0.5), rel=0.05)
    assert rehearsal.reference.realigned == 0


def tone_band(samples: Samples, seed: int) -> Samples:
    """With a little noise, so that a correlation has more than one frequency."""
    return np.asarray(samples + 1e-3 * np.random.default_rng(seed).standard_normal(len(samples)), np.float32)


def test_a_hole_in_what_was_played_moves_what_follows_in_time() -> None:
    reference = Reference()
    block = np.full(160, 0.5, np.float32)
    for number in range(20):
        reference.tap(block, 160, 10.0 + number / 100, SAMPLE_RATE)
    for number in range(20):  # the device was closed for a second
        reference.tap(block, 160, 11.2 + number / 100, SAMPLE_RATE)
    assert np.all(reference.at(10.0, 3200) == 0.5)
    reference.forget_alignment()
    assert not np.any(reference.at(10.25, 8000))
    reference.forget_alignment()
    assert np.all(reference.at(11.2, 3200) == 0.5)
    assert reference.jumps == 1


def test_a_reader_that_hangs_costs_no_memory_and_the_time_stays_right() -> None:
    reference = Reference()
    for number in range(5000):  # fifty seconds that nobody reads
        block = np.full(160, number / 5000, np.float32)
        reference.tap(block, 160, 10.0 + number / 100, SAMPLE_RATE)
    assert reference.at(10.0 + 49.0, 160)[80] == pytest.approx(4900 / 5000, abs=1e-3)
    assert not np.any(reference.window(20.0, 1.0))


def test_the_device_may_come_back_at_another_rate() -> None:
    reference = Reference()
    for number in range(50):
        reference.tap(np.full(160, 0.25, np.float32), 160, 10.0 + number / 100, 16_000)
    for number in range(100):
        reference.tap(np.full(480, 0.75, np.float32), 480, 12.0 + number / 100, 48_000)
    assert reference.window(10.5, 0.2).mean() == pytest.approx(0.25, abs=0.01)
    assert reference.window(12.9, 0.2).mean() == pytest.approx(0.75, abs=0.02)


def test_a_speaker_is_tapped_as_it_sounds() -> None:
    speaker = FileSpeaker(16_000, pace=False)
    taken: list[Samples] = []
    speaker.tap(lambda block, filled, due, rate: taken.append(block[:filled].copy()))
    speaker.open()
    try:
        span = speaker.enqueue(np.full(4000, 0.5, np.float32))
        while speaker.played() < span.end:
            pass
    finally:
        speaker.close()
    assert np.concatenate(taken).tolist() == [0.5] * 4000


# ---- the delay


@pytest.mark.parametrize("late", [-0.05, 0.0, 0.137, 0.5])
def test_the_delay_is_found(late: float) -> None:
    played = babble(2.0)
    captured = Room(-20.0, max(0.0, late), -50.0).hear(played)
    if late < 0:
        played = np.concatenate((np.zeros(round(-late * SAMPLE_RATE), np.float32), played))[: len(captured)]
    found = find_delay(played, captured)
    assert found.seconds == pytest.approx(late, abs=0.002)
    assert found.sharpness > echo.SHARP


def test_what_was_not_played_has_no_delay() -> None:
    assert find_delay(babble(1.0, 1), babble(1.0, 2)).sharpness < echo.SHARP
    assert find_delay(np.zeros(8000, np.float32), babble(0.5)).sharpness == 0.0


# ---- the microphone


@needs_canceller
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("known", [True, False], ids=["calibrated", "not calibrated"])
def test_the_echo_is_cancelled(rate: int, known: bool) -> None:
    import soxr

    played = babble(8.0)
    room = replace(ROOM, echo_db=-10.0)
    captured = room.hear(played)
    given = played if rate == SAMPLE_RATE else soxr.resample(played, SAMPLE_RATE, rate)
    rehearsal = Rehearsal(captured, given, rate=rate, jitter=0.002)
    frames = heard(EchoMicrophone(rehearsal, rehearsal.reference, delay=room.delay if known else 0.0))
    assert dbfs(captured[4 * SAMPLE_RATE :]) - level(frames, 4.0, 7.9) > 12


@needs_canceller
@pytest.mark.parametrize("late", [0.0, 0.3, 0.5])
def test_a_delay_that_nobody_told_is_found(late: float) -> None:
    played = babble(10.0)
    room = Room(-10.0, late, -60.0)
    captured = room.hear(played)
    rehearsal = Rehearsal(captured, played, jitter=0.002)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference)
    frames = heard(microphone)
    assert microphone.delay == pytest.approx(late, abs=0.01)
    assert dbfs(captured[6 * SAMPLE_RATE :]) - level(frames, 6.0, 9.9) > 12


@needs_canceller
@pytest.mark.parametrize("drift_ppm", [100.0, -100.0])
def test_clocks_that_drift_apart_are_followed(drift_ppm: float) -> None:
    played = babble(60.0)
    room = replace(ROOM, echo_db=-10.0, drift_ppm=drift_ppm)
    captured = room.hear(played)
    rehearsal = Rehearsal(captured, played, jitter=0.002)
    frames = heard(EchoMicrophone(rehearsal, rehearsal.reference, delay=room.delay))
    assert dbfs(captured[50 * SAMPLE_RATE :]) - level(frames, 50.0, 59.9) > 10


@needs_canceller
def test_sound_that_was_lost_does_not_move_the_reference() -> None:
    played = babble(12.0)
    room = replace(ROOM, echo_db=-10.0)
    rehearsal = Rehearsal(room.hear(played), played, jitter=0.002)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference, delay=room.delay)
    microphone.open()
    for _ in range(150):
        assert microphone.read(1.0) is not None
    rehearsal.skip(0.4)
    frames = heard(microphone)
    assert frames[0].position == 150 * BLOCK + round(0.4 * SAMPLE_RATE)
    raw = room.hear(played)[-4 * SAMPLE_RATE :]
    assert dbfs(raw) - dbfs(np.concatenate([frame.samples for frame in frames[-120:]])) > 12


@needs_canceller
def test_a_person_is_heard_while_nothing_plays_as_if_nothing_were_there() -> None:
    person = babble(4.0, 9)
    rehearsal = Rehearsal(person, np.zeros_like(person))
    frames = heard(EchoMicrophone(rehearsal, rehearsal.reference))
    got = np.concatenate([frame.samples for frame in frames])
    assert np.array_equal(got[echo.PRIMED :], person[: len(got) - echo.PRIMED])
    # A frame is told with the time of its own last sample.
    assert frames[3].captured == pytest.approx(BEGAN + 4 * BLOCK / SAMPLE_RATE - echo.PRIMED / SAMPLE_RATE)


@needs_canceller
def test_with_headphones_a_person_who_talks_into_the_reply_is_left_as_loud_as_they_are() -> None:
    """A canceller that has no echo to cancel takes the person for one."""
    played = babble(8.0)
    person = babble(8.0, 9)
    person[: 2 * SAMPLE_RATE] = 0.0
    rehearsal = Rehearsal(Room(-99.0, 0.12, -60.0).hear(played, person), played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference)
    frames = heard(microphone)
    assert microphone.echoing is False
    assert level(frames, 3.0, 8.0) == pytest.approx(dbfs(person[3 * SAMPLE_RATE :]), abs=1.0)


@needs_canceller
def test_an_echo_that_comes_when_headphones_are_pulled_out_is_cancelled() -> None:
    played = babble(16.0)
    half = 8 * SAMPLE_RATE
    captured = ROOM.hear(played)
    captured[:half] = Room(-99.0, 0.12, -60.0).hear(played[:half])
    rehearsal = Rehearsal(captured, played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference)
    frames = heard(microphone)
    assert microphone.echoing is True
    assert dbfs(captured[12 * SAMPLE_RATE :]) - level(frames, 12.0, 15.9) > 12


def jumpy(samples: Samples, most: int, seed: int = 7) -> Samples:
    """`samples` as a device sounds them that repeats or leaves out up to `most` samples every 10 ms, and makes up for it."""
    random = np.random.default_rng(seed)
    starts = range(0, len(samples) - 160, 160)
    return np.concatenate([samples[max(0, at + random.integers(-most, most + 1)) :][:160] for at in starts])


@needs_canceller
def test_an_echo_that_has_jumps_is_still_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on a busy machine: no second of it is certain, but all of them say the same."""
    played = babble(6.0)
    captured = jumpy(ROOM.hear(played), 2)
    measured: list[Delay] = []

    def measuring(played: Samples, captured: Samples) -> Delay:
        measured.append(find_delay(played, captured))
        return measured[-1]

    monkeypatch.setattr(echo, "find_delay", measuring)
    rehearsal = Rehearsal(captured, played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference)
    heard(microphone)
    assert measured
    assert max(found.sharpness for found in measured) < echo.SHARP
    assert microphone.echoing
    assert microphone.delay == pytest.approx(ROOM.delay, abs=0.02)


@pytest.mark.parametrize("mode", ["half_duplex", "push_to_talk"])
def test_without_full_duplex_the_microphone_rests_while_the_reply_sounds(mode: DuplexMode) -> None:
    played = babble(3.0)
    played[2 * SAMPLE_RATE :] = 0.0
    person = babble(3.0, 9)
    rehearsal = Rehearsal(ROOM.hear(played, person), played)
    frames = heard(EchoMicrophone(rehearsal, rehearsal.reference, mode=mode, delay=ROOM.delay))
    assert level(frames, 0.6, 2.4) == -90.0
    assert level(frames, 2.7, 3.0) > -45.0


def test_a_canceller_that_fails_leaves_half_duplex_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def process(self, captured: Samples, played: Samples, delay: float) -> Samples:
            raise RuntimeError("no")

    monkeypatch.setattr(echo, "Canceller", Broken)
    played = babble(3.0)
    rehearsal = Rehearsal(ROOM.hear(played), played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference, delay=ROOM.delay)
    frames = heard(microphone)
    assert microphone.status.mode == "half_duplex"
    assert "is off while VITA speaks" in microphone.status.reason
    assert level(frames, 1.0, 2.9) == -90.0


@pytest.mark.parametrize("kind", [ImportError, OSError, RuntimeError])
def test_a_canceller_that_does_not_load_leaves_half_duplex(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def broken() -> None:
        raise kind("libffi is gone")

    monkeypatch.setattr(echo, "Canceller", broken)
    played = babble(1.0)
    rehearsal = Rehearsal(ROOM.hear(played), played)
    microphone = EchoMicrophone(rehearsal, rehearsal.reference, delay=ROOM.delay)
    heard(microphone)
    assert microphone.status.mode == "half_duplex"
    assert "does not load (libffi is gone)" in microphone.status.reason


def test_without_the_extra_the_plan_is_half_duplex_unless_there_is_no_echo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "can_cancel", lambda: False)
    assert plan("auto", -20.0).mode == "half_duplex"
    assert "vita-tui[echo]" in plan("full_duplex", -20.0).reason
    assert plan("auto", -60.0) == echo.EchoPlan("full_duplex", False, "")
    assert plan("push_to_talk", -20.0).mode == "push_to_talk"
    monkeypatch.setattr(echo, "can_cancel", lambda: True)
    assert plan("auto", -20.0) == echo.EchoPlan("full_duplex", True, "")


# ---- people and the assistant, with real voices


@pytest.fixture(scope="module")
def said() -> list[Reply]:
    return echo_report.replies(6)


@pytest.fixture(scope="module")
def recognizer() -> SpeechCheck:
    return SpeechCheck()


Run = Callable[[float], Figures]


@pytest.fixture
def run(said: list[Reply], recognizer: SpeechCheck) -> Run:
    def level_of(echo_db: float) -> Figures:
        return echo_report.run(
            Room(echo_db, 0.12, -60.0),
            said,
            echo_report.people(),
            seconds=30,
            with_people=30,
            recognizer=recognizer,
            bare=True,
        )

    return level_of


@needs_canceller
@pytest.mark.models
@pytest.mark.speech
@pytest.mark.parametrize("echo_db", [-10.0, -20.0, -30.0])
def test_the_assistant_does_not_interrupt_itself_and_people_do(echo_db: float, run: Run) -> None:
    figures = run(echo_db)
    assert figures.bare, "the room is so quiet that this proves nothing"
    assert figures.stops == 0
    assert figures.people >= 3
    assert figures.caught >= figures.people - 1


# ---- the room


def recording(room: Room, amount: float = 1.0) -> RoomRecording:
    played = np.concatenate((sweeps(SAMPLE_RATE) * np.float32(amount), np.zeros(8000, np.float32)))
    return RoomRecording(played, room.hear(played), room.noise(16_000, seed=4))


@pytest.mark.parametrize("echo_db", [0.0, -10.0, -20.0, -30.0])
@pytest.mark.parametrize("late", [0.01, 0.3])
def test_a_room_is_measured(echo_db: float, late: float) -> None:
    measured = measure(recording(Room(echo_db, late, -60.0)))
    assert measured.echo_heard
    assert measured.delay == pytest.approx(late, abs=0.002)
    assert measured.echo_db == pytest.approx(echo_db, abs=1.5)
    assert measured.noise_dbfs == pytest.approx(-60, abs=1)


def test_headphones_have_no_echo() -> None:
    measured = measure(recording(Room(-90.0, 0.01, -60.0)))
    assert not measured.echo_heard
    assert measured.delay is None
    assert measured.echo_db < echo.HEADPHONES_DB
    assert choose(measured, canceller=False).mode == "full_duplex"


def test_a_dead_microphone_is_an_error() -> None:
    silence = np.zeros(16_000, np.float32)
    with pytest.raises(DeviceError, match="silence only") as caught:
        measure(RoomRecording(sweeps(SAMPLE_RATE), silence, silence), name="desk")
    assert "Unmute" in caught.value.remedy
    with pytest.raises(DeviceError, match="Nothing was played"):
        measure(RoomRecording(silence, babble(1.0), babble(1.0)))


GOOD = Measurement(True, 0.1, -20.0, -60.0, 0.3, 0.0)


@pytest.mark.parametrize(
    ("measured", "with_canceller", "mode", "because"),
    [
        (GOOD, True, "full_duplex", "cancelled"),
        (GOOD, False, "half_duplex", "not installed"),
        (replace(GOOD, echo_db=0.0), True, "half_duplex", "too loud"),
        (replace(GOOD, clipped=0.02), True, "half_duplex", "clipping"),
        (replace(GOOD, delay=0.95), True, "half_duplex", "late"),
        (replace(GOOD, noise_dbfs=-25.0), True, "push_to_talk", "loud as a voice"),
        (replace(GOOD, echo_heard=False, delay=None, echo_db=-30.0), False, "half_duplex", "may hide"),
        (replace(GOOD, echo_heard=False, delay=None, echo_db=-30.0), True, "full_duplex", "headphones"),
    ],
)
def test_the_mode_follows_from_the_room(
    measured: Measurement, with_canceller: bool, mode: str, because: str
) -> None:
    choice = choose(measured, canceller=with_canceller)
    assert choice.mode == mode
    assert because in choice.why


def test_a_busy_room_wants_surer_speech() -> None:
    assert (
        choose(replace(GOOD, noise_dbfs=-40.0), canceller=True).threshold
        > choose(GOOD, canceller=True).threshold
    )
