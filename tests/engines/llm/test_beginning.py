"""What every conversation begins with is read once: in a later run of the real server nothing of it is computed again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.test_embedded import weights
from vita_tui import paths
from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.beginning import KEPT_BEGINNINGS
from vita_tui.engines.llm.embedded import EmbeddedResponder

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

SYSTEM: Message = {"role": "system", "content": "You are a gull. " * 20}
QUESTION: Message = {"role": "user", "content": "My secret is 4711."}

Start = Callable[[], Awaitable[EmbeddedResponder]]


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a responder after the one before has ended."""
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    made: list[EmbeddedResponder] = []

    async def one() -> EmbeddedResponder:
        for responder in made:
            await responder.cleanup()
        made.append(
            EmbeddedResponder(weights(), context_window=512, examples=[("Bread?", "Mine!")], timeout=150.0)
        )
        await made[-1].load()
        return made[-1]

    yield one
    for responder in made:
        await responder.cleanup()


async def read_anew(responder: EmbeddedResponder) -> int:
    """How many tokens of the question and all before it the server computes."""
    assert responder._remote is not None
    assert responder._remote._client is not None
    answer = await responder._remote._client.post(
        f"{responder._remote._base_url}/chat/completions",
        json={
            "messages": [SYSTEM, {"role": "user", "content": "Bread?"}, {"role": "assistant", "content": "Mine!"}, QUESTION],
            "max_tokens": 1,
            "cache_prompt": True,
        },
    )  # fmt: skip
    return int(answer.json()["timings"]["prompt_n"])


async def drained(responder: EmbeddedResponder) -> None:
    """Ask, whatever the answer may be."""
    async for _ in responder.stream([SYSTEM, QUESTION], max_tokens=2):
        pass


def kept() -> list[Path]:
    return sorted(paths.cache_dir().iterdir()) if paths.cache_dir().exists() else []


async def test_it_is_read_in_the_first_run_and_recalled_in_the_next(start: Start) -> None:
    first = await start()
    everything = await read_anew(first)
    await (first := await start()).prefill([SYSTEM])
    [file] = kept()
    size = file.stat().st_size
    await first.prefill([SYSTEM, QUESTION])

    second = await start()
    await second.prefill([SYSTEM])
    assert await read_anew(second) < 30 < everything
    assert kept() == [file]
    # Nothing of the conversation was added.
    assert file.stat().st_size == size

    third = await start()
    await drained(third)
    assert await read_anew(third) < 30


async def test_a_question_that_comes_first_only_delays_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await start()
    assert first._remote is not None
    began, ask = asyncio.Event(), first._remote._answer

    def noted(*arguments: Any, **keywords: Any) -> Any:
        began.set()
        return ask(*arguments, **keywords)

    monkeypatch.setattr(first._remote, "_answer", noted)
    reading = asyncio.create_task(first.prefill([SYSTEM]))
    await began.wait()
    reading.cancel()
    await asyncio.wait({reading})
    await drained(first)
    assert kept() == []
    await first.prefill([SYSTEM, QUESTION])
    [file] = kept()
    second = await start()
    await second.prefill([SYSTEM])
    assert 10 < await read_anew(second) < 30
    assert kept() == [file]


async def test_a_question_that_comes_while_it_is_kept_waits_and_is_not_in_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await start()
    assert first._remote is not None
    order: list[str] = []
    began, slot, ask = asyncio.Event(), first._remote.slot, first._remote._answer

    async def keep(*arguments: Any) -> bool:
        began.set()
        await asyncio.sleep(0)
        kept_it = await slot(*arguments)
        order.append("kept")
        return kept_it

    def noted(*arguments: Any, **keywords: Any) -> Any:
        order.append("asked")
        return ask(*arguments, **keywords)

    monkeypatch.setattr(first._remote, "slot", keep)
    monkeypatch.setattr(first._remote, "_answer", noted)
    reading = asyncio.create_task(first.prefill([SYSTEM]))
    await began.wait()
    reading.cancel()
    await drained(first)
    assert order == ["asked", "kept", "asked"]
    [file] = kept()
    second = await start()
    await second.prefill([SYSTEM])
    assert 10 < await read_anew(second) < 30
    assert kept() == [file]


@pytest.mark.parametrize("name", ["a[b]c.gguf", "blob"])
async def test_any_file_can_be_a_model(start: Start, tmp_path: Path, name: str) -> None:
    await start()
    (tmp_path / name).symlink_to(weights())
    for _ in range(2):
        responder = EmbeddedResponder(
            tmp_path / name, name=str(tmp_path / name), context_window=512, timeout=150.0
        )
        try:
            await responder.load()
            await responder.prefill([SYSTEM])
        finally:
            await responder.cleanup()
        assert len(kept()) == 1


async def test_the_beginnings_that_were_used_last_are_kept(start: Start) -> None:
    def system(bird: int) -> Message:
        return {"role": "system", "content": f"You are bird {bird}."}

    files: list[Path] = []
    for bird in range(KEPT_BEGINNINGS):
        await (await start()).prefill([system(bird)])
        [new] = set(kept()) - set(files)
        files.append(new)
        os.utime(new, (bird, bird))  # of another second each
    await (await start()).prefill([system(0)])  # recalled, and so used later than all others
    await (await start()).prefill([system(KEPT_BEGINNINGS)])
    assert len(kept()) == KEPT_BEGINNINGS
    assert {file for file in files if not file.exists()} == {files[1]}


@pytest.mark.parametrize("content", [b"", b"no slot at all", b"cut"])
async def test_a_damaged_file_is_made_anew(start: Start, content: bytes) -> None:
    await (await start()).prefill([SYSTEM])
    [file] = kept()
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content == b"cut" else content)
    responder = await start()
    await responder.prefill([SYSTEM])
    assert await read_anew(responder) < 30
    assert [one.stat().st_size for one in kept()] == [len(whole)]


async def test_without_a_place_for_it_everything_works(start: Start, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    responder = await start()
    await responder.prefill([SYSTEM])
    assert [piece async for piece in responder.stream([SYSTEM, QUESTION], max_tokens=2)]
