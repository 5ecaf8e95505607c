"""What the ledger says was heard, against what a recording of the speaker holds; see `tests.e2e.ledger_report`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.ledger_report import SHORT, VOICES, measure
from tests.judge import judge
from tests.virtual_audio import VirtualAudio
from vita_tui.engines.stt.runtime.whisper import WhisperRecognizer

pytestmark = [pytest.mark.audio, pytest.mark.models, pytest.mark.slow]

CUTS = int(os.environ.get("VITA_PROOF_CUTS", "2"))
"""Replies of each voice that are interrupted."""


@pytest.fixture(scope="module")
def whisper() -> Iterator[WhisperRecognizer]:
    recognizer = judge()
    yield recognizer
    recognizer.cleanup()


@pytest.mark.parametrize("voice", VOICES)
def test_the_words_heard_are_those_in_the_recording(
    sound_here: VirtualAudio,
    whisper: WhisperRecognizer,
    voice: str,
) -> None:
    account = measure(sound_here, voice, whisper, CUTS, SHORT)
    assert account.whole, "a reply that was played in full was heard in full"
    assert account.matched >= 0.8 * account.words, "Whisper understands it well enough to judge"
    assert len(account.errors) == CUTS
    assert max(map(abs, account.errors)) <= 1, account.errors
