"""What is in a `model.bin` of CTranslate2, read from its table of contents.

The format is that of CTranslate2's `model_spec.py`: version, name of the specification, revision, then the variables as name, shape,
type and payload, then aliases; little-endian, strings with their length in 16 bits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINARY_VERSIONS", "Contents", "CutOffError", "contents", "mapped"]

BINARY_VERSIONS = range(4, 7)
"""Versions that this file can read; CTranslate2 4 reads up to 6."""
TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""NumPy's types by CTranslate2's numbers; bfloat16 has none."""


class CutOffError(ValueError):
    """A payload reaches beyond the end of the file, or the table makes no sense."""


@dataclass(frozen=True, slots=True)
class Variable:
    shape: tuple[int, ...]
    kind: int
    """A key of `TYPES`, or of a type that NumPy does not have."""
    offset: int
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Contents:
    version: int
    specification: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    """By name, aliases included."""
    end: int = 0
    """Where the table and its payloads end."""


def contents(file: BinaryIO) -> Contents:
    """Walk the table of contents without reading the weights; of an unknown version only the version is read.

    Raises:
        CutOffError: the file ends too early or was altered.
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    found: dict[str, Variable] = {}
    try:
        version = _number(file, "<I")
        if version not in BINARY_VERSIONS:
            return Contents(version, "")
        specification = _string(file)
        _number(file, "<I")
        for _ in range(_number(file, "<I")):
            name = _string(file)
            shape = tuple(_number(file, "<I") for _ in range(_number(file, "<B")))
            kind = _number(file, "<B")
            payload = _number(file, "<I")
            if file.tell() + payload > size:
                raise CutOffError(f"cut off at {size:,} bytes")
            found[name] = Variable(shape, kind, file.tell(), payload)
            file.seek(payload, os.SEEK_CUR)
        for _ in range(_number(file, "<I")):
            alias, name = _string(file), _string(file)
            if name in found:
                found[alias] = found[name]
    except (struct.error, UnicodeDecodeError) as error:
        raise CutOffError(f"cut off or altered at byte {file.tell():,}") from error
    return Contents(version, specification, found, file.tell())


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The variables of the file at `path`, mapped into memory: only what is touched is read.

    Raises:
        CutOffError: it is not whole, or holds a type that NumPy does not have.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        table = contents(file)
    raw = np.memmap(path, np.uint8, "r")
    found = {}
    for name, variable in table.variables.items():
        if variable.kind not in TYPES:
            raise CutOffError(f"{name} has a type that is not known")
        payload = raw[variable.offset : variable.offset + variable.size]
        found[name] = payload.view(TYPES[variable.kind]).reshape(variable.shape)
    return found


def _number(file: BinaryIO, layout: str) -> int:
    value: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return value


def _string(file: BinaryIO) -> str:
    length = _number(file, "<H")
    raw = file.read(length)
    if len(raw) != length or not raw.endswith(b"\0"):
        raise struct.error
    return raw[:-1].decode()
