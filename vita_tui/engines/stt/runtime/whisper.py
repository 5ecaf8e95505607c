"""Whisper by way of faster-whisper, used at the length of the speech."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import SAMPLE_RATE, Expects, Transcription, Word
from vita_tui.engines.stt.decoding.activity import SpeechSegment, pieces, speech_probabilities
from vita_tui.engines.stt.decoding.decoder import UNSPACED, Decoded, Decoder
from vita_tui.engines.stt.decoding.windows import WindowRule
from vita_tui.engines.stt.runtime.loading import (
    ComputeTypeError,
    OutOfMemoryError,
    Plan,
    WhisperWeights,
    explain,
    plans,
)
from vita_tui.engines.stt.runtime.model import LoadedWhisper
from vita_tui.engines.stt.runtime.onnx_whisper import OnnxWhisper
from vita_tui.errors import EngineError, ModelError

__all__ = ["WhisperRecognizer"]

log = logging.getLogger(__name__)

SMALL = 100_000_000
"""Bytes of weights below which a model, such as tiny.en with 75 MB, needs longer windows to understand as much."""
SMALL_RULE = (8.0, 2.0)
"""Seconds, for `WindowRule`."""
CACHED_SEGMENTS = 8
"""Finished pieces of a long utterance that need not be decoded again: three minutes of speech."""


class WhisperRecognizer:
    """A `Recognizer`. Called by one thread at a time; `WhisperWorker` gives it one."""

    def __init__(
        self,
        *candidates: WhisperWeights,
        device: str = "auto",
        compute_type: str = "auto",
        threads: int = 2,
        language: str = "en",
        languages: Sequence[str] = (),
        rule: WindowRule | None = None,
        drafts: bool = True,
        words: Sequence[str] = (),
        expects: Expects | None = None,
    ) -> None:
        """
        Args:
            candidates: the model that is wanted, then those to try instead, in order.
            device: "cpu", "cuda" or "auto".
            compute_type: one of CTranslate2's, or "auto".
            threads: of the CPU.
            language: code of the language that is spoken, or "auto".
            languages: codes of those that "auto" chooses from; none for all.
            rule: how long a window to encode; None for the measured one.
            words: names and such that are preferred where they may have been said.
            expects: what may have been meant by a transcript that is not certain.
            drafts: write words with `onnx_whisper`, which reads what a partial transcript understood in one go.
        """
        if not candidates:
            raise ValueError("a recognizer needs a model")
        self._candidates: Sequence[WhisperWeights] = candidates
        self._device = device
        self._compute_type = compute_type
        self._threads = threads
        self.language = language
        """May be changed; the next decode is in it."""
        self.languages = tuple(languages)
        """As `language`."""
        self.words = tuple(words)
        """As `language`."""
        self._expects = expects
        self._rule = rule
        self._drafts = drafts
        self._decoder: Decoder | None = None
        self._remembered: OrderedDict[bytes, Decoded] = OrderedDict()
        self.name = f"whisper {candidates[0].name}"
        self.notes = ""
        self.device = ""
        """Where it runs; known after `load`."""
        self.compute_type = ""
        """How it computes; known after `load`."""

    def load(self) -> None:
        """Load the first candidate that works and run it once on a sound like speech.

        Raises:
            ModelError: none works; says why for each, and what to do about the first.
        """
        if self._decoder is not None:
            return
        failures: list[tuple[WhisperWeights, ModelError]] = []
        for weights in self._candidates:
            for plan in plans(self._device, self._compute_type):
                if failures and failures[-1][0] is weights and not _another_way(failures[-1][1], plan):
                    continue
                try:
                    decoder = self._try(weights, plan)
                except ModelError as error:
                    log.warning("%s", error)
                    failures.append((weights, error))
                    continue
                self._decoder = decoder
                self._tell(weights, plan, failures)
                return
        first = failures[0][1]
        others = "".join(f" Then {error.message}" for _, error in failures[1:])
        raise type(first)(first.message + others, remedy=first.remedy)

    def _try(self, weights: WhisperWeights, plan: Plan) -> Decoder:
        model = LoadedWhisper(weights, plan, threads=self._threads)
        text = self._onnx_whisper(weights, plan, model.vocabulary) if self._drafts else None
        small = (weights.path / "model.bin").stat().st_size < SMALL
        rule = self._rule or WindowRule(*(SMALL_RULE if small else ()))
        decoder = Decoder(model, rule, text, self._expects)
        language = self.language
        if language not in ("auto", *model.languages):
            if model.multilingual:
                raise ModelError(
                    f"Whisper {weights.name} does not know the language “{language}”.",
                    remedy='Set stt.language to a code such as "en" or "de", or to "auto".',
                )
            raise ModelError(
                f"Whisper {weights.name} understands English only.",
                remedy="Set stt.model to one without .en in its name, such as base.",
            )
        try:
            warm = decoder.decode(_warm_up_sound(), language=language, partial=True)
        except (RuntimeError, MemoryError, ValueError, IndexError) as error:
            raise explain(error, weights, plan) from error
        if not math.isfinite(warm.log_probability):
            raise ModelError(
                f"Whisper {weights.name} is damaged: it produces NaN.",
                remedy=f"Run: vita models verify {weights.name}",
            )
        speech_probabilities(_warm_up_sound())
        return decoder

    def _onnx_whisper(self, weights: WhisperWeights, plan: Plan, vocabulary: Any) -> OnnxWhisper | None:
        """What writes the words faster than CTranslate2, where it was asked to compute with 8 bits on a CPU; None where it cannot."""
        if plan.device != "cpu" or not plan.compute_type.startswith("int8"):
            return None
        try:
            return OnnxWhisper(weights.path, vocabulary, threads=self._threads)
        except (ImportError, OSError, ValueError, KeyError, RuntimeError, MemoryError) as error:
            if isinstance(reason := explain(error, weights, plan), OutOfMemoryError):
                raise reason from error
            log.warning("%s is decoded by CTranslate2: %s", weights.name, error)
            return None

    def _tell(
        self, weights: WhisperWeights, plan: Plan, failures: list[tuple[WhisperWeights, ModelError]]
    ) -> None:
        self.name = f"whisper {weights.name}"
        self.device = plan.device
        self.compute_type = plan.compute_type
        notes = []
        if failures:
            wanted, reason = failures[0]
            instead = weights.name if weights is not wanted else f"{plan.compute_type} on {plan.device}"
            asked = wanted.name if weights is not wanted else self._compute_type
            notes.append(f"{instead} because {asked} did not load: {reason.message}")
        self.notes = " ".join(notes)
        log.info("%s as %s on %s %s", self.name, plan.compute_type, plan.device, self.notes)

    def transcribe(
        self,
        audio: NDArray[np.float32],
        *,
        language: str | None = None,
        prefix: str = "",
        draft: str = "",
        words: bool = False,
        partial: bool = False,
        cancelled: Event | None = None,
    ) -> Transcription:
        """See `Recognizer.transcribe`. Silence, noise and music give an empty text.

        Raises:
            EngineError: not loaded, an unknown language, or CTranslate2 failed.
        """
        started = time.perf_counter()
        decoder = self._decoder
        if decoder is None:
            raise EngineError(f"{self.name} is not loaded.")
        audio = np.ascontiguousarray(audio, dtype=np.float32).reshape(-1)
        wanted = language or self.language
        if wanted not in ("auto", *decoder.model.languages):
            raise EngineError(f"{self.name} does not know the language “{wanted}”.")
        found: list[tuple[SpeechSegment, Decoded]] = []
        decoder.words, decoder.languages = self.words, self.languages
        try:
            for piece in pieces(audio):
                if cancelled is not None and cancelled.is_set():
                    break
                known = prefix if not found else ""
                # A draft is of all the audio: it fits when that is one piece.
                guess = draft if piece.last and not found else ""
                decoded = self._piece(decoder, audio, piece, wanted, known, guess, words, partial, cancelled)
                found.append((piece, decoded))
                if wanted == "auto":
                    wanted = decoded.language or wanted
        except (RuntimeError, MemoryError, ValueError) as error:
            raise EngineError(f"{self.name} failed: {error or type(error).__name__}.") from error
        return _join(found, wanted, len(audio) / SAMPLE_RATE, time.perf_counter() - started, prefix)

    def _piece(
        self,
        decoder: Decoder,
        audio: NDArray[np.float32],
        piece: SpeechSegment,
        language: str,
        prefix: str,
        draft: str,
        words: bool,
        partial: bool,
        cancelled: Event | None,
    ) -> Decoded:
        """Decode one piece; one that more audio cannot change is remembered, since an utterance is decoded again as it grows."""
        samples = audio[piece.start : piece.end]
        if piece.last:
            return decoder.decode(
                samples,
                language=language,
                prefix=prefix,
                draft=draft,
                words=words,
                partial=partial,
                cancelled=cancelled,
            )
        key = blake2b(samples.tobytes(), key=_digest(language, words, prefix, self.words)).digest()
        if (known := self._remembered.get(key)) is not None:
            self._remembered.move_to_end(key)
            return Decoded(
                text=known.text,
                language=known.language,
                log_probability=known.log_probability,
                no_speech=known.no_speech,
                words=known.words,
            )
        decoded = decoder.decode(samples, language=language, prefix=prefix, words=words, cancelled=cancelled)
        if decoded.finished:
            self._remembered[key] = decoded
            while len(self._remembered) > CACHED_SEGMENTS:
                self._remembered.popitem(last=False)
        return decoded

    def cleanup(self) -> None:
        """Free the model; may be called twice. `load` works again afterwards."""
        self._decoder = None
        self._remembered.clear()


def _join(
    found: list[tuple[SpeechSegment, Decoded]],
    language: str,
    audio_seconds: float,
    decode_seconds: float,
    prefix: str,
) -> Transcription:
    spoken = [(piece, decoded) for piece, decoded in found if decoded.text]
    space = "" if language in UNSPACED else " "
    weight = sum(piece.end - piece.start for piece, _ in spoken)
    log_probability = (
        sum(d.log_probability * (p.end - p.start) for p, d in spoken) / weight if weight else 0.0
    )
    words = tuple(
        Word(
            word.text,
            round(word.start + piece.start / SAMPLE_RATE, 2),
            round(word.end + piece.start / SAMPLE_RATE, 2),
        )
        for piece, decoded in spoken
        for word in decoded.words
    )
    return Transcription(
        text=space.join(decoded.text for _, decoded in spoken) or prefix.strip(),
        language=next((d.language for _, d in spoken), language if language != "auto" else ""),
        confidence=math.exp(min(0.0, log_probability)) if spoken else 0.0,
        no_speech=min((d.no_speech for _, d in found), default=1.0),
        audio_seconds=audio_seconds,
        decode_seconds=decode_seconds,
        windows=sum(d.windows for _, d in found),
        tokens=sum(d.tokens for _, d in found),
        guard=tuple(reason for _, d in found for reason in d.guard),
        words=words,
    )


def _digest(*asked: object) -> bytes:
    return blake2b(repr(asked).encode(), digest_size=16).digest()


def _another_way(error: ModelError, plan: Plan) -> bool:
    """Whether `plan` may help where the same files have just failed with `error`: another type or device does not repair damage."""
    if isinstance(error, OutOfMemoryError):
        return plan.compute_type == "int8"
    return isinstance(error, ComputeTypeError) or "CUDA" in error.message


def _warm_up_sound() -> NDArray[np.float32]:
    """Two syllables of a vowel that glides: a buzz with two formants.

    No longer, and decoded as a partial: the guard takes two seconds of it for a runaway and decodes five times, for 3 s.
    """
    t = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 1.5 * t)) / SAMPLE_RATE
    voice = sum(np.sin(k * pitch) * math.exp(-(((k * 120 - 600) / 500) ** 2)) for k in range(1, 25))
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * t)
    return (0.1 * voice * syllables).astype(np.float32)
