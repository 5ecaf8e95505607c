"""What of a model's words is its answer: every row of marks.toml, however it is cut."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.engines.llm.base import Reasoning, Retracted, StreamPiece
from vita_tui.engines.llm.marks import reasons_first
from vita_tui.engines.llm.reasoning import ReplyReader

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("marks.toml").read_text("utf-8"))["case"]


def read(deltas: Iterable[str], reader: ReplyReader | None = None) -> tuple[str, str]:
    """The answer and the reasoning."""
    reader = reader or ReplyReader()
    pieces: list[StreamPiece] = []
    for delta in deltas:
        pieces += reader.feed(delta)
    answer = reasoning = ""
    for piece in [*pieces, *reader.finish()]:
        if isinstance(piece, str):
            answer += piece
        elif isinstance(piece, Reasoning):
            reasoning += piece.text
        elif isinstance(piece, Retracted):
            answer, reasoning = "", reasoning + answer
    return answer.rstrip(), reasoning.strip()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["written"])
def test_the_answer_is_what_the_model_meant(case: dict[str, Any]) -> None:
    written = case["written"]
    cuts: list[Iterable[str]] = [
        [written],
        written,
        *([written[:n], written[n:]] for n in range(1, len(written))),
    ]
    for deltas in cuts:
        answer, reasoning = read(deltas)
        assert answer == case["answer"], list(deltas)
        if "reasoning" in case:
            assert reasoning == case["reasoning"], list(deltas)


def test_text_that_comes_in_pieces_is_passed_on_piece_by_piece() -> None:
    reader = ReplyReader()
    assert [reader.feed(delta) for delta in ("Hel", "lo", " <", "th", "e end>")] == [
        ["Hel"],
        ["lo"],
        [" "],
        [],
        ["<the end>"],
    ]


def test_a_continuation_keeps_its_blank() -> None:
    assert ReplyReader(continuing=True).feed(" chose a dragon") == [" chose a dragon"]
    assert ReplyReader().feed(" chose a dragon") == ["chose a dragon"]


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("Hm.\n</think>\nIt is Paris.", "It is Paris."),
        ("<think>Hm.</think>It is Paris.", "It is Paris."),
        ("It is Paris.", "It is Paris."),
    ],
)
def test_a_model_that_is_known_to_begin_with_reasoning(written: str, answer: str) -> None:
    for deltas in ([written], written):
        reader = ReplyReader(reasoning_first=True)
        pieces = [piece for delta in deltas for piece in reader.feed(delta)]
        assert not any(isinstance(piece, Retracted) for piece in pieces)
        assert read(deltas, ReplyReader(reasoning_first=True))[0] == answer


def test_the_name_of_a_model_tells_whether_it_begins_with_reasoning() -> None:
    assert [
        name for name in ("deepseek-r1:14b", "QwQ-32B", "qwen3-4b-thinking-2507") if not reasons_first(name)
    ] == []
    assert [name for name in ("llama3.2", "gpt-4.1-mini", "r12", "rethink-7b") if reasons_first(name)] == []


@given(st.lists(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=12), max_size=12))
def test_plain_text_comes_out_whole(deltas: list[str]) -> None:
    text = "".join(deltas)
    if not text.lstrip().startswith("analysis"):
        assert read(deltas)[0] == text.strip()


_pieces = st.sampled_from(
    [
        "<think>",
        "</think>",
        "[THINK]",
        "<",
        "|",
        "<|",
        "<|channel|>",
        "final",
        "<|message|>",
        "<|end|>",
        "<|im_end|>",
        "<s>",
        "\n",
        "```",
        "a. ",
        "◁",
    ]
)


@given(st.lists(_pieces, max_size=10))
def test_where_it_is_cut_makes_no_difference(parts: list[str]) -> None:
    text = "".join(parts)
    assert read(parts) == read([text]) == read(text)
