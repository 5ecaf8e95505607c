"""`vita serve`: the engines of this machine for other programs."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.cli.output import quiet_libraries, say

if TYPE_CHECKING:
    from vita_tui.health.control_calls import RemoteCalls, Tell
    from vita_tui.server.application import Application
    from vita_tui.server.serving import Serving
    from vita_tui.settings import Settings

__all__ = ["serve"]


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; other than loopback only with keys.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0 takes one that is free.")
    ] = 8770,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Lines of NAME KEY, readable by you alone; the key of the name admin opens /admin.",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A web page that may use it, such as https://home.example."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For TLS, in PEM; with --certificate-key.")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option("--certificate-key", metavar="FILE", help="Its private key.")
    ] = None,
    wyoming_port: Annotated[
        int | None,
        typer.Option(
            "--wyoming-port", metavar="N", min=0, max=65535, help="Serve Wyoming too; usually 10300."
        ),
    ] = None,
    wyoming_host: Annotated[
        str,
        typer.Option(
            "--wyoming-host", metavar="ADDRESS", help="Other than loopback only with --wyoming-from."
        ),
    ] = "127.0.0.1",
    wyoming_from: Annotated[
        list[str] | None,
        typer.Option(
            "--wyoming-from",
            metavar="NETWORK",
            help="From where clients may come, such as 192.168.1.0/24: Wyoming knows no keys.",
        ),
    ] = None,
) -> None:
    """Lend recognition, language model and voice to other programs, by OpenAI's protocol and by Wyoming.

    What is there: /v1/audio/transcriptions, /v1/audio/speech, /v1/chat/completions, /v1/realtime, /v1/models; /metrics, /healthz,
    /readyz; /admin/connections with the key of the name admin; Wyoming, for Home Assistant, on a port of its own. Ctrl+c ends it when the replies in progress are finished. One line of JSON
    for each request goes to stderr.

    Example: vita serve --host 0.0.0.0 --key-file ~/vita-keys
    """
    for file in (certificate, certificate_key):
        if file is not None and not file.is_file():
            raise typer.BadParameter(f"there is no file {file}", param_hint="--certificate")
    if (certificate is None) != (certificate_key is None):
        raise typer.BadParameter("a certificate and its key belong together", param_hint="--certificate")
    from vita_tui import settings as all_settings
    from vita_tui.cli.output import run_async
    from vita_tui.cli.weights import need_weights
    from vita_tui.errors import VitaError

    try:
        from vita_tui.server.keys import read_keys
        from vita_tui.server.serving import Address, Serving, is_loopback
        from vita_tui.server.wyoming.wyoming_listener import Networks, WyomingListener
    except ModuleNotFoundError as error:
        raise VitaError(
            f"The package {error.name} is not installed.", remedy="pip install 'vita-tui[serve]'"
        ) from None
    keys = read_keys(key_file.expanduser()) if key_file is not None else None
    if not is_loopback(wyoming_host) and not wyoming_from:
        raise typer.BadParameter(
            "say from where clients may come: --wyoming-from", param_hint="--wyoming-host"
        )
    networks = Networks.of(wyoming_from or [])
    settings = all_settings.load()
    with quiet_libraries():
        app = _application(settings, keys, origin or [])
        wyoming = None
        if wyoming_port is not None:
            wyoming = WyomingListener(
                app.engines, app.connections, host=wyoming_host, port=wyoming_port, networks=networks
            )
        serving = Serving(app, Address(host, port, certificate, certificate_key), keys, wyoming)
        need_weights(settings, "stt", "llm", "tts")
        run_async(_serve(serving))


def _application(settings: Settings, keys: Any, origins: list[str]) -> Application:
    from vita_tui.health.process_memory import settle_allocator
    from vita_tui.server.application import Application
    from vita_tui.server.limits import Limits
    from vita_tui.server.shared_engines import SharedEngines

    settle_allocator()
    limits = Limits.by_settings(settings.serve)
    return Application(SharedEngines.by_settings(settings, limits), limits, keys=keys, origins=origins)


async def _serve(serving: Serving) -> None:
    import logging

    from vita_tui.health.control import ControlServer

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    requests = logging.getLogger("vita_tui.server.requests")
    requests.addHandler(handler)
    requests.setLevel(logging.INFO)
    requests.propagate = False
    control = ControlServer(calls=_calls(serving.app), serves=True)
    control.start()
    scheme = "https" if serving.address.certificate else "http"

    def ready() -> None:
        host = f"[{serving.address.host}]" if ":" in serving.address.host else serving.address.host
        if serving.wyoming is not None:
            say(f"Serving Wyoming at port {serving.wyoming.port}")
        say(f"Serving at {scheme}://{host}:{serving.port}/v1 (ctrl+c ends it)")

    try:
        await serving.until_told(ready)
    finally:
        control.cleanup()


def _calls(app: Application) -> RemoteCalls:
    """What `vita ctl connections` asks."""
    import asyncio

    from vita_tui.errors import VitaError
    from vita_tui.health.control_calls import RemoteCalls

    loop = asyncio.get_running_loop()

    async def connections(_: Any, __: Tell) -> Any:
        return app.connections.shown()

    async def close(identity: Any, _: Tell) -> Any:
        if not await app.connections.close(str(identity)):
            raise VitaError(f"There is no connection {identity}.", remedy="vita ctl connections")
        return None

    async def cleanup(_: Any, __: Tell) -> Any:
        return await app.cleanup()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop)

    return RemoteCalls(
        {"connections": connections, "close_connection": close, "cleanup_connections": cleanup}, spawn
    )
