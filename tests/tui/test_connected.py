"""The diagnostics screen tells who is connected to a server of this user that runs, and is quiet where there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest
from textual.widgets import Static

pytest.importorskip("starlette", reason="needs the extra serve")

from tests.tui.driving import running, text_of, until
from vita_tui.tui.connected import connection_row

SERVES = """
import asyncio, sys
from tests.server.realtime_client import realtime_client
from tests.server.stage import serving
from vita_tui.cli.serve import _calls
from vita_tui.health.control import ControlServer

async def run():
    async with serving() as served, realtime_client(served.ws):
        control = ControlServer(calls=_calls(served.app), serves=True)
        control.start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        control.cleanup()

asyncio.run(run())
"""


async def test_who_is_connected_to_a_server_is_listed_as_long_as_it_runs() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", SERVES], **pipes) as server:  # type: ignore[call-overload]
        try:
            assert server.stdout.readline() == "ready\n"
            async with running() as (app, pilot):
                await pilot.press("f5")
                await until(pilot, lambda: app.screen is not app.main)
                table = app.screen.query_one("#diagnostics-connections", Static)
                await until(pilot, lambda: table.display and "/v1/realtime" in text_of(table))
                line = next(line for line in text_of(table).splitlines() if "/v1/realtime" in line)
                assert line.startswith("realtime-")
                assert " in, " in line
                server.stdin.close()
                await until(pilot, lambda: not table.display)
        finally:
            server.kill()


def test_what_a_client_calls_itself_gives_no_orders() -> None:
    told = {
        "id": "http-1",
        "client": "\x1b[31mred\u202e",
        "about": "/v1/models\x07",
        "state": "idle",
        "age_seconds": 3.0,
        "bytes_in": 5,
        "bytes_out": 2_000_000,
    }
    shown = " ".join(cell.plain for cell in connection_row(told))
    assert shown.isprintable()
    assert "2 MB out" in shown
