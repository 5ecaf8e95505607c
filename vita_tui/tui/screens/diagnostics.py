"""Engines with their breakers, and everything that is open: since when, owned by whom."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Static

from vita_tui.tui.commands import clean_up, reset_engines
from vita_tui.tui.look import HEALTH, JOBS, MUTED
from vita_tui.tui.screens.base import Sheet
from vita_tui.tui.text import clean, count, duration, milliseconds

__all__ = ["DiagnosticsScreen"]


class DiagnosticsScreen(Sheet):
    HEADING = "Diagnostics"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "r",
            "reset",
            "Try again",
            id="diagnostics.reset",
            tooltip="Close every breaker: something was mended",
        ),
        Binding(
            "c", "clean", "Clean up", id="diagnostics.clean", tooltip="End what crashed programs left behind"
        ),
    ]

    def content(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("Engines", classes="title")
            yield DataTable(id="diagnostics-engines", cursor_type="none", zebra_stripes=True)
            yield Static("Open now", classes="title")
            yield DataTable(id="diagnostics-open", cursor_type="none", zebra_stripes=True)
            yield Static("", id="diagnostics-note")

    def ways(self) -> str:
        return "r tries resting engines · c cleans up · esc closes"

    def on_mount(self) -> None:
        self.query_one("#diagnostics-engines", DataTable).add_columns(
            "", "job", "engine", "last", "median", "why"
        )
        self.query_one("#diagnostics-open", DataTable).add_columns("", "what", "name", "owner", "for")
        self._fill()
        self.set_interval(1.0, self._fill)

    def action_reset(self) -> None:
        reset_engines(self.app)

    def action_clean(self) -> None:
        clean_up(self.app)

    def _fill(self) -> None:
        from vita_tui.health.registry import registry

        engines = self.query_one("#diagnostics-engines", DataTable)
        engines.clear()
        chains = self.app.core.chains if self.app.core is not None else {}
        for job, title in JOBS.items():
            for status in chains[job].statuses() if job in chains else ():
                symbol, style = HEALTH[status.health]
                why = clean(status.reason)
                if status.retry_seconds is not None:
                    why = f"again in {duration(status.retry_seconds)}. {why}"
                engines.add_row(
                    Content.styled(symbol, style),
                    Content.styled(title, MUTED),
                    Content.styled(clean(status.engine), "bold" if status.active else ""),
                    milliseconds(status.last_ms),
                    milliseconds(status.median_ms),
                    Content(why),
                )
        opened = self.query_one("#diagnostics-open", DataTable)
        opened.clear()
        resources = registry.open()
        for resource in resources:
            opened.add_row(
                Content.styled("✗", "$text-error")
                if resource.leaked
                else Content.styled("✓", "$text-success"),
                resource.kind,
                Content(clean(resource.name)),
                Content.styled(clean(resource.owner), MUTED),
                duration(time.time() - resource.since),
            )
        leaks = sum(resource.leaked for resource in resources)
        words = f"{count(registry.total_opened, 'resource')} opened, {registry.total_closed:,} closed, {len(resources):,} open"
        self.query_one("#diagnostics-note", Static).update(
            Content.assemble((words, MUTED), (f", {leaks} leaked" if leaks else "", "bold $text-error"))
        )
