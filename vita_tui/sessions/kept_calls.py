"""Calls of tools as they are kept with a reply: enough to show their lines again, and to export them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from vita_tui.events import ToolFinished, ToolOutcome

__all__ = ["CALLS", "KeptCall"]

CALLS = "calls"
"""Where they are among what is kept with a turn."""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """What was called, and what came of it."""

    tool: str
    source: str
    """ "VITA", or the MCP server that offers it; empty where there was no such tool."""
    seconds: float
    outcome: ToolOutcome
    summary: str
    """The beginning of what it returned, or why it failed, on one line."""

    @classmethod
    def of(cls, event: ToolFinished) -> KeptCall:
        return cls(event.tool, event.source, round(event.seconds, 3), event.outcome, event.summary)

    @classmethod
    def read(cls, data: object) -> KeptCall | None:
        """From what a store holds; None when it is none."""
        if not isinstance(data, Mapping) or data.get("outcome") not in get_args(ToolOutcome):
            return None
        seconds = data.get("seconds")
        words = {name: data.get(name) for name in ("tool", "source", "summary")}
        if not isinstance(seconds, int | float) or not all(isinstance(one, str) for one in words.values()):
            return None
        return cls(seconds=float(seconds), outcome=data["outcome"], **{n: str(w) for n, w in words.items()})

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def event(self, number: int) -> ToolFinished:
        """As it was told when it was over; `number` names it among those of its reply."""
        return ToolFinished(
            0, f"kept {number}", self.tool, self.source, self.seconds, self.outcome, self.summary
        )

    @property
    def line(self) -> str:
        """On one line, for documents."""
        name = self.tool if self.source in ("", "VITA") else f"{self.source} · {self.tool}"
        how = self.outcome if self.outcome == "denied" else f"{self.outcome}, {self.seconds:.1f} s"
        return " ".join(f"{name} ({how}): {self.summary}".removesuffix(": ").split())
