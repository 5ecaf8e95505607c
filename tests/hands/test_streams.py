"""What people's terminals, pipes and encodings do to VITA's commands: the cases of streams.toml."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.engines.llm.servers import Request, chunk, event_stream, serving
from vita_tui.cli import output, streams
from vita_tui.cli.app import app
from vita_tui.cli.text_input import text_argument
from vita_tui.text.clean import clean, clean_line, clean_name

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("streams.toml").read_text("utf-8")
)
COMMANDS = Path(output.__file__).parent
UNSAFE = {
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
REPLY = "Grüße → “1”"


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[kind], ids=[case["name"] for case in CASES[kind]])


def given(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let standard input hold the bytes of `case`."""
    data: bytes = ast.literal_eval(f"b'''{case['bytes']}'''")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))


@cases("text")
def test_what_comes_in(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(case, monkeypatch)
    assert text_argument("-", empty="there is no question") == case["reads"]
    told = capsys.readouterr().err
    assert case["said"] in told
    assert bool(told) == bool(case["said"])


@cases("no_text")
def test_what_is_no_text(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    given(case, monkeypatch)
    with pytest.raises(typer.BadParameter, match=case["says"]):
        text_argument("-", empty="there is no question")


def test_an_endless_input_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open(encoding="latin-1") as endless:
        monkeypatch.setattr("sys.stdin", endless)
        with pytest.raises(typer.BadParameter, match="longer than 16 MB"):
            text_argument("-", empty="")


def test_bytes_in_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert text_argument(os.fsdecode(b"hi \xff"), empty="") == "hi \ufffd"
    assert "TEXT is not UTF-8" in capsys.readouterr().err


@cases("shown")
def test_what_others_wrote(case: dict[str, Any]) -> None:
    assert clean_line(case["text"]) == case["line"]
    assert clean_name(case["text"]) == case["file"]
    for shown in (clean_line(case["text"]), clean_name(case["text"]), clean(case["text"]).replace("\n", "")):
        assert not UNSAFE & set(shown)


def test_a_name_of_bytes_can_be_read_and_told_from_others() -> None:
    assert clean_name(os.fsdecode(b"caf\xe9.wav")) == r"caf\xe9.wav"
    assert clean_name(Path("Füße – 日本.wav")) == "Füße – 日本.wav"


def test_json_is_utf8_and_safe(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"text": "a\x9b31m\u202e\x7f\x1b[0mé日👍", "half": "x\udce9y\ud83d", "pair": "\ud83d\udc4d"}
    output.print_json(data)
    printed = capsys.readouterr().out
    assert not (UNSAFE - {"\n"}) & set(printed)
    assert json.loads(printed.encode()) == {"text": data["text"], "half": "x\ufffdy\ufffd", "pair": "👍"}
    assert "é日👍" in printed


@cases("refused")
def test_what_a_command_refuses_is_named_without_escape_sequences(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))
    result = CliRunner().invoke(app, case["arguments"])
    assert result.exit_code == 2
    assert "red" in result.stderr
    assert not (UNSAFE - {"\n"}) & set(result.stderr)


def test_every_command_prints_through_one_door() -> None:
    """What is printed in another way is not cleaned, and a pipe that breaks or a closed stream ends in a traceback."""
    other = {
        "typer.echo",
        "typer.secho",
        "print",
        "sys.stdout.write",
        "sys.stderr.write",
        "console.print",
        "click.echo",
    }
    found = [
        f"{file.name}:{node.lineno}: {ast.unparse(node.func)}"
        for file in COMMANDS.glob("*.py")
        if file.name not in {"output.py", "streams.py"}
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in other
    ]
    assert found == []


async def vita(command: str, base_url: str, home: Path, **env: str) -> tuple[int, bytes, bytes]:
    """What a line of bash leaves in its variable `code`, and what it prints; `vita` is the program."""
    script = f'vita() {{ "{sys.executable}" -m vita_tui "$@"; }}; {command}; exit $code'
    chosen = {"VITA_LLM__BASE_URL": base_url, "VITA_LLM__MODEL": "m", "VITA_HOME": str(home)}
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **chosen, **env},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out, err


@pytest.mark.long
@cases("output")
async def test_what_goes_out(case: dict[str, Any], home: Path) -> None:
    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(event_stream(chunk(REPLY), chunk(finish="stop"), b"data: [DONE]\n\n"))

    async with serving(answer) as server:
        code, out, _ = await vita("vita ask hi; code=$?", server.base_url, home, **case["env"])
        assert out.decode(case.get("encoding", "utf-8")) == case["prints"] + "\n"
        assert code == 0
        code, out, _ = await vita("vita ask hi --json; code=$?", server.base_url, home, **case["env"])
        assert json.loads(out.decode("utf-8"))["reply"] == REPLY
        assert code == 0


@cases("closed")
async def test_nobody_reads(case: dict[str, Any], home: Path) -> None:
    async def endless(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(event_stream())
        while not server.silent.is_set():
            writer.write(chunk("and so on "))
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(endless) as server:
        code, out, err = await vita(case["command"], server.base_url, home)
        server.silent.set()
    assert code == case["code"], err.decode()
    assert case["says"] in err.decode()
    assert bool(err) == bool(case["says"])
    assert out == b""


def test_exit_codes_are_those_of_shells() -> None:
    assert streams.BROKEN_PIPE == 128 + 13
