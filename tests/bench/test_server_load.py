"""`vita bench serve`: what its clients make of answers, refusals and a server that goes, and what the report makes of that."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from tests.server.stage import serving
from vita_tui.bench.load_client import AskedQuestion, TalkingClient
from vita_tui.bench.recordings import SpokenSample, spoken_by_espeak
from vita_tui.bench.server_load import LoadLevel, ServerUse, report
from vita_tui.errors import EngineUnavailableError
from vita_tui.server.keys import Keys
from vita_tui.server.limits import TooBusyError

KEY = "k" * 24
KEYS = Keys.of({"client": KEY})


def asked(outcome: str = "answered", ms: float = 500.0) -> AskedQuestion:
    return AskedQuestion(outcome, ms / 2, ms) if outcome == "answered" else AskedQuestion(outcome)


def level(clients: int, *found: AskedQuestion, own: float = 10.0, children: float = 4.0) -> LoadLevel:
    return LoadLevel(
        clients, 20.0, found, ServerUse(5.0, 1.0, 600e6), ServerUse(5.0 + own, 1.0 + children, 640e6)
    )


@pytest.mark.parametrize(
    ("levels", "knee", "broke"),
    [
        ([level(1, asked()), level(2, asked(ms=900))], None, None),
        ([level(1, asked()), level(2, asked(ms=900)), level(4, asked(ms=1100))], 4, None),
        ([level(1, asked()), level(2, asked("refused"), asked())], None, None),
        ([level(1, asked()), level(2, asked("refused"), asked("late"), *[asked()] * 98)], None, None),
        ([level(1, asked()), level(2, asked("refused"), asked("late"), *[asked()] * 90)], None, 2),
        ([level(1, asked()), level(2, asked("late"), asked("late"))], 2, 2),
        ([level(1, asked("lost"), asked("lost"))], None, 1),
    ],
    ids=["flat", "knee", "one", "two of a hundred", "two of 92", "nothing came", "broken at once"],
)
def test_report_finds_the_knee_and_where_it_broke(levels: list[LoadLevel], knee: Any, broke: Any) -> None:
    result = report(levels)
    assert (result["knee"], result["broke"]) == (knee, broke)


def test_report_says_what_was_consumed() -> None:
    row = report([level(4, asked(), asked())])["levels"][0]
    there = 20.0 * report([level(1, asked())])["cores"]
    assert row["processor"] == pytest.approx(14.0 / there, abs=1e-3)
    assert row["processor_model"] == pytest.approx(4.0 / there, abs=1e-3)
    assert (row["processor_per_answer"], row["memory_mb"], row["memory_per_client_mb"]) == (7.0, 640, 10.0)


class _Full:
    """Recognition whose line is full."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)

    async def final(self, *_: Any, **__: Any) -> Any:
        raise TooBusyError("Speech recognition has too much to do.", retry_seconds=1.0)


@pytest.mark.parametrize("full", [False, True], ids=["answered", "refused"])
async def test_client_speaks_and_hears_an_answer_or_a_refusal(full: bool) -> None:
    """Over a real socket, with a real detector of voice."""
    try:
        question = spoken_by_espeak(["What time is it?"], "en-us")[0]
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    async with serving(heard=["what time is it"] * 20, keys=KEYS) as stage:
        if full:
            engines = stage.app.engines
            engines.recognition = _Full(engines.recognition)  # type: ignore[assignment]
        client = TalkingClient(f"{stage.ws}/v1/realtime?model=vita", KEY, [question], 0)
        async with asyncio.timeout(120):
            await client.talk(0.0)
    [found] = client.asked
    assert found.outcome == ("refused" if full else "answered")
    assert full or (found.audio_ms is not None and found.transcript_ms is not None)


async def test_server_that_is_not_there_is_a_lost_question() -> None:
    nothing = SpokenSample("nothing", np.zeros(160, np.float32))
    client = TalkingClient("ws://127.0.0.1:9/v1/realtime", KEY, [nothing], 0)
    await client.talk(0.0)
    assert client.asked == [AskedQuestion("lost")]
