"""What each technique is worth: the same questions with all of them, and with each of them left out, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vita_tui.bench.compare import compare
from vita_tui.bench.figures import about
from vita_tui.bench.recordings import SpokenSample
from vita_tui.bench.turn import measure, report
from vita_tui.settings import Settings

__all__ = ["ALL", "measure_each"]

ALL = "all"
"""The name of the turns with every technique."""


async def measure_each(
    settings: Callable[[Iterable[str]], Settings],
    names: Sequence[str],
    questions: Sequence[SpokenSample],
    passes: int,
    *,
    pause: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask all `questions` `passes` times with every technique, and as often without each of `names`.

    In each pass every technique has its turn, beginning with another one each time, so that what the machine does meanwhile falls on
    all of them; `settings` gives the settings without the techniques that it is told. `differences` has, for each technique, what
    leaving it out changes (`vita_tui.bench.compare.compare`: the same questions in pairs).

    Raises:
        VitaError: an engine is missing or fails, or a question was not understood.
    """
    arms = [ALL, *names]
    turns: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    memory: dict[str, list[int]] = {arm: [] for arm in arms}
    for number in range(passes):
        shift = number % len(arms)
        for arm in arms[shift:] + arms[:shift]:
            progress(f"pass {number + 1} of {passes}: {arm if arm == ALL else f'without {arm}'}")
            chosen = settings(() if arm == ALL else (arm,))
            result = await measure(chosen, questions, len(questions), cascade=False, pause=pause)
            turns[arm] += result["turns"]
            memory[arm].append(round(result["memory_mb"] * 1e6))
    results = {arm: report(turns[arm], (), memory[arm]) for arm in arms}
    return {
        "about": about("ablations"),
        "pause": pause,
        "turns": len(turns[ALL]),
        "results": results,
        "differences": {name: compare(results[ALL], results[name])[0] for name in names},
    }
