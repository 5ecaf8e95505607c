"""The process in which one library reads texts of one language; run by `bench.spoken`, perhaps with another interpreter.

A line of JSON on standard input, {"library", "language", "texts"}; one on standard output, {"said", "ms", "prepare_ms", "memory_mb"},
or null when the library does not speak the language.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__: list[str] = []

SPEAKS = {"nemo": ("en", "de", "fr", "es"), "wetext": ("en",)}


def _vita(language: str) -> Callable[[str], str]:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from vita_tui.text.spoken import spoken

    return lambda text: spoken(text, language)


def _nemo(language: str) -> Callable[[str], str]:
    from nemo_text_processing.text_normalization.normalize import (  # type: ignore[import-not-found]
        Normalizer,
    )

    normalizer = Normalizer(input_case="cased", lang=language)
    return lambda text: str(normalizer.normalize(text, punct_post_process=True))


def _wetext(language: str) -> Callable[[str], str]:
    from wetext import Normalizer  # type: ignore[import-not-found]

    normalizer = Normalizer(lang=language, operator="tn")
    return lambda text: str(normalizer.normalize(text))


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    library, language = request["library"], request["language"]
    if language not in SPEAKS.get(library, (language,)):
        sys.stdout.write("null\n")
        return
    began = time.process_time()
    read = {"vita": _vita, "nemo": _nemo, "wetext": _wetext}[library](language)
    read("Hello, number 1.")
    prepared = time.process_time() - began
    said, times = [], []
    for text in request["texts"]:
        start = time.process_time()
        try:
            said.append(read(text))
        except Exception:  # noqa: BLE001  # whatever a library raises is its answer
            said.append("")
        times.append(time.process_time() - start)
    sys.stdout.write(
        json.dumps(
            {
                "said": said,
                "ms": statistics.median(times) * 1000,
                "prepare_ms": prepared * 1000,
                "memory_mb": _memory(),
            }
        )
        + "\n"
    )


def _memory() -> float:
    """The most that this process has held, in MB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
