"""The embedded model with real weights: it answers, dies, comes back, and never stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from vita_tui import paths
from vita_tui.engines.llm.base import Message, StreamPiece
from vita_tui.engines.llm.embedded import EmbeddedResponder, parted
from vita_tui.errors import EngineError, ModelError
from vita_tui.health.registry import registry

pytestmark = pytest.mark.timeout(300)
QUESTION: list[Message] = [{"role": "user", "content": "Count slowly from one to fifty, in words."}]


def weights() -> Path:
    return paths.models_dir() / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"


async def words(pieces: AsyncIterator[StreamPiece]) -> str:
    return "".join([piece async for piece in pieces if isinstance(piece, str)])


@pytest.fixture
async def responder() -> AsyncIterator[EmbeddedResponder]:
    made = EmbeddedResponder(weights(), context_window=512, timeout=150.0)
    yield made
    await made.cleanup()


@pytest.mark.models
async def test_a_reply_is_streamed_by_a_child_whose_key_nobody_sees(
    responder: EmbeddedResponder,
) -> None:
    pieces = [piece async for piece in responder.stream(QUESTION, max_tokens=12)]
    assert len(pieces) > 1
    assert "".join(map(str, pieces)).strip()
    assert responder.pid is not None
    child = psutil.Process(responder.pid)
    # Another session would get its own share of the processor, whatever its priority.
    assert os.getsid(child.pid) == os.getsid(0)
    assert os.getpgid(child.pid) == child.pid
    assert responder._remote is not None
    key = responder._remote._api_key
    assert len(key) >= 24
    seen = " ".join(child.cmdline()) + " ".join(child.environ().values())
    assert key not in seen
    assert all(connection.laddr.ip == "127.0.0.1" for connection in child.net_connections())


def test_examples_stand_between_the_system_prompt_and_the_conversation() -> None:
    system: Message = {"role": "system", "content": "Be kind."}
    shown: list[Message] = [{"role": "user", "content": "1?"}, {"role": "assistant", "content": "One."}]
    assert parted([system, *QUESTION], shown) == ([system, *shown], QUESTION)
    assert parted(QUESTION, shown) == (shown, QUESTION)
    assert parted([system], []) == ([system], [])
    assert parted([], shown) == (shown, [])


@pytest.mark.models
async def test_the_model_answers_as_its_examples_do_and_they_take_no_room_from_the_conversation() -> None:
    animals = [(f"What does the {one} say?", f"Quork {one}.") for one in ("cow", "dog", "cat", "owl")]
    responder = EmbeddedResponder(
        weights(), context_window=256, examples=animals * 3, temperature=0.0, timeout=150.0
    )
    try:
        # Longer than the window of the conversation alone, with the examples.
        question: list[Message] = [{"role": "user", "content": "What does the hen say?"}]
        said = await words(responder.stream(question, max_tokens=8))
    finally:
        await responder.cleanup()
    assert said.startswith("Quork")


@pytest.mark.models
async def test_tokens_are_counted(responder: EmbeddedResponder) -> None:
    assert await responder.count_tokens("one two three") >= 3
    await responder.load()
    assert await responder.count_tokens("one two three") == 3


@pytest.mark.models
async def test_a_reply_that_broke_off_is_gone_on_with() -> None:
    """It is the likeliest by far that seven follows six; had the reply begun anew, it would begin with one."""
    responder = EmbeddedResponder(weights(), context_window=512, temperature=0.0, timeout=150.0)
    try:
        said = "One, two, three, four, five, six,"
        going_on: list[Message] = [*QUESTION, {"role": "assistant", "content": said}]
        await responder.prefill(QUESTION)
        more = await words(responder.stream(going_on, max_tokens=6))
    finally:
        await responder.cleanup()
    assert "seven" in more.lower()


@pytest.mark.models
async def test_a_child_that_is_killed_in_the_middle_is_replaced_at_the_next_question(
    responder: EmbeddedResponder,
) -> None:
    first = None
    with pytest.raises(EngineError, match="died while it answered"):
        async for _ in responder.stream(QUESTION, max_tokens=200):
            if first is None:
                first = responder.pid
                assert first is not None
                os.kill(first, signal.SIGKILL)
    assert await words(responder.stream(QUESTION, max_tokens=4))
    assert responder.starts == 2
    assert responder.pid not in (None, first)
    assert not [one for one in registry.open() if one.leak]


@pytest.mark.models
async def test_stopping_in_the_middle_leaves_the_child_ready_for_the_next_question(
    responder: EmbeddedResponder,
) -> None:
    async with contextlib.aclosing(responder.stream(QUESTION, max_tokens=400)) as pieces:
        assert await anext(pieces)
    assert await words(responder.stream(QUESTION, max_tokens=4))
    assert responder.starts == 1


@pytest.mark.models
async def test_cleanup_ends_the_child_and_leaves_nothing_registered() -> None:
    before = {one.name for one in registry.open()}
    responder = EmbeddedResponder(weights(), context_window=512, timeout=150.0)
    await responder.load()
    assert responder.pid is not None
    child = psutil.Process(responder.pid)
    assert any(str(child.pid) in one.name for one in registry.open())
    await responder.cleanup()
    await responder.cleanup()
    assert responder.pid is None
    assert not child.is_running()
    assert {one.name for one in registry.open()} <= before


@pytest.mark.models
async def test_a_question_that_is_cancelled_while_the_child_starts_leaves_no_child() -> None:
    responder = EmbeddedResponder(weights(), context_window=512, timeout=150.0)
    loading = asyncio.create_task(responder.load())
    while responder.pid is None:
        await asyncio.sleep(0)
    child = psutil.Process(responder.pid)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert not child.is_running()
    await responder.cleanup()


PARENT = """
import asyncio, pathlib, sys
from vita_tui.engines.llm.embedded import EmbeddedResponder

async def main():
    responder = EmbeddedResponder(pathlib.Path(sys.argv[1]), context_window=512)
    await responder.load()
    print(responder.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.models
def test_when_the_program_is_killed_its_child_ends() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(weights())], stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
    finally:
        parent.kill()
        parent.communicate()
    gone, alive = psutil.wait_procs([child], timeout=60)
    for process in alive:
        process.kill()
    assert gone == [child]


async def test_weights_that_are_not_there() -> None:
    responder = EmbeddedResponder(Path("nowhere") / "some.gguf")
    with pytest.raises(ModelError, match=r"some\.gguf is not there"):
        await responder.load()
    assert responder.starts == 0


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>"], ids=len)
async def test_weights_that_are_something_else(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "some.gguf"
    file.write_bytes(content)
    responder = EmbeddedResponder(file)
    with pytest.raises(ModelError, match="not a GGUF file"):
        await responder.load()
    assert responder.starts == 0


async def test_weights_that_are_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        await EmbeddedResponder(tmp_path).load()


@pytest.mark.models
async def test_damaged_weights_are_told_and_the_child_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "cut.gguf"
    with weights().open("rb") as whole:
        file.write_bytes(whole.read(2_000_000))
    responder = EmbeddedResponder(file)
    with pytest.raises(ModelError, match="could not be loaded"):
        await responder.load()
    assert responder.pid is None
    await responder.cleanup()
