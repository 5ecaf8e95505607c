"""A process of its own that pulls `toy` and says on stdout what is reported: `python -m tests.models.worker CATALOGUE`."""

from __future__ import annotations

import sys
from pathlib import Path

from vita_tui.models import catalogue, fetch
from vita_tui.models.progress import Progress


def say(progress: Progress) -> None:
    sys.stdout.write(f"{progress.phase} {progress.source or '-'} {progress.done}\n")
    sys.stdout.flush()


fetch.pull(["toy"], say, within=catalogue.load(Path(sys.argv[1])))
sys.stdout.write("pulled\n")
