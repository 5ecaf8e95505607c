"""Opens the folder of a Whisper model, or says exactly why it cannot be opened and what to do.

CTranslate2 aborts on some damaged files and names others badly, so the folder is looked over first. That is cheap: of the
weights only the table of contents is read. Whether every byte is right only the digests tell: weights whose digests are known are
read once more before they are loaded, because altered ones load without a word and make up transcripts.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vita_tui.engines.stt.runtime.variables import BINARY_VERSIONS, CutOffError, contents
from vita_tui.errors import ModelError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

__all__ = [
    "ComputeTypeError",
    "OutOfMemoryError",
    "WhisperWeights",
    "check",
    "damaged",
    "look_over",
    "open_model",
    "plans",
]

OTHER_FORMATS = {
    b"lmgg": "a whisper.cpp file",
    b"ggml": "a whisper.cpp file",
    b"GGUF": "a GGUF file",
    b"PK\x03\x04": "a PyTorch checkpoint",
    b"<htm": "a web page",
    b"<!DO": "a web page",
    b"vers": "a Git LFS pointer, not the file itself",
}

CUDA_FILES = ("nvidia*", "nvhost*", "nvmap", "dxg")
"""In /dev, of the drivers of NVIDIA: of cards, of Jetsons, and under WSL."""


class OutOfMemoryError(ModelError):
    """The model does not fit into memory."""


class ComputeTypeError(ModelError):
    """This machine cannot compute with that type."""


@dataclass(frozen=True, slots=True)
class WhisperWeights:
    """A Whisper model in CTranslate2's format."""

    name: str
    """Such as "base"."""
    path: Path
    """A folder with model.bin, config.json, tokenizer.json and vocabulary.txt or vocabulary.json."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes that each file must have, where they are known."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file in hexadecimal, where it is known."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and how to compute."""

    device: str
    compute_type: str


def plans(device: str, compute_type: str) -> list[Plan]:
    """What to try, best first, for the settings `stt.device` and `stt.compute_type` (either may be "auto")."""
    has_cuda = device != "cpu" and _cuda_devices() > 0
    if device == "auto":
        device = "cuda" if has_cuda else "cpu"
    chosen = compute_type
    if compute_type == "auto":
        chosen = "float16" if device == "cuda" else "int8"
    found = [Plan(device, chosen), Plan(device, "float32")]
    if device == "cuda":
        found.append(Plan("cpu", "int8"))
    return list(dict.fromkeys(found))


def _cuda_devices() -> int:
    """How many CTranslate2 counts, which is not loaded where there is no driver: on Linux each has device files."""
    if sys.platform == "linux" and not any(next(Path("/dev").glob(name), None) for name in CUDA_FILES):
        return 0
    from ctranslate2 import get_cuda_device_count  # type: ignore[attr-defined]  # exported with a star

    return int(get_cuda_device_count())


def open_model(weights: WhisperWeights, plan: Plan, *, threads: int) -> WhisperModel:
    """Load `weights`, which were looked over, as `plan` says, on `threads` threads of a CPU.

    Raises:
        OutOfMemoryError: it does not fit.
        ComputeTypeError: the machine cannot compute so.
        ModelError: anything else that is wrong with the files.
    """
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(weights.path),
            device=plan.device,
            compute_type=plan.compute_type,
            cpu_threads=threads,
            local_files_only=True,
        )
    except (MemoryError, RuntimeError, ValueError, OSError) as error:
        raise explain(error, weights, plan) from error


def look_over(weights: WhisperWeights, plan: Plan) -> None:
    """Read the files to their last byte, and see whether they will fit.

    Raises:
        OutOfMemoryError: they do not fit.
        ModelError: something is wrong with them.
    """
    check(weights)
    _check_memory(weights, plan)
    _check_digests(weights)


def explain(error: Exception, weights: WhisperWeights, plan: Plan) -> ModelError:
    """What `error`, raised by CTranslate2 or its tokenizer, means for the user."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    low = text.casefold()
    if isinstance(error, MemoryError) or any(
        sign in low for sign in ("out of memory", "bad_alloc", "allocate", "resource temporarily")
    ):
        return OutOfMemoryError(
            f"Whisper {weights.name} does not fit into memory ({text}).",
            remedy="Close other programs, or set stt.model to a smaller one such as tiny.en.",
        )
    if "compute type" in low:
        return ComputeTypeError(
            f"Whisper {weights.name} cannot run as {plan.compute_type} on this {plan.device}.",
            remedy='Set stt.compute_type to "auto", "int8" or "float32".',
        )
    if "cuda" in low or "cublas" in low or "cudnn" in low:
        return ModelError(
            f"Whisper {weights.name} cannot run on CUDA: {text}.",
            remedy='Fix the CUDA driver, or set stt.device to "cpu".',
        )
    return damaged(weights, text)


def check(weights: WhisperWeights) -> None:
    """Look over the folder without loading it.

    Raises:
        ModelError: a file is missing, unreadable, truncated, of the wrong size, or not what it should be.
    """
    folder = weights.path
    if not folder.exists():
        raise ModelError(
            f"Whisper {weights.name} is not there: {folder} does not exist.",
            remedy=f"Run: vita models pull {weights.name}",
        )
    if not folder.is_dir():
        raise _wrong_format(weights, f"{folder} is {_format_of(folder)}, not a folder")
    if not (folder / "model.bin").exists():
        for other in ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"):
            if (folder / other).exists():
                raise _wrong_format(weights, f"{folder} holds a Transformers model ({other})")
    for name in ("model.bin", "config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ModelError(
                f"Whisper {weights.name} is not complete: {folder / name} is missing.",
                remedy=f"Run: vita models pull {weights.name}",
            )
    if not any((folder / name).is_file() for name in ("vocabulary.txt", "vocabulary.json")):
        raise ModelError(
            f"Whisper {weights.name} is not complete: {folder / 'vocabulary.txt'} is missing.",
            remedy=f"Run: vita models pull {weights.name}",
        )
    try:
        for name, size in weights.sizes.items():
            if (actual := (folder / name).stat().st_size) != size:
                raise damaged(weights, f"{name} has {actual:,} bytes instead of {size:,}")
        for name in ("config.json", "tokenizer.json"):
            _check_json(weights, folder / name)
        with (folder / "model.bin").open("rb") as file:
            _check_contents(weights, file)
    except OSError as error:
        raise ModelError(
            f"Whisper {weights.name} cannot be read: {error.filename}: {error.strerror}.",
            remedy="Give yourself permission to read it.",
        ) from error


def _check_json(weights: WhisperWeights, file: Path) -> None:
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise damaged(weights, f"{file.name} is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise damaged(weights, f"{file.name} holds no table")


def _check_contents(weights: WhisperWeights, file: BinaryIO) -> None:
    """Each variable's payload must lie within model.bin, and the last entry of its table must end it."""
    magic = file.read(4)
    if magic in OTHER_FORMATS:
        raise _wrong_format(weights, f"model.bin is {OTHER_FORMATS[magic]}")
    file.seek(0)
    try:
        table = contents(file)
    except CutOffError as error:
        raise damaged(weights, f"model.bin is {error}") from error
    if table.version not in BINARY_VERSIONS:
        raise _wrong_format(weights, "model.bin is no CTranslate2 model that this version can read")
    if table.specification != "WhisperSpec":
        raise _wrong_format(weights, f"model.bin is a {table.specification[:40]} model, not Whisper")
    if (beyond := os.fstat(file.fileno()).st_size - table.end) != 0:
        raise damaged(weights, f"model.bin has {beyond:,} bytes too many")


def _check_digests(weights: WhisperWeights) -> None:
    """Read every byte: 0.1 s for 150 MB where the processor knows SHA-256."""
    for name, wanted in weights.digests.items():
        try:
            with (weights.path / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(
                f"Whisper {weights.name} cannot be read: {error.filename}: {error.strerror}.",
                remedy="Give yourself permission to read it.",
            ) from error
        if digest != wanted:
            raise damaged(weights, f"{name} is not the published file, some of its bytes were altered")


def _check_memory(weights: WhisperWeights, plan: Plan) -> None:
    """Refuse what would make the system kill the program: Linux grants memory first and ends processes later."""
    import psutil

    factor = 2.5 if plan.compute_type == "float32" else 1.5
    needed = int((weights.path / "model.bin").stat().st_size * factor)
    free = psutil.virtual_memory().available
    if plan.device == "cpu" and needed > free:
        raise OutOfMemoryError(
            f"Whisper {weights.name} does not fit into memory: it needs about {needed // 2**20} MiB, {free // 2**20} MiB are free.",
            remedy="Close other programs, or set stt.model to a smaller one such as tiny.en.",
        )


def _format_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return OTHER_FORMATS.get(opened.read(4), "a file")
    except OSError:
        return "a file"


def _wrong_format(weights: WhisperWeights, what: str) -> ModelError:
    return ModelError(
        f"Whisper {weights.name} is in the wrong format: {what}.",
        remedy="Give stt.model a folder in CTranslate2's format (ct2-transformers-converter makes one), or a name that vita models list shows.",
    )


def damaged(weights: WhisperWeights, what: str) -> ModelError:
    """The error of files whose content is wrong; `what` is."""
    return ModelError(
        f"Whisper {weights.name} is damaged: {what}.",
        remedy=f"Run: vita models remove {weights.name}, then: vita models pull {weights.name}",
    )
