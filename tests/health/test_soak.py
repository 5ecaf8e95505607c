"""Turn after turn with the real program: it stays as it is. And the judge finds what does not."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.health.soak import WARM_UP, Sample, judge, soak

MINUTES = float(os.environ.get("VITA_PROOF_SOAK_MINUTES", "2"))
"""10 in CI's long run; 1440 for a day."""
MB = 1_000_000
MISHEARD = 0.1
"""Share of the questions that may be lost on the way into the microphone."""


@pytest.mark.proof
@pytest.mark.soak
@pytest.mark.audio
@pytest.mark.models
@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 300)
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_turn_after_turn_nothing_grows_and_nothing_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    done = soak(MINUTES)
    verdict = judge(done.samples)
    with capsys.disabled():
        print(
            f"\n    {verdict.turns} turns: {verdict.rss[0] / MB:.0f} → {verdict.rss[1] / MB:.0f} MB, "
            f"threads {verdict.threads}, files {verdict.files}, children {verdict.children}",
            end="",
        )
    assert verdict.leaks() == []
    assert done.code == 0
    assert done.left == []
    # The soak leaves both cores no rest, and a stream that is not served in time loses a word.
    assert done.misheard <= done.asked * MISHEARD
    assert done.stored == done.asked


def _samples(turns: int, **growth: float) -> list[Sample]:
    """A run in which the given figures grow by so much each turn."""
    base = Sample(0, 0.0, 700 * MB, 500 * MB, 40, 50, 1)
    return [
        replace(
            base,
            turn=turn,
            **{name: getattr(base, name) + round(step * turn) for name, step in growth.items()},
        )
        for turn in range(turns)
    ]


def test_a_steady_run_is_no_leak() -> None:
    assert judge(_samples(30)).leaks() == []


def test_growth_while_it_warms_up_is_no_leak() -> None:
    samples = _samples(30)
    samples[:WARM_UP] = [replace(one, rss=100 * MB, threads=1) for one in samples[:WARM_UP]]
    assert judge(samples).leaks() == []


@pytest.mark.parametrize(
    ("name", "each"), [("rss", 3 * MB), ("threads", 0.3), ("files", 0.3), ("children", 0.3)]
)
def test_what_grows_with_every_turn_is_found(name: str, each: float) -> None:
    (leak,) = judge(_samples(40, **{name: each})).leaks()
    assert leak.startswith("memory" if name == "rss" else name)


def test_too_few_turns_are_not_judged() -> None:
    with pytest.raises(ValueError, match="too few"):
        judge(_samples(WARM_UP + 2))
