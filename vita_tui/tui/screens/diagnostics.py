"""Engines with their breakers, who is connected to a server of this user, and everything that is open: since when, owned by whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vita_tui.events import EngineStatus
from vita_tui.tui.commands import clean_up, reset_engines
from vita_tui.tui.connected import connected_clients, connection_row
from vita_tui.tui.formatting import clean, duration, milliseconds
from vita_tui.tui.look import HEALTH, JOBS, MUTED
from vita_tui.tui.screens.base import Sheet

__all__ = ["DiagnosticsScreen"]

MOST_CONNECTIONS = 50
"""Of one server that are listed."""


class DiagnosticsScreen(Sheet):
    HEADING = "Diagnostics"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "r",
            "reset",
            "Try again",
            id="diagnostics.reset",
            tooltip="Re-enable every engine now",
        ),
        Binding(
            "c",
            "clean",
            "Clean up",
            id="diagnostics.clean",
            tooltip="Close what leaked, and end what crashed programs left behind",
        ),
    ]

    def content(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("Engines", classes="title")
            yield Static("", id="diagnostics-engines", classes="table")
            yield Static("Conversations", classes="title")
            yield Static("", id="diagnostics-sessions", classes="table")
            yield Static("Connected to vita serve", classes="title served")
            yield Static("", id="diagnostics-connections", classes="table served")
            yield Static("Open now", classes="title")
            yield Static("", id="diagnostics-open", classes="table")
            yield Static("", id="diagnostics-note")

    def ways(self) -> str:
        return "r retries disabled engines · c cleans up · esc closes"

    def on_mount(self) -> None:
        self.query(".served").set(display=False)
        self._fill()
        self.set_interval(1.0, self._fill)
        self.run_worker(self._follow(), group="connections")

    async def _follow(self) -> None:
        """Show who is connected to servers of this user, as long as the screen is open; nothing where there are none."""
        while True:
            servers = await connected_clients()
            rows = [connection_row(told) for server in servers for told in server[:MOST_CONNECTIONS]]
            left = sum(map(len, servers)) - len(rows)
            lines = _table(rows) or [Content.styled("nobody", MUTED)]
            lines += [Content.styled(f"and {left:,} more: vita ctl connections", MUTED)] if left else []
            self.query_one("#diagnostics-connections", Static).update(Content("\n").join(lines))
            self.query(".served").set(display=bool(servers))
            await asyncio.sleep(1.0)

    def action_reset(self) -> None:
        reset_engines(self.app)

    def action_clean(self) -> None:
        clean_up(self.app)

    def _fill(self) -> None:
        from vita_tui.health.registry import registry

        if not self.query("#diagnostics-note"):  # the screen is being closed
            return
        self.query_one("#diagnostics-engines", Static).update(self._engines())
        self.query_one("#diagnostics-sessions", Static).update(self._sessions())
        resources = registry.open()
        rows = [
            (
                Content.styled("✗", "$text-error")
                if resource.leaked
                else Content.styled("✓", "$text-success"),
                Content(resource.kind),
                Content(clean(resource.name)),
                Content.styled(clean(resource.owner), MUTED),
                Content(duration(time.time() - resource.since)),
            )
            for resource in resources
        ]
        self.query_one("#diagnostics-open", Static).update(Content("\n").join(_table(rows)))
        leaks = sum(resource.leaked for resource in resources)
        words = f"{registry.total_opened:,} opened, {registry.total_closed:,} closed, {len(resources):,} open"
        self.query_one("#diagnostics-note", Static).update(
            Content.assemble((words, MUTED), (f", {leaks} leaked" if leaks else "", "bold $text-error"))
        )

    def _sessions(self) -> Content:
        """The figures of the sessions in use, since the program began."""
        if self.app.core is None:
            return Content("")
        figures = self.app.core.sessions.stats().figures()
        words = [
            f"{value:,} {name.replace('_', ' ')}" for name, value in figures.items() if isinstance(value, int)
        ]
        lines = [Content.assemble((clean(str(figures["store"])), "bold"), f"  {', '.join(words)}")]
        if figures["away"]:
            lines.append(Content.assemble((f"   → away: {clean(str(figures['away']))}", "$text-error")))
        return Content("\n").join(lines)

    def _engines(self) -> Content:
        chains = self.app.core.chains if self.app.core is not None else {}
        statuses = [status for job in JOBS if job in chains for status in chains[job].statuses()]
        lines = []
        for line, status in zip(_table([_engine_row(status) for status in statuses]), statuses, strict=True):
            lines.append(line)
            why = clean(status.reason)
            if status.retry_seconds is not None:
                why = f"disabled, retried in {duration(status.retry_seconds)}: {why}"
            if why:
                lines.append(Content.assemble((f"   → {why}", HEALTH[status.health][1])))
        return Content("\n").join(lines)


def _engine_row(status: EngineStatus) -> tuple[Content, ...]:
    symbol, style = HEALTH[status.health]
    times = (
        ""
        if status.last_ms is None
        else f"last {milliseconds(status.last_ms)}, median {milliseconds(status.median_ms)}"
    )
    return (
        Content.styled(symbol, style),
        Content.styled(JOBS[status.job], MUTED),
        Content.styled(clean(status.engine), "bold" if status.active else ""),
        Content.styled(times, MUTED),
    )


def _table(rows: Sequence[Sequence[Content]]) -> list[Content]:
    """Lines with columns as wide as their widest cell."""
    widths = [max(cell.cell_length for cell in column) for column in zip(*rows, strict=True)]
    return [
        Content("  ").join(
            Content.assemble(cell, " " * (width - cell.cell_length))
            for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    ]
