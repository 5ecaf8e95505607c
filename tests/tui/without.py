"""The program without private parts of Textual: `python -m tests.tui.without PART[,PART…] [BEHAVIOUR]`.

A part is hidden from VITA alone, by import or by name: Textual itself goes on with it.
"""

from __future__ import annotations

import asyncio
import builtins
import sys
from collections.abc import Callable
from typing import Any

PRIVATE: dict[str, str] = {
    "terminal_driver": "textual.drivers.linux_driver",
    "key_parser": "textual._xterm_parser",
}
"""What VITA imports for a part; `paragraph` and `toasts` need no private import: they are given another shape."""


def hide(*parts: str) -> None:
    """Let imports of `parts` fail in VITA's modules, from now on."""
    hidden = {PRIVATE[part] for part in parts if part in PRIVATE}
    original: Callable[..., Any] = builtins.__import__

    def importing(name: str, *arguments: Any, **keywords: Any) -> Any:
        importer = arguments[0] if arguments else keywords.get("globals")
        if name in hidden and str((importer or {}).get("__name__", "")).startswith("vita_tui."):
            raise ImportError(f"{name} is hidden")
        return original(name, *arguments, **keywords)

    builtins.__import__ = importing
    if "paragraph" in parts:
        from textual.widgets import Markdown

        known = Markdown.BLOCKS["paragraph_open"]

        class MarkdownParagraph(known):  # type: ignore[misc,valid-type]  # whichever it is
            def set_content(self, content: Any, layout: bool = True) -> None:
                super().set_content(content)

        Markdown.BLOCKS = {**Markdown.BLOCKS, "paragraph_open": MarkdownParagraph}
    if "toasts" in parts:
        from textual.app import App

        take_away: Callable[..., None] = App._unnotify

        def unnotify(self: App[Any], toast: Any, *, refresh: bool = True) -> None:
            take_away(self, toast, refresh)

        App._unnotify = unnotify  # type: ignore[assignment]


def main(parts: str, behaviour: str = "") -> int:
    hide(*parts.split(","))
    if behaviour != "headless":
        from tests.tui import program

        sys.argv[1:] = [behaviour]
        return program.main()
    asyncio.run(_use())
    return 0


async def _use() -> None:
    """A question, a reply and the talk key; prints what was on the screen, and which parts were there."""
    from tests.tui.driving import running, text_of, until
    from tests.tui.scripted import ScriptedCore
    from vita_tui.events import State
    from vita_tui.tui import private_textual
    from vita_tui.tui.widgets.prompt import Prompt
    from vita_tui.tui.widgets.reply import Reply

    core = ScriptedCore(reply="Gulls are **clever** birds.\n\n- one\n- two")
    async with running(core) as (app, pilot):
        await pilot.press(*"hello")
        await until(pilot, lambda: app.main.query_one(Prompt).text == "hello")
        await pilot.press("enter")
        await until(pilot, lambda: core.asked == ["hello"] and core.state is State.IDLE)
        await until(pilot, lambda: app.main.query_one(Reply).source.endswith("two"))
        await pilot.press("ctrl+space")
        await until(pilot, lambda: core.state is State.LISTENING)
        await pilot.press("ctrl+space")
        await until(pilot, lambda: core.state is State.IDLE)
        await pilot.pause()
        for block in app.main.query_one(Reply).query("*"):
            print(text_of(block))
    print("without:", *(name for name, find in private_textual.PARTS.items() if find() is None))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
