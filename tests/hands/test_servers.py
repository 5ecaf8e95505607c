"""The way to a server that the user named: every row of servers.toml, and what a connection fails of."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.servers import Request, chunk, event_stream, serving
from vita_tui.engines.http_client import Server, async_client, client
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.engines.refusals import refusal
from vita_tui.engines.tts.remote import RemoteSynthesizer
from vita_tui.errors import EngineUnavailableError, VitaError

ROWS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("servers.toml").read_text("utf-8")
)
CASES = ROWS["case"]
CANARY = "canary-0123456789"
GOOD = event_stream(chunk("It is Paris."), chunk(finish="stop"), b"data: [DONE]\n\n")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the machine that the tests run on."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_which_way_a_request_takes(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)

    def way() -> str:
        server = Server.named(case["url"], key=case.get("key", ""), section="llm", kind="language model")
        timeout = httpx2.Timeout(1.0)
        client(server, timeout).close()
        asyncio.run(async_client(server, timeout).aclose())
        proxy = server.proxy()
        return proxy[0] if proxy is not None else "direct"

    if "error" not in case:
        assert way() == case["way"]
        return
    with pytest.raises(EngineUnavailableError) as caught:
        way()
    for part in case["error"]:
        assert part in str(caught.value)
    assert CANARY not in str(caught.value)


async def asked(base_url: str, **options: Any) -> str:
    """What comes of a question: the answer, or the sentence."""
    responder = OpenAIResponder(base_url, "m", timeout=60, **options)
    try:
        pieces = [
            piece async for piece in responder.stream([{"role": "user", "content": "Hi"}], max_tokens=9)
        ]
        return "".join(piece for piece in pieces if isinstance(piece, str))
    except VitaError as error:
        return str(error)
    finally:
        await responder.cleanup()


def spoken(base_url: str) -> str:
    """The sentence with which a voice fails."""
    voice = RemoteSynthesizer(base_url, "m", timeout=60)
    try:
        with pytest.raises(VitaError) as caught:
            list(voice.speak("Hi.", cancelled=threading.Event()))
    finally:
        voice.cleanup()
    return str(caught.value)


async def good(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)


async def test_a_question_to_this_machine_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(good) as proxy, serving(good) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        assert await asked(server.base_url) == "It is Paris."
        assert (len(server.requests), len(proxy.requests)) == (1, 0)


async def test_a_question_to_another_host_takes_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(good) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url)
        assert await asked("http://server.invalid/v1") == "It is Paris."
    assert proxy.requests[0].path == "http://server.invalid/v1/chat/completions"


async def test_a_proxy_whose_name_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://nosuch.invalid:3128")
    for answer in (await asked(url := "http://server.invalid/v1"), await asyncio.to_thread(spoken, url)):
        assert "The proxy to server.invalid is not known" in answer
        assert "Check the environment variable http_proxy" in answer


async def test_a_proxy_that_wants_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async def closed(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with serving(closed) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url)
        for answer in (await asked(url := "http://server.invalid/v1"), await asyncio.to_thread(spoken, url)):
            assert "The proxy to server.invalid wants a name and a password" in answer
            assert "the environment variable http_proxy" in answer


async def test_variables_of_other_products_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_BASE_URL",
        "OPENAI_CUSTOM_HEADERS",
    ):
        monkeypatch.setenv(name, "é\nb")
    async with serving(good) as server:
        assert await asked(server.base_url) == "It is Paris."
    (request,) = server.requests
    assert not [name for name in request.headers if "openai" in name or "stainless" in name]
    assert "authorization" not in request.headers


async def test_what_is_secret_in_an_address_is_sent_and_not_shown() -> None:
    async with serving(good) as server:
        address = server.base_url.replace("http://", f"http://me:{CANARY}@") + "?api-version=7#top"
        assert await asked(address) == "It is Paris."
        (request,) = server.requests
        assert request.path == "/v1/chat/completions?api-version=7"
        assert request.headers["authorization"].startswith("Basic ")
        assert OpenAIResponder(address, "m").name == f"m at {server.base_url[7:-3]}"
        assert RemoteSynthesizer(address, "m").name == f"m at {server.base_url[7:-3]}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for "localhost" that only we trust, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", made, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


async def test_what_is_wrong_with_tls_is_told(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)
        await writer.drain()
        writer.close()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    bare = await asyncio.start_server(refuse, "127.0.0.1", 0)
    secure = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = secure.sockets[0].getsockname()[1]
    async with secure, bare:
        told = {
            f"https://localhost:{port}/v1": "is not trusted: self-signed certificate. If it is right, set SSL_CERT_FILE",
            f"https://127.0.0.1:{bare.sockets[0].getsockname()[1]}": "does not speak TLS. Write http:// in ",
            f"http://127.0.0.1:{port}/v1": "speaks TLS only. Write https:// in ",
        }
        for url, says in told.items():
            assert says in await asked(url)
            assert says in await asyncio.to_thread(spoken, url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert await asked(f"https://localhost:{port}/v1") == "It is Paris."
        assert "is for another name" in await asked(f"https://127.0.0.1:{port}/v1")
        assert "is for another name" in await asyncio.to_thread(spoken, f"https://127.0.0.1:{port}/v1")


async def test_a_name_that_does_not_exist() -> None:
    assert "there is no such name" in await asked("http://nosuch.invalid/v1")


async def test_a_model_whose_name_cannot_be_sent() -> None:
    responder = OpenAIResponder("http://127.0.0.1:1/v1", "f\udce9")
    with pytest.raises(EngineUnavailableError, match=r"llm\.model"):
        await responder.load()
    assert responder.name.isprintable()


@pytest.mark.parametrize("case", ROWS["gateway"], ids=lambda case: case["name"])
def test_whose_gateway_has_failed(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    server = Server.named(case["url"], key="", section="llm", kind="language model")
    error = refusal(server, case["status"], case.get("headers", {}), "", missing="model", check="llm.model")
    assert error.message.startswith(case["says"])
    assert case["remedy"] in error.remedy
