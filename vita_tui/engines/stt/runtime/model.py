"""A Whisper model whose parts are loaded when they are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING

from tokenizers import Tokenizer as Vocabulary

from vita_tui.engines.stt.runtime.loading import Plan, WhisperWeights, damaged, look_over, open_model
from vita_tui.engines.whisper_parts import whisper_part

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.feature_extractor import FeatureExtractor

__all__ = ["LoadedWhisper", "with_first_merge"]

ENGLISH_END = 50256
"""The end token of models that know English only: they have GPT-2's vocabulary."""


class LoadedWhisper:
    """Vocabulary and features are there at once. The rest is CTranslate2's: 0.4 s and 100 MB, which nothing needs while ONNX Runtime
    writes the words.
    """

    def __init__(self, weights: WhisperWeights, plan: Plan, *, threads: int) -> None:
        """
        Raises:
            ModelError: the files are not what they should be, or do not fit into memory.
        """
        look_over(weights, plan)
        self._weights, self._plan, self._threads = weights, plan, threads
        try:
            text = (weights.path / "tokenizer.json").read_text(encoding="utf-8")
            self.vocabulary = Vocabulary.from_str(with_first_merge(text))
        except Exception as error:  # tokenizers raises nothing more precise
            raise damaged(weights, f"tokenizer.json is no vocabulary ({error})") from error
        end = self.vocabulary.token_to_id("<|endoftext|>")
        if end is None:
            raise damaged(weights, "tokenizer.json is not Whisper's vocabulary")
        self.multilingual = end != ENGLISH_END
        self.languages = frozenset(self._languages() if self.multilingual else ("en",))

    def _languages(self) -> Iterator[str]:
        """Their tokens follow that of the start, up to that of the first task."""
        token = (self.vocabulary.token_to_id("<|startoftranscript|>") or 0) + 1
        while known := re.fullmatch(r"<\|([a-z]{2,3})\|>", self.vocabulary.id_to_token(token) or ""):
            yield known[1]
            token += 1

    @cached_property
    def features(self) -> FeatureExtractor:
        """Makes log-mel features of sound."""
        make = whisper_part("feature_extractor").FeatureExtractor
        file = self._weights.path / "preprocessor_config.json"
        config = json.loads(file.read_bytes()) if file.is_file() else {}
        known = signature(make).parameters
        made: FeatureExtractor = make(**{name: value for name, value in config.items() if name in known})
        return made

    @cached_property
    def whole(self) -> WhisperModel:
        """The model in CTranslate2.

        Raises:
            ModelError: it does not load.
        """
        return open_model(self._weights, self._plan, threads=self._threads)


def with_first_merge(text: str) -> str:
    """The tokenizer.json `text` with the merge of a blank and a t, the first of GPT-2's and Whisper's.

    The published ones of the multilingual models lack it: " the" and " time" are read as two tokens then where the model writes one, so
    what is known or drafted looks like something that nobody says.
    """
    if '"Ġt"' not in text or re.search(r'"Ġ t"|"Ġ"\s*,\s*"t"', text):
        return text
    # Either "Ġ a" or ["Ġ", "a"], as the merge that now is the first.
    found = re.search(r'"merges"\s*:\s*\[\s*(?=(["\[]))', text)
    if found is None:
        return text
    merge = '"Ġ t"' if found[1] == '"' else '["Ġ", "t"]'
    return f"{text[: found.end()]}{merge}, {text[found.end() :]}"
