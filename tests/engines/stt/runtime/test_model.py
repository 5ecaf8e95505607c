"""The vocabulary that what is known or drafted is written in."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer

from vita_tui.engines.stt.runtime.model import with_first_merge
from vita_tui.models.lookup import missing, place

LETTERS = ["Ġ", "t", "h", "e", "a", "Ġa", "Ġt", "he", "Ġthe"]


def tokenizer(merges: list[str] | list[list[str]]) -> str:
    vocabulary = {token: number for number, token in enumerate(LETTERS)}
    return json.dumps(
        {
            "version": "1.0",
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
            "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
        },
        ensure_ascii=False,
    )


@pytest.mark.parametrize(
    "merges",
    [
        ["Ġ a", "h e", "Ġt he"],
        [["Ġ", "a"], ["h", "e"], ["Ġt", "he"]],
        ["Ġ t", "Ġ a", "h e", "Ġt he"],
        [["Ġ", "t"], ["Ġ", "a"], ["h", "e"], ["Ġt", "he"]],
    ],
    ids=["lacking", "lacking, in pairs", "whole", "whole, in pairs"],
)
def test_words_that_begin_with_t_are_what_the_model_writes(merges: list[str] | list[list[str]]) -> None:
    vocabulary = Tokenizer.from_str(with_first_merge(tokenizer(merges)))
    assert vocabulary.encode(" the").tokens == ["Ġthe"]
    assert vocabulary.encode(" a").tokens == ["Ġa"]


def test_a_vocabulary_of_another_kind_is_left_as_it_is() -> None:
    assert with_first_merge('{"model": {"vocab": {"Ġt": 1}}}') == '{"model": {"vocab": {"Ġt": 1}}}'
    assert with_first_merge("no vocabulary") == "no vocabulary"


@pytest.mark.models
def test_the_vocabulary_of_the_default_model_writes_common_words_in_one_token() -> None:
    if missing("stt", "base"):
        pytest.skip("needs Whisper base")
    text = (place("stt", "base") / "tokenizer.json").read_text(encoding="utf-8")
    vocabulary = Tokenizer.from_str(with_first_merge(text))
    for word in (" the", " to", " time", " timer", " ten", " that", " a", " of"):
        assert len(vocabulary.encode(word, add_special_tokens=False).ids) == 1, word
