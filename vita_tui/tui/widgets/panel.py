"""The live panel at the right: session, engines, microphone, memory, and what is wrong for longer."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Sparkline, Static

from vita_tui.clock import Clock
from vita_tui.events import (
    Alarm,
    ConversationChanged,
    EngineStatus,
    Health,
    Job,
    Notice,
    SessionChanged,
    State,
)
from vita_tui.tui.formatting import clean, count, duration, milliseconds, one_line, size
from vita_tui.tui.look import HEALTH, JOBS, MUTED, bar, level
from vita_tui.tui.memory_use import MemoryUse

__all__ = ["EngineRows", "Panel"]

NOTHING = Content("")

SAMPLES = 60
"""Points of the memory's curve."""


MOST_ALARMS = 5
"""Lines for what is to ring."""

COUNTED_SECONDS = 3600.0
"""Alarms that are nearer are shown by how long it is until then."""


class Section(Static):
    """A titled part of the panel."""

    def __init__(self, title: str) -> None:
        super().__init__("", id=f"panel-{title}", classes="section")
        self.border_title = title


class EngineRows(Widget):
    """Each job's engines: the one that answers, and its fallbacks, with why any is disabled."""

    def __init__(self, clock: Clock, *, classes: str) -> None:
        super().__init__(classes=classes)
        self._now = clock.monotonic
        self._rows: dict[tuple[Job, str], tuple[EngineStatus, float]] = {}
        self._without: frozenset[Job] = frozenset()

    def show(self, status: EngineStatus) -> None:
        """Take in how one engine stands now."""
        if status.active:
            for key, (other, at) in list(self._rows.items()):
                if key[0] == status.job and other.active:
                    self._rows[key] = (replace(other, active=False), at)
        self._rows[status.job, status.engine] = (status, self._now())
        self.refresh(layout=True)

    def replaced(self, job: Job, engines: Iterable[str]) -> None:
        """These do the job from now on, and no others."""
        names = set(engines)
        self._rows = {key: row for key, row in self._rows.items() if key[0] != job or key[1] in names}
        self.refresh(layout=True)

    def show_none(self, jobs: Iterable[Job]) -> None:
        """The settings name no engine for these."""
        self._without = frozenset(jobs)
        self.refresh(layout=True)

    def tick(self) -> None:
        """Once a second: countdowns go on."""
        if any(status.retry_seconds is not None for status, _ in self._rows.values()):
            self.refresh()

    @property
    def settled(self) -> bool:
        """Whether nothing is loading any more."""
        return bool(self._rows) and all(
            status.health is not Health.LOADING for status, _ in self._rows.values() if status.active
        )

    def render(self) -> Content:
        width = max(16, self.content_size.width or self.size.width or 30)
        lines: list[Content] = []
        for job, title in JOBS.items():
            rows = [row for (row_job, _), row in self._rows.items() if row_job == job]
            if not rows:
                symbol, word = ("○", "none is set up") if job in self._without else ("◌", "starting")
                lines.append(
                    Content.assemble((f"{symbol} ", MUTED), (f"{title:<9}", MUTED), (word, f"italic {MUTED}"))
                )
                continue
            rows.sort(key=lambda row: row[0].place)
            for number, (status, at) in enumerate(rows):
                if status.active or status.health is not Health.LOADING:
                    lines += self._engine(status, at, title if number == 0 else "fallback", width)
        return Content("\n").join(lines)

    def _engine(self, status: EngineStatus, at: float, label: str, width: int) -> list[Content]:
        symbol, style = HEALTH[status.health]
        name = one_line(status.engine, width - 12)
        name_style = "bold" if status.active else MUTED
        lines = [Content.assemble((f"{symbol} ", style), (f"{label:<9}", MUTED), (name, name_style))]
        detail = ""
        if status.health is Health.DISABLED and status.retry_seconds is not None:
            left = max(0.0, status.retry_seconds - (self._now() - at))
            detail = f"retry in {duration(left)}" if left else "retrying"
        elif status.health is Health.LOADING:
            detail = "loading"
        elif status.active and status.last_ms is not None:
            detail = f"{milliseconds(status.last_ms)}  median {milliseconds(status.median_ms)}"
        if detail:
            lines.append(Content.assemble((" " * 11 + detail, MUTED)))
        if status.reason:
            words = one_line(status.reason, (width - 11) * 3)
            lines += [Content.assemble((" " * 11 + line, style)) for line in _wrapped(words, width - 11)]
        return lines


class Panel(VerticalScroll, can_focus=False):
    """Updates itself once a second for ages and countdowns."""

    state: reactive[State] = reactive(State.INITIALIZING)
    microphone: reactive[bool] = reactive(True)
    """Whether there is one."""
    hands_free: reactive[bool] = reactive(False)
    dbfs: reactive[float] = reactive(-90.0)
    memory: reactive[MemoryUse | None] = reactive(None)

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="panel")
        self._clock = clock
        self._session: SessionChanged | None = None
        self._own: ConversationChanged | None = None
        self._curve: deque[float] = deque(maxlen=SAMPLES)
        self._alarms: tuple[Alarm, ...] = ()
        self._notices: dict[str, Notice] = {}
        self._times: Counter[str] = Counter()
        """How often what a notice warns of has happened, by key."""
        self._shown: dict[str, Content] = {}
        """What each section shows."""

    def compose(self) -> ComposeResult:
        yield Section("session")
        yield Section("alarms")
        engines = EngineRows(self._clock, classes="section")
        engines.border_title = "engines"
        yield engines
        yield Section("microphone")
        yield Section("memory")
        yield Sparkline([0.0], id="panel-curve")
        yield Section("attention")

    def on_mount(self) -> None:
        self.query_one("#panel-attention").display = False
        self.query_one("#panel-alarms").display = False
        self.query_one("#panel-curve").display = False
        self._show_session()
        self._show_microphone()
        self._show_memory()
        self.set_interval(1.0, self._tick)

    def show_session(self, event: SessionChanged) -> None:
        self._session = event
        self._show_session()

    def show_own(self, event: ConversationChanged) -> None:
        """What is the conversation's own."""
        self._own = event
        self._show_session()

    def show_engine(self, event: EngineStatus) -> None:
        self.query_one(EngineRows).show(event)

    def show_notice(self, notice: Notice) -> None:
        """Keep a notice on screen, in the place of an earlier one with the same key, until information about the same thing comes."""
        if notice.severity == "information":
            self.passed(notice.key)
            return
        key = notice.key or notice.title
        earlier = self._notices.pop(key, None)
        if earlier is None or earlier.title != notice.title:
            self._times[key] = 0
        self._times[key] += 1
        self._notices[key] = notice
        while len(self._notices) > 4:
            self._notices.pop(next(iter(self._notices)))
        self._show_notices()

    def dismiss(self) -> None:
        """The user has seen what asks for attention; it comes back when it happens again."""
        if self._notices:
            self._notices.clear()
            self._show_notices()

    def passed(self, key: str) -> None:
        """What the notice with this key warned of has passed."""
        if self._notices.pop(key, None) is not None:
            self._show_notices()

    def watch_state(self) -> None:
        self._show_microphone()

    def watch_microphone(self) -> None:
        self._show_microphone()

    def watch_hands_free(self) -> None:
        self._show_microphone()

    def watch_dbfs(self) -> None:
        self._show_microphone()

    def watch_memory(self, memory: MemoryUse | None) -> None:
        if memory is not None:
            self._curve.append(float(memory.ours))
        self._show_memory()

    def _tick(self) -> None:
        self.query_one(EngineRows).tick()
        self._show_session()
        self._show_alarms()

    def show_alarms(self, alarms: tuple[Alarm, ...]) -> None:
        """What is to ring, the next one first."""
        self._alarms = alarms
        self._show_alarms()

    def _show_alarms(self) -> None:
        now = self._clock.time()
        lines = []
        for alarm in self._alarms[:MOST_ALARMS]:
            left = alarm.due - now if alarm.left is None else alarm.left
            if alarm.kind == "timer" or left < COUNTED_SECONDS:
                when = f"{_countdown(left)}{'  paused' if alarm.left is not None else ''}"
            else:
                when = time.strftime("%a %H:%M", time.localtime(alarm.due))
            name = one_line(alarm.name or alarm.kind, 18)
            lines.append(Content.assemble((f"{name:<19}", MUTED), (when, "bold")))
        if len(self._alarms) > MOST_ALARMS:
            lines.append(Content.assemble((f"and {len(self._alarms) - MOST_ALARMS} more", MUTED)))
        for section in self.query("#panel-alarms"):
            section.display = bool(lines)
        self._show("alarms", Content("\n").join(lines))

    def _show(self, title: str, content: Content) -> None:
        # What stays as it is would have the whole screen laid out anew, every second.
        if self._shown.get(title, NOTHING).is_same(content):
            return
        # Before the panel is composed there is nothing to update; `on_mount` shows all of it.
        for section in self.query(f"#panel-{title}").results(Section):
            section.update(content)
            self._shown[title] = content

    def _show_session(self) -> None:
        session = self._session
        own = [f"profile {self._own.profile}"] if self._own is not None and self._own.profile else []
        own += ["its own system prompt"] if self._own is not None and self._own.system_prompt else []
        note = (
            Content.assemble(("\n" + one_line(" · ".join(own), 56), "$text-accent")) if own else Content("")
        )
        if session is None or not session.session_id:
            self._show(
                "session",
                Content.assemble(("New conversation", "bold"), "\n", ("nothing said yet", MUTED), note),
            )
            return
        facts = f"{count((session.turns + 1) // 2, 'question')} · {count(session.tokens, 'token')}"
        age = f"{duration(self._clock.time() - session.created)} old"
        self._show(
            "session",
            Content.assemble(
                (one_line(session.title, 56) or "Untitled", "bold"), "\n", (facts, MUTED), "\n", (age, MUTED)
            ),
        )

    def _show_microphone(self) -> None:
        if self.state is State.LISTENING:
            meter = bar(level(self.dbfs), 18)
            text = Content.assemble(
                ("● ", "$text-error"),
                (meter, "$text-success on $foreground 8%"),
                (f" {self.dbfs:3.0f} dB", MUTED),
            )
        elif not self.microphone:
            text = Content.assemble(("✗ none", "$text-warning"), ("  type instead", MUTED))
        elif self.hands_free:
            text = Content.assemble(("● ", "$text-error"), "hands-free", ("  ctrl+t turns it off", MUTED))
        else:
            text = Content.assemble(("○ off", MUTED), ("  ctrl+space opens it", MUTED))
        self._show("microphone", text)

    def _show_memory(self) -> None:
        memory = self.memory
        if memory is None:
            self._show("memory", Content.assemble(("measuring", f"italic {MUTED}")))
            return
        self._show(
            "memory",
            Content.assemble(
                (f"{size(memory.ours):>8}", "bold"),
                (" VITA and its helpers", MUTED),
                "\n",
                f"{size(memory.available):>8}",
                (" free on this machine", MUTED),
            ),
        )
        for curve in self.query(Sparkline):
            curve.display = len(self._curve) >= 8
            curve.data = list(self._curve)

    def _show_notices(self) -> None:
        lines = []
        for key, notice in reversed(self._notices.items()):
            style = "$text-error" if notice.severity == "error" else "$text-warning"
            lines.append(Content.assemble(("! ", style), (clean(notice.title), "bold")))
            if self._times[key] > 1:
                lines[-1] = Content.assemble(lines[-1], (f" · {self._times[key]} times", MUTED))
            lines += [
                Content.assemble((f"  {line}", part_style))
                for text, part_style in (
                    (notice.message, MUTED),
                    (f"→ {notice.remedy}" if notice.remedy else "", "$text-accent"),
                )
                if text
                for line in _wrapped(one_line(text, 160), 30)
            ]
        self.query_one("#panel-attention").display = bool(lines)
        self._show("attention", Content("\n").join(lines))


def _countdown(seconds: float) -> str:
    """Such as "4:05" or "1:04:05"."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(8, width)) or [""]
