"""The main screen: the conversation, the prompt, the status line and the live panel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen

from vita_tui.clock import Clock
from vita_tui.errors import NO_SOUND, VitaError
from vita_tui.events import (
    AlarmsChanged,
    ClauseStarted,
    EngineStatus,
    Event,
    FinalTranscript,
    HandsFree,
    Health,
    Heard,
    Interjection,
    Job,
    LevelChanged,
    NothingHeard,
    Notice,
    PartialTranscript,
    Passed,
    Paused,
    Pausing,
    QuestionShortened,
    ReasoningDelta,
    ReplyDelta,
    ReplyFinished,
    ReplyRetracted,
    ReplyStarted,
    SessionChanged,
    SettingChanged,
    State,
    StateChanged,
    ToolAnswered,
    ToolAsked,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnFinished,
    UserSaid,
)
from vita_tui.tui.commands import find, parse
from vita_tui.tui.formatting import clean
from vita_tui.tui.messages import Bridge, Happened
from vita_tui.tui.widgets.completions import Completions
from vita_tui.tui.widgets.conversation import Conversation
from vita_tui.tui.widgets.footer import Footer
from vita_tui.tui.widgets.panel import EngineRows, Panel
from vita_tui.tui.widgets.partial import PartialLine
from vita_tui.tui.widgets.prompt import PLACEHOLDER, Prompt
from vita_tui.tui.widgets.status import StatusLine
from vita_tui.tui.widgets.tool_lines import ToolQuestion
from vita_tui.tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from textual.widgets import Markdown

    from vita_tui.tui.app import VitaApp
    from vita_tui.tui.core import Steered

__all__ = ["MainScreen"]


class MainScreen(Screen[None]):
    """Shows what happens. What the user wants done goes to the app, which has the core."""

    app: VitaApp

    AUTO_FOCUS = "#prompt"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as the base class declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (14, "-middle"), (24, "-tall")]  # noqa: RUF012 - as the base class declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+@,ctrl+space",
            "talk",
            "Talk",
            id="talk",
            key_display="^space",
            tooltip="Talk; press again, or pause, to send",
            priority=True,
        ),
        Binding(
            "escape",
            "stop",
            "Stop",
            id="stop",
            key_display="esc",
            tooltip="Stop speech, reply and recording; when nothing runs, dismiss notices",
        ),
        Binding(
            "ctrl+t",
            "hands_free",
            "Hands-free",
            id="hands.free",
            tooltip="Hands-free listening on or off",
        ),
        Binding(
            "f9",
            "voice",
            "Voice/text",
            id="voice",
            tooltip="Speak replies aloud, or only show them",
            show=False,
        ),
        Binding(
            "f6",
            "pause",
            "Pause",
            id="pause",
            tooltip="Pause the voice, and go on at the same word",
            show=False,
            priority=True,  # a text area has this key for something nobody misses
        ),
        Binding(
            "alt+left",
            "back",
            "Back",
            id="voice.back",
            tooltip="Have the sentence said again, or the one before",
            show=False,
        ),
        Binding(
            "alt+right",
            "skip",
            "Skip",
            id="voice.skip",
            tooltip="Go on with the next sentence",
            show=False,
        ),
        Binding("ctrl+n", "new", "New", id="new", tooltip="Start a new conversation; this one is kept"),
        Binding("f3", "panel", "Panel", id="panel", tooltip="Show or hide the live panel"),
        Binding(
            "f8",
            "timings",
            "Timings",
            id="timings",
            tooltip="Where the time of the last turn went",
            show=False,
        ),
        Binding(
            "f7",
            "tool_question",
            "Tool",
            id="tool.question",
            tooltip="Answer whether a tool may be called",
            show=False,
            priority=True,  # text areas have a use for it
        ),
        Binding(
            "ctrl+o", "copy_reply", "Copy reply", id="copy.reply", tooltip="Copy the last reply", show=False
        ),
        Binding(
            "pageup",
            "scroll('page_up')",
            "Back",
            id="scroll.back",
            tooltip="Scroll the conversation up",
            show=False,
            priority=True,
        ),
        Binding(
            "pagedown",
            "scroll('page_down')",
            "Forward",
            id="scroll.forward",
            tooltip="Scroll the conversation down",
            show=False,
            priority=True,
        ),
    ]

    def __init__(self, clock: Clock, *, panel: bool = True) -> None:
        super().__init__()
        self._clock = clock
        self.bridge = Bridge(self.post_message)
        self._showing = asyncio.Lock()
        """Held while the conversation on the screen is changed: it grows, is cut and is cleared one after the other."""
        self._without_sound = False
        """It was told that this machine has no sound."""
        self._withheld: dict[str, Notice] = {}
        """By key: what is shown only if nothing better comes."""
        self.set_class(not panel, "panel-off")

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Conversation(self._clock)
                yield PartialLine(id="partial")
                yield ToolQuestion(self._clock)
                yield Completions()
                yield Prompt()
            yield Panel(self._clock)
        yield StatusLine(id="status")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.query_one(PartialLine).display = False
        status = self.query_one(StatusLine)
        prompt = self.query_one(Prompt)
        prompt.in_pause = lambda: status.pausing
        prompt.completions = self.query_one(Completions)

    # ---- what happens

    async def on_happened(self, _: Happened) -> None:
        async with self._showing:
            await self._show_waiting()

    async def _show_waiting(self) -> None:
        for event in self.bridge.take():
            with self.app.mishaps.contained(type(event).__name__):
                await self.show(event)

    async def show(self, event: Event) -> None:
        """Show one event."""
        conversation, status = self.query_one(Conversation), self.query_one(StatusLine)
        match event:
            case LevelChanged():
                status.level, status.speech = event.dbfs, event.speech
                self.query_one(Panel).dbfs = event.dbfs
            case PartialTranscript():
                partial = self.query_one(PartialLine)
                partial.stable, partial.tail = event.stable, event.tail
            case StateChanged():
                self._show_state(event.state)
            case Pausing():
                status.pause(event.seconds, event.probability)
            case HandsFree():
                self._show_hands_free(event.on)
            case Paused():
                status.paused = event.on
            case SettingChanged(key="audio.speak"):
                status.aloud = bool(event.value)
            case Interjection(kind="ignored") if event.text:
                await conversation.remark(f"“{clean(event.text)}” did not interrupt.")
            case FinalTranscript():
                self.query_one(PartialLine).open = False
            case NothingHeard():
                self.query_one(PartialLine).open = False
                await conversation.remark(event.reason or "Nothing heard.")
            case UserSaid():
                await conversation.said(event.turn, event.text, spoken=event.spoken)
            case QuestionShortened():
                conversation.shortened(event)
            case ReplyStarted():
                await conversation.reply_started(event)
            case ReasoningDelta():
                await conversation.reasoning_piece(event.turn, event.text)
            case ToolStarted() | ToolProgress() | ToolFinished():
                await conversation.tool(event)
            case ToolAsked():
                self._ask_tool(event)
            case ToolAnswered():
                self._end_tool(event)
            case ReplyRetracted():
                await conversation.reply_retracted(event.turn, event.text)
            case ReplyDelta():
                await conversation.reply_piece(event.turn, event.text)
            case ReplyFinished():
                await conversation.reply_finished(event)
            case ClauseStarted():
                conversation.speaks(event)
            case Heard(final=True):
                await conversation.heard(event.turn, event.heard, event.unheard)
            case TurnFinished():
                conversation.turn_finished(event)
                if (took := event.timings.voice_to_voice) is not None:
                    status.last = took
                for job, key in (("llm", "answer"), ("tts", "voice")):
                    if job not in event.failed and job in event.engines:
                        self.query_one(Panel).passed(key)
            case EngineStatus():
                if event.health is Health.MISSING and not self.app.is_fetching(event.job):
                    self._tell_withheld(f"engine:{event.job}")  # it came, and does not work all the same
                self.query_one(Panel).show_engine(event)
                for welcome in self.query(Welcome):
                    welcome.show_engine(event)
            case SessionChanged():
                self.query_one(Panel).show_session(event)
            case Notice():
                if not self._withholds(event):
                    self.show_notice(event)
            case AlarmsChanged():
                self.query_one(Panel).show_alarms(event.alarms)
            case Passed():
                self.query_one(Panel).passed(event.key)
            case _:
                pass

    def _withholds(self, notice: Notice) -> bool:
        """Whether the notice is of a fallback while the first choice is fetched, or of the first choice that then came."""
        if any(notice.key == f"engine:{job}" and self.app.is_fetching(job) for job in get_args(Job)):
            self._withheld[notice.key] = notice
            return True
        return notice.severity == "information" and self._withheld.pop(notice.key, None) is not None

    def on_fetch_stopped(self, _message: Message) -> None:
        """Nothing better is on its way any more."""
        self._tell_withheld(*self._withheld)

    def _tell_withheld(self, *keys: str) -> None:
        for key in keys:
            if (notice := self._withheld.pop(key, None)) is not None:
                self.show_notice(notice)

    def show_none(self, jobs: Iterable[Job]) -> None:
        """The settings name no engine for `jobs`."""
        without = list(jobs)
        for rows in self.query(EngineRows):
            rows.show_none(without)

    def note(self, notice: Notice) -> None:
        """A place in the panel, and nothing more."""
        self.query_one(Panel).show_notice(notice)

    def show_notice(self, notice: Notice) -> None:
        """A toast, and a place in the panel when it is more than information."""
        again = False
        if notice.message.startswith(NO_SOUND):  # of microphone and speaker alike: once is enough
            again, self._without_sound = self._without_sound, True
            message = f"{notice.message} Type your questions."
            notice = replace(notice, title="No sound", message=message, key="microphone")
        self.note(notice)
        if notice.key == "microphone":
            there = notice.severity == "information"
            self.query_one(StatusLine).microphone = self.query_one(Panel).microphone = there
            self.query_one(Prompt).placeholder = PLACEHOLDER[there]
            for welcome in self.query(Welcome):
                welcome.show_microphone(there)
        if again:
            return
        lines = [
            clean(part) for part in (notice.message, f"→ {notice.remedy}" if notice.remedy else "") if part
        ]
        self.app.notify(
            "\n".join(lines) or " ",
            title=clean(notice.title),
            severity=notice.severity,
            timeout=6 if notice.severity == "information" else 12,
            markup=False,
        )

    def _show_hands_free(self, on: bool) -> None:
        self.query_one(StatusLine).hands_free = on
        self.query_one(Panel).hands_free = on
        self.app.notify(
            "Just speak. A pause sends it; enter sends it at once, space holds it open."
            if on
            else "The microphone opens with ctrl+space.",
            title="Hands-free" if on else "Hands-free off",
            timeout=6,
            markup=False,
        )

    def _show_state(self, state: State) -> None:
        status = self.query_one(StatusLine)
        status.state, status.paused = state, status.paused and state is State.SPEAKING
        self.query_one(Panel).state = state
        self.query_one(PartialLine).open = state is State.LISTENING
        self.query_one(Prompt).set_class(state is State.LISTENING, "listening")

    def _ask_tool(self, event: ToolAsked) -> None:
        question, prompt = self.query_one(ToolQuestion), self.query_one(Prompt)
        question.ask(event)
        # Whoever is typing goes on typing: f7 leads to the question.
        if not prompt.text:
            question.focus()
        else:
            self.app.notify(
                "f7 leads to the question.",
                title=f"May {clean(event.tool)} be called?",
                severity="warning",
                markup=False,
            )

    def _end_tool(self, event: ToolAnswered) -> None:
        question = self.query_one(ToolQuestion)
        if question.asked is not None and question.asked.call == event.call:
            had_focus = question.has_focus
            question.end()
            if had_focus:
                self.query_one(Prompt).focus()

    # ---- what the user does

    @on(ToolQuestion.Decided)
    def _tool_decided(self, message: ToolQuestion.Decided) -> None:
        self.app.allow_tool(message.call, message.decision)

    def action_tool_question(self) -> None:
        question = self.query_one(ToolQuestion)
        if question.asked is not None:
            question.focus()

    @on(Prompt.Sent)
    def _sent(self, message: Prompt.Sent) -> None:
        self._take(message.text)

    def _take(self, text: str) -> None:
        """A question, or a command, which begins with a slash; two of them stand for one."""
        if text.startswith("//"):
            self.app.ask(text[1:])
            return
        parsed = parse(text)
        if parsed is None:
            self.app.ask(text)
            return
        name, words = parsed
        command = find(name)
        if command is None:
            self.app.notify(
                "/ shows them all, // begins a question with a slash.",
                title=f"No command /{clean(name)}",
                markup=False,
            )
        elif words and not command.takes:
            self.app.notify(f"/{name} takes no words.", title=command.title, markup=False)
        elif command.needs and not words:
            self.app.notify(f"/{name} {command.takes}", title=command.title, markup=False)
        else:
            command.run(self.app, words)

    @on(Prompt.Question)
    def _wonders(self) -> None:
        self.app.action_help()

    @on(Prompt.Leave)
    def _leaves(self) -> None:
        self.app.spawn(self.app.action_quit(), "quit")

    @on(Prompt.ToTheEnd)
    def _to_the_end(self) -> None:
        self.query_one(Conversation).to_the_end()

    def retry(self) -> None:
        """Ask the last question again."""
        if (question := self.query_one(Conversation).last_question) is not None:
            self.app.ask(question.text)
        else:
            self.app.notify("Ask something first.", title="No question yet", markup=False)

    def edit_last(self) -> None:
        """Put the last question into the prompt."""
        if (question := self.query_one(Conversation).last_question) is not None:
            self.query_one(Prompt).put(question.text)

    @on(Prompt.Grown)
    def _grown(self, message: Prompt.Grown) -> None:
        self.run_worker(self._look(message.text, send=message.send), group="fits", exclusive=True)

    async def _look(self, text: str, *, send: bool) -> None:
        """Say what of a long text the model would not see."""
        core, left_out = self.app.core, None
        if core is not None:
            with contextlib.suppress(VitaError):  # the question itself will tell
                left_out = await core.fits(text)
        self.query_one(Prompt).looked(text, str(left_out or ""), send=send)

    @on(Prompt.Decided)
    def _decided(self, message: Prompt.Decided) -> None:
        if message.send:
            self.app.talk()
        else:
            self.app.hold_open()

    def on_markdown_link_clicked(self, message: Markdown.LinkClicked) -> None:
        """What a model wrote is never opened; the user may do so with what is on the clipboard."""
        message.stop()
        self.app.copy(clean(message.href), "Link")

    def action_talk(self) -> None:
        self.app.talk()

    def action_stop(self) -> None:
        prompt = self.query_one(Prompt)
        if self.query_one(Completions).dismiss(prompt.text):
            return
        core = self.app.core
        if core is None or core.state in (State.IDLE, State.INITIALIZING):
            self.app.clear_notifications()
            self.query_one(Panel).dismiss()
        self.app.stop()
        prompt.focus()

    def action_hands_free(self) -> None:
        self.app.toggle_hands_free()

    def action_voice(self) -> None:
        self.app.toggle_voice()

    def action_pause(self) -> None:
        self._steer(lambda aloud: aloud.unpause() if aloud.paused else aloud.pause())

    def action_back(self) -> None:
        self._steer(lambda aloud: aloud.back())

    def action_skip(self) -> None:
        self._steer(lambda aloud: aloud.forward())

    def _steer(self, how: Callable[[Steered], bool]) -> None:
        if self.app.core is not None and not how(self.app.core.aloud):
            self.app.notify("Nothing is being said.", title="Voice", timeout=3, markup=False)

    def action_new(self) -> None:
        self.app.new_session()

    def action_panel(self) -> None:
        if self.has_class("-wide"):
            self.toggle_class("panel-off")
        else:
            self.toggle_class("panel-over")

    async def action_timings(self) -> None:
        reply = self.query_one(Conversation).last_ended
        if reply is None:
            self.app.notify("Ask something first.", title="No turn yet", markup=False)
            return
        async with self._showing:
            await reply.toggle_waterfall()
            reply.scroll_visible()

    def action_copy_reply(self) -> None:
        reply = self.query_one(Conversation).last_reply
        self.app.copy(reply.text if reply is not None else "", "Reply")

    def action_copy_code(self) -> None:
        from vita_tui.tui.code import last_code

        reply = self.query_one(Conversation).last_reply
        self.app.copy(last_code(reply.text) if reply is not None else "", "Code")

    def action_scroll(self, how: str) -> None:
        conversation = self.query_one(Conversation)
        if how == "page_up":
            if conversation.max_scroll_y > 0:
                conversation.release_anchor()
            conversation.scroll_page_up(animate=False)
        else:
            conversation.scroll_page_down(animate=False)

    async def await_answer(self, text: str) -> None:
        """Show a question that is not asked yet."""
        async with self._showing:
            await self.query_one(Conversation).await_answer(text)

    async def clear(self) -> None:
        """Show an empty conversation."""
        async with self._showing:
            await self._show_waiting()  # what still belongs to the conversation that goes
            await self.query_one(Conversation).clear()
        self.query_one(Prompt).focus()

    async def show_turns(self, turns: Iterable[Any]) -> None:
        """Show a kept conversation."""
        async with self._showing:
            await self._show_waiting()
            await self.query_one(Conversation).show(turns)
