"""The count of tests that were run again: what it forgives, and what not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.reruns import AGAIN, MOST, OFTEN, REMEMBERED, Past, too_many, with_this_run

pytest_plugins = ["pytester"]


def _runs(*counts: int) -> tuple[Past, list[str]]:
    """What is remembered of a test that was run again so often in a row of runs, and what the last of them is told."""
    past: Past = {}
    told: list[str] = []
    for count in counts:
        again = Counter({"sound": count}) if count else Counter[str]()
        past = with_this_run(past, {"sound", "quiet"}, again)
        told = too_many(past, again)
    return past, told


def test_once_is_forgiven_and_remembered() -> None:
    assert _runs(1) == ({"sound": [1]}, [])


def test_a_test_that_is_run_again_over_and_over_fails_the_run() -> None:
    _, told = _runs(*[1] * OFTEN)
    assert [reason for reason in told if reason.startswith("sound was run again in 3 of its last 3")]


def test_what_has_been_quiet_for_long_is_forgotten() -> None:
    assert _runs(1, *[0] * REMEMBERED) == ({}, [])


def test_too_many_at_once_fail_the_run() -> None:
    again = Counter({f"test {number}": 1 for number in range(MOST + 1)})
    assert too_many({}, again)
    assert not too_many({}, Counter({"one": MOST}))


def test_runs_and_performances_are_counted_and_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITA_TEST_RERUNS", "1")
    root = Path(__file__).parent.parent
    pytester.syspathinsert(root)
    pytester.makepyfile(
        f"""
        import pytest
        tries = []

        @pytest.mark.flaky(reruns=2)
        def test_sound():
            tries.append(1)
            assert len(tries) == 2

        def test_scenario(record_property):
            record_property({AGAIN!r}, "scenario")
        """
    )
    result = pytester.runpytest_subprocess("-p", "tests.reruns", "-p", "no:textual-snapshot")
    result.stdout.fnmatch_lines(
        ["run again: 2", "  1 × *test_scenario", "  1 × *test_sound", "  FAILED: 2 tests were run again*"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_only_what_waits_for_something_is_run_again(pytester: pytest.Pytester) -> None:
    pytester.syspathinsert(Path(__file__).parent.parent)
    pytester.makepyfile(
        test_computes="def test_it(): assert False",
        test_starts="import subprocess\n\ndef test_it(): assert False",
        test_drives="from tests.tui.driving import running\n\ndef test_it(): assert False",
        test_serves="async def test_it(): assert False",
        test_hears="import pytest\n\n@pytest.mark.audio\ndef test_it(): assert False",
    )
    result = pytester.runpytest_subprocess("-p", "tests.reruns", "-p", "no:textual-snapshot")
    result.assert_outcomes(failed=5)
    lines = [line.strip() for line in result.outlines]
    assert lines[lines.index("run again: 5") + 1 :][:4] == [
        "1 × test_drives.py::test_it",
        "2 × test_hears.py::test_it",
        "1 × test_serves.py::test_it",
        "1 × test_starts.py::test_it",
    ]
