"""Requests that need no model: how many are understood as meant, and how many questions are mistaken for one.

Nothing is carried out: lists, timers and the like are only understood.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import Abilities, standard
from vita_tui.bench.figures import spread
from vita_tui.clock import FakeClock

__all__ = ["NOON", "Case", "Judged", "cases", "judge", "measure"]

NOON = 1_795_777_200.0
"""Friday, 27 November 2026, 11:40 UTC: what is for a later hour is later on any day."""


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, and the intent that is meant; empty for a question to the model."""

    language: str
    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What was understood, and in which time."""

    case: Case
    understood: str
    ms: float

    @property
    def verdict(self) -> str:
        """ "right", "missed" (it goes to the model), "wrong" or "false" (a question that was taken for a request)."""
        if self.understood == self.case.intent:
            return "right"
        if not self.case.intent:
            return "false"
        return "wrong" if self.understood else "missed"


def cases() -> Iterator[Case]:
    """All requests and questions."""
    content = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    questions = content.pop("questions")
    for language, intents in content.items():
        for intent, texts in intents.items():
            yield from (Case(language, text, intent) for text in texts)
    for language, texts in questions.items():
        yield from (Case(language, text, "") for text in texts)


def judge(abilities: Abilities, case: Case) -> Judged:
    """Have one sentence understood."""
    context = Context(FakeClock(NOON), volume=0.6)
    began = time.perf_counter()
    understood = abilities.understand_now(case.text, context, [case.language])
    took = (time.perf_counter() - began) * 1000
    return Judged(case, "" if understood is None else understood.match.intent, took)


def measure(progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """The JSON document: by language what was right, wrong, missed and falsely taken, and the milliseconds of a sentence."""
    abilities = standard()
    loading: dict[str, float] = {}
    judged: list[Judged] = []
    for case in cases():
        if case.language not in loading:
            began = time.perf_counter()
            abilities.warm(case.language)
            loading[case.language] = (time.perf_counter() - began) * 1000
        one = judge(abilities, case)
        judged.append(one)
        if one.verdict != "right":
            progress(
                f"✗ {one.verdict}: {case.language} {case.text!r} {case.intent or 'model'} → {one.understood or 'model'}"
            )
    languages = {}
    for language, load_ms in loading.items():
        own = [one for one in judged if one.case.language == language]
        requests = [one for one in own if one.case.intent]
        languages[language] = {
            "requests": len(requests),
            **{name: sum(one.verdict == name for one in requests) for name in ("right", "wrong", "missed")},
            "questions": len(own) - len(requests),
            "false": sum(one.verdict == "false" for one in own),
            "load_ms": load_ms,
            "ms": spread([one.ms for one in own]),
        }
    return {"languages": languages}
