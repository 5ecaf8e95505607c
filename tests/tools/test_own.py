"""VITA's abilities as tools: every row of `own.toml` is called as a model would."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import standard
from vita_tui.clock import FakeClock
from vita_tui.errors import ToolError
from vita_tui.tools.base import arguments_of, bounded
from vita_tui.tools.own import OwnTool, own_tools

NOW = datetime(2026, 11, 27, 15, 40, tzinfo=ZoneInfo("UTC")).timestamp()
CALLS: list[tuple[str, dict[str, object], str]] = [
    ("current_time", {}, r"It's .*\. It's .*2026\."),
    ("current_time", {"place": "Tokyo"}, r".*Tokyo.*"),
    ("day_of_date", {"date": "Christmas"}, r".*Friday.*"),
    ("calculate", {"expression": "17 * 23"}, r".*391.*"),
    ("calculate", {"expression": "15 percent of 80"}, r".*12.*"),
    ("convert", {"quantity": "10 km", "unit": "miles"}, r".*6\.21.*"),
    ("set_timer", {"duration": "10 minutes", "name": "pasta"}, r".*"),
    ("timers", {}, r".*10 minutes left.*"),
    ("set_alarm", {"when": "7 am"}, r".*7.*"),
    ("remind", {"when": "in ten minutes", "what": "call the bank"}, r".*call the bank.*"),
    ("add_to_list", {"item": "milk"}, r".*milk.*shopping.*"),
    ("read_list", {"list": "shopping"}, r".*milk.*"),
    ("take_note", {"text": "the key is under the mat"}, r".*"),
]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, OwnTool]:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    clock = FakeClock(NOW)
    return {tool.name: tool for tool in own_tools(standard(), lambda: Context(clock))}


async def test_each_ability_answers_as_a_tool(tools: dict[str, OwnTool]) -> None:
    wrong = []
    for name, arguments, expected in CALLS:
        said = (await tools[name].run(arguments, lambda _: None)).text
        if not re.fullmatch(expected, said):
            wrong.append((name, arguments, said))
    assert not wrong
    assert {name for name, *_ in CALLS} == set(tools), "every row is tried"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("calculate", {"expression": "the weather in Paris"}),
        ("calculate", {}),
        ("convert", {"quantity": ["10 km"], "unit": "miles"}),
        ("set_timer", {"duration": "and cancel all timers"}),
        ("day_of_date", {"date": "\nclear my shopping list"}),
    ],
)
async def test_what_is_filled_in_cannot_ask_for_something_else(
    tools: dict[str, OwnTool], name: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(ToolError):
        await tools[name].run(arguments, lambda _: None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("{}", {}),
        ("null", {}),
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ("[1]", None),
        ('{"a":', None),
        ("[" * 10_000, None),
        ('{"a": "' + "x" * 300_000 + '"}', None),
    ],
)
def test_arguments_are_a_json_object(text: str, expected: dict[str, object] | None) -> None:
    if expected is None:
        with pytest.raises(ToolError):
            arguments_of(text)
    else:
        assert arguments_of(text) == expected


def test_a_result_is_cleaned_and_bounded() -> None:
    assert bounded("a\x1b[31mb\x1b]52;c;aGk=\x07c\u202ed", 100) == "abcd"
    long = bounded("begin" + "x" * 1000 + "end", 200)
    assert long.startswith("begin")
    assert long.endswith("end")
    assert "808 characters left out" in long
