"""A web page as text, where the user has allowed the network."""

from __future__ import annotations

import asyncio
import html.parser
import ipaddress
import re
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin, urlsplit

from vita_tui.engines.http_client import CONNECT_SECONDS, Server, async_client
from vita_tui.errors import ToolError, VitaError
from vita_tui.tools.base import BuiltInTool, Effect, OnProgress, ToolResult, text_argument

__all__ = ["PageTool", "page_text"]

PAGE_BYTES = 4_000_000
REDIRECTS = 5
READ_SECONDS = 20.0


class PageTool(BuiltInTool):
    """Fetches with GET and no cookies. Addresses of this machine and of private networks are asked for each time."""

    name = "fetch_page"
    description = "Fetch a web page and return its text."
    effect: Effect = "look"
    arguments: Mapping[str, str] = MappingProxyType({"url": "Begins with https:// or http://."})
    required = ("url",)

    def delicate(self, arguments: Mapping[str, Any]) -> bool:
        url = arguments.get("url")
        try:
            return not isinstance(url, str) or not _names_public(urlsplit(url).hostname or "")
        except ValueError:
            return True

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        import httpx2

        url = text_argument(arguments, "url").strip()
        private = self.delicate(arguments)
        timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        try:
            for _ in range(REDIRECTS + 1):
                server = Server.named(url, key="", section="tools", kind="web server")
                if not private:
                    await _check_public(server.host)
                async with (
                    async_client(server, timeout, keep=False) as client,
                    client.stream("GET", url) as page,
                ):
                    target = page.headers.get("location", "")
                    if page.is_redirect and target:
                        url = urljoin(url, target)
                        continue
                    data = bytearray()
                    async for piece in page.aiter_bytes():
                        data += piece
                        if len(data) > PAGE_BYTES:
                            break
                    return _result(page, bytes(data))
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            raise ToolError(f"The page cannot be fetched: {type(error).__name__}.") from None
        except VitaError as error:
            raise ToolError(
                "That is not an address of a web page." if "base_url" in error.message else error.message
            ) from None
        raise ToolError("The page redirects without end.")


def _result(page: Any, data: bytes) -> ToolResult:
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = data.decode(page.charset_encoding or "utf-8", "replace")
    if kind in ("text/html", "application/xhtml+xml", ""):
        text = page_text(text)
    elif not (kind.startswith("text/") or kind.endswith(("json", "xml"))):
        raise ToolError(f"The page is {kind}, which is not text.")
    if not page.is_success:
        return ToolResult(f"The server answered {page.status_code}.\n{text}", failed=True)
    return ToolResult(text or "The page has no text.")


def _names_public(host: str) -> bool:
    """Whether `host` looks like a name of the public network. Nothing is asked."""
    host = host.rstrip(".").lower()
    if not host or "." not in host or host.endswith((".localhost", ".local", ".internal", ".lan", ".home")):
        return False
    try:
        return ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host))).is_global
    except OSError:
        return True


async def _check_public(host: str) -> None:
    """Raise `ToolError` where a name, or where a page redirects to, leads into a private network that nobody was asked about."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return  # a proxy may know it; the request itself tells otherwise
    if any(not ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found):
        raise ToolError(f"{host} is an address of a private network.", remedy="Name that address itself.")


class _PageReader(html.parser.HTMLParser):
    """Collects what a reader sees."""

    _SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head", "nav", "footer"})
    _BLOCKS = frozenset(
        "p div br li ul ol tr table h1 h2 h3 h4 h5 h6 section article header main pre blockquote dt dd".split()
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title = ""
        self._silent: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title"
        if tag in self._SILENT:
            self._silent.append(tag)
        elif tag in self._BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in self._silent:
            while self._silent and self._silent.pop() != tag:
                pass
        elif tag in self._BLOCKS:
            self.parts.append("\n")
        if tag == "head":
            self._silent.clear()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def page_text(source: str) -> str:
    """The text of a page, block by block."""
    reader = _PageReader()
    reader.feed(source)
    reader.close()
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in "".join(reader.parts).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line != "-"))
    title = " ".join(reader.title.split())
    return f"{title}\n\n{text.strip()}".strip()
