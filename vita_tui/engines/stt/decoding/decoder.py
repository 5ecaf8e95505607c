"""Decodes one piece of speech on windows as short as it allows, and again on longer ones where the guard says so.

`WhisperModel.transcribe` encodes 30 seconds whatever it is given, and encoding is most of the work for a short utterance.
Shorter windows do, so this goes below it: faster-whisper's features, then `onnx_whisper` or, where that does not run, CTranslate2's
`encode` and `generate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.stt.base import SAMPLE_RATE, Expects, Word
from vita_tui.engines.stt.decoding import branches, runaway
from vita_tui.engines.stt.decoding.activity import EDGE
from vita_tui.engines.stt.decoding.alignment import join_punctuation
from vita_tui.engines.stt.decoding.custom_words import spelled
from vita_tui.engines.stt.decoding.expectation import as_expected
from vita_tui.engines.stt.decoding.preference import preferred
from vita_tui.engines.stt.decoding.runaway import FULL_WINDOW, SECOND_OPINION, DecodedWindow
from vita_tui.engines.stt.decoding.windows import WindowRule, fitted_to
from vita_tui.engines.stt.runtime.model import LoadedWhisper
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper
from vita_tui.engines.whisper_parts import whisper_part

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["UNSPACED", "Decoded", "Decoder"]

SHORTEST = 0.1
"""Seconds of audio below which there is nothing to decode."""
TEMPERATURES = (0.4, 0.8)
"""Tried on the full window when greedy decoding failed on every window."""
HYPOTHESES = 3
"""Samples drawn at each temperature; the likeliest is kept."""
MOST_KNOWN = 200
"""Tokens of a prefix or a draft that are used: Whisper reads 448 at most, and a window does not hold more."""
CERTAIN = -0.05
"""Mean log-probability above which nothing likelier is looked for."""
UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "yue"))
"""Languages whose words are written without spaces, so a known prefix does not begin with one."""


@dataclass(slots=True)
class Decoded:
    """What became of one piece."""

    text: str = ""
    language: str = ""
    log_probability: float = 0.0
    no_speech: float = 1.0
    windows: int = 0
    tokens: int = 0
    guard: list[str] = field(default_factory=list)
    words: tuple[Word, ...] = ()
    finished: bool = True
    """False when it was cancelled."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What the words of one window are asked for with, as tokens."""

    tokenizer: Tokenizer
    start: list[int]
    known: list[int]
    draft: list[int]
    most: int
    """Tokens of the transcript, the known ones included."""
    seconds: float
    """Of speech, without the silence around it."""


class Decoder:
    """Decodes with one loaded model. Not safe for use by two threads at once."""

    def __init__(
        self,
        model: LoadedWhisper,
        rule: WindowRule,
        text: OnnxWhisper | None = None,
        expects: Expects | None = None,
    ) -> None:
        """
        Args:
            text: what writes the words; None for CTranslate2's own way.
            expects: what may have been meant by a transcript; asked where `text` was not certain.
        """
        self.model = model
        self._rule = rule
        self._text = text
        self._expects = expects
        self._tokenizers: dict[str, Tokenizer] = {}
        self.languages: Sequence[str] = ()
        """Those that one is told from; none for all that the model knows."""
        self.words: Sequence[str] = ()
        """Names and such that are preferred where they may have been said; without `text` only their spelling is set right."""

    def decode(
        self,
        audio: NDArray[np.float32],
        *,
        language: str,
        prefix: str = "",
        draft: str = "",
        words: bool = False,
        partial: bool = False,
        cancelled: Event | None = None,
    ) -> Decoded:
        """Decode at most 30 s of speech.

        Args:
            language: a language code or "auto".
            prefix: what is known to have been said at the start.
            draft: what may have been said after it. It changes nothing but the time that its right beginning takes.
            words: also find the time of each word.
            partial: a weak decode is good enough, and one that ran away is dropped: there will be another soon.
            cancelled: checked before each encoding and each token.

        Raises:
            RuntimeError | MemoryError: CTranslate2 failed.
        """
        seconds = len(audio) / SAMPLE_RATE
        result = Decoded(language="" if language == "auto" else language)
        if seconds < SHORTEST:
            return result
        features = self._features(audio)
        attempts: list[DecodedWindow] = []
        sound: EncodedWindow | None = None
        encoded: Any = None
        least = 0.0
        for window, temperature in self._ladder(seconds, partial):
            if window < least:
                continue
            if cancelled is not None and cancelled.is_set():
                result.finished = False
                break
            if temperature == 0.0:
                fitted = fitted_to(features, window)
                if self._text is not None:
                    sound = self._text.memory(fitted, cancelled)
                else:
                    encoded = self.model.whole.encode(fitted)
                result.windows += 1
                if cancelled is not None and cancelled.is_set():
                    result.finished = False
                    break
            if not result.language:
                result.language = self._detect(sound, encoded)
            ask = self._ask(result.language, prefix, draft, seconds)
            if self._text is not None and sound is not None:
                attempt = self._write(self._text, sound, ask, window, temperature, cancelled)
            else:
                attempt = self._generate(encoded, ask, window, temperature)
            result.tokens += len(attempt.tokens)
            if cancelled is not None and cancelled.is_set():
                result.finished = False
                break
            if runaway.doubled(attempt):
                if partial:
                    attempt = replace(attempt, text=runaway.once(attempt.text))
                least = SECOND_OPINION
            # The last word of a partial is half spoken, so its probability says little.
            if runaway.believable(attempt, attempts) or (partial and not runaway.runaway(attempt)):
                # One that was merely weak before may be the better one after all.
                likeliest = runaway.best([*attempts, attempt]) or attempt
                if not partial and likeliest is attempt and self._text is not None and sound is not None:
                    likeliest = self._searched(self._text, sound, ask, attempt, cancelled)
                self._accept(result, likeliest)
                break
            result.guard += [
                f"{window:.0f} s window{f' at {temperature}' if temperature else ''}: {reason}"
                for reason in runaway.reasons(attempt)
            ]
            attempts.append(attempt)
        else:
            if (chosen := runaway.best(attempts)) is not None:
                self._accept(result, chosen)
        if self.words and result.text and not partial and result.finished:
            result.text = self._preferred(result, sound)
        if result.text and not partial and not prefix and result.finished:
            result.text = self._as_expected(result, sound)
        if words and result.text:
            result.words = self._words(sound, encoded, features.shape[-1], result)
        return result

    @staticmethod
    def _searched(
        text: OnnxWhisper, sound: EncodedWindow, ask: _Ask, attempt: DecodedWindow, cancelled: Event | None
    ) -> DecodedWindow:
        """`attempt`, or what is likelier still where it was not certain."""
        if attempt.temperature or attempt.full or not attempt.tokens or attempt.log_probability > CERTAIN:
            return attempt
        written = branches.Branch(attempt.tokens, attempt.log_probability)
        found = branches.likelier(
            text, sound, [*ask.start, *ask.known], written, attempt.choices, attempt.past, ask.most, cancelled
        )
        if found is written:
            return attempt
        said = ask.tokenizer.decode([*ask.known, *found.tokens]).strip()
        other = replace(attempt, text=said, tokens=found.tokens, log_probability=found.log_probability)
        return attempt if runaway.reasons(other) else other

    def _preferred(self, result: Decoded, sound: EncodedWindow | None) -> str:
        if self._text is None or sound is None:
            return spelled(result.text, self.words)
        space = "" if result.language in UNSPACED else " "
        return preferred(self._text, sound, self._tokenizer(result.language), space, result.text, self.words)

    def _as_expected(self, result: Decoded, sound: EncodedWindow | None) -> str:
        certain = result.log_probability > CERTAIN
        if self._expects is None or self._text is None or sound is None or certain:
            return result.text
        expected = self._expects(result.text, result.language)
        if not expected:
            return result.text
        space = "" if result.language in UNSPACED else " "
        tokenizer = self._tokenizer(result.language)
        return as_expected(self._text, sound, tokenizer, space, result.text, expected)

    def _ladder(self, seconds: float, partial: bool) -> Iterator[tuple[float, float]]:
        """Windows (seconds) and temperatures to try in turn."""
        windows = self._rule.windows(seconds)
        if partial:
            windows = islice(windows, 1)
        for window in windows:
            yield window, 0.0
        if partial:
            return
        for temperature in TEMPERATURES:
            yield FULL_WINDOW, temperature

    def _features(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-mel features of `audio`, (mels, frames), without the frame that is padding alone."""
        features: NDArray[np.float32] = self.model.features(audio)[:, :-1]
        return features

    def _detect(self, sound: EncodedWindow | None, encoded: Any) -> str:
        if not self.model.multilingual:
            return "en"
        likely = self.model.languages.intersection(self.languages) or self.model.languages
        if self._text is not None and sound is not None:
            return self._text.language(sound, likely)
        found = (str(token).strip("<|>") for token, _ in self.model.whole.model.detect_language(encoded)[0])
        return next(code for code in found if code in likely)

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = whisper_part("tokenizer").Tokenizer(
                self.model.vocabulary, self.model.multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _ask(self, language: str, prefix: str, draft: str, seconds: float) -> _Ask:
        tokenizer = self._tokenizer(language)
        space = "" if language in UNSPACED else " "

        def tokens(text: str) -> list[int]:
            return tokenizer.encode(space + text.strip())[:MOST_KNOWN] if text.strip() else []

        known = tokens(prefix)
        return _Ask(
            tokenizer=tokenizer,
            start=[*tokenizer.sot_sequence, tokenizer.no_timestamps],
            known=known,
            draft=tokens(draft),
            most=max(runaway.budget(seconds, language), len(known) + runaway.TOKENS_AT_START),
            seconds=max(0.0, seconds - 2 * EDGE),
        )

    @staticmethod
    def _write(
        text: OnnxWhisper,
        sound: EncodedWindow,
        ask: _Ask,
        window: float,
        temperature: float,
        cancelled: Event | None,
    ) -> DecodedWindow:
        """The likeliest words, or drawn ones at a temperature, by ONNX Runtime."""
        written = max(
            (
                text.write(
                    sound,
                    ask.start,
                    ask.known,
                    () if temperature else ask.draft,
                    ask.most - len(ask.known),
                    temperature=temperature,
                    cancelled=cancelled,
                )
                for _ in range(HYPOTHESES if temperature else 1)
            ),
            key=lambda one: one.log_probability,
        )
        return DecodedWindow(
            text=ask.tokenizer.decode([*ask.known, *written.tokens]).strip(),
            tokens=written.tokens,
            log_probability=written.log_probability,
            no_speech=written.no_speech,
            window=window,
            temperature=temperature,
            full=written.full,
            seconds=ask.seconds,
            choices=written.choices,
            past=written.past,
        )

    def _generate(self, encoded: Any, ask: _Ask, window: float, temperature: float) -> DecodedWindow:
        """The likeliest words, or drawn ones at a temperature, by CTranslate2, which takes as long for known words as for others."""
        sampling: dict[str, Any] = {"beam_size": 1}
        if temperature:
            sampling |= {
                "sampling_topk": 0,
                "sampling_temperature": temperature,
                "num_hypotheses": HYPOTHESES,
            }
        generated = self.model.whole.model.generate(
            encoded,
            [[*ask.start, *ask.known]],
            # CTranslate2 allows the lesser of half of this and what the prompt leaves of it.
            max_length=min(self.model.whole.max_length, ask.most + max(ask.most, len(ask.start))),
            return_scores=True,
            return_no_speech_prob=True,
            # After a known prefix nothing more may have been said.
            suppress_blank=not ask.known,
            **sampling,
        )[0]
        # The known tokens come back with the others, and their probability is not in the score.
        everything = generated.sequences_ids[0]
        tokens = tuple(everything[len(ask.known) :])
        return DecodedWindow(
            text=ask.tokenizer.decode(everything).strip(),
            tokens=tokens,
            # The score is the sum over the new tokens and the end token, divided by all tokens without the end token.
            log_probability=generated.scores[0] * max(1, len(everything)) / (len(tokens) + 1),
            no_speech=float(generated.no_speech_prob),
            window=window,
            temperature=temperature,
            full=len(everything) >= ask.most,
            seconds=ask.seconds,
        )

    @staticmethod
    def _accept(result: Decoded, attempt: DecodedWindow) -> None:
        result.log_probability = attempt.log_probability
        result.no_speech = attempt.no_speech
        result.text = "" if runaway.wordless(attempt) else attempt.text

    def _words(
        self, sound: EncodedWindow | None, encoded: Any, frames: int, result: Decoded
    ) -> tuple[Word, ...]:
        tokenizer = self._tokenizer(result.language)
        space = "" if result.language in UNSPACED else " "
        tokens = tokenizer.encode(space + result.text)
        if self._text is not None and sound is not None:
            start = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
            tokens = tokens[: self._text.longest - len(start)]
            texts, parts = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
            ends = np.cumsum([0, *map(len, parts[:-1])])
            times = self._text.begins(sound, start, tokens, frames)[ends]
            aligned: list[dict[str, Any]] = [
                {"word": text, "tokens": part, "start": begin, "end": end}
                for text, part, begin, end in zip(texts[:-1], parts[:-1], times[:-1], times[1:], strict=True)
            ]
        else:
            # A list of token lists in, a list of word lists out; faster-whisper's annotations say otherwise.
            find: Any = self.model.whole.find_alignment
            aligned = find(tokenizer, [tokens], encoded, frames)[0]
        joined = join_punctuation([word["word"] for word in aligned])
        return tuple(
            Word(text.strip(), round(float(word["start"]), 2), round(float(word["end"]), 2))
            for text, word in zip(joined, aligned, strict=True)
            if text.strip()
        )
