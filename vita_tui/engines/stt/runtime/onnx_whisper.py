"""Whisper on ONNX Runtime, from the weights that CTranslate2 reads.

CTranslate2 needs 13 ms for a token on two cores without AVX-512, since its 8-bit products arrange the weights anew for each, and as long
for a word that is known already. ONNX Runtime arranges them once: 6 ms a token; and it reads all that is known or guessed in one go, in
little more time than one token. So what a partial transcript understood is read at once and kept as far as the model would have
written the same, which changes no word of the result (speculative decoding, Leviathan et al. 2023, with the partial as the draft).
The encoder takes as long as CTranslate2's; but both can be stopped at any moment, when something more urgent comes or when the words go
round in circles.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vita_tui.engines.onnx import open_kept, open_session, place
from vita_tui.engines.stt.base import Stop
from vita_tui.engines.stt.decoding.alignment import begins
from vita_tui.engines.stt.runtime import graphs
from vita_tui.engines.stt.runtime.variables import mapped

__all__ = ["EncodedWindow", "OnnxWhisper", "TokenChoice", "Written"]

log = logging.getLogger(__name__)

MOST_ALIKE = {1: 10, 2: 5, 3: 4, 4: 4, 5: 4, 6: 4, 7: 4, 8: 4}
"""How often the same tokens may follow on themselves, by their number. More is no speech: the guard would say so at the end."""
NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncodedWindow:
    """One window of sound."""

    inputs: dict[str, Floats]
    """As the layers of the decoder attend to it."""


class TokenChoice(NamedTuple):
    """Between the token that was taken and the next likely one."""

    taken: float
    """Log-probability."""
    other: float
    """The same of the other one."""
    token: int
    """The other one."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one pass over a window gave."""

    tokens: tuple[int, ...]
    """After those that were known, without the end token."""
    log_probability: float
    """Mean over `tokens` and the end token."""
    no_speech: float
    """Probability that there was no speech, 0 to 1."""
    full: bool
    """It did not end by itself: its tokens were used up, or it went round in circles."""
    stopped: bool
    """It was told to stop."""
    guessed: int = 0
    """Tokens of the draft that were right."""
    choices: tuple[TokenChoice, ...] = ()
    """For each of `tokens`, and for the end token where it ended by itself."""
    past: tuple[Floats, ...] = ()
    """What the decoder has read: the tokens that ask for a transcript, and all of it."""


class OnnxWhisper:
    """One model's decoder. Used by one thread at a time; `vocabulary` is the model's, of the library tokenizers."""

    def __init__(self, folder: Path, vocabulary: Any, *, threads: int) -> None:
        """
        Args:
            folder: of the weights in CTranslate2's format.

        Raises:
            UnsupportedError, CutOffError: weights of another kind.
            OSError: they cannot be read.
            RuntimeError: ONNX Runtime refuses the graphs; `memory` and `write` may raise it too.
        """
        variables = mapped(folder / "model.bin")
        self._layers = graphs.layers(variables)
        self._sound = _Session("sound", graphs.sound_graph, folder, variables, threads)
        self._text = _Session("text", graphs.text_graph, folder, variables, threads)
        # Making the graphs may have read all of the weights, which leave the memory with that mapping.
        variables = mapped(folder / "model.bin")
        self._embeddings = variables["decoder/embeddings/weight"]
        self._positions = variables["decoder/position_encodings/encodings"].astype(np.float32)
        self._names = [f"{part}{layer}" for layer in range(self._layers) for part in ("key", "value")]
        heads = int(variables["decoder/num_heads"])
        self._unread: list[Floats] = [
            np.zeros((1, heads, 0, self._embeddings.shape[1] // heads), np.float32) for _ in self._names
        ]
        self._heads = heads
        self._results = ["scores", *(f"now_{name}" for name in self._names)]
        config = json.loads((folder / "config.json").read_bytes())
        self._timing_heads: list[tuple[int, int]] = [
            (layer, head)
            for layer, head in config.get("alignment_heads", [])
            if layer < self._layers and head < heads
        ] or [(layer, head) for layer in range(self._layers // 2, self._layers) for head in range(heads)]
        """(layer, head) of those that attend to the sound of the word they write; OpenAI's, or without a word the later half."""
        self._never = np.array(config.get("suppress_ids", []), np.int64)
        self._never_first = np.array(config.get("suppress_ids_begin", []), np.int64)
        self._vocabulary = vocabulary
        self._lot = np.random.default_rng()
        self.end: int = vocabulary.token_to_id("<|endoftext|>")
        """The token that ends a transcript."""
        self._times: int = vocabulary.token_to_id("<|notimestamps|>") + 1
        self._no_speech = next(
            (token for name in NO_SPEECH if (token := vocabulary.token_to_id(name)) is not None), None
        )

    @property
    def longest(self) -> int:
        """Most tokens that can be read, known and new ones together."""
        return len(self._positions)

    def memory(self, features: Floats, cancelled: Event | None = None) -> EncodedWindow | None:
        """Encode log-mel features, (mels, frames), an even number of frames; None when it was `cancelled`."""
        values = self._sound.run({"features": features[None]}, cancelled)
        if values is None:
            return None
        *inputs, _ = values
        return EncodedWindow(dict(zip(self._names, inputs, strict=True)))

    def language(self, memory: EncodedWindow, languages: Collection[str]) -> str:
        """The code of the likeliest of `languages`."""
        tokens = {code: self._vocabulary.token_to_id(f"<|{code}|>") for code in languages}
        start = self._vocabulary.token_to_id("<|startoftranscript|>")
        scores, _ = self._read(memory, self._unread, [start], [0])
        return max(tokens, key=lambda code: float(scores[0, tokens[code]]))

    def write(
        self,
        memory: EncodedWindow,
        start: Sequence[int],
        known: Sequence[int],
        draft: Sequence[int],
        most: int,
        *,
        temperature: float = 0.0,
        read: Sequence[Floats] = (),
        cancelled: Event | None = None,
    ) -> Written:
        """Write what was said in `memory`.

        Args:
            start: the tokens that ask for a transcript.
            known: what the transcript begins with.
            draft: what may follow; only what would have been written anyway is kept of it.
            most: tokens to write at most.
            read: the `past` of another text that begins with the same tokens, cut to those of `start` and `known` that are in it.
            temperature: 0 for always the likeliest token; above it, tokens are drawn by lot, and there must be no `draft`.
        """
        room = self.longest - len(start) - len(known)
        most = min(most, room)
        draft = draft[:most]
        asked = len(start) + len(known) - 1
        done = read[0].shape[2] if read else 0
        rows = range(asked - done, asked - done + 1 + len(draft))
        scores, past = self._read(
            memory, list(read) or self._unread, [*start, *known, *draft][done:], [0, *rows]
        )
        no_speech = _probability(scores[0], self._no_speech)
        scores = scores[1:]
        self._mask(scores, first=not known)
        tokens: list[int] = []
        choices: list[TokenChoice] = []
        token = self._choose(scores[0], choices, temperature)
        for guess, after in zip(draft, scores[1:], strict=True):
            if token != guess:
                break
            tokens.append(token)
            token = self._choose(after, choices, temperature)
        guessed = len(tokens)
        past = [np.ascontiguousarray(part[:, :, : asked + 1 + guessed]) for part in past]
        circling = stopped = False
        while token != self.end and len(tokens) < most and not (circling := _circles(tokens)):
            if stopped := cancelled is not None and cancelled.is_set():
                break
            tokens.append(token)
            if len(tokens) == room:
                break
            scores, past = self._read(memory, past, [token], [0])
            self._mask(scores, first=False)
            token = self._choose(scores[0], choices, temperature)
        return Written(
            tokens=tuple(tokens),
            log_probability=float(np.mean([choice.taken for choice in choices])),
            no_speech=no_speech,
            full=circling or token != self.end,
            stopped=stopped,
            guessed=guessed,
            choices=tuple(choices),
            past=tuple(past),
        )

    def likelihood(self, memory: EncodedWindow, start: Sequence[int], tokens: Sequence[int]) -> float:
        """Log-probability that `tokens`, and nothing after them, were said in `memory`.

        Args:
            start: the tokens that ask for a transcript.
        """
        asked = len(start) - 1
        scores, _ = self._read(memory, self._unread, [*start, *tokens], range(asked, asked + len(tokens) + 1))
        self._mask(scores, first=True)
        said = scores[np.arange(len(tokens) + 1), [*tokens, self.end]]
        greatest = scores.max(axis=1)
        return float(np.sum(said - greatest - np.log(np.exp(scores - greatest[:, None]).sum(axis=1))))

    def _read(
        self, memory: EncodedWindow, past: list[Floats], tokens: Sequence[int], rows: Sequence[int]
    ) -> tuple[Floats, list[Floats]]:
        """Read `tokens` behind `past`: the scores of what follows those at `rows`, and the new past."""
        values = self._text.run(self._inputs(memory, past, tokens, rows), results=self._results)
        assert values is not None
        scores, *now = values
        return scores, now

    def _inputs(
        self, memory: EncodedWindow, past: list[Floats], tokens: Sequence[int], rows: Sequence[int]
    ) -> dict[str, Any]:
        read = past[0].shape[2]
        embedded = self._embeddings[list(tokens)].astype(np.float32)
        embedded += self._positions[read : read + len(tokens)]
        inputs = {"tokens": embedded[None], "rows": np.array(rows, np.int64), **memory.inputs}
        return inputs | {f"past_{name}": part for name, part in zip(self._names, past, strict=True)}

    def begins(
        self, memory: EncodedWindow, start: Sequence[int], tokens: Sequence[int], frames: int
    ) -> NDArray[np.float64]:
        """Seconds at which each of `tokens` begins in `memory`, and, last, at which they end.

        Args:
            start: the tokens that ask for a transcript.
            frames: of the sound that was encoded, without the silence that fills the window.
        """
        layers = sorted({layer for layer, _ in self._timing_heads})
        inputs = self._inputs(memory, self._unread, [*start, *tokens], [0])
        values = self._text.run(inputs, results=[f"asked{layer}" for layer in layers])
        assert values is not None
        asked = {
            layer: value[0, len(start) - 1 :].reshape(len(tokens) + 1, self._heads, -1)
            for layer, value in zip(layers, values, strict=True)
        }
        return begins(
            [asked[layer][:, head] for layer, head in self._timing_heads],
            [
                memory.inputs[f"key{layer}"][0, head, : max(1, frames // 2)]
                for layer, head in self._timing_heads
            ],
        )

    def _mask(self, scores: Floats, *, first: bool) -> None:
        scores[:, self._never] = -np.inf
        scores[:, self._times :] = -np.inf
        if first:
            scores[0, self._never_first] = -np.inf

    def _choose(self, scores: Floats, choices: list[TokenChoice], temperature: float) -> int:
        """The next token; what else it might have been is added to `choices`."""
        best = token = int(scores.argmax())
        chances = np.exp(scores - scores[best])
        likely = -float(np.log(chances.sum()))
        if temperature:
            drawn = np.exp((scores - scores[best]) / temperature)
            token = int(self._lot.choice(len(drawn), p=drawn / drawn.sum(dtype=np.float64)))
        chances[token] = 0.0
        other = int(chances.argmax())
        taken, next_likely = (likely + float(scores[one] - scores[best]) for one in (token, other))
        choices.append(TokenChoice(taken, next_likely, other))
        return token


def _probability(scores: Floats, token: int | None) -> float:
    if token is None:
        return 0.0
    weights = np.exp(scores - scores.max())
    return float(weights[token] / weights.sum())


def _circles(tokens: Sequence[int]) -> bool:
    """Whether the end of `tokens` says the same again and again."""
    for size, times in MOST_ALIKE.items():
        tail = tokens[-size * times :]
        if len(tail) == size * times and all(
            tail[place] == tail[place % size] for place in range(size, len(tail))
        ):
            return True
    return False


# ---- the graphs, made once


class _Session:
    """One graph in ONNX Runtime: from its file in the cache, or rebuilt and kept there."""

    def __init__(
        self,
        name: str,
        make: Callable[[graphs.Variables], bytes],
        folder: Path,
        variables: graphs.Variables,
        threads: int,
    ) -> None:
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        # They have no common base but Exception.
        self._refusals: tuple[type[Exception], ...] = tuple(
            kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)
        )
        kept = open_kept(_file(folder, name), lambda new: new.write_bytes(make(variables)), threads)
        try:
            self._session = kept or open_session(make(variables), threads)
        except self._refusals as error:
            raise RuntimeError(f"ONNX Runtime does not take the decoder: {error}") from error

    def run(
        self, inputs: dict[str, Any], cancelled: Event | None = None, results: Sequence[str] | None = None
    ) -> list[Floats] | None:
        """The `results` that are named, or all; None when it was `cancelled`, which ends it between two operators where that is a `Stop`.

        Raises:
            RuntimeError: it failed.
        """
        from onnxruntime import RunOptions

        options = RunOptions()

        def stop() -> None:
            options.terminate = True

        with cancelled.telling(stop) if isinstance(cancelled, Stop) else nullcontext():
            try:
                values: list[Floats] = self._session.run(results, inputs, options)
            except self._refusals as error:
                if options.terminate:
                    return None
                raise RuntimeError(str(error)) from error
        return values


def _file(folder: Path, name: str) -> Path:
    """Where the graph `name` of the weights in `folder` is kept."""
    return place(folder / "model.bin", f"{folder.name}-{name}", str(graphs.VERSION))
