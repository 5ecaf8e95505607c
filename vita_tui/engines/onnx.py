"""ONNX Runtime as all engines of this process use it: on a few threads, beside others; and graphs that are made once and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vita_tui import atomic_files, paths

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["NetworkCut", "keep", "open_kept", "open_prepared", "open_session", "place"]

log = logging.getLogger(__name__)

NetworkCut = Callable[["ModelProto"], "ModelProto"]
"""Takes a part out of a graph."""


def open_session(graph: Path | bytes, threads: int) -> Any:
    """An `InferenceSession` for the graph in a file or in memory.

    Raises:
        ImportError: onnxruntime is not installed.
        Exception: of ONNX Runtime's own, which have no common base: it does not take the graph.
    """
    import onnxruntime

    options = _options()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads must sleep, not spin: the other core is the language model's.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena would keep the largest blocks that were ever needed: for Piper 335 MB instead of 215 after 40 clauses, for 5 % less time.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def open_prepared(graph: Path, threads: int, part: str = "", cut: NetworkCut | None = None) -> Any:
    """`open_session` of a graph that ONNX Runtime has optimised before: for Piper 0.3 s instead of 1.1.

    Args:
        part: names what `cut` takes out of it; without them it is all of the graph.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
        Exception: as `open_session`, and what `cut` raises.
    """
    import onnxruntime

    file = place(graph, f"{graph.stem}-{part}" if part else graph.stem, onnxruntime.__version__)

    def source() -> Path | bytes:
        return graph if cut is None else _cut_out(graph, cut)

    return open_kept(file, lambda new: _optimise(source(), new), threads) or open_session(source(), threads)


def _cut_out(graph: Path, cut: NetworkCut) -> bytes:
    import onnx

    made: bytes = cut(onnx.load(graph)).SerializeToString()
    return made


def _optimise(graph: Path | bytes, to: Path) -> None:
    """Write what ONNX Runtime makes of `graph` on any processor."""
    import onnxruntime

    options = _options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(to)
    source = graph if isinstance(graph, bytes) else str(graph)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised; nothing is to be printed on the screen
    return options


# ---- graphs that are made once


def place(weights: Path, name: str, version: str) -> Path:
    """Where the graph `name` that was made of the file `weights` is kept: another place when that has changed, or with another `version`."""
    stat = weights.stat()
    made_of = f"{version} {weights.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    key = blake2b(made_of.encode(), digest_size=8).hexdigest()
    return paths.cache_dir() / f"{name}-{key}.onnx"


def open_kept(file: Path, write: Callable[[Path], Any], threads: int) -> Any:
    """`open_session` of the graph at its `place`, which is written where it is not there or does not open; None when that fails.

    A graph that is opened from the file takes half the memory of one that is opened from the bytes that were written.
    """
    if file.is_file():
        try:
            return open_session(file, threads)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no other base
            log.warning("%s is rebuilt: %s", file.name, error)
            with suppress(OSError):
                file.unlink()
    try:
        keep(file, write)
        return open_session(file, threads)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's have no other base, and those of `write` are as many
        log.warning("%s has to be made at every start: %s", file.name, error)
    return None


def keep(file: Path, write: Callable[[Path], Any]) -> None:
    """Have a graph written so that it is at its `place` whole or not at all, instead of earlier ones of that name.

    Raises:
        OSError: there is no room, or no permission.
    """
    paths.ensure_private_dir(file.parent)
    for old in file.parent.glob(f"{file.stem.rpartition('-')[0]}-{'?' * 16}.onnx"):
        with suppress(OSError):
            old.unlink()
    atomic_files.remove_leftovers(file.parent)
    with atomic_files.replacing(file, durable=False) as new:
        write(new)
