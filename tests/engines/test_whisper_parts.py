"""Parts of faster-whisper without the rest, and with it where a version of it needs that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import vita_tui

FILES = {
    "__init__.py": "WHOLE = True",
    "alone.py": "x = 5",
    "needs.py": "from .other import x",
    "other.py": "x = 7",
    "broken.py": "from faster_whisper.no_such import x",
}
"""A package of that name in place of the real one, whose parts are read in a process of their own."""
READ = """
import sys
from vita_tui.engines.whisper_parts import whisper_file, whisper_part

assert whisper_file("none.onnx") is None
assert whisper_part("alone").x == 5
assert "faster_whisper" not in sys.modules
try:
    whisper_part("broken")
except ImportError:
    pass
else:
    raise AssertionError
assert whisper_part("needs").x == 7
assert sys.modules["faster_whisper"].WHOLE
import faster_whisper.other
assert whisper_part("other") is faster_whisper.other
"""
REAL = """
import sys
from vita_tui.engines.whisper_parts import whisper_part

assert whisper_part("tokenizer").Tokenizer and whisper_part("feature_extractor").FeatureExtractor
assert "faster_whisper" not in sys.modules
"""


def run(code: str, *folders: Path) -> None:
    root = Path(vita_tui.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*folders, root)))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_part_comes_alone_where_that_does(tmp_path: Path) -> None:
    folder = tmp_path / "faster_whisper"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    run(READ, tmp_path)


def test_the_installed_ones_do() -> None:
    run(REAL)
