"""How often people are cut off while they think, and how long they wait when they have finished.

    python -m tests.conversation.pause_report [FOLDER] [--pause 0.6 0.9 1.2 1.8] [--model base] [--json]

Pauses are inserted between the words of recorded utterances (word times are Whisper's). At each of them what was said so far is
transcribed, as it is in the program, and `EndWait` says how long to wait: the speaker is cut off when that is less than the pause.
The wait at the end is what it says of the whole. Beside it in the same run: a wait that is always the same, and one that adapts to the
words but not to the speaker.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import SPEECH
from vita_tui.audio.base import SAMPLE_RATE, Samples
from vita_tui.audio.files import read_audio
from vita_tui.clock import SystemClock
from vita_tui.conversation.build import recognizers
from vita_tui.conversation.hearing.end_wait import EndWait, Evidence
from vita_tui.engines.stt.base import Recognizer
from vita_tui.events import EventBus
from vita_tui.settings import Settings

PLACES = (0.25, 0.5, 0.75)
"""Of an utterance's words, before which it pauses."""
EDGE = np.zeros(round(0.3 * SAMPLE_RATE), np.float32)


def beginnings(samples: Samples, recognizer: Recognizer) -> Iterator[str]:
    """What is understood of an utterance up to each of `PLACES`, and of all of it."""
    words = recognizer.transcribe(samples, words=True).words
    for place in PLACES:
        cut = words[max(1, round(len(words) * place)) - 1].end
        yield recognizer.transcribe(np.concatenate([samples[: round(cut * SAMPLE_RATE)], EDGE])).text
    yield recognizer.transcribe(samples).text


def measure(folder: Path, model: str, pauses: Sequence[float]) -> dict[str, Any]:
    settings = Settings(stt={"model": model})
    silence = settings.talk.end_silence
    recognizer = recognizers(settings, EventBus(), SystemClock()).engines[0]
    recognizer.load()
    files = sorted(file for file in folder.iterdir() if file.suffix in (".wav", ".flac"))
    understood = [list(beginnings(read_audio(file), recognizer)) for file in files]
    result: dict[str, Any] = {
        "utterances": len(files),
        "pauses": len(files) * len(PLACES),
        "end_silence": silence,
    }
    for pause in pauses:
        speaker = EndWait()
        cut = {"fixed": 0, "words": 0, "words and speaker": 0}
        waits: dict[str, list[float]] = {name: [] for name in cut}
        for *parts, whole in understood:
            for text in parts:
                learned = speaker.seconds(silence, Evidence(text))
                cut["fixed"] += silence < pause
                cut["words"] += EndWait().seconds(silence, Evidence(text)) < pause
                cut["words and speaker"] += learned < pause
                speaker.went_on(pause)  # also who is cut off goes on, in a new utterance
            waits["fixed"].append(silence)
            waits["words"].append(EndWait().seconds(silence, Evidence(whole)))
            waits["words and speaker"].append(speaker.seconds(silence, Evidence(whole)))
        result[f"{pause:.1f} s"] = {
            name: {
                "cut_off": round(count / result["pauses"], 3),
                "wait_s_p50": round(statistics.median(waits[name]), 2),
            }
            for name, count in cut.items()
        }
    recognizer.cleanup()
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SPEECH)
    parser.add_argument("--pause", nargs="+", type=float, default=[0.6, 0.9, 1.2, 1.8])
    parser.add_argument("--model", default="base")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not given.folder.is_dir():
        print(f"{given.folder} is no folder.", file=sys.stderr)
        return 2
    result = measure(given.folder, given.model, given.pause)
    if given.json:
        print(json.dumps(result))
        return 0
    print(
        f"{result['utterances']} utterances with {result['pauses']} pauses; end_silence {result['end_silence']} s\n"
    )
    print("| pause | wait | cut off | median wait at the end |\n|---|---|---|---|")
    for pause in given.pause:
        for name, figures in result[f"{pause:.1f} s"].items():
            print(f"| {pause:.1f} s | {name} | {figures['cut_off']:.0%} | {figures['wait_s_p50']:.2f} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
