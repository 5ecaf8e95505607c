"""The tools of MCP servers, under names that every language model takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vita_tui.errors import ToolError
from vita_tui.settings import ToolSettings
from vita_tui.tools.base import Effect, OnProgress, ToolResult
from vita_tui.tools.mcp.known import Offer
from vita_tui.tools.mcp.server import RunningServer

__all__ = ["McpTool", "model_name"]

LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class McpTool:
    """One tool of a server."""

    name: str
    server: RunningServer
    offer: Offer
    settings: ToolSettings

    @property
    def source(self) -> str:
        return self.server.name

    @property
    def description(self) -> str:
        return self.offer.description

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.offer.schema

    @property
    def effect(self) -> Effect:
        return "look" if self.offer.read_only else "act"

    def delicate(self, arguments: Mapping[str, Any]) -> bool:
        return False

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        offers = await self.server.offers()
        if self.offer not in offers:
            there = ", ".join(offer.name for offer in offers[:20]) or "none"
            raise ToolError(
                f"{self.source} has changed its tools: {self.offer.name} is not as it was. It has: {there}."
            )
        return await self.server.call(self.offer.name, arguments, progress, self.settings.timeout)


def model_name(server: str, tool: str, taken: Mapping[str, object]) -> str:
    """A name for the model: letters, digits, "_" and "-", at most 64, and not one of those `taken`."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", f"{server}__{tool}")[:LONGEST_NAME]
    name, number = plain, 2
    while name in taken:
        ending = f"_{number}"
        name, number = plain[: LONGEST_NAME - len(ending)] + ending, number + 1
    return name
