"""Why a server cannot be used, in words: its own reason where it gives one, what the connection failed of where there is none."""

from __future__ import annotations

import email.utils
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from vita_tui.engines.http_client import Server
from vita_tui.errors import EngineError, EngineTimeoutError, EngineUnavailableError, VitaError
from vita_tui.text.clean import clean_line

__all__ = ["MAX_REFUSAL_BYTES", "connection_failure", "reason", "refusal"]

MAX_REASON = 200
"""Characters of a server's own words."""
MAX_REFUSAL_BYTES = 100_000
"""Of a refusal that are read."""
_HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""What a server does that is greeted in a way that it does not know."""
_WORDS = (
    "message",
    "detail",
    "error",
    "error_description",
    "msg",
    "reason",
    "title",
    "errors",
    "description",
    "status_msg",
    "base_resp",
)
"""Where servers put their reason, in an error or beside it."""


def refusal(
    server: Server, status: int, headers: Mapping[str, str], body: str, *, missing: str, check: str
) -> EngineError:
    """What an answer that is no success means for the user; quotes no secret.

    Args:
        headers: by names in small letters.
        missing: what there is none of when the server finds something not, such as "model “x”".
        check: which settings may be wrong then.
    """
    said = reason(server, body)
    told = f": {said}." if said else "."
    key = server.key_variable
    again = _when(headers)
    match status:
        case 401:
            what = "refused the API key" if server.key else "asks for an API key"
            return EngineError(f"{server.where} {what}{told}", remedy=f"Set {key}.")
        case 403 if not said:
            return EngineError(f"{server.where} refused the API key.", remedy=f"Set {key}.")
        case 403:
            return EngineError(
                f"{server.where} refuses to serve this{told}",
                remedy=f"Check {key} and what it may be used for.",
            )
        case 402:
            return EngineError(
                f"{server.where} requires payment (HTTP 402){told}", remedy="See the account there."
            )
        case 404 | 405 | 410:
            return EngineError(f"{server.where} has no {missing}{told}", remedy=f"Check {check} (…/v1).")
        case 407:
            proxy = server.proxy()
            return EngineError(
                f"The proxy to {server.where} wants a name and a password{told}",
                remedy=f"Check {proxy[1] if proxy else 'the proxy'}: http://name:password@…",
            )
        case 413:
            return EngineError(
                f"{server.where} finds the request too large{told}",
                remedy="Begin a new conversation, or ask something shorter.",
            )
        case 429 if "insufficient_quota" in body or "billing" in body:
            return EngineError(
                f"The quota of the API key at {server.where} is used up{told}",
                remedy="See the account there.",
            )
        case 429:
            return EngineError(
                f"{server.where} is limiting requests (HTTP 429){told}",
                remedy=again or "Wait a minute and try again, or check your quota.",
            )
        case 502 | 503 | 504 if server.url.startswith("http:") and (proxy := server.proxy()):
            # Through a proxy, plain HTTP does not tell who answers; some proxies do.
            who = (
                f"The proxy to {server.where}"
                if _is_proxy(headers)
                else f"{server.where}, or the proxy to it,"
            )
            return EngineError(
                f"{who} answered with HTTP status {status}{told}",
                remedy=f"Check {proxy[1]}, or leave it out for this server: NO_PROXY={server.host}",
            )
        case _ if 300 <= status < 400:
            return _redirect(server, headers.get("location", ""))
        case _:
            return EngineError(
                f"{server.where} answered with HTTP status {status}{told}",
                remedy=again or ("" if said else "See its log."),
            )


def _is_proxy(headers: Mapping[str, str]) -> bool:
    """Whether the answer itself says that a proxy has made it."""
    return any(name in headers for name in ("x-squid-error", "proxy-status", "proxy-connection")) or any(
        name in headers.get("server", "").lower() for name in ("squid", "mitmproxy", "tinyproxy", "privoxy")
    )


def reason(server: Server, body: object) -> str:
    """A server's own words for what is wrong, out of whatever it has put them in: one line without secrets and control characters,
    no full stop at its end; empty when there are none.

    Args:
        body: what it sent, as text or as JSON that was read already.
    """
    if isinstance(body, str):
        try:
            found = next(_sentences(json.loads(body)), "")
        except (ValueError, RecursionError):
            title = re.search(r"(?is)<(title|h1)[^>]*>(.*?)</\1>", body)
            found = title[2] if title else "" if "<" in body[:200] else body
    else:
        found = next(_sentences(body), "")
    # Cut last: half of a secret is not masked.
    line = " ".join(server.without_secrets(clean_line(found)).split())
    if len(line) > MAX_REASON:
        line = line[: MAX_REASON - 1].rsplit(" ", 1)[0] + "…"
    return line.rstrip(".: ")


def _sentences(value: Any) -> Iterator[str]:
    """The texts of an error that may be the reason, the likeliest first."""
    if isinstance(value, str):
        # An error within an error: what another server said, passed on.
        inner = value.strip()
        if inner.startswith("{"):
            try:
                yield from _sentences(json.loads(inner))
            except (ValueError, RecursionError):
                yield inner
        elif inner:
            yield inner
    elif isinstance(value, list):
        for one in value[:3]:
            place = one.get("loc") if isinstance(one, dict) else None
            at = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
            for text in _sentences(one):
                yield f"{at}: {text}" if at else text
    elif isinstance(value, dict):
        inner_first = ("error", *_WORDS) if isinstance(value.get("error"), dict | list) else _WORDS
        for name in inner_first:
            if name in value:
                yield from _sentences(value[name])


def _when(headers: Mapping[str, str]) -> str:
    """When it may be tried again, if the server says so."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            return ""
    if not 0 <= seconds < 1e7:
        return ""
    shown = f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} minutes"
    return f"Try again in {shown}."


def _redirect(server: Server, location: str) -> EngineError:
    parts = urlsplit(location) if location else None
    target = ""
    if parts is not None:
        host = parts.netloc.rpartition("@")[2] or urlsplit(server.url).netloc
        scheme = parts.scheme or urlsplit(server.url).scheme
        target = clean_line(f"{scheme}://{host}{parts.path}")[:MAX_REASON]
    return EngineError(
        f"{server.where} redirects to {target or 'another place'}, and VITA does not follow.",
        remedy=f"If that is right, set {server.setting} to it.",
    )


def connection_failure(
    server: Server,
    name: str,
    error: BaseException,
    *,
    begun: bool,
    timeout: float,
    part: str,
    tls: bool = False,
) -> VitaError:
    """What a failed connection means for the user; quotes no secret.

    Args:
        name: of the engine.
        begun: its answer had begun.
        timeout: seconds that were waited.
        part: what broke off: "its reply".
        tls: the server was spoken to without TLS, and `speaks_tls`.
    """
    import httpx2

    secure = urlsplit(server.url).scheme in ("https", "wss")
    proxied = not server.is_local and server.proxy()
    setting = server.setting
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _distrust(server, cause)
    for cause in causes:
        hung_up = secure and isinstance(error, httpx2.ConnectError) and isinstance(cause, _HUNG_UP)
        if (isinstance(cause, ssl.SSLError) or hung_up) and not begun:
            return EngineUnavailableError(
                f"{server.where} does not speak TLS.", remedy=f"Write http:// in {setting}, if that is right."
            )
        if isinstance(cause, socket.gaierror):
            where, check = (
                (server.where, setting) if not proxied else (f"The proxy to {server.where}", proxied[1])
            )
            return EngineUnavailableError(
                f"{where} is not known: there is no such name.", remedy=f"Are you online? Check {check}."
            )
    if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError | httpx2.ProxyError) and not begun:
        if proxied:
            return EngineUnavailableError(
                f"The way to {server.where} leads through a proxy that does not let it pass.",
                remedy=f"Check {proxied[1]}, or set NO_PROXY={server.host}",
            )
    elif isinstance(error, httpx2.TimeoutException | TimeoutError):
        return EngineTimeoutError(
            f"{name} said nothing for {timeout:g} s.",
            remedy=f"Is it busy? Or raise {server.timeout_setting}.",
        )
    elif not secure and tls and not begun:
        return EngineUnavailableError(
            f"{server.where} speaks TLS only.", remedy=f"Write https:// in {setting}."
        )
    elif begun or isinstance(error, httpx2.DecodingError):
        return EngineError(f"{name} broke off in the middle of {part}.")
    if secure and isinstance(error, httpx2.ConnectTimeout):
        return EngineUnavailableError(
            f"No {server.kind} answers at {server.where} in TLS.",
            remedy=f"Is the server running? If it speaks no TLS, write http:// in {setting}.",
        )
    return EngineUnavailableError(
        f"No {server.kind} answers at {server.where}.", remedy=f"Is the server running? Check {setting}."
    )


def _distrust(server: Server, error: ssl.SSLCertVerificationError) -> EngineUnavailableError:
    why = (
        (error.verify_message or "it cannot be verified")
        .partition(", certificate is not valid")[0]
        .rstrip(".")
    )
    if error.verify_code in (62, 64):  # OpenSSL's: the host name, or the address, does not match
        return EngineUnavailableError(
            f"The certificate of {server.where} is for another name.",
            remedy=f"Write that name in {server.setting}, or give the server a certificate for {server.host}.",
        )
    return EngineUnavailableError(
        f"The certificate of {server.where} is not trusted: {why}.",
        remedy=f"If it is right, set {server.section}.endpoints.{server.endpoint}.ca to a file with the certificate of who signed it."
        if server.endpoint
        else "If it is right, set SSL_CERT_FILE to a file with the certificate of who signed it.",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
