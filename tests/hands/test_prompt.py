"""What people put into the prompt: the cases of prompt.toml, and its keys."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot

from tests.tui.driving import running, text_of, until
from tests.tui.scripted import ScriptedCore
from vita_tui.sessions.session import Turn, title_from
from vita_tui.text.attachments import Attachment, attach, detach
from vita_tui.tui.named_files import files_below, matching_files
from vita_tui.tui.pasted import PastedTexts
from vita_tui.tui.screens.asked_picker import AskedPicker
from vita_tui.tui.widgets.completions import Completions
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.turns import UserTurn

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("prompt.toml").read_text("utf-8"))[
    "case"
]
BLOCK = "\n".join("abcdefghij")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notes.md").write_text("one\ntwo\n")
    (tmp_path / "my file.txt").write_text("blank")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "code.py").write_text("x = `1`\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "secret.md").write_text("no")
    (tmp_path / "pic.png").write_bytes(b"\x89PNG")
    (tmp_path / "bytes.bin").write_bytes(b"a\0b")
    (tmp_path / "big.txt").write_bytes(b"word " * 400_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def paste(prompt: Prompt, pilot: Pilot[Any], text: str) -> None:
    prompt.post_message(events.Paste(text))
    await pilot.pause()


async def test_what_is_sent(folder: Path) -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        for case in CASES:
            name = case["name"]
            prompt.clear()
            prompt.pasted = PastedTexts()
            for text in case["paste"]:
                await paste(prompt, pilot, text.replace("{folder}", str(folder)))
            prompt.insert(case["type"])
            await pilot.pause()
            assert prompt.text == case["shown"], name
            asked = len(core.asked)
            app.main.query_one(Completions).dismiss(prompt.text)
            prompt.action_send()
            if "sent" in case:
                await until(pilot, lambda asked=asked: len(core.asked) > asked, name)  # type: ignore[misc]
                assert core.asked[-1] == case["sent"], name
            else:
                await pilot.pause()
                assert len(core.asked) == asked, name
                assert prompt.text == case["shown"], name
                assert any(case["told"] in notice.message for notice in app._notifications), name


async def test_a_file_is_found_by_some_of_its_letters(folder: Path) -> None:
    async with running() as (app, pilot):
        prompt, offered = app.main.query_one(Prompt), app.main.query_one(Completions)
        prompt.insert("see @cdpy")
        await until(pilot, lambda: offered.chosen_file == "deep/er/code.py", "it is offered")
        await pilot.press("enter")
        await until(pilot, lambda: prompt.text == "see @deep/er/code.py ", "it is taken")
        assert not offered.display


def test_hidden_files_are_not_offered(folder: Path) -> None:
    found = files_below(folder)
    assert found[:2] == ["big.txt", "bytes.bin"]
    assert not any("secret" in name for name in found)
    assert matching_files(found, "nts") == ["notes.md"]
    assert matching_files(found, "zzz") == []


async def test_a_folded_text_is_unfolded_and_deleted_as_one() -> None:
    async with running() as (app, pilot):
        prompt = app.main.query_one(Prompt)
        await paste(prompt, pilot, BLOCK)
        assert prompt.text == "[pasted 10 lines]"
        await pilot.press("alt+o")
        assert prompt.text == BLOCK
        prompt.clear()
        await paste(prompt, pilot, BLOCK)
        await pilot.press("backspace")
        assert prompt.text == ""


async def test_what_was_asked_is_searched_and_folded_again() -> None:
    core = ScriptedCore()
    async with running(core) as (app, pilot):
        prompt = app.main.query_one(Prompt)
        await until(pilot, lambda: prompt.recall is not None, "what was asked is known")
        for text in ("What about whales?", "What about ants?"):
            prompt.insert(text)
            await pilot.press("enter")
        await paste(prompt, pilot, BLOCK)
        await pilot.press("enter")
        await until(pilot, lambda: len(core.asked) == 3, "all were asked")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, AskedPicker), "the search is open")
        await pilot.press(*"whale")
        await pilot.press("enter")
        await until(pilot, lambda: prompt.text == "What about whales?", "it is in the prompt")
        prompt.clear()
        await pilot.press("up")
        await until(pilot, lambda: prompt.text == "[pasted 10 lines]", "the newest, folded")
        assert prompt.whole == core.asked[-1]


async def test_the_own_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from contextlib import nullcontext

    script = tmp_path / "editor.py"
    script.write_text(
        "import sys\nfile = open(sys.argv[1], 'r+')\nfile.seek(0, 2)\nfile.write(' and more\\n')\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    monkeypatch.setattr(App, "suspend", lambda _: nullcontext())
    async with running() as (app, pilot):
        prompt = app.main.query_one(Prompt)
        prompt.insert("some")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: prompt.text == "some and more", "what was written is in the prompt")
        monkeypatch.setenv("VISUAL", "false")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: any("exit code 1" in one.message for one in app._notifications), "told")
        assert prompt.text == "some and more"


async def test_what_was_sent_along_is_shown_by_name() -> None:
    whole = attach("Why?", [Attachment("pasted 10 lines", BLOCK)])
    async with running() as (app, _):
        await app.main.await_answer(whole)
        assert "▤ pasted 10 lines" in text_of(app.main.query_one(UserTurn))
        assert "abc" not in text_of(app.main.query_one(UserTurn)).replace("\n", "")


@pytest.mark.parametrize("text", ["", "x", "```", "````\n```", "a\n\n\nb", "]", "\n"])
def test_what_is_attached_is_detached(text: str) -> None:
    given = [Attachment("a, 1 line", text), Attachment("b", "`")]
    assert detach(attach("Why?", given)) == ([Attachment("a, 1 line", text.rstrip()), given[1]], "Why?")
    assert title_from([Turn("user", attach("Why?", given))]) == "Why?"
    assert title_from([Turn("user", attach("", given))]) == "a, 1 line"
