"""Recordings in one language and in several."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from vita_tui import settings
from vita_tui.audio.base import SAMPLE_RATE
from vita_tui.audio.encoding import write_wav
from vita_tui.audio.files import read_audio
from vita_tui.conversation.build import recognizers
from vita_tui.conversation.transcripts import transcribe_file
from vita_tui.engines.stt.decoding.activity import sentences
from vita_tui.events import EventBus

GERMAN = "Guten Morgen. Heute scheint die Sonne, und wir fahren mit dem Zug nach Berlin. Dort wollen wir ein Museum besuchen."
ENGLISH = "Good morning. Today the sun is shining, and we take the train to London. There we want to visit a museum."

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def spoken(folder: Path, *texts: tuple[str, str]) -> Path:
    """One recording of texts, each with its voice."""
    parts = []
    for place, (voice, text) in enumerate(texts):
        file = folder / f"{place}.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "140", "-w", str(file), text], check=True)
        parts.append(read_audio(file))
    write_wav(folder / "all.wav", np.concatenate(parts), SAMPLE_RATE)
    return folder / "all.wav"


@pytest.mark.models
def test_each_stretch_is_heard_in_its_language(tmp_path: Path) -> None:
    chosen = settings.load(overrides={"stt": {"language": "auto", "fallback": []}})
    chain = recognizers(chosen, EventBus())
    try:
        found = transcribe_file(chain, spoken(tmp_path, ("de", GERMAN), ("en-us", ENGLISH)), languages="auto")
    finally:
        chain.engines[0].cleanup()
    assert [part.language for part in found.parts] == ["de", "en"]
    german, english = found.parts
    assert "Berlin" in german.text
    assert "train to London" in english.text
    assert english.start == pytest.approx(german.end, abs=0.5)


def test_sentences_end_in_pauses_and_are_all_of_it(tmp_path: Path) -> None:
    audio = read_audio(spoken(tmp_path, ("de", GERMAN), ("en-us", ENGLISH)))
    found = sentences(audio)
    assert len(found) >= 4
    assert found[0][0] == 0
    assert found[-1][1] == len(audio)
    for (_, end), (start, _) in itertools.pairwise(found):
        assert end == start
        assert np.sqrt(np.mean(audio[end - 800 : end + 800] ** 2)) < 0.01
