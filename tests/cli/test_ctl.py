"""`vita ctl` and `vita listen`, as users run them beside a program that runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from tests.conversation.support import assistant, silence
from vita_tui.audio.files import FileSpeaker
from vita_tui.events import UserSaid

LIMIT = 120.0


async def vita(*arguments: str, typed: str = "") -> tuple[int, str, str]:
    """Run a command; its exit code, its output, and what it complains of."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vita_tui", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT):
        out, err = await child.communicate(typed.encode())
    assert child.returncode is not None
    return child.returncode, out.decode(), err.decode()


async def test_a_running_program_is_driven() -> None:
    async with assistant(
        upkeep=True, speaker=FileSpeaker(pace=False), microphone=silence(), talk={"patience": 1.0}
    ) as (_, events):
        code, out, _err = await vita("ctl", "status", "--json")
        assert code == 0
        assert json.loads(out)["state"] == "idle"
        assert (await vita("ctl", "pause"))[0] == 1, "nothing is being said"
        assert await vita("ctl", "mute", "off") == (0, "Replies are spoken.\n", "")
        assert await vita("ctl", "say", "-", typed="Hello there.") == (0, "", "")
        code, out, _err = await vita("ctl", "ask", "What?")
        assert (code, bool(out.strip())) == (0, True)
        assert events.of(UserSaid)[0].text == "What?"
        code, out, err = await vita("listen")
        assert (code, out) == (1, ""), "nobody said anything"
        assert err.startswith("vita: ")


async def test_without_a_running_program_there_is_a_sentence() -> None:
    assert await vita("ctl", "stop") == (
        1,
        "",
        "vita: No VITA is running.\n  → Start it in a terminal: vita\n",
    )
    code, _out, err = await vita("ctl", "mute", "perhaps")
    assert code == 2
    assert "say on or off" in err
