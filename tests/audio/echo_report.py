"""How often the assistant interrupts itself, and how many real interruptions it catches, in simulated rooms.

    python -m tests.audio.echo_report [--minutes 20] [--people 2] [--echo -10 -20 -30] [--distortion 0] [--person -26] [--json]

Piper reads replies out in a simulated room; recorded people talk into them. What is heard goes through `EchoMicrophone`, voice
activity, and the guards, as it does in the program. For `--minutes` nobody talks: what starts then is the assistant itself. For
`--people` more minutes people talk, once every eight seconds. Every two minutes it is another room, in which the canceller starts
anew.

- onsets: voice starts for the listener while nobody talks, per hour of the assistant's speech: the reply would duck.
- stops: of those, what is transcribed to words that the assistant did not say: the reply would stop. These are false
  self-interruptions.
- noticed, caught: share of people's utterances with an onset in them; and with words that are not the assistant's.
- bare: onsets per hour without cancelling and without guards, for comparison.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from tests.conftest import SPEECH
from tests.room import BEGAN, Rehearsal, Room
from vita_tui import paths
from vita_tui.audio.base import BLOCK, SAMPLE_RATE, Samples
from vita_tui.audio.echo import EchoMicrophone
from vita_tui.audio.echo_level import EchoGuard
from vita_tui.audio.files import read_audio
from vita_tui.audio.voice import Onsets, VoiceActivity, dbfs
from vita_tui.conversation.hearing.echo_text import OwnWords
from vita_tui.engines.tts.word_times import word_ends
from vita_tui.text.spoken import say

__all__ = ["Figures", "Reply", "SpeechCheck", "people", "replies", "report", "run"]

SENTENCES = """
The library opens at nine in the morning.
You can borrow up to twelve books at a time, and keep them for three weeks.
If somebody else is waiting for a book, the loan is shorter.
There is also a quiet room on the second floor.
Rain is likely in the afternoon, with a light wind from the west.
Put the beans in cold water the night before, and cook them slowly.
The train to the coast leaves every hour, and takes about forty minutes.
A good night of sleep helps more than another cup of coffee.
The museum was built in eighteen ninety two by a rich merchant.
I have added milk, bread and two lemons to your shopping list.
Light takes a little over eight minutes from the sun to the earth.
Turn left after the bridge, and you will see the old mill.
Your next meeting is with Maria, on Thursday at half past ten.
Most birds return in spring, when there are insects to eat.
The second volume is longer, but many readers like it better.
Wash the wool by hand, and let it dry flat on a towel.
""".strip().splitlines()
PERSON_DBFS = -26.0
"""Of a person's speech at the microphone: an arm's length away."""
SPOKEN_DBFS = -22.0
"""Of the assistant's speech as it is played."""
EVERY_SECONDS = 8.0
SCENE_SECONDS = 120.0
PAUSE_SECONDS = 0.6
"""Between two replies."""
EDGE_SECONDS = 0.3
HEARD_SECONDS = 2.0
"""After the onset that are transcribed, if the voice does not cease before."""


@dataclass(frozen=True)
class Reply:
    """A sentence as sound at `SAMPLE_RATE`, with where its words end, in seconds."""

    text: str
    samples: Samples
    words: tuple[str, ...]
    ends: tuple[float, ...]


@dataclass
class Figures:
    """Of one room."""

    echo_db: float
    hours: float = 0.0
    """Of the assistant's speech while nobody talks."""
    onsets: int = 0
    stops: int = 0
    bare: int | None = None
    """Onsets per hour of the microphone as it is."""
    people: int = 0
    noticed: int = 0
    caught: int = 0

    @property
    def line(self) -> str:
        def rate(count: int) -> str:
            return f"{count / self.hours:.0f}" if self.hours else "–"

        def share(count: int) -> str:
            return f"{count}/{self.people}"

        bare = "–" if self.bare is None else str(self.bare)
        return (
            f"{self.echo_db:>5.0f} dB  {self.hours * 60:>5.1f}  {rate(self.onsets):>8}  {rate(self.stops):>7}  "
            f"{bare:>6}  {share(self.noticed):>8}  {share(self.caught):>8}"
        )


def replies(count: int = len(SENTENCES)) -> list[Reply]:
    """The first sentences, spoken by Piper."""
    import soxr

    from tests.person import person

    voice = person()
    made = []
    try:
        for text in SENTENCES[:count]:
            samples = np.concatenate(list(voice.speak(text, cancelled=threading.Event())))
            samples = soxr.resample(samples, voice.sample_rate, SAMPLE_RATE)
            samples *= 10 ** ((SPOKEN_DBFS - dbfs(samples)) / 20)
            words = say(text)
            ends = [frame / SAMPLE_RATE for _, frame in word_ends(words, samples, SAMPLE_RATE)]
            made.append(Reply(text, samples, tuple(word.text for word in words), tuple(ends)))
    finally:
        voice.cleanup()
    return made


def people(level: float = PERSON_DBFS) -> list[Samples]:
    """Recorded people, the first 2.5 seconds of each, at `level` dBFS."""
    voices = [
        read_audio(file, max_seconds=2.5)
        for file in sorted(SPEECH.glob("*.*"))
        if file.suffix in (".wav", ".flac")
    ]
    return [voice * np.float32(10 ** ((level - dbfs(voice)) / 20)) for voice in voices]


@dataclass
class _Scene:
    played: Samples
    person: Samples
    talking: list[tuple[float, float]]
    own: OwnWords


def _scene(said: Sequence[Reply], voices: Sequence[Samples], seconds: float, seed: int) -> _Scene:
    random = np.random.default_rng(seed)
    own = OwnWords()
    parts: list[Samples] = [np.zeros(SAMPLE_RATE, np.float32)]
    at = 1.0
    while at < seconds:
        reply = said[int(random.integers(len(said)))]
        own.say(reply.words, reply.ends, BEGAN + at)
        parts += [reply.samples, np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.float32)]
        at = sum(map(len, parts)) / SAMPLE_RATE
    parts.append(np.zeros(2 * SAMPLE_RATE, np.float32))
    played = np.concatenate(parts)
    person = np.zeros(len(played), np.float32)
    talking = []
    begin = 4.0 + float(random.uniform(0, 2))
    place = 0
    while voices and begin + 3.0 < at:
        voice = voices[place % len(voices)]
        place += 1
        first = round(begin * SAMPLE_RATE)
        person[first : first + len(voice)] = voice
        talking.append((begin, begin + len(voice) / SAMPLE_RATE))
        begin += EVERY_SECONDS + float(random.uniform(-1, 1))
    return _Scene(played, person, talking, own)


@dataclass(frozen=True)
class _Onset:
    begin: float
    end: float
    """Seconds from the start, of what is transcribed."""
    audio: Samples


def _listen(microphone: EchoMicrophone | Rehearsal, *, guarded: bool) -> list[_Onset]:
    """What the listener would take for speech."""
    voice, onsets = VoiceActivity(), Onsets()
    frames: list[Samples] = []
    found: list[tuple[int, int]] = []
    begun: int | None = None
    while True:
        try:
            frame = microphone.read(1.0)
        except EOFError:
            break
        assert frame is not None
        number = len(frames)
        frames.append(frame.samples)
        probability = voice.probability(frame.samples)
        if guarded and isinstance(microphone, EchoMicrophone) and microphone.verdict.own:
            probability = 0.0
        change = onsets.feed(probability, number * BLOCK / SAMPLE_RATE)
        if change == "started":
            begun = round(onsets.since * SAMPLE_RATE / BLOCK)
        long = begun is not None and (number - begun) * BLOCK / SAMPLE_RATE > HEARD_SECONDS
        if begun is not None and (change == "ended" or long):
            found.append((begun, number))
            begun = None
    edge = round(EDGE_SECONDS * SAMPLE_RATE / BLOCK)
    return [
        _Onset(
            begin * BLOCK / SAMPLE_RATE,
            end * BLOCK / SAMPLE_RATE,
            np.concatenate(frames[max(0, begin - edge) : end + 1]),
        )
        for begin, end in found
    ]


class SpeechCheck:
    """Whisper, for what was heard."""

    def __init__(self) -> None:
        from vita_tui.engines.stt.runtime.loading import WhisperWeights
        from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

        self._whisper = WhisperRecognizer(
            WhisperWeights("tiny.en", paths.models_dir() / "whisper-tiny.en"), language="en"
        )
        self._whisper.load()

    def words(self, audio: Samples) -> str:
        return self._whisper.transcribe(audio).text


def run(
    room: Room,
    said: Sequence[Reply],
    voices: Sequence[Samples],
    *,
    seconds: float,
    with_people: float,
    recognizer: SpeechCheck | None = None,
    bare: bool = False,
) -> Figures:
    """One level: `seconds` alone and `with_people` seconds with people, each in rooms of two minutes at most.

    Args:
        recognizer: that words are understood with; without them, every onset counts as a stop.
        bare: listen also without cancelling and guards, in the first of the rooms.
    """
    figures = Figures(room.echo_db)
    for crowd, total in ((False, seconds), (True, with_people)):
        for number in range(math.ceil(total / SCENE_SECONDS)):
            length = min(SCENE_SECONDS, total - number * SCENE_SECONDS)
            here = replace(room, seed=room.seed + 2 * number + crowd)
            scene = _scene(said, voices if crowd else (), length, seed=here.seed)
            captured = here.hear(scene.played, scene.person)
            rehearsal = Rehearsal(captured, scene.played, jitter=0.002)
            microphone = EchoMicrophone(
                rehearsal, rehearsal.reference, delay=room.delay,
                guard=EchoGuard(echo_db=room.echo_db, floor_dbfs=room.noise_dbfs),
            )  # fmt: skip
            microphone.open()
            heard = _listen(microphone, guarded=True)
            foreign = [_is_foreign(one, scene, recognizer) for one in heard]
            if crowd:
                figures.people += len(scene.talking)
                for begin, end in scene.talking:
                    meant = [n for n, one in enumerate(heard) if one.begin < end and one.end > begin]
                    figures.noticed += bool(meant)
                    figures.caught += any(foreign[n] for n in meant)
                continue
            figures.hours += length / 3600
            figures.onsets += len(heard)
            figures.stops += sum(foreign)
            if bare and not number:
                onsets = len(_listen(Rehearsal(captured, scene.played), guarded=False))
                figures.bare = round(onsets / length * 3600)
    return figures


def _is_foreign(onset: _Onset, scene: _Scene, recognizer: SpeechCheck | None) -> bool:
    if recognizer is None:
        return True
    text = recognizer.words(onset.audio)
    own = scene.own.is_own(text, BEGAN + onset.begin, BEGAN + onset.end)
    return bool(text.strip()) and not own


def report(
    room: Room, levels: Sequence[float], minutes: float, people_minutes: float, person: float = PERSON_DBFS
) -> list[Figures]:
    """The figures for each level, printed as they come."""
    said, voices, recognizer = replies(), people(person), SpeechCheck()
    sys.stderr.write("   echo    min  onsets/h  stops/h  bare/h   noticed    caught\n")
    found = []
    for level in levels:
        figures = run(
            replace(room, echo_db=level), said, voices,
            seconds=minutes * 60, with_people=people_minutes * 60, recognizer=recognizer, bare=True,
        )  # fmt: skip
        sys.stderr.write(figures.line + "\n")
        found.append(figures)
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="of the assistant's speech alone, a level"
    )
    parser.add_argument(
        "--people", type=float, default=2.0, help="minutes with people talking into it, a level"
    )
    parser.add_argument("--echo", type=float, nargs="+", default=[-10.0, -20.0, -30.0], help="levels in dB")
    parser.add_argument(
        "--distortion", type=float, default=0.0, help="of the loudspeaker: see tests.room.Room"
    )
    parser.add_argument("--person", type=float, default=PERSON_DBFS, help="level of people's speech, in dBFS")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not SPEECH.is_dir():
        parser.error("needs ../shared/speech")
    room = Room(delay=0.12, noise_dbfs=-60.0, distortion=given.distortion)
    found = report(room, given.echo, given.minutes, given.people, given.person)
    if given.json:
        print(json.dumps([asdict(one) for one in found], indent=2))


if __name__ == "__main__":
    _main()
