"""The block cursor on the main screen: what was asked and answered, to be copied, asked again, heard and opened, piece by piece."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType

from vita_tui.events import State
from vita_tui.tui.formatting import clean, one_line
from vita_tui.tui.main_parts.screen_part import ScreenPart
from vita_tui.tui.widgets.block_cursor import Block
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.prompt import Prompt
from vita_tui.tui.widgets.tool_lines import ToolQuestion
from vita_tui.tui.widgets.turns import AssistantTurn, UserTurn

__all__ = ["ChosenBlocks"]

_LINK = re.compile(r"\]\((https?://[^)\s]+)\)|<(https?://[^>\s]+)>|(?<![(<\w])(https?://[^\s)>\]\"'`]+)")


class ChosenBlocks(ScreenPart):
    """Blocks of the conversation."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "alt+up",
            "block_move(-1)",
            "Block up",
            id="block.up",
            tooltip="Choose a question, a paragraph or code: one up (escape, then k)",
            show=False,
            priority=True,
        ),
        Binding(
            "alt+down",
            "block_move(1)",
            "Block down",
            id="block.down",
            tooltip="One down (escape, then j)",
            show=False,
            priority=True,
        ),
        Binding(
            "alt+a",
            "branch",
            "Branch",
            id="branch",
            tooltip="The other answers to a question",
            show=False,
            priority=True,
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._edited = ""
        """Id of the question that is in the prompt to be asked again."""

    @property
    def _conversation(self) -> Conversation:
        return self.query_one(Conversation)

    # ---- moving

    async def action_block_move(self, step: int) -> None:
        if await self._conversation.cursor.move(step):
            self._conversation.focus(scroll_visible=False)
        else:
            self.leave_blocks()

    async def action_block_jump(self, end: bool) -> None:
        await self._conversation.cursor.jump(end=end)

    @on(Prompt.ToBlocks)
    async def _to_blocks(self) -> None:
        await self.action_block_move(-1)

    @on(Conversation.Clicked)
    async def _clicked(self, message: Conversation.Clicked) -> None:
        if await self._conversation.cursor.put_on(message.widget):
            self._conversation.focus(scroll_visible=False)

    def leave_blocks(self) -> None:
        """Back to the prompt."""
        self._conversation.cursor.leave()
        self.set_focus(self.query_one(Prompt))  # at once: the next key goes there

    async def action_leave_blocks(self) -> None:
        chosen = self._conversation.cursor.block is not None
        self.leave_blocks()
        core = self.app.core
        if not chosen or (core is not None and core.state not in (State.IDLE, State.INITIALIZING)):
            await self.run_action("stop")  # escape always stops what runs

    def on_key(self, event: events.Key) -> None:
        """What is typed where nothing is typed goes into the prompt; at a tool's question it goes nowhere: that one is to be answered."""
        if isinstance(self.focused, ToolQuestion) or not event.is_printable or event.character is None:
            return
        event.stop()
        self.leave_blocks()  # it may have the focus by now: the key was on its way before
        self.query_one(Prompt).insert(event.character)

    # ---- doing

    def action_block(self, what: str) -> None:
        """Do something with the block at the cursor."""
        block = self._conversation.cursor.block
        if block is not None:
            self._do(what, block)

    def _do(self, what: str, block: Block) -> None:
        match what:
            case "copy":
                name = {"question": "Question", "code": "Code", "text": "Block"}[block.kind]
                self.app.copy(block.source, name)
            case "copy_all":
                self.app.copy(block.turn.text, "Question" if block.kind == "question" else "Reply")
            case "edit":
                self._edit(block)
            case "again":
                self.regenerate(of=block.turn)
            case "play":
                self.app.read_aloud(block.source if block.kind != "code" else block.turn.text)
            case "links":
                self._show_links(block)
            case "source" if isinstance(block.turn, AssistantTurn):
                self._conversation.cursor.leave()
                self.app.spawn(block.turn.toggle_source(), "raw source")
            case "menu":
                self._show_menu(block)
            case _:
                pass

    def _show_menu(self, block: Block) -> None:
        from vita_tui.tui.screens.menu import Menu, MenuEntry

        asked = block.kind == "question"
        entries = [
            MenuEntry(
                "copy",
                {"question": "Copy the question", "code": "Copy the code", "text": "Copy this block"}[
                    block.kind
                ],
                "c",
            ),
            *([] if asked else [MenuEntry("copy_all", "Copy the whole reply", "C")]),
            MenuEntry("edit", "Edit the question and ask again", "e"),
            MenuEntry("again", "Ask again: another answer", "r"),
            *(
                []
                if asked
                else [MenuEntry("play", "Read aloud", "p"), MenuEntry("source", "Source or formatted", "s")]
            ),
        ]
        if _links(block.source):
            entries.append(MenuEntry("links", "Open a link", "o"))

        def chosen(name: str | None) -> None:
            if name:
                self._do(name, block)

        self.app.push_screen(Menu(one_line(block.source, 40), entries), chosen)

    def _show_links(self, block: Block) -> None:
        """A link is opened only when its whole address was seen."""
        from vita_tui.tui.screens.menu import Menu, MenuEntry

        links = _links(block.source) or _links(block.turn.text)
        if not links:
            self.app.notify("There is no link in this reply.", title="Links", markup=False)
            return

        def chosen(link: str | None) -> None:
            if link:
                self.app.open_url(link)

        self.app.push_screen(Menu("Open a link", [MenuEntry(link, clean(link)) for link in links]), chosen)

    # ---- asking again

    def _edit(self, block: Block) -> None:
        question = self._question_of(block.turn)
        turn_id = self._id_of(question) if question is not None else ""
        if question is None:
            return
        if not turn_id:
            self.app.notify(
                "This question is not kept: its words are in the prompt.", title="Asked anew", markup=False
            )
        self._edited = turn_id
        self._conversation.cursor.leave()
        prompt = self.query_one(Prompt)
        prompt.put(question.text)
        prompt.border_title = turn_id and "asked again on enter · the answer so far is kept: /branch"

    def regenerate(self, model: str = "", *, of: UserTurn | AssistantTurn | None = None) -> None:
        """Have a question answered again, the last by default, by another `model` if one is named; the answer so far is kept."""
        question = self._question_of(of) if of is not None else self._conversation.last_question
        if question is None:
            self.app.notify("Ask something first.", title="No question yet", markup=False)
            return
        if turn_id := self._id_of(question):
            self.app.ask_again(turn_id, question.text, model)
        else:  # it is not kept: it can only be asked once more
            self.app.ask(question.text)

    def take_edited(self) -> str:
        """The id of the question that was edited in the prompt, once; empty when none was."""
        turn_id, self._edited = self._edited, ""
        self.query_one(Prompt).border_title = ""
        return turn_id

    def _question_of(self, turn: UserTurn | AssistantTurn) -> UserTurn | None:
        if isinstance(turn, UserTurn):
            return turn
        children = list(self._conversation.children)
        before = children[: children.index(turn)]
        return next((one for one in reversed(before) if isinstance(one, UserTurn)), None)

    def _id_of(self, question: UserTurn) -> str:
        """Of the turn in the store, counted from the newest; empty when it is not there."""
        session = self.app.core.session if self.app.core is not None else None
        asked = [turn for turn in session.turns if turn.role == "user"] if session is not None else []
        shown = [one for one in self._conversation.children if isinstance(one, UserTurn) and not one.awaits]
        if question not in shown:
            return ""
        place = len(shown) - shown.index(question)
        if place <= len(asked) and asked[-place].text.strip() == question.text.strip():
            return asked[-place].id
        return next((turn.id for turn in reversed(asked) if turn.text.strip() == question.text.strip()), "")

    def action_branch(self) -> None:
        self.app.other_branch()


def _links(source: str) -> list[str]:
    found = (next(filter(None, match)) for match in _LINK.findall(source))
    return list(dict.fromkeys(link.rstrip(".,;:!?") for link in found))
