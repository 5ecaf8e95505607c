"""What `vita bench answers` counts, and that its questions are not those that the model is shown."""

from __future__ import annotations

from asyncio import StreamWriter

import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving
from vita_tui import settings as all_settings
from vita_tui.bench.answers import is_right, measure, questions
from vita_tui.models import catalogue


@pytest.mark.parametrize(
    ("answer", "accepted", "right"),
    [
        ("The capital of France is Paris.", ["paris"], True),
        ("Comparison is the thief of joy.", ["paris"], False),
        ("There are twenty-four hours in a day.", ["24", "twenty-four"], True),
        ("Eight-legged!", ["eight"], True),
        ("It has 80 legs.", ["eight", "8"], False),
        ("", ["paris"], False),
    ],
)
def test_an_answer_is_right_when_it_has_one_of_the_words(
    answer: str, accepted: list[str], right: bool
) -> None:
    assert is_right(answer, accepted) is right


def test_no_question_is_among_the_examples() -> None:
    asked = questions()
    shown = [one for model in catalogue.models() for one in model.examples]
    assert len(asked) == 60
    assert shown
    assert not {question.casefold() for question in asked} & {question.casefold() for question, _ in shown}
    assert all(word == word.lower() for accepted in asked.values() for word in accepted)


@pytest.mark.models
async def test_the_model_is_asked_with_its_examples_and_without() -> None:
    said: list[str] = []
    result = await measure(all_settings.load(), limit=3, progress=said.append)
    assert [result[way]["asked"] for way in ("shown", "unshown")] == [3, 3]
    assert len(said) == len(result["answers"]) == 6
    assert {one["question"] for one in result["answers"]} == set(list(questions())[:3])
    # With the examples three capitals are no riddle, also for the smallest model.
    assert result["shown"]["right"] == 3
    assert result["shown"]["right"] == sum(one["right"] for one in result["answers"] if one["way"] == "shown")
    assert len(result["raw"]["ms"]) == 3


async def test_a_server_of_the_users_own_is_asked_once_and_as_it_is() -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(event_stream(chunk("Paris, Rome "), chunk("and Tokyo."), chunk(None, "stop")))

    async with serving(answer) as server:
        settings = all_settings.load(overrides={"llm": {"base_url": server.base_url}})
        result = await measure(settings, limit=3)
    assert "unshown" not in result
    assert result["shown"]["right"] == 3
    asked = [request.body["messages"] for request in server.requests if "messages" in request.body]
    assert list(map(len, asked)) == [2, 2, 2]
