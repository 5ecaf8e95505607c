"""ctrl+z suspends where somebody can bring VITA back, and nowhere else."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import sys

import pytest

from tests.tui.driving import running, until
from vita_tui.tui import job_control

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs job control")
ASK = [sys.executable, "-c", "from vita_tui.tui.job_control import is_job; print('job', is_job())"]


def in_a_terminal(*command: str) -> str:
    """What `command` prints as the first process of a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    said = b""
    try:
        while data := os.read(terminal, 4096):
            said += data
    except OSError:  # it has ended
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return said.decode()


@pytest.mark.parametrize(
    ("command", "job"),
    [
        (ASK, False),
        (["sh", "-c", f"{shlex.join(ASK)}; true"], False),
        (["bash", "--norc", "-i", "-c", f"{shlex.join(ASK)}; true"], True),
    ],
    ids=["in place of a shell", "a script", "a shell"],
)
def test_who_could_bring_it_back(command: list[str], job: bool) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    assert f"job {job}" in in_a_terminal(*command)


async def test_where_nobody_could_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_control, "is_job", lambda: False)
    async with running() as (app, pilot):
        await pilot.press("ctrl+z")
        await until(pilot, lambda: any(note.title == "Not suspended" for note in app._notifications))
