"""MCP servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from vita_tui.settings.section import SettingsSection

__all__ = ["McpServer", "McpSettings"]


class McpServer(SettingsSection):
    """A program, or an address, that offers tools by the Model Context Protocol."""

    command: str = ""
    """The program; empty for a server that has an address."""
    args: tuple[str, ...] = ()
    """Its arguments."""
    env: dict[str, str] = {}
    """Its environment variables, besides the usual few."""
    cwd: str = ""
    """The folder it runs in; empty for the one that VITA was started in."""
    url: str = ""
    """Address of a server that speaks streamable HTTP."""
    headers: dict[str, str] = {}
    """Sent to it with each request."""
    disabled: bool = False
    """Keep the entry, and leave the server alone."""

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("it needs a command or a url, and not both")
        return self


class McpSettings(SettingsSection):
    """Servers with tools of their own: vita mcp add writes them."""

    servers: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")], McpServer] = {}
    """By name, each a table [mcp.servers.NAME] with command, args and env, or url and headers."""
