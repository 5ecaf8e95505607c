"""Figures as tables, and what several measurements share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["TURN", "Beside", "Json", "ms", "table", "three"]


Json = Annotated[
    bool, typer.Option("--json", help="As JSON, with every single figure, for vita bench compare.")
]

Beside = Annotated[
    int,
    typer.Option(
        "--beside", metavar="N", min=0, max=64, help="Keep N cores busy meanwhile, as other programs do."
    ),
]

TURN: dict[str, dict[str, Any]] = {
    "sessions": {"store": "memory"},
    "audio": {"earcons": False, "speak": True},
    "abilities": {"enabled": False},
}
"""Settings of a measured turn: it is the model that answers."""


def three(figures: dict[str, float]) -> tuple[str, str, str]:
    """Median, 95th percentile and maximum."""
    return ms(figures["p50"]), ms(figures["p95"]), ms(figures["max"])


def ms(value: float) -> str:
    """Milliseconds."""
    return f"{value:,.0f} ms"


def table(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """A table on stdout."""
    from rich.table import Table

    from vita_tui.cli.output import table as print_table

    shown = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        shown.add_column(head, justify="right" if index else "left", no_wrap=not index)
    for row in rows:
        shown.add_row(*map(str, row))
    print_table(shown)
