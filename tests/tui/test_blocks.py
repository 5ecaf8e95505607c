"""The cursor over questions and blocks: what is copied, asked again, read aloud and opened from there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.events import Key
from textual.widgets import OptionList

from tests.tui.driving import App, running, text_of, until
from tests.tui.scripted import ScriptedCore, ScriptedShelf, session_of
from vita_tui.events import State
from vita_tui.tui.screens.menu import Menu
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.turns import UserTurn

REPLY = """## Gulls

They are [clever](https://example.org/gulls).

```python
print("gull")
```

- one
- two
"""


@pytest.fixture
def core() -> ScriptedCore:
    return ScriptedCore(
        shelf=ScriptedShelf(session_of("What are gulls?", REPLY, "And terns?", "Terns **too**."))
    )


async def _open(app_pilot: App, core: ScriptedCore) -> None:
    app, pilot = app_pilot
    await app.resume("5e551011")
    await until(pilot, lambda: bool(app.main.query("MarkdownFence")) and bool(app.main.query("MarkdownH2")))


def _marked(app: Any) -> list[str]:
    block = app.main.query_one(Conversation).cursor.block
    return [block.kind, block.source] if block is not None else []


COPIED = [
    (("alt+up",), "Terns **too**."),
    (("alt+up", "alt+up"), "And terns?"),
    (("alt+up", "k", "up"), "- one\n- two"),
    (("alt+up",) * 4, 'print("gull")'),
    (("alt+up",) * 5, "They are [clever](https://example.org/gulls)."),
    (("alt+up", "g"), "What are gulls?"),
    (("alt+up", "g", "j"), "## Gulls"),
    (("escape", "k"), "Terns **too**."),
    (("escape", "j", "k"), "And terns?"),
]


@pytest.mark.parametrize(("keys", "copied"), COPIED, ids=["-".join(keys) for keys, _ in COPIED])
async def test_a_block_is_copied(core: ScriptedCore, keys: tuple[str, ...], copied: str) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press(*keys)
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == copied, f"{app.clipboard!r} {_marked(app)}")


async def test_the_whole_reply_is_copied_and_escape_leads_back(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press(*["alt+up"] * 4, "C")
        await until(pilot, lambda: app.clipboard == REPLY)
        await pilot.press("escape")
        assert not _marked(app)
        assert app.main.query_one(Prompt).has_focus


async def test_what_is_typed_at_a_block_lands_in_the_prompt(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press("alt+up", "h", "e", "y")
        assert app.main.query_one(Prompt).text == "hey"
        assert not _marked(app)


async def test_what_is_typed_at_once_lands_whole_in_the_prompt_wherever_the_focus_was(
    core: ScriptedCore,
) -> None:
    """Among it letters that do something at a block."""
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        prompt = app.main.query_one(Prompt)
        await pilot.press("tab")
        await until(pilot, lambda: not prompt.has_focus)
        for letter in "xyzcej":
            app.post_message(Key(letter, letter))
        await until(pilot, lambda: len(prompt.text) >= 6, prompt.text)
        assert prompt.text == "xyzcej"
        assert prompt.has_focus


async def test_after_escape_a_word_that_begins_otherwise_is_typed(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press("escape", *"copy", "k", "j")
        assert app.main.query_one(Prompt).text == "copykj"


async def test_a_question_is_edited_and_asked_again_and_the_old_answer_returned_to(
    core: ScriptedCore,
) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press("alt+up", "e")
        prompt = app.main.query_one(Prompt)
        await until(pilot, lambda: prompt.text == "And terns?")
        await pilot.press("backspace", *" now?", "enter")
        await until(pilot, lambda: core.asked == ["And terns now?"])
        await until(pilot, lambda: core.state is State.IDLE)
        assert core.session is not None
        assert [turn.text for turn in core.session.turns] == ["What are gulls?", REPLY]
        assert [one.text for one in app.main.query(UserTurn)] == ["What are gulls?", "And terns now?"]
        assert "/branch" in text_of(app.main.query_one(".branch"))
        await pilot.press("alt+a")
        await until(pilot, lambda: core.resumed[-1:] == ["5e551011"] and len(core.resumed) == 2)
        await until(pilot, lambda: "And terns?" in [one.text for one in app.main.query(UserTurn)])
        await pilot.press("alt+a")
        await until(pilot, lambda: core.resumed[-1] != "5e551011")


async def test_a_reply_is_made_again_by_another_model(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press(*"/retry large", "enter")
        await until(pilot, lambda: core.asked == ["And terns?"])
        assert core.changed == [("llm.model", "large")]


async def test_a_question_is_asked_again_from_its_reply(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press(*["alt+up"] * 4, "r")
        await until(pilot, lambda: core.asked == ["What are gulls?"])
        assert core.session is not None
        assert core.session.turns == ()


async def test_a_block_and_the_rest_are_read_aloud(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press("alt+up", "p")
        await until(pilot, lambda: core.read_aloud == ["Terns **too**."])
        await pilot.press("escape", *"/read", "enter")
        await until(pilot, lambda: core.read_aloud == ["Terns **too**.", ""])


async def test_a_link_is_opened_once_its_address_was_seen(
    core: ScriptedCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    async with running(core) as (app, pilot):
        monkeypatch.setattr(app, "open_url", lambda url, **_: opened.append(url))
        await _open((app, pilot), core)
        await pilot.press(*["alt+up"] * 5, "o")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        assert "https://example.org/gulls" in text_of(app.screen.query_one(OptionList))
        assert not opened
        await pilot.press("enter")
        await until(pilot, lambda: opened == ["https://example.org/gulls"])


async def test_enter_lists_what_can_be_done(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press(*["alt+up"] * 4, "enter")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        assert "Copy the code" in text_of(app.screen.query_one(OptionList))
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == 'print("gull")')


async def test_a_reply_is_shown_as_it_was_written(core: ScriptedCore) -> None:
    async with running(core) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.press("alt+up", "s")
        await until(pilot, lambda: bool(app.main.query(".source")))
        assert text_of(app.main.query_one(".source")) == "Terns **too**."
        await pilot.press("alt+up", "s")
        await until(pilot, lambda: not app.main.query(".source"))


async def test_a_click_chooses_a_block(core: ScriptedCore) -> None:
    async with running(core, size=(100, 50)) as (app, pilot):
        await _open((app, pilot), core)
        await pilot.click("MarkdownFence")
        await until(pilot, lambda: _marked(app) == ["code", 'print("gull")'])
        await asyncio.sleep(0)
