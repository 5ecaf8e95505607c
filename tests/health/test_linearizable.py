"""What a breaker says to many threads at once could have come from one call after the other; without its lock it could not."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.health.linearizable import START, Spec, explained, history, refuted, specification
from tests.linearize import Call, order

HISTORIES = int(os.environ.get("VITA_PROOF_HISTORIES", "300"))
"""Of four threads with eight calls each; 20000 for the whole proof."""


@pytest.mark.proof
def test_every_history_of_four_threads_is_explained_and_without_the_lock_most_are_not() -> None:
    assert refuted(HISTORIES, locked=True) == 0
    assert refuted(HISTORIES, locked=False) > 0


@pytest.mark.proof
def test_a_history_of_sixteen_threads_is_explained() -> None:
    calls = history(1, threads=16, each=25)
    assert len(calls) == 400
    overlapping = [(a, b) for a in calls for b in calls if a.began < b.began < a.ended]
    assert overlapping, "nobody met anybody"
    assert explained(calls)


# ---- the judge itself


def call(name: str, *arguments: object, result: object = None, at: tuple[int, int]) -> Call:
    return Call(name, arguments, result, *at)


def test_two_trials_at_once_are_refuted_and_one_is_explained() -> None:
    ready = Spec("open", failures=2, rests=1, opened=0, period=1, now=3)
    one = call("allow", result=2, at=(0, 3))
    both = [one, call("allow", result=2, at=(1, 2))]
    assert order(both, ready, specification) is None
    assert order([one, call("allow", result=None, at=(1, 2))], ready, specification) == [
        one,
        replace(both[1], result=None),
    ]


def test_what_had_ended_comes_before_what_began_later() -> None:
    calls = [
        call("failure", 0, at=(0, 1)),
        call("failure", 0, at=(2, 3)),
        call("look", result=("closed", 1, None, False), at=(4, 5)),
    ]
    assert order(calls, START, specification) is None
    overlapping = [calls[0], calls[1], replace(calls[2], began=1, ended=6)]
    found = order(overlapping, START, specification)
    assert found is not None
    assert [one.name for one in found] == ["failure", "look", "failure"]


def test_a_result_that_nothing_explains_is_refuted() -> None:
    assert order([call("allow", result=7, at=(0, 1))], START, specification) is None
    assert order([call("success", 0, False, result=ValueError(), at=(0, 1))], START, specification) is None
    assert order([], START, specification) == []
