"""Conversations that are kept: a new one, an earlier one, their names, and what is taken out of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vita_tui import clipboard
from vita_tui.clock import Clock
from vita_tui.tui.base_app import BaseApp
from vita_tui.tui.core import Core
from vita_tui.tui.formatting import count

if TYPE_CHECKING:
    from vita_tui.sessions.session import Session

__all__ = ["KeptConversations"]


class KeptConversations(BaseApp):
    """The part of `VitaApp` that turns to conversations, names them, exports and copies."""

    def __init__(self, clock: Clock, **keywords: Any) -> None:
        super().__init__(clock, **keywords)
        self._branches: dict[str, list[str]] = {}
        """By the id of the first of them: conversations in which a question was asked again."""

    def new_session(self) -> None:
        if self.core is not None:
            self.spawn(self._new_session(self.core), "new conversation")

    async def _new_session(self, core: Core) -> None:
        async with self._turning:
            await core.new_session()
            await self.main.clear()

    async def leave_conversation(self) -> None:
        """Turn to a new conversation."""
        if self.core is not None:
            await self._new_session(self.core)

    async def resume(self, session_id: str, *, at: str = "", words: str = "") -> None:
        """Go on with an earlier conversation, and show the turn with the id `at` with `words` marked in it."""
        if self.core is not None:
            async with self._turning:
                await self.core.resume(session_id)
                await self._show_session(self.core)
                if at:
                    await self.main.show_place(at, words)

    async def _show_session(self, core: Core) -> None:
        if (session := core.session) is None:
            return
        self._know_branch(session)
        await self.main.show_turns(session.turns)
        if isinstance(branch := session.settings.get("branch"), Mapping):
            await self.main.mark_branch(int(branch.get("turns", 0)))

    def ask_again(self, turn_id: str, text: str, model: str = "") -> None:
        """Have `text` answered in the place of the question with that id, by `model` if one is named; what was answered is kept."""
        if self.core is not None:
            self.spawn(self._ask_again(self.core, turn_id, text, model), "ask again")

    async def _ask_again(self, core: Core, turn_id: str, text: str, model: str) -> None:
        async with self._turning:
            if model:
                await core.change("llm.model", model)
            await core.branch(turn_id)
            await self._show_session(core)
        await core.ask(text)

    def other_branch(self) -> None:
        """Turn to another conversation in which the same was asked, one after the other."""
        if self.core is not None:
            self.spawn(self._other_branch(self.core), "other branch")

    async def _other_branch(self, core: Core) -> None:
        session = core.session
        branch = session.settings.get("branch") if session is not None else None
        root = branch["root"] if isinstance(branch, Mapping) else session.id if session is not None else ""
        ids = [root, *self._branches.get(root, ())]
        if session is None or len(ids) < 2:
            self.notify(
                "e edits a question, r asks it again: alt+up leads to it.",
                title="No other answer",
                markup=False,
            )
            return
        await self.resume(ids[(ids.index(session.id) + 1) % len(ids)] if session.id in ids else root)

    def _know_branch(self, session: Session) -> None:
        """Remember that `session` is a branch, if it is one."""
        if isinstance(branch := session.settings.get("branch"), Mapping):
            known = self._branches.setdefault(str(branch["root"]), [])
            if session.id not in known:
                known.append(session.id)

    def read_on(self) -> None:
        """Read the last reply aloud from where the voice stopped."""
        self.read_aloud("")

    def read_aloud(self, text: str) -> None:
        """Read `text` aloud, or, when it is empty, what was not heard of the last reply."""
        if self.core is not None:
            self.spawn(self._read(self.core, text), "read aloud")

    async def _read(self, core: Core, text: str) -> None:
        if not await core.read(text):
            self.notify("There is nothing to read yet.", title="Read on", markup=False)

    async def rename_conversation(self, title: str) -> None:
        """Give the present conversation another title."""
        if self.core is None or self.core.session is None:
            self.notify("Nothing was said yet.", title="No conversation", markup=False)
            return
        await self.core.rename(title)

    async def export_conversation(self, name: str) -> None:
        """Write the present conversation to the file `name`, by default one named for it; an existing file is kept."""
        session = self.core.session if self.core is not None else None
        if session is None:
            self.notify("Nothing was said yet.", title="No conversation", markup=False)
            return
        await self._export(session, name)

    async def export_session(self, session_id: str) -> None:
        """Write any conversation to a file that is named for it."""
        if self.core is not None:
            await self._export(await self.core.sessions.get(session_id), "")

    async def _export(self, session: Session, name: str) -> None:
        from vita_tui.sessions.export import write_markdown

        try:
            written = await asyncio.to_thread(write_markdown, session, name)
        except FileExistsError as error:
            words = f"{error.filename} exists already: /export FILE"
            self.notify(words, title="Not exported", severity="warning", markup=False)
        except OSError as error:
            words = f"{error.filename}: {error.strerror}"
            self.notify(words, title="Not exported", severity="error", markup=False)
        else:
            self.notify(str(written), title="Exported", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Put `text` on the clipboard and say so."""
        if not text:
            self.notify("There is nothing to copy yet.", title=what, severity="warning", markup=False)
            return
        self.spawn(self._copy(text, what), "copy")

    async def _copy(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text)
        place = await asyncio.to_thread(clipboard.copy, text) or "the terminal"
        words = f"{count(len(text), 'character')}, to {place}"
        self.notify(words, title=f"{what} copied", timeout=3, markup=False)
