"""Conversations in a simulated room: see `tests.e2e.scenarios` for how a scenario is written and performed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import theatre
from tests.e2e.scenarios import FOLDER, Outcome, Scenario, judge, load, play
from tests.lending import lend_weights
from tests.reruns import AGAIN
from vita_tui import paths

ALL = sorted(FOLDER.glob("*.toml"))
SHORT = (
    "asked_and_answered",
    "cut_after_three_words",
    "echo_20",
    "interrupted_after_three_words",
    "mhm_ignored",
    "unplugged_while_speaking",
)
"""Performed by the whole program, of those that can be; all of these with VITA_PROOF_SCENARIOS=all."""
COVERED = ("asked_and_answered", "mhm_ignored")
"""What these show there the other ones show too, but for one thing that has its test elsewhere: with the proofs."""
REAL = [
    pytest.param(file, id=file.stem, marks=[pytest.mark.proof] if file.stem in COVERED else [])
    for file in ALL
    if load(file).real and (file.stem in SHORT or os.environ.get("VITA_PROOF_SCENARIOS") == "all")
]
TOGETHER = 3
"""Performed at a time, each in real time: two cores bear it."""

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(600)]

Played = Mapping[str, Outcome | BaseException]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All scenarios' outcomes; they go on side by side, because most of their time is waiting."""
    missing = [
        name for name in ("whisper-tiny.en", "en_US-joe-medium") if not (paths.models_dir() / name).is_dir()
    ]
    if missing or importlib.util.find_spec("piper") is None:
        pytest.skip(f"needs {', '.join(missing) or 'piper-tts'}")
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("scenarios")
        lend_weights(home)
        patch.setenv("VITA_HOME", str(home))
        yield asyncio.run(_play_all([load(file) for file in ALL if not _lacks(load(file))]))


async def _play_all(scenarios: list[Scenario]) -> Played:
    turns = asyncio.Semaphore(TOGETHER)

    async def one(scenario: Scenario) -> Outcome | BaseException:
        async with turns:
            try:
                return await play(scenario)
            except Exception as error:  # noqa: BLE001 - told by the test of that name
                return error

    timed = [scenario for scenario in scenarios if scenario.clock == "real"]
    outcomes = dict(zip([s.name for s in timed], await asyncio.gather(*map(one, timed)), strict=True))
    # Those that are as fast as the machine is would slow the others down.
    outcomes |= {scenario.name: await one(scenario) for scenario in scenarios if scenario.clock != "real"}
    return outcomes


def _lacks(scenario: Scenario) -> str:
    """What a scenario needs that is not installed."""
    echo = scenario.room.echo_db > -90 and "duplex" not in scenario.settings.get("audio", {})
    needed = [*(["livekit"] if echo else []), *([scenario.needs] if scenario.needs else [])]
    return ", ".join(module for module in needed if importlib.util.find_spec(module) is None)


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
async def test_a_scenario(played: Played, file: Path, record_property: Callable[[str, object], None]) -> None:
    scenario = load(file)
    if lacking := _lacks(scenario):
        pytest.skip(f"needs {lacking}")
    first = played[scenario.name]
    wrong = [repr(first)] if isinstance(first, BaseException) else judge(scenario, first)
    if not wrong:
        return
    # Others were played at the same time: what a busy machine spoils must go well by itself.
    record_property(AGAIN, "; ".join(wrong))
    outcome = await play(scenario)
    wrong = judge(scenario, outcome)
    assert not wrong, "\n".join([*wrong, *outcome.log])


@pytest.mark.audio
@pytest.mark.parametrize("file", REAL)
def test_a_scenario_in_the_whole_program(file: Path) -> None:
    scenario = load(file)
    if lacking := _lacks(scenario):
        pytest.skip(f"needs {lacking}")
    outcome = theatre.perform(scenario)
    wrong = judge(theatre.seen_from_outside(scenario), outcome)
    assert not wrong, "\n".join([*wrong, *outcome.log])


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 30
