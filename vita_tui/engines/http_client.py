"""The way to a server that the user named: the one place that decides about proxies, certificates, keys and redirects.

No variable of another product is read. Variables for proxies and certificates count for other hosts only: what goes to this
machine itself never takes a proxy. No redirect is followed, so that a conversation goes where the settings say and nowhere else.
Imported where a server is first needed: httpx2 is read in the background.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from vita_tui.engines.dead_connections import SOCKET_OPTIONS
from vita_tui.errors import EngineUnavailableError
from vita_tui.text.urls import host_port, is_loopback, secrets_in

if TYPE_CHECKING:
    import httpx2

__all__ = ["CONNECT_SECONDS", "Server", "async_client", "client", "speaks_tls"]

CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server as the settings name it. `Server.named` checks what is given; nothing of it is quoted when it is wrong."""

    section: str
    """Of the settings: "stt", "llm" or "tts"."""
    kind: str
    """What answers there, in words: "language model"."""
    url: str
    """Scheme, host, port and path; no slash at the end."""
    where: str
    """Host and port, to be shown."""
    key: str
    user: tuple[str, str] | None
    query: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    """What must not be repeated in a message."""
    endpoint: str = ""
    """Its name among the endpoints of the section; empty for the server of base_url."""
    ca: str = ""
    """A file with the certificate authority that is believed as well."""

    @classmethod
    def named(
        cls,
        base_url: str,
        *,
        key: str,
        section: str,
        kind: str,
        endpoint: str = "",
        ca: str = "",
        schemes: tuple[str, ...] = ("http", "https"),
    ) -> Server:
        """
        Args:
            base_url: up to and with "/v1"; may hold user, password and query, which are sent and never shown.
            key: of the API; blanks and line ends around it do not count.
            endpoint: its name, where it is one of the endpoints of the section.

        Raises:
            EngineUnavailableError: one of them cannot be used; the sentence names the setting.
        """
        address = base_url.strip()
        example = "http://127.0.0.1:11434/v1" if section == "llm" else "http://127.0.0.1:8880/v1"
        wrong = EngineUnavailableError(
            f"The setting {_setting(section, endpoint)} is not the address of a server.",
            remedy=f"Set it to something like {example}",
        )
        try:
            parts = urlsplit(address)
            known = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise wrong from None
        netloc = parts.netloc.rpartition("@")[2]
        if (
            not known
            or not parts.hostname
            or any(sign.isspace() or not sign.isprintable() for sign in address)
        ):
            raise wrong
        key = key.strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise EngineUnavailableError(
                f"The setting {_key_setting(section, endpoint)} holds a character that no key has.",
                remedy=f"Copy the key again, as plain text, into {_key_variable(section, endpoint)}.",
            )
        user = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
        return cls(
            section=section,
            kind=kind,
            url=f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}",
            where=host_port(address),
            key=key,
            user=user,
            query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            secrets=tuple(sorted({*secrets_in(address), *([key] if key else [])}, key=len, reverse=True)),
            endpoint=endpoint,
            ca=ca,
        )

    @property
    def setting(self) -> str:
        """Where its address stands: "llm.base_url", for one."""
        return _setting(self.section, self.endpoint)

    @property
    def key_variable(self) -> str:
        """The environment variable that may hold its key."""
        return _key_variable(self.section, self.endpoint)

    @property
    def timeout_setting(self) -> str:
        return (
            f"{self.section}.endpoints.{self.endpoint}.timeout"
            if self.endpoint
            else f"{self.section}.timeout"
        )

    @property
    def root(self) -> str:
        """The server's address without "/v1"."""
        return self.url.removesuffix("/v1")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def is_local(self) -> bool:
        """It is this machine itself."""
        return is_loopback(self.host)

    def without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def proxy(self) -> tuple[str, str] | None:
        """The proxy that leads there, and the name of what it was set with.

        Raises:
            EngineUnavailableError: what is set is not the address of a proxy that can be used.
        """
        if self.is_local or self._needs_no_proxy():
            return None
        proxies = getproxies()
        scheme = urlsplit(self.url).scheme
        name = next((kind for kind in (scheme, "all") if proxies.get(kind)), None)
        if name is None:
            return None
        variables = (f"{name}_proxy", f"{name}_proxy".upper())
        variable = next((one for one in variables if os.environ.get(one)), "")
        what = f"the environment variable {variable}" if variable else "the proxy of the system's settings"
        value = proxies[name].strip()
        value = value if "://" in value else f"http://{value}"
        try:
            parts = urlsplit(value)
            good = bool(parts.hostname) and parts.port != 0 and value.isprintable() and " " not in value
        except ValueError:
            good = False
        remedy = f"Fix it, or leave it out for this server: NO_PROXY={self.host}"
        if not good or parts.scheme not in (
            "http",
            "https",
            "socks5",
            "socks5h",
            "socks",
            "socks4",
            "socks4a",
        ):
            raise EngineUnavailableError(f"{_capital(what)} is not the address of a proxy.", remedy=remedy)
        socks = parts.scheme in ("socks5", "socks5h") and importlib.util.find_spec("socksio") is not None
        if parts.scheme.startswith("socks") and not socks:
            raise EngineUnavailableError(
                f"{_capital(what)} names a SOCKS proxy, which VITA cannot use.",
                remedy=f"Set it to an HTTP proxy, or leave it out for this server: NO_PROXY={self.host}",
            )
        return value, what

    def _needs_no_proxy(self) -> bool:
        if proxy_bypass(urlsplit(self.url).netloc):
            return True
        for entry in getproxies().get("no", "").split(","):
            try:
                if ipaddress.ip_address(self.host) in ipaddress.ip_network(entry.strip(), strict=False):
                    return True
            except ValueError:
                continue
        return False

    def trust(self) -> ssl.SSLContext:
        """The certificates that are believed: those of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

        Raises:
            EngineUnavailableError: one of these, or the authority of the settings, is set and cannot be read.
        """
        if urlsplit(self.url).scheme in ("http", "ws"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # believes nobody, and is not needed
        context = self._trust()
        if self.ca:
            try:
                context.load_verify_locations(cafile=Path(self.ca).expanduser())
            except OSError as error:
                why = "holds no certificates" if isinstance(error, ssl.SSLError) else "cannot be read"
                raise EngineUnavailableError(
                    f"What {self.section}.endpoints.{self.endpoint}.ca names {why}.",
                    remedy="Name a file with certificates in PEM.",
                ) from None
        return context

    def _trust(self) -> ssl.SSLContext:
        file, folder = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if file:
                context.load_verify_locations(cafile=file)
            if folder:
                if not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
                    raise FileNotFoundError
                context.load_verify_locations(capath=folder)
        except OSError as error:  # which ssl.SSLError is as well
            if not self.is_local:
                variable = (
                    "SSL_CERT_FILE" if file and not context.cert_store_stats()["x509"] else "SSL_CERT_DIR"
                )
                why = "holds no certificates" if isinstance(error, ssl.SSLError) else "cannot be read"
                raise EngineUnavailableError(
                    f"What the environment variable {variable} names {why}.", remedy="Fix it, or unset it."
                ) from None
        else:
            if file or folder:
                return context
        import httpx2

        return httpx2.create_ssl_context(trust_env=False)


def client(server: Server, timeout: httpx2.Timeout) -> httpx2.Client:
    """A client for one thread at a time.

    Raises:
        EngineUnavailableError: a variable for proxies or certificates cannot be used.
    """
    import httpx2

    transport = httpx2.HTTPTransport(verify=server.trust(), socket_options=SOCKET_OPTIONS)
    return httpx2.Client(**_options(server), transport=transport, timeout=timeout)


def async_client(server: Server, timeout: httpx2.Timeout, *, keep: bool = True) -> httpx2.AsyncClient:
    """A client for one loop.

    Args:
        keep: connections for the next request.

    Raises:
        EngineUnavailableError: a variable for proxies or certificates cannot be used.
    """
    import httpx2

    limits = httpx2.Limits(max_keepalive_connections=None if keep else 0)
    transport = httpx2.AsyncHTTPTransport(verify=server.trust(), limits=limits, socket_options=SOCKET_OPTIONS)
    return httpx2.AsyncClient(**_options(server), transport=transport, timeout=timeout, limits=limits)


def _options(server: Server) -> dict[str, Any]:
    from vita_tui import __version__

    proxy = server.proxy()
    headers = {"User-Agent": f"vita/{__version__}"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    return {
        "headers": headers,
        "auth": server.user,
        "params": server.query,
        "proxy": proxy[0] if proxy is not None else None,
        "verify": server.trust(),
        "trust_env": False,
        "follow_redirects": False,
    }


def speaks_tls(server: Server) -> bool:
    """Whether a server that was spoken to without TLS wants it; for the sentence that tells so. Takes seconds at most."""
    parts = urlsplit(server.url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((server.host, parts.port or 80), timeout=CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=server.host),
        ):
            return True
    except (OSError, ValueError):
        return False


def _setting(section: str, endpoint: str) -> str:
    return f"{section}.endpoints.{endpoint}.url" if endpoint else f"{section}.base_url"


def _key_setting(section: str, endpoint: str) -> str:
    return f"{section}.endpoints.{endpoint}.key" if endpoint else f"{section}.api_key"


def _key_variable(section: str, endpoint: str) -> str:
    name = f"{section}__ENDPOINTS__{endpoint}__KEY" if endpoint else f"{section}__API_KEY"
    return f"VITA_{name.upper()}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
