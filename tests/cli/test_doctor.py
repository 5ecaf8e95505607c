"""What `vita doctor` tells of programs that run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from vita_tui.cli.doctor import _running

PROGRAM = """
import asyncio, sys
from tests.conversation.support import assistant
from vita_tui.engines.llm.fake import FakeResponder
from vita_tui.errors import EngineError
from vita_tui.health.registry import registry

class Lost: ...

async def main():
    model = FakeResponder([EngineError("The model is broken.")], name="model")
    health = {"breaker_failures": 1, "breaker_seconds": 3600}
    async with assistant(model, upkeep=True, health=health) as (vita, _):
        await vita.ask("Hello?")
        registry.register(Lost(), kind="client", name="lost", owner="tests", close=lambda: None)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


def test_it_tells_what_a_running_program_has_open_and_which_engines_are_disabled(home: Path) -> None:
    assert list(_running()) == []
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        (check,) = _running()
        assert check.name == f"Running, process {program.pid}"
        assert check.status == "warning"
        assert "2 of 3 engines available" in check.found
        assert re.search(
            r"server   control \(health\.control\) since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$",
            check.detail,
            re.MULTILINE,
        )
        assert "1 of them leaked" in check.found
        assert re.search(
            r"client   lost \(tests\) since .*: leaked, it was collected without being closed", check.detail
        )
        assert check.remedy == "Close what leaked: vita cleanup --running"
        assert "breaker  model: open, 1 of 1 failures, retried in" in check.detail
        assert " s: The model is broken" in check.detail
    finally:
        program.communicate("\n", timeout=60)
    assert list(_running()) == []
