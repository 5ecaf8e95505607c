"""Where the time of one turn went: a bar for each stage, on one scale."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from vita_tui.events import TurnTimings
from vita_tui.tui.formatting import clean, milliseconds
from vita_tui.tui.look import MUTED, bar

__all__ = ["Waterfall"]

STAGES = (
    ("endpoint", "waiting for silence"),
    ("stt", "transcript"),
    ("tools", "tools"),
    ("llm_first_token", "first token"),
    ("first_clause", "first clause"),
    ("tts_first_audio", "synthesis"),
    ("voice_to_voice", "first sound"),
)
LABEL = 20
FIGURE = 9


class Waterfall(Static):
    """Each bar begins where the stage before it ended."""

    def __init__(self, timings: TurnTimings) -> None:
        super().__init__()
        self._timings = timings

    def render(self) -> Content:
        marks = [(title, at) for name, title in STAGES if (at := getattr(self._timings, name)) is not None]
        if not marks:
            return Content.assemble(("No times were taken for this turn.", MUTED))
        whole = max(max(at for _, at in marks), 1.0)
        width = max(8, min(60, self.size.width - LABEL - FIGURE - 2))
        lines, before = [], 0.0
        for title, at in marks:
            start = round(before / whole * width)
            length = max(0.0, at - before) / whole * width
            cells = bar(length / width, width)[: width - start] if width else ""
            lines.append(
                Content.assemble(
                    (f"{title:<{LABEL}}", MUTED),
                    (" " * start, ""),
                    (cells.ljust(width - start), "$primary"),
                    (f"{'+' + milliseconds(max(0.0, at - before)):>{FIGURE}}", ""),
                )
            )
            before = max(before, at)
        lines += [Content.assemble(("! ", "$text-warning"), clean(cause)) for cause in self._timings.causes]
        return Content("\n").join(lines)
