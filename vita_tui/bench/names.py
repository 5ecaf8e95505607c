"""What words of one's own are worth: names in spoken sentences with and without them, and whether they turn up where nobody said them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vita_tui.bench.figures import about
from vita_tui.bench.recordings import SpokenSample, spoken_by_espeak
from vita_tui.bench.stt import TAIL, in_a_room
from vita_tui.conversation.build import recognizers
from vita_tui.engines.stt.decoding.custom_words import spelled
from vita_tui.events import EventBus
from vita_tui.settings import Settings

__all__ = ["SENTENCES", "VOICES", "measure", "sentences"]

SENTENCES = ("Please open {} for me.", "I talked to {} about it yesterday.", "{} is what I need.")
VOICES = ("en-us+f2", "en-gb", "en-us+m3")
"""espeak-ng's; every name is said by one of them after the other."""


def sentences(words: Sequence[str]) -> list[tuple[str, str, str]]:
    """The voice, the sentence and the word in it, each word three times."""
    return [
        (VOICES[(number + turn) % len(VOICES)], sentence.format(word), word)
        for number, word in enumerate(words)
        for turn, sentence in enumerate(SENTENCES)
    ]


def measure(
    settings: Settings,
    words: Sequence[str],
    others: Sequence[SpokenSample],
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Hear sentences with each of `words`, and `others`, without and with the words.

    Args:
        others: recordings in which none of them is said, such as noise or other people's speech.

    Raises:
        ModelError: Whisper's weights are missing or do not load.
        EngineUnavailableError: espeak-ng, which says the sentences, is not installed.
    """
    engine: Any = recognizers(settings, EventBus()).engines[0]
    engine.load()
    wrong = {"without": 0, "with": 0}
    rows = []
    said = sentences(words)
    for number, (voice, text, word) in enumerate(said):
        progress(text)
        (spoken,) = spoken_by_espeak((text,), voice)
        sound = in_a_room(spoken, number).sound(TAIL)
        heard = {}
        for way, given in (("without", ()), ("with", tuple(words))):
            engine.words = given
            heard[way] = engine.transcribe(sound).text
            wrong[way] += word not in spelled(heard[way], words)
        rows.append({"said": text, "voice": voice, **heard})
    inserted = []
    for number, recording in enumerate(others):
        progress(recording.name)
        sound = in_a_room(recording, number).sound(TAIL)
        engine.words = ()
        before = spelled(engine.transcribe(sound).text, words)
        engine.words = tuple(words)
        after = engine.transcribe(sound).text
        inserted += [
            {"file": recording.name, "word": word, "heard": after}
            for word in words
            if after.count(word) > before.count(word)
        ]
    engine.cleanup()
    return {
        "about": about("words"),
        "model": settings.stt.model,
        "spoken": len(said),
        **{f"wrong_{way}": round(count / max(1, len(said)), 4) for way, count in wrong.items()},
        "other_seconds": round(sum(one.seconds for one in others), 1),
        "inserted": len(inserted),
        "insertions": inserted,
        "utterances": rows,
    }
