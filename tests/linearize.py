"""Whether what concurrent calls returned could have come from one call after the other (Herlihy and Wing's linearizability).

A `Recorder` writes down each call with the moments of its beginning and its end. `order` looks for an order of the calls that keeps
every call which had ended before another began ahead of it, and in which a sequential specification gives each call the result that
it really had (Wing and Gong's search, with Lowe's memory of what was tried).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Call", "Recorder", "order"]

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and between which moments it was under way."""

    name: str
    arguments: tuple[Any, ...]
    result: Any
    began: int
    """Moments are numbered through for all threads."""
    ended: int
    thread: int = 0


class Recorder:
    """Calls, from any thread."""

    def __init__(self) -> None:
        self._moments = itertools.count()  # the next of it is one step in CPython
        self.calls: list[Call] = []

    def call(self, thread: int, name: str, function: Callable[..., R], *arguments: Any) -> R | None:
        """Call `function`; an exception is its result, which no specification explains."""
        began = next(self._moments)
        result: Any = None
        try:
            result = returned = function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the call went wrong
            result, returned = error, None
        self.calls.append(Call(name, arguments, result, began, next(self._moments), thread))
        return returned


def order(calls: Sequence[Call], start: S, step: Callable[[S, Call], S | None]) -> list[Call] | None:
    """An order in which `step` explains all of `calls`; None when there is none.

    Args:
        start: the state before the first call; hashable, as all states.
        step: the state after a call, or None where the specification gives another result.
    """
    calls = sorted(calls, key=lambda call: call.began)
    everything = (1 << len(calls)) - 1
    tried: set[tuple[int, S]] = set()
    path: list[int] = []
    branches = [(0, start, iter(_next(calls, 0)))]
    while branches:
        done, state, left = branches[-1]
        if done == everything:
            return [calls[place] for place in path]
        for place in left:
            after = step(state, calls[place])
            key = (done | 1 << place, after)
            if after is not None and key not in tried:
                tried.add(key)  # type: ignore[arg-type]  # it is not None here
                path.append(place)
                branches.append((key[0], after, iter(_next(calls, key[0]))))
                break
        else:
            branches.pop()
            if path:
                path.pop()
    return None


def _next(calls: Sequence[Call], done: int) -> list[int]:
    """Calls that may come next: not done, and no other that is not done had ended before they began."""
    first = (~done & (done + 1)).bit_length() - 1
    found, earliest = list[int](), math.inf
    for place in range(first, len(calls)):
        if calls[place].began > earliest:
            break
        if not done >> place & 1:
            found.append(place)
            earliest = min(earliest, calls[place].ended)
    return found
