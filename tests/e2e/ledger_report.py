"""How well the ledger knows what was heard: against a recording of the speaker's monitor, in which Whisper times the words.

    python -m tests.e2e.ledger_report [--cuts 12] [--json]

Each voice's reply is played once in full through PortAudio and PulseAudio's virtual speaker, and recorded; Whisper says when each
word has been said. Then the same sound is played again and interrupted, `--cuts` times, at moments spread over it. What the
recording holds up to the silence is what was heard: the words that Whisper had timed before that are compared with the ledger's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from tests.engines.tts.speech_server import Answer, serving, wave
from tests.person import person
from tests.virtual_audio import RATE, Recording, VirtualAudio, virtual_audio
from vita_tui import paths
from vita_tui.audio.base import Samples
from vita_tui.audio.device_speaker import DeviceSpeaker
from vita_tui.conversation.speaking.clauses import POLICIES, ClauseCutter
from vita_tui.conversation.speaking.speaking import Speaking
from vita_tui.conversation.speaking.speech import Speech
from vita_tui.engines.chain import Chain
from vita_tui.engines.stt.base import Word
from vita_tui.engines.stt.runtime.loading import WhisperWeights
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer
from vita_tui.engines.tts.base import Pcm, Synthesizer
from vita_tui.engines.tts.pyttsx3 import Pyttsx3Synthesizer
from vita_tui.engines.tts.remote import RemoteSynthesizer
from vita_tui.events import EventBus
from vita_tui.settings import HealthSettings

__all__ = ["VOICES", "Account", "measure"]

VOICES = ("piper", "pyttsx3", "remote")
TEXT = (
    "The old lighthouse stands on a rock near the harbour. Every evening a man climbs the stairs, lights the great lamp, "
    "and looks for ships. When the fog is thick, he rings a bell."
)
SHORT = TEXT[: TEXT.index(" When")]
"""Of it, enough for a test."""
LOUD = 0.004
"""Amplitude from which on the recording is not silent."""
SILENT = RATE * 7 // 10
GRACE = 0.05
"""Seconds before its end by which a word has been heard."""
PATIENCE = 60.0


@dataclass
class Account:
    """What came of one voice."""

    voice: str
    words: int
    whole: bool
    """Of the reply that was played in full, the ledger has every word as heard."""
    matched: int
    """Words that Whisper heard as they were."""
    errors: list[int] = field(default_factory=list)
    """Of each interruption: words in the ledger more than were heard."""


class Tape:
    """A voice that says each clause the same way every time, as its durations vary."""

    def __init__(self, voice: Synthesizer) -> None:
        self.name, self.notes = voice.name, voice.notes
        self.rate, self.volume, self.pace = voice.rate, voice.volume, voice.pace
        self.sample_rate = voice.sample_rate
        self._voice = voice
        self._said: dict[str, tuple[int, Pcm]] = {}

    def load(self) -> None:
        self._voice.load()

    def speak(self, clause: str, *, cancelled: threading.Event) -> Iterator[Pcm]:
        if clause not in self._said:
            sound = np.concatenate(list(self._voice.speak(clause, cancelled=threading.Event())))
            self._said[clause] = self._voice.sample_rate, sound
        self.sample_rate, sound = self._said[clause]
        yield sound

    def cleanup(self) -> None:
        self._voice.cleanup()


@contextlib.contextmanager
def _voice(name: str) -> Iterator[Synthesizer]:
    if name == "pyttsx3":
        yield Pyttsx3Synthesizer(rate=0.85)
        return
    piper = person()
    if name == "piper":
        yield piper
        return

    def answer(text: str) -> Answer:
        sound = np.concatenate(list(piper.speak(text, cancelled=threading.Event())))
        file = wave(sound, piper.sample_rate, known=False)
        return Answer([file[at : at + 4000] for at in range(0, len(file), 4000)])

    with serving(answer) as server:
        yield RemoteSynthesizer(server.base_url, "piper")
    piper.cleanup()


def measure(
    audio: VirtualAudio, name: str, whisper: WhisperRecognizer, cuts: int, text: str = TEXT
) -> Account:
    """Play and interrupt; PortAudio must see the devices of `audio`."""
    bus = EventBus()
    with _voice(name) as voice:
        output = Speaking(Chain("tts", [Tape(voice)], HealthSettings(), bus=bus), DeviceSpeaker(), bus)
        output.start()
        try:
            with audio.recording() as recording:
                speech = _say(output, text)
                speech.finished.result(PATIENCE)
                whole = not speech.heard()[1].strip()
                sound = _sounding(_settled(recording))
            timed = whisper.transcribe(sound, language="en", words=True).words
            matches = _matches(timed, text)
            account = Account(name, len(text.split()), whole, len(matches))
            for number in range(cuts):
                at = (number + 0.6) / cuts * len(sound) / RATE
                account.errors.append(_interrupt(audio, output, text, at, timed, matches))
            return account
        finally:
            output.cleanup()


def _say(output: Speaking, text: str) -> Speech:
    speech = output.begin(1)
    # Not the short first clause of a reply: Whisper understands too little of one that espeak-ng says.
    cutter = ClauseCutter(policies=POLICIES[1:])
    for clause in [*cutter.feed(text), *cutter.finish()]:
        speech.add(clause)
    speech.complete()
    speech.release()
    return speech


def _interrupt(
    audio: VirtualAudio,
    output: Speaking,
    text: str,
    at: float,
    timed: tuple[Word, ...],
    matches: dict[int, int],
) -> int:
    """Interrupt it when so many seconds of it are in the recording; by how many words the ledger is wrong."""
    with audio.recording() as recording:
        speech = _say(output, text)
        deadline = time.monotonic() + PATIENCE
        while len(_sounding(recording.samples())) < at * RATE and time.monotonic() < deadline:
            time.sleep(0.01)
        speech.cancel()
        seconds = len(_sounding(_settled(recording))) / RATE
    said = sum(word.end <= seconds + GRACE for word in timed)
    # Words that Whisper heard as others still count: from the last one before them that it heard as it was.
    known = max((place for place in matches if place < said), default=-1)
    heard = matches[known] + (said - known) if known >= 0 else said
    return len(speech.heard()[0].split()) - heard


def _settled(recording: Recording) -> Samples:
    """The recording when it has been silent for longer than any pause."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        samples = recording.samples()
        if len(samples) > RATE and float(np.abs(samples[-SILENT:]).max()) < LOUD:
            break
        time.sleep(0.02)
    return recording.samples()


def _sounding(samples: Samples) -> Samples:
    """From the first sound to the last."""
    loud = np.flatnonzero(np.abs(samples) >= LOUD)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def _matches(timed: tuple[Word, ...], text: str) -> dict[int, int]:
    """Whisper's words that are the reply's: their place here, and there."""

    def bare(word: str) -> str:
        return re.sub(r"[^a-z0-9]", "", word.lower())

    theirs, ours = [bare(word.text) for word in timed], [bare(word) for word in text.split()]
    blocks = SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cuts", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    whisper = WhisperRecognizer(WhisperWeights("base", paths.models_dir() / "whisper-base"))
    whisper.load()
    with virtual_audio() as audio:
        os.environ.update(audio.variables)
        accounts = [measure(audio, name, whisper, given.cuts) for name in VOICES]
    for account in accounts:
        told: dict[str, Any] = {
            "voice": account.voice,
            "words": account.words,
            "heard_by_whisper": account.matched,
            "whole_in_full": account.whole,
            "interruptions": len(account.errors),
            "exact": account.errors.count(0),
            "one_word_off": sum(abs(error) == 1 for error in account.errors),
            "worse": sum(abs(error) > 1 for error in account.errors),
        }
        print(json.dumps(told) if given.json else "  ".join(f"{key} {value}" for key, value in told.items()))
    return 1 if any(abs(error) > 1 for account in accounts for error in account.errors) else 0


if __name__ == "__main__":
    sys.exit(main())
