"""All tools that the settings allow, and the servers behind them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import Abilities
from vita_tui.clock import Clock
from vita_tui.errors import ToolError
from vita_tui.health.breaker import BreakerSnapshot
from vita_tui.settings import Settings
from vita_tui.tools.base import Tool
from vita_tui.tools.commands import CommandTool
from vita_tui.tools.files import reading, writing
from vita_tui.tools.mcp.known import Offer
from vita_tui.tools.mcp.offered import McpTool, model_name
from vita_tui.tools.mcp.server import RunningServer
from vita_tui.tools.own import own_tools
from vita_tui.tools.web import PageTool

__all__ = ["Toolbox"]

log = logging.getLogger(__name__)

MOST = 120
"""Tools that a model is offered."""


class Toolbox:
    """On the assistant's loop. Servers are started when they are first needed."""

    def __init__(
        self,
        settings: Settings,
        abilities: Abilities | None,
        context: Callable[[], Context],
        clock: Clock | None = None,
    ) -> None:
        """
        Args:
            abilities: what VITA does by itself, as tools; None for nothing of it.
            context: what an ability may need to know, now.
        """
        self._settings = settings
        self._abilities = abilities
        self._context = context
        self.folder = Path(settings.tools.folder or ".").expanduser().resolve()
        """Which the tools for files do not leave."""
        self.servers = {
            name: RunningServer(name, server, settings.health, clock)
            for name, server in settings.mcp.servers.items()
            if not server.disabled
        }
        self.problems: dict[str, str] = {}
        """Of servers that could not be asked what they offer, by name."""

    async def tools(self) -> dict[str, Tool]:
        """What may be called now, by name. Never raises: a server that is away has none."""
        tools = self._settings.tools
        if not tools.enabled:
            return {}
        found: dict[str, Tool] = {}
        own: list[Tool] = [*reading(self.folder)]
        if self._abilities is not None and self._settings.abilities.enabled:
            own = [*own_tools(self._abilities, self._context), *own]
        if tools.network:
            own.append(PageTool())
        if tools.write:
            own += writing(self.folder)
        if tools.shell:
            own.append(CommandTool(self.folder))
        offers = await asyncio.gather(*map(self._offered, self.servers.values()))
        for server, offered in zip(self.servers.values(), offers, strict=True):
            for offer in offered:
                if len(found) >= MOST:
                    log.warning("more than %d tools: those of %s are left out", MOST, server.name)
                    break
                name = model_name(server.name, offer.name, found)
                found[name] = McpTool(name, server, offer, tools)
        # Where there is no room for all, what the user has set up comes first.
        return found | {tool.name: tool for tool in own}

    async def _offered(self, server: RunningServer) -> list[Offer]:
        try:
            offers = await server.offers()
        except ToolError as error:
            self.problems[server.name] = str(error)
            log.info("%s", error)
            return []
        self.problems.pop(server.name, None)
        return offers

    def breakers(self) -> list[BreakerSnapshot]:
        """How the servers stand."""
        return [server.status() for server in self.servers.values()]

    async def close(self) -> None:
        """End all servers."""
        await asyncio.gather(*(server.close() for server in self.servers.values()), return_exceptions=True)
