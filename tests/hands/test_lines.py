"""The conversation over lines, without a screen: the cases of lines.toml, and what only the whole program shows."""

from __future__ import annotations

import ast
import io
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_ask import serving
from tests.conversation.support import assistant
from tests.forked import run_vita
from vita_tui.cli.chat import LineChat
from vita_tui.cli.chat_commands import LINE_COMMANDS
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.tui.commands import COMMANDS

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("lines.toml").read_text("utf-8"))["line"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_lines(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data: bytes = ast.literal_eval(f"b'''{case['bytes']}'''")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    replies = case.get("replies", [f"Reply {number}." for number in range(1, 9)])
    model = FakeResponder([EngineError("The model fails.")] if case.get("fails") else replies)
    async with assistant(model, audio={"speak": False}) as (vita, _):
        code = await LineChat(vita, typed=False).run()
    printed = capsys.readouterr()
    assert printed.out == case["out"]
    rest = printed.err
    for part in case["said"]:
        assert part in rest, printed.err
        rest = rest.partition(part)[2]
    assert case["said"] or not printed.err
    assert [request[-1]["content"] for request in model.requests] == case["asked"]
    assert code == case.get("code", 0)


def test_the_names_are_those_of_the_screen() -> None:
    only_here = {"resume"}
    assert {command.name for command in LINE_COMMANDS} - {command.name for command in COMMANDS} == only_here


def around(url: str) -> dict[str, str]:
    """What the program is started with: a model, and no sound."""
    return {**os.environ, "VITA_LLM__BASE_URL": url, "VITA_LLM__MODEL": "m", "VITA_AUDIO__SPEAK": "false"}


@pytest.mark.long
def test_a_pipe_is_a_conversation() -> None:
    with serving("It is Paris.") as (url, asked):
        done = run_vita(env=around(url), input="Hi\nAnd now?\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "It is Paris.\nIt is Paris.\n", "")
    assert [message["content"] for message in asked[1]["messages"][1:]] == ["Hi", "It is Paris.", "And now?"]


@pytest.mark.long
def test_it_goes_on_with_an_earlier_conversation() -> None:
    with serving("It is Paris.") as (url, asked):
        run_vita("--plain", env=around(url), input="Hi\n")
        done = run_vita("sessions", "resume", env=around(url), input="And now?\n")
    assert done.stdout == "It is Paris.\n"
    assert [message["content"] for message in asked[1]["messages"][1:]] == ["Hi", "It is Paris.", "And now?"]


@pytest.mark.long
@pytest.mark.parametrize("arguments", [[], ["--plain"]], ids=["TERM=dumb", "--plain"])
def test_a_terminal_gets_no_escape_codes(arguments: list[str]) -> None:
    ours, theirs = pty.openpty()
    term = "xterm-256color" if arguments else "dumb"
    with serving("It is Paris.") as (url, _):
        program = subprocess.Popen(
            [sys.executable, "-m", "vita_tui", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, env={**around(url), "TERM": term}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        try:
            _read(ours, seen := bytearray(), b"You: ")
            os.write(ours, b"Hi\n")
            _read(ours, seen, b"It is Paris.")
            _read(ours, seen, b"You: ", times=2)
            os.write(ours, b"/quit\n")
            assert program.wait(60) == 0
        finally:
            program.kill()
            program.wait()
            os.close(ours)
    assert b"\x1b" not in seen


def _read(terminal: int, seen: bytearray, words: bytes, *, times: int = 1) -> None:
    """Until `words` are in `seen` so often; the limit on time is that of every test."""
    while seen.count(words) < times:
        seen += os.read(terminal, 4096)
