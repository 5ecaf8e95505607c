"""Parts of faster-whisper that need little, without the rest of it.

Importing the package imports CTranslate2, PyAV and the client of the hub: 0.25 s and 25 MB, of which nothing is used while ONNX Runtime
writes the words.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

__all__ = ["whisper_file", "whisper_part"]


@cache
def whisper_part(name: str) -> Any:
    """The module `name` of faster-whisper, such as "tokenizer": from its file, or with all of the package where that does not do.

    Raises:
        ImportError: faster-whisper is not installed, or has no such module.
    """
    if (known := sys.modules.get(f"faster_whisper.{name}")) is not None:
        return known
    file = whisper_file(f"{name}.py")
    spec = spec_from_file_location(f"{__name__}.{name}", file) if file is not None else None
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ImportError:
            pass  # a version whose module needs the others
        else:
            return module
    return import_module(f"faster_whisper.{name}")


def whisper_file(name: str) -> Path | None:
    """A file of the installed package; None where it has no such file, or is not a folder of files."""
    package = find_spec("faster_whisper")  # finds it without importing it
    folders = (package.submodule_search_locations or ()) if package is not None else ()
    return next((file for folder in folders if (file := Path(folder, name)).is_file()), None)
