"""Simple questions put to the language model, as a turn puts them: how many it answers rightly, and how long it takes.

Every question opens its own conversation. Where the model is shown examples, it is asked again without them.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita_tui.bench.figures import about, spread
from vita_tui.conversation.build import responders
from vita_tui.conversation.thinking.prompt_builder import PromptBuilder
from vita_tui.engines.llm.base import Responder
from vita_tui.events import EventBus
from vita_tui.models.lookup import known
from vita_tui.settings import LlmSettings, Settings

__all__ = ["GradedAnswer", "is_right", "measure", "questions", "report"]

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class GradedAnswer:
    """What the model said to one question."""

    question: str
    text: str
    right: bool
    cut: bool
    """It ran to the longest reply that is allowed."""
    first_ms: float
    """Until its first words."""
    ms: float
    """Until its end."""


def questions() -> Mapping[str, Sequence[str]]:
    """The questions, each with the words of which a right answer has one."""
    content = tomllib.loads(Path(__file__).with_name("answers.toml").read_text(encoding="utf-8"))
    found: Mapping[str, Sequence[str]] = content["questions"]
    return found


def is_right(answer: str, accepted: Sequence[str]) -> bool:
    """Whether one of the words `accepted`, which are in small letters, is in the answer as a whole word."""
    words = {part for word in _WORD.findall(answer.lower()) for part in (word, *re.split(r"[-'’]", word))}
    return not words.isdisjoint(accepted)


async def measure(
    settings: Settings,
    rounds: int = 1,
    limit: int = 1000,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask the first `limit` questions `rounds` times in each way, and return the report.

    `shown` is as in a turn; `unshown` is without the examples, and left out where the model has none.

    Raises:
        EngineError | ModelError: the language model does not load or failed.
    """
    asked = list(questions().items())[:limit]
    ways = {"shown": settings}
    model = known(settings.llm.model)
    if settings.llm.examples and not settings.llm.on_server and model is not None and model.examples:
        ways["unshown"] = settings.model_copy(
            update={"llm": settings.llm.model_copy(update={"examples": False})}
        )
    answers: dict[str, list[GradedAnswer]] = {}
    for name, way in ways.items():
        responder = responders(way, EventBus()).engines[0]
        try:
            await responder.load()
            answers[name] = [
                await _ask(responder, way.llm, question, accepted, progress)
                for _ in range(rounds)
                for question, accepted in asked
            ]
        finally:
            await responder.cleanup()
    return report(responder.name, answers)


async def _ask(
    responder: Responder,
    settings: LlmSettings,
    question: str,
    accepted: Sequence[str],
    progress: Callable[[str], None],
) -> GradedAnswer:
    builder = PromptBuilder(settings)
    messages = await builder.build([], question, responder.count_tokens, await responder.window())
    pieces: list[str] = []
    started = first = time.perf_counter()
    async with aclosing(responder.stream(messages, max_tokens=settings.longest_reply())) as stream:
        async for piece in stream:
            if not isinstance(piece, str):
                continue
            if not pieces:
                first = time.perf_counter()
            pieces.append(piece)
    ended = time.perf_counter()
    text = "".join(pieces).strip()
    right = is_right(text, accepted)
    progress(f"{'✓' if right else '✗'} {question} {text}")
    cut = await responder.count_tokens(text) >= settings.longest_reply() - 1
    return GradedAnswer(question, text, right, cut, (first - started) * 1000, (ended - started) * 1000)


def report(model: str, answers: Mapping[str, Sequence[GradedAnswer]]) -> dict[str, Any]:
    """The JSON document: for each way the share of right answers, how many were cut off, and the times."""
    return {
        "about": about("answers"),
        "model": model,
        **{
            name: {
                "asked": len(one),
                "right": sum(answer.right for answer in one),
                "cut": sum(answer.cut for answer in one),
                "words": spread([len(answer.text.split()) for answer in one]),
                "first_ms": spread([answer.first_ms for answer in one]),
                "ms": spread([answer.ms for answer in one]),
            }
            for name, one in answers.items()
        },
        "answers": [
            {"way": name, "question": answer.question, "answer": answer.text, "right": answer.right}
            for name, one in answers.items()
            for answer in one
        ],
        "labels": [answer.question for answer in answers["shown"]],
        "raw": {
            "first_ms": [round(answer.first_ms, 1) for answer in answers["shown"]],
            "ms": [round(answer.ms, 1) for answer in answers["shown"]],
        },
    }
