"""Commands of the shell, where that is switched on. Each is shown in full and asked for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vita_tui.errors import ToolError
from vita_tui.health.processes import child_environment
from vita_tui.health.registry import registry
from vita_tui.tools.base import BuiltInTool, Effect, OnProgress, ToolResult, text_argument

__all__ = ["CommandTool", "end_group", "group_led_by"]

HEAD = TAIL = 200_000
"""Bytes of a command's output that are kept; what is between is thrown away as it comes."""
READ = 65_536


class CommandTool(BuiltInTool):
    """Runs a command in a process group of its own, which ends with the call. Every call is asked for."""

    name = "run_command"
    description = (
        "Run a command in the user's shell, in the working directory, and return what it prints. "
        "It has no terminal and no input."
    )
    effect: Effect = "act"
    arguments: Mapping[str, str] = MappingProxyType({"command": "The command line."})
    required = ("command",)

    def __init__(self, root: Path) -> None:
        self.root = root

    async def run(self, arguments: Mapping[str, Any], progress: OnProgress) -> ToolResult:
        command = text_argument(arguments, "command").strip()
        if not command or "\0" in command:
            raise ToolError("There is no command.")
        try:
            process = await group_led_by(
                asyncio.create_subprocess_shell(
                    command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=self.root,
                    env=child_environment(),
                    start_new_session=os.name == "posix",
                )
            )
        except OSError as error:
            raise ToolError(f"The command could not be started: {error.strerror or error}.") from None
        entry = registry.register(
            process,
            kind="process",
            name=f"command (pid {process.pid})",
            owner="tools.commands",
            force=process.kill,
            pid=process.pid,
        )
        try:
            output = await _output(process)
            code = await process.wait()
        finally:
            # Also what it left running in the background: it would outlive the one who asked for it.
            end_group(process.pid)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            entry.leave()
        said = output or "It printed nothing."
        return ToolResult(said if code == 0 else f"{said}\n[exit code {code}]", failed=code != 0)


async def _output(process: asyncio.subprocess.Process) -> str:
    """What it prints, of a flood the beginning and the end."""
    assert process.stdout is not None
    head = bytearray()
    tail: deque[bytes] = deque()
    kept = dropped = 0
    while data := await process.stdout.read(READ):
        room = HEAD - len(head)
        head += data[:room]
        if rest := data[room:]:
            tail.append(rest)
            kept += len(rest)
            while kept > TAIL and len(tail) > 1:
                gone = len(tail.popleft())
                kept -= gone
                dropped += gone
    middle = f"\n[… {dropped:,} bytes left out …]\n".encode() if dropped else b""
    return (bytes(head) + middle + b"".join(tail)).decode("utf-8", "replace")


async def group_led_by(starting: Coroutine[Any, Any, Process]) -> Process:
    """The child that `starting` makes, leader of a process group.

    Cancelled meanwhile, the whole group ends: asyncio would kill the leader, and wait for what the leader has started.

    Raises:
        OSError: there is no such program, or it may not be run.
    """
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_end_started)
        await asyncio.wait({task})  # milliseconds
        raise


def _end_started(task: asyncio.Task[Process]) -> None:
    if not task.cancelled() and task.exception() is None:
        end_group(task.result().pid)


def end_group(pid: int) -> None:
    """Kill the process group that `pid` leads, if there is one."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
