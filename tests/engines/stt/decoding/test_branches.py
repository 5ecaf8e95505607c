"""Where the decoder was torn between two tokens, the other one is tried."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Any, cast

import pytest

from vita_tui.engines.stt.decoding.branches import CLOSE, PLACES, Branch, likelier
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper, TokenChoice, Written

END = 99
SOUND = EncodedWindow({})


class Scripted:
    """Knows the likelihood of each choice, and how a branch goes on."""

    end = END

    def __init__(
        self,
        first: Sequence[float],
        second: Sequence[float],
        other: Sequence[int],
        goes_on: dict[int, Written],
    ) -> None:
        self.choices = [TokenChoice(*one) for one in zip(first, second, other, strict=True)]
        self._goes_on = goes_on
        self.asked: list[tuple[list[int], list[int]]] = []

    def write(
        self, sound: Any, start: Any, known: Sequence[int], draft: Sequence[int], most: int, **_: Any
    ) -> Written:
        self.asked.append((list(known), list(draft)))
        return self._goes_on[known[-1]]


def written(*tokens: int, log_probability: float, full: bool = False) -> Written:
    choices = (TokenChoice(log_probability, -9.0, 0),) * (len(tokens) + 1)
    return Written(tokens, log_probability, 0.0, full, False, choices=choices)


def searched(script: Scripted, first: Branch, cancelled: Event | None = None) -> Branch:
    return likelier(cast("OnnxWhisper", script), SOUND, [1], first, script.choices, (), 50, cancelled)


def test_a_branch_that_goes_on_better_is_taken_and_the_first_text_is_its_draft() -> None:
    script = Scripted(
        [-0.1, -0.8, -1.5, -0.1],
        [-5.0, -1.0, -9.0, -9.0],
        [7, 8, 9, 9],
        {8: written(3, log_probability=-0.1)},
    )
    found = searched(script, Branch((1, 2, 3), -0.625))
    assert found.tokens == (1, 8, 3)
    assert found.log_probability == pytest.approx((-0.1 - 1.0 - 0.2) / 4)
    assert script.asked == [([1, 8], [3])]


def test_a_branch_that_goes_on_worse_is_left() -> None:
    first = Branch((1, 2), -0.5)
    script = Scripted([-0.5, -0.5, -0.5], [-0.6, -9, -9], [8, 9, 9], {8: written(3, log_probability=-2.0)})
    assert searched(script, first) is first


def test_a_text_may_end_earlier() -> None:
    script = Scripted([-0.1, -1.4, -1.4], [-9, -1.5, -9], [8, END, 9], {})
    found = searched(script, Branch((1, 2), -1.0))
    assert found.tokens == (1,)
    assert found.log_probability == pytest.approx(-0.8)
    assert script.asked == []


def test_what_runs_away_is_no_branch() -> None:
    first = Branch((1, 2), -0.5)
    script = Scripted(
        [-0.5] * 3, [-0.6, -9, -9], [8, 9, 9], {8: written(3, log_probability=-0.01, full=True)}
    )
    assert searched(script, first) is first


def test_only_close_choices_are_looked_at_and_not_too_many() -> None:
    first = Branch((1,) * 9, -0.5)
    worse = {8: written(3, log_probability=-9.0)}
    far = Scripted([-0.1] * 10, [-0.2 - CLOSE] * 10, [8] * 10, worse)
    near = Scripted([-0.1] * 10, [-0.2] * 10, [8] * 10, worse)
    for script in (far, near):
        assert searched(script, first) is first
    assert (len(far.asked), len(near.asked)) == (0, PLACES)


def test_nothing_is_looked_at_when_it_is_cancelled() -> None:
    first, stop = Branch((1,), -0.5), Event()
    stop.set()
    script = Scripted([-0.1] * 2, [-0.2] * 2, [8] * 2, {})
    assert searched(script, first, stop) is first
