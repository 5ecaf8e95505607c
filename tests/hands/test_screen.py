"""What is typed is what is in the prompt and what is sent: the cases are in screen.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.tui.driving import running, until
from tests.tui.scripted import ScriptedCore
from vita_tui.tui.keyboard import Edge
from vita_tui.tui.terminal import parser_class
from vita_tui.tui.widgets.prompt import Prompt

CASES = tomllib.loads(Path(__file__).with_suffix(".toml").with_name("screen.toml").read_text("utf-8"))[
    "typed"
]


class NoWatch:
    def on_terminal_lost(self) -> None: ...
    def on_key_flags(self, flags: int) -> None: ...
    def on_talk_edge(self, edge: Edge) -> None: ...
    def holds(self) -> bool:
        return False

    def talk_keys(self) -> frozenset[str]:
        return frozenset()

    def on_quit_key(self) -> None: ...
    def quit_keys(self) -> frozenset[str]:
        return frozenset()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
async def test_typed(case: dict[str, Any]) -> None:
    core = ScriptedCore()
    kind = parser_class(NoWatch())
    assert kind is not None, "this Textual has another parser than is known here"
    parser = kind(False)
    async with running(core) as (app, pilot):
        for data in case["typed"]:
            for message in parser.feed(data):
                app.post_message(message)
        prompt = app.main.query_one(Prompt)
        await until(pilot, lambda: prompt.text == case["prompt"], f"{prompt.text!r}")
        await until(pilot, lambda: core.asked == case.get("asked", []))
        await pilot.pause()
        assert prompt.text == case["prompt"]
