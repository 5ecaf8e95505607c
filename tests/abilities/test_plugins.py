"""Abilities of other packages: the example, installed as a user would, and some that go wrong in every way."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import pytest

from vita_tui.abilities import plugins
from vita_tui.abilities.base import Answer, Context, Deed, Failure, Match
from vita_tui.abilities.service import Answered, standard
from vita_tui.clock import SystemClock

EXAMPLE = Path(__file__).parents[2] / "examples" / "vita-uptime"


def ask(text: str, language: str = "en") -> Answered | None:
    understood = standard().understand_now(text, Context(SystemClock()), [language])
    return understood.carry_out() if understood is not None else None


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    plugins.reload()


def install(monkeypatch: pytest.MonkeyPatch, **makers: Callable[[], Any]) -> None:
    """Have entry points that make these."""

    class Entry:
        def __init__(self, name: str, maker: Callable[[], Any]) -> None:
            self.name = name
            self._maker = maker

        def load(self) -> Callable[[], Any]:
            if self._maker is ImportError:
                raise ImportError("No module named 'nowhere'")
            return self._maker

    entries = [Entry(name, maker) for name, maker in makers.items()]
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)
    plugins.reload()


class Good:
    intents = ("Greet",)
    sentences: ClassVar[dict[str, Any]] = {
        "en": {
            "intents": {"Greet": {"data": [{"sentences": ["say ahoy [to {who}]"]}]}},
            "lists": {"who": {"wildcard": True}},
            "answers": {"ahoy": "Ahoy, {who}!", "nobody": "To whom?"},
        }
    }

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        if "who" not in match.slots:
            raise Failure("nobody")
        return lambda: Answer("ahoy", {"who": match.slots["who"]})


class Raises(Good):
    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        raise RuntimeError("oh")


class RaisesWhenDone(Good):
    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        def deed() -> Answer:
            raise SystemExit(3)

        return deed


class Hangs(Good):
    asked = 0
    until = threading.Event()

    def answer(self, match: Match, context: Context) -> Answer | Deed | None:
        type(self).asked += 1
        self.until.wait()
        return None


class Unreadable(Good):
    sentences: ClassVar[dict[str, Any]] = {
        "en": {"intents": {"Greet": {"data": [{"sentences": ["say (ahoy|hoy"]}]}}}
    }


class MissingList(Good):
    sentences: ClassVar[dict[str, Any]] = {
        "en": {"intents": {"Greet": {"data": [{"sentences": ["say <nothing>"]}]}}}
    }


def broken() -> None:
    raise ZeroDivisionError


def test_a_plug_in_answers_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, greeter=Good)
    answered = ask("Say ahoy to Anna.")
    assert answered is not None
    assert (answered.text, answered.intent) == ("Ahoy, Anna!", "greeter.Greet")
    refused = ask("say ahoy")
    assert refused is not None
    assert refused.text == "To whom?"
    assert ask("sag ahoy", "de") is None, "it has no German"
    assert ask("what is two plus two") is not None


@pytest.mark.parametrize(
    "maker", [ImportError, broken, object, Unreadable, MissingList], ids=lambda maker: maker.__name__
)
def test_one_that_cannot_be_loaded_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, maker: Callable[[], Any]
) -> None:
    install(monkeypatch, bad=maker, greeter=Good)
    assert ask("say ahoy to Anna") is not None
    assert ask("what is two plus two") is not None
    assert list(plugins.plugins().problems) == ["bad"]
    assert plugins.plugins().problems["bad"]


def test_one_that_raises_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, bad=Raises)
    assert ask("say ahoy to Anna") is None, "the model is asked"
    install(monkeypatch, bad=RaisesWhenDone)
    answered = ask("say ahoy to Anna")
    assert answered is not None
    assert answered.text == "The ability bad failed. The log says why."


def test_one_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "ANSWER_SECONDS", 0.05)
    install(monkeypatch, bad=Hangs)
    abilities = standard()
    for _ in range(2):
        assert abilities.understand_now("say ahoy to Anna", Context(SystemClock()), ["en"]) is None
    assert abilities.understand_now("what is two plus two", Context(SystemClock()), ["en"]) is not None
    assert Hangs.asked == 1
    Hangs.until.set()


def test_it_cannot_take_the_place_of_an_ability_of_vitas(monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy(Good):
        intents = ("GetTime",)
        sentences: ClassVar[dict[str, Any]] = {
            "en": {
                "intents": {"GetTime": {"data": [{"sentences": ["say ahoy"]}]}},
                "lists": {"expression": {"values": ["nothing"]}},
                "answers": {"time": "Never."},
            }
        }

    install(monkeypatch, greedy=Greedy)
    told = ask("what time is it")
    assert told is not None
    assert told.intent == "GetTime"
    assert "Never" not in told.text
    assert ask("what is two plus two") is not None


def test_the_example_works_once_it_is_installed(tmp_path: Path) -> None:
    for package in ("pip", "hatchling"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-build-isolation",
        "--no-deps",
    ]
    subprocess.run([*pip, "--target", str(tmp_path), str(EXAMPLE)], check=True, timeout=120)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    for question, language, beginning in (
        ("How long has this computer been running?", "en", "This computer has been running for"),
        ("Wie lange läuft mein Rechner schon?", "de", "Dieser Computer läuft seit"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "vita_tui", "ask", question],
            capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "PYTHONPATH": path, "VITA_STT__LANGUAGE": language},
        )  # fmt: skip
        assert done.stdout.startswith(beginning), done.stderr
