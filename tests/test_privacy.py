"""Nothing that VITA is built on tells anybody of its use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SPEAK = """
import sys
from pathlib import Path
if sys.argv[1] == "vita":
    import vita_tui
import onnxruntime
model = Path(onnxruntime.__file__).parent / "datasets" / "sigmoid.onnx"
onnxruntime.InferenceSession(str(model))
"""


def _traces(tmp_path: Path, who: str) -> list[str]:
    """What loading a model leaves in the temporary, cache and home folders."""
    folder = tmp_path / who
    folder.mkdir()
    places = {"TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder), "HOME": str(folder)}
    asked_not_to = {"ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    environment = {name: value for name, value in os.environ.items() if name not in asked_not_to}
    done = subprocess.run(
        [sys.executable, "-c", _SPEAK, who], env={**environment, **places}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_onnx_runtime_keeps_no_record_of_its_use(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    traces = _traces(tmp_path, "vita")
    assert traces == []
    if not _traces(tmp_path, "ablation"):
        pytest.skip("this version of ONNX Runtime keeps no records by itself")
