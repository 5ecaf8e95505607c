"""One turn of the conversation on the screen: what the user said, what VITA answered.

Whatever a model wrote is text: it passes `clean`, Markdown is rendered without HTML, links are not opened, and no markup of
Rich or Textual is ever parsed in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from vita_tui.clock import Clock
from vita_tui.events import ReplyStarted, ToolFinished, ToolProgress, ToolStarted, TurnFinished
from vita_tui.sessions.search import Query
from vita_tui.text.attachments import Attachment, detach
from vita_tui.text.clean import clean_line
from vita_tui.tui.formatting import clean, count, milliseconds
from vita_tui.tui.history_rows import FOUND
from vita_tui.tui.look import MUTED
from vita_tui.tui.widgets.reading import STOPPED, Reading

if TYPE_CHECKING:
    from textual.widget import Widget

    from vita_tui.tui.widgets.reply import Reply, ReplyStream
    from vita_tui.tui.widgets.tool_lines import ToolLine
    from vita_tui.tui.widgets.waterfall import Waterfall

__all__ = ["AssistantTurn", "Remark", "UserTurn"]


class UserTurn(Static):
    """What the user said or typed."""

    def __init__(self, text: str, *, spoken: bool, turn_id: str = "") -> None:
        attached, self._asked = detach(text)
        super().__init__(_with_attached(self._asked, attached), classes="spoken" if spoken else "typed")
        self.text = text
        """All of it, with what was sent along."""
        self._attached = attached
        self.turn_id = turn_id
        """In the store; empty where it is not known."""
        self.awaits = ""
        """What is still to be asked."""

    def mark_words(self, words: str) -> None:
        """Mark `words` where they stand."""
        content = _with_attached(self._asked, self._attached)
        query = Query.of(words)
        for start, end in query.places(content.plain) if query is not None else ():
            content = content.stylize(FOUND, start, end)
        self.update(content, layout=False)


def _with_attached(question: str, attached: Sequence[Attachment]) -> Content:
    """A question, and below it what was sent along by name."""
    names = "  ".join(f"▤ {clean_line(one.name)}" for one in attached)
    return Content.assemble(clean(question), *([("\n" if question else "") + names] if names else ()))


class Remark(Static):
    """A line from VITA between the turns."""

    def __init__(self, text: str) -> None:
        super().__init__(Content(clean(text)))


class ReasoningLine(Static, can_focus=True):
    """The model's reasoning before it answers: one line, which opens when it is clicked or entered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,space", "fold", "Open or fold", id="reasoning.fold", tooltip="Open or fold the reasoning"
        ),
    ]

    def __init__(self) -> None:
        super().__init__("", classes="reasoning")
        self.text = ""
        self.open = False

    def write(self, piece: str) -> None:
        """Append to it."""
        self.text += clean(piece)
        self._show()

    def action_fold(self) -> None:
        self.open = not self.open
        self._show()

    def on_click(self) -> None:
        self.action_fold()

    def _show(self) -> None:
        words = count(len(self.text.split()), "word")
        head = f"{'▾' if self.open else '▸'} reasoning · {words}"
        self.update(Content.assemble((f"{head}\n{self.text.strip()}" if self.open else head, MUTED)))


class AssistantTurn(Vertical):
    """A reply that grows. `write` its pieces, then `finish`; `speaks` and `voice_ended` follow the voice through it."""

    def __init__(self, turn: int, *, turn_id: str = "") -> None:
        super().__init__()
        self.turn = turn
        self.turn_id = turn_id
        """In the store; empty where it is not known."""
        self.text = ""
        self.timings: TurnFinished | None = None
        self._body: Reply | None = None
        self._stream: ReplyStream | None = None
        self._facts: list[str] = []
        self._reasoning: ReasoningLine | None = None
        self._tools: dict[str, ToolLine] = {}
        self._reading = Reading()
        self._below = Static("", classes="facts")
        """The line that says who answered, and how."""

    def compose(self) -> ComposeResult:
        # The words that follow are put before it.
        yield Static(Content.assemble(("…", MUTED)), classes="waiting")
        yield self._below

    async def write(self, piece: str) -> None:
        """Append to the reply."""
        piece = clean(piece)
        self.text += piece
        if not self.is_attached:
            return
        if self._stream is None:
            from vita_tui.tui.widgets.reply import ReplyStream

            self._stream = ReplyStream(await self._begin())
        self._stream.write(piece)

    async def reason(self, piece: str) -> None:
        """Append to the reasoning, which is folded."""
        if not self.is_attached:
            return
        if self._reasoning is None:
            self._reasoning = ReasoningLine()
            await self.mount(self._reasoning, before=0)
        self._reasoning.write(piece)

    async def tool(self, event: ToolStarted | ToolProgress | ToolFinished, clock: Clock) -> None:
        """What happens to a call of a tool: a line above the reply."""
        from vita_tui.tui.widgets.tool_lines import ToolLine

        if not self.is_attached:
            return
        line = self._tools.get(event.call)
        if line is None and not isinstance(event, ToolProgress):
            line = self._tools[event.call] = ToolLine(clock, event)
            if isinstance(event, ToolFinished):
                line.finish(event)
            place = int(self._reasoning is not None) + len(self._tools) - 1
            await self.mount(line, before=place)
        elif line is not None and isinstance(event, ToolProgress):
            line.progress(event.text)
        elif line is not None and isinstance(event, ToolFinished):
            line.finish(event)

    async def take_back(self, text: str) -> None:
        """What was written behind `text` is no part of the reply."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.stop()
        if self._body is not None:
            body, self._body = self._body, None
            await body.remove()
        self.text = ""
        if text:
            await self.write(text)

    async def stand_in(self, event: ReplyStarted) -> None:
        """Say whose words these are: another engine should have answered."""
        if not self.is_attached:
            return
        self.add_class("fallback")
        because = f": {event.because}" if event.because else ""
        words = clean(f"{event.engine} answers instead of {event.instead_of}{because}")
        await self.mount(Static(Content.assemble((words, MUTED)), classes="instead"), before=0)

    async def show(self, text: str) -> None:
        """Show a reply that is complete already."""
        self.text = clean(text)
        if self.is_attached and self.text:
            await (await self._begin()).show(self.text)
        await self.finish()

    def on_unmount(self) -> None:
        if self._stream is not None:
            self._stream.cancel()

    async def finish(self) -> None:
        """No more pieces come."""
        await self.query(".waiting").remove()
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.stop()

    def speaks(self, number: int, sentence: str) -> None:
        """`sentence`, a part of the reply's source, begins to sound."""
        if self._body is not None and self._body.is_attached:
            self._reading.speak(self._body, self.text, number, clean(sentence))

    async def voice_ended(self, heard: str, unheard: str) -> None:
        """The voice has said `heard` and will say nothing of `unheard`: what can be read stays as it is, with a mark."""
        self._reading.end()
        heard, unheard = clean(heard), clean(unheard)
        if not unheard.strip() or not self.is_attached:
            return
        await self.finish()
        if not heard.strip():
            self.add_fact("not spoken")
        elif self._body is not None and self._reading.stop(self._body, self.text, heard):
            self.add_fact(f"spoken to {STOPPED}")
        else:
            self.add_fact(f"spoken to “…{' '.join(heard.split()[-4:])}”")

    def add_fact(self, fact: str) -> None:
        """Say something about the reply in the line below it."""
        self._facts.append(clean(fact))
        self._show_facts()

    def failed(self, error: str) -> None:
        """Say why there is no answer, or no more of it."""
        self.add_class("failed")
        self.add_fact(f"✗ {error or 'no answer'}")

    def close(self, event: TurnFinished) -> None:
        """The turn is over: who answered, and how long it took."""
        self.timings = event
        sound, word = event.timings.voice_to_voice, event.timings.llm_first_token
        facts = [event.engines[job] for job in ("stt", "llm", "tts") if event.engines.get(job)]
        if sound is not None:
            facts.append(f"first sound {milliseconds(sound)}")
        elif word is not None:
            facts.append(f"first word {milliseconds(word)}")
        self._facts = [*facts, *self._facts]
        self._show_facts()

    async def look(self, top: int, bottom: int) -> None:
        """Draw what of a long reply is seen between two lines of the screen, and little more."""
        if self._body is not None and self._body.is_attached:
            await self._body.look(top, bottom)

    @property
    def body(self) -> Reply | None:
        """What was answered, as it is shown; None before the first word."""
        return self._body

    async def mark_words(self, words: str) -> Widget:
        """Mark `words` where they stand in the reply; the first block that has them."""
        found: Widget | None = None
        query = Query.of(words)
        for section in self._body.sections if self._body is not None and query is not None else ():
            if query is None or not query.places(section.text):
                continue
            await section.draw()
            section.kept = True
            for block in section.walk_children(Static):
                content = block.content
                if isinstance(content, Content) and (places := query.places(content.plain)):
                    for start, end in places:
                        content = content.stylize(FOUND, start, end)
                    block.update(content, layout=False)
                    found = found or block
        return found or self

    async def toggle_source(self) -> None:
        """Show the reply as it was written, or formatted again."""
        if self._body is None:
            return
        shown = list(self.query(".source"))
        self._body.display = bool(shown)
        if shown:
            await shown[0].remove()
        else:
            await self._put(Static(Content(self.text), classes="source"))

    async def toggle_waterfall(self) -> None:
        """Show or hide where the time of this turn went."""
        from vita_tui.tui.widgets.waterfall import Waterfall

        shown: list[Waterfall] = list(self.query(Waterfall))
        if shown:
            await shown[0].remove()
        elif self.timings is not None:
            await self.mount(Waterfall(self.timings.timings))

    def _show_facts(self) -> None:
        self._below.update(Content(" · ".join(self._facts)))

    async def _put(self, *widgets: Widget) -> None:
        """Mount above the facts, unless the turn was taken off the screen meanwhile."""
        if self._below.is_attached and self._below.parent is self:
            await self.mount(*widgets, before=self._below)

    async def _begin(self) -> Reply:
        """The place for the words."""
        from vita_tui.tui.widgets.reply import Reply

        if self._body is None:
            await self.query(".waiting").remove()
            self._body = Reply()
            await self._put(self._body)
        return self._body

    def describe(self) -> str:
        """For people who cannot see it."""
        return count(len(self.text), "character")
