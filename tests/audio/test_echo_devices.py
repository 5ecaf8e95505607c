"""Echo cancelling on real PortAudio streams: the clocks of two virtual devices with a simulated room between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.audio import echo_report
from tests.room import Room, room_between
from tests.virtual_audio import VirtualAudio, virtual_audio
from vita_tui.audio import canceller, portaudio
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, PlaybackMark, Samples
from vita_tui.audio.capture import DeviceMicrophone
from vita_tui.audio.device_speaker import DeviceSpeaker
from vita_tui.audio.echo import EchoMicrophone, without_echo
from vita_tui.audio.voice import dbfs
from vita_tui.settings import AudioSettings

pytestmark = [
    pytest.mark.audio,
    pytest.mark.models,
    pytest.mark.skipif(not canceller.can_cancel(), reason="needs the extra echo: livekit"),
]


@pytest.fixture
def audio(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualAudio]:
    with virtual_audio() as made:
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        assert portaudio.refresh()
        yield made
        monkeypatch.undo()
        assert portaudio.refresh()


def reply(rate: int) -> Samples:
    import soxr

    spoken = np.concatenate([one.samples for one in echo_report.replies(3)])
    resampled: Samples = soxr.resample(spoken, SAMPLE_RATE, rate)
    return resampled


def hear(microphone: EchoMicrophone, speaker: DeviceSpeaker) -> list[tuple[float, float]]:
    """Play a reply; for each second the levels of what was captured and of what was left, in dBFS."""
    over = threading.Event()

    def note(mark: PlaybackMark) -> None:
        if mark.kind != "started":
            over.set()

    forget = speaker.subscribe(note)
    speaker.enqueue(reply(speaker.sample_rate))
    seconds: list[tuple[list[Samples], list[Samples]]] = []
    while not over.is_set():
        frame = microphone.read(1.0)
        if frame is not None:
            if not seconds or len(seconds[-1][0]) * BLOCK >= SAMPLE_RATE:
                seconds.append(([], []))
            seconds[-1][0].append(microphone.raw)
            seconds[-1][1].append(frame.samples)
    forget()
    return [(dbfs(np.concatenate(raw)), dbfs(np.concatenate(left))) for raw, left in seconds]


def test_a_reply_is_cancelled_also_after_both_devices_were_opened_again(audio: VirtualAudio) -> None:
    with room_between(audio, Room(-10.0, 0.03, -65.0)):
        speaker = DeviceSpeaker()
        microphone = without_echo(DeviceMicrophone(), speaker, AudioSettings())
        for _ in range(2):
            microphone.open()
            speaker.open()
            try:
                seconds = hear(microphone, speaker)
            finally:
                speaker.close()
                microphone.close()
            assert sum(captured > -45 for captured, _ in seconds) >= 5, (
                "the echo did not reach the microphone"
            )
            # A busy machine has holes in its sound, after which the canceller must find its way again.
            assert sum(captured - left > 10 for captured, left in seconds) >= 3, seconds
            assert microphone.status.mode == "full_duplex"
