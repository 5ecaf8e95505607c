"""A command ends with its call, whenever it is cancelled: also while its shell is being started."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from vita_tui.tools.commands import CommandTool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")


@pytest.mark.parametrize("turns", range(12))
async def test_no_moment_of_cancelling_leaves_a_process(tmp_path: Path, turns: int) -> None:
    running = asyncio.create_task(
        CommandTool(tmp_path).run({"command": "sleep 600 & sleep 600"}, lambda _: None)
    )
    for _ in range(turns):  # of the loop, into the start of the shell and beyond it
        await asyncio.sleep(0)
    running.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await running
    left = [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(tmp_path)]
    assert psutil.wait_procs(left, timeout=60)[1] == []  # killed is not yet gone
