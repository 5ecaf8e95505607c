"""What the model is asked: as much history as fits, by whole turns, and what an interruption left."""

from __future__ import annotations

from itertools import pairwise

import pytest

from vita_tui.conversation.thinking.prompt_builder import SILENCED, PromptBuilder, content
from vita_tui.engines.llm.base import Message
from vita_tui.sessions.session import Turn
from vita_tui.settings import LlmSettings

SYSTEM = "You are VITA."


async def count(text: str) -> int:
    """A token a word."""
    return len(text.split())


def builder(max_tokens: int = 50) -> PromptBuilder:
    return PromptBuilder(LlmSettings(system_prompt=SYSTEM, max_tokens=max_tokens))


def history(exchanges: int, words: int = 10) -> list[Turn]:
    """Questions and answers, each of them as many words, the first of which says which it is."""
    roles = (("user", "q"), ("assistant", "a"))
    return [
        Turn(role=role, text=f"{letter}{number} " + "word " * (words - 2) + "end")  # type: ignore[arg-type]  # the roles
        for number in range(exchanges)
        for role, letter in roles
    ]


def names(messages: list[Message]) -> list[str]:
    return [message["content"].split()[0] for message in messages if message["role"] != "system"]


async def test_all_of_it_when_it_fits() -> None:
    messages = await builder().build(history(2), "And now?", count, 1000)
    assert [message["role"] for message in messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert messages[0]["content"] == SYSTEM
    assert messages[-1]["content"] == "And now?"
    assert names(messages)[:-1] == ["q0", "a0", "q1", "a1"]


async def test_a_prefill_has_no_question() -> None:
    messages = await builder().build(history(1), "", count, 1000)
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]


async def test_without_a_system_prompt_none_is_sent() -> None:
    messages = await PromptBuilder(LlmSettings(system_prompt=" ")).build([], "Hello?", count, 1000)
    assert messages == [{"role": "user", "content": "Hello?"}]


async def test_the_oldest_exchanges_are_left_out_whole() -> None:
    turns = history(40)
    messages = await builder().build(turns, "And now?", count, 400)
    kept = names(messages)[:-1]
    everything = [turn.text.split()[0] for turn in turns]
    assert 0 < len(kept) < len(everything)
    assert kept == everything[-len(kept) :]
    assert kept[0].startswith("q")
    assert sum([await count(message["content"]) for message in messages]) <= 400 - 50


async def test_the_start_of_the_prompt_stays_the_same_for_many_turns() -> None:
    made = builder()
    turns = history(80)
    first = []
    for number in range(20, 80):
        messages = await made.build(turns[: 2 * number], f"q{number}", count, 800)
        first.append(names(messages)[0])
        assert sum([await count(message["content"]) for message in messages]) <= 750
    changes = sum(one != next_one for one, next_one in pairwise(first))
    assert 2 <= changes <= len(first) / 4


async def test_another_window_and_another_conversation_begin_anew() -> None:
    made = builder()
    await made.build(history(40), "Now?", count, 400)
    messages = await made.build(history(2), "Now?", count, 400)
    assert names(messages)[:-1] == ["q0", "a0", "q1", "a1"]


async def test_a_question_longer_than_the_window_keeps_its_end() -> None:
    question = "word " * 2000 + "what is the capital of France?"
    messages = await builder().build(history(3), question, count, 400)
    assert len(messages) == 2
    assert messages[-1]["content"].endswith("what is the capital of France?")
    assert sum([await count(message["content"]) for message in messages]) <= 350


async def test_a_turn_that_is_larger_than_the_window_is_left_out() -> None:
    turns = [*history(1), Turn(role="user", text="huge " * 900), Turn(role="assistant", text="No.")]
    messages = await builder().build(turns, "Now?", count, 400)
    assert [message["content"] for message in messages] == [SYSTEM, "Now?"]


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (None, "One two. Three four."),
        ("One two. Three four.", "One two. Three four."),
        ("One two. ", "One two…"),
        ("", "…"),
        ("One two, thr", "One two, thr…"),
    ],
)
def test_of_an_interrupted_answer_the_model_knows_what_was_heard(heard: str | None, told: str) -> None:
    assert content(Turn(role="assistant", text="One two. Three four.", heard=heard, interrupted=True)) == told


@pytest.mark.parametrize(
    ("heard", "interrupted", "told"),
    [
        (None, False, "One two. Three four."),
        ("One two. Three four.", False, "One two. Three four."),
        ("", False, "One two. Three four."),
        ("", True, f"{SILENCED}\nOne two. Three four."),
        ("One two.", True, f"One two. {SILENCED}\nThree four."),
        ("One, two.", True, "One, two…"),
    ],
)
def test_a_large_model_knows_what_was_seen_as_well(heard: str | None, interrupted: bool, told: str) -> None:
    turn = Turn(role="assistant", text="One two. Three four.", heard=heard, interrupted=interrupted)
    assert content(turn, notes=True) == told


def test_what_nobody_interrupted_and_nothing_said_was_read() -> None:
    assert content(Turn(role="assistant", text="One two.", heard="")) == "One two."
