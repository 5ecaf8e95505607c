"""Nothing that VITA is built on tells anybody of its use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

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


@pytest.mark.audio
@pytest.mark.models
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_with_the_weights_there_nothing_leaves_and_nothing_is_looked_up(home: Path) -> None:
    """A turn from a file, a hands-free one, doctor and quitting, where there is no network, with a witness in every process."""
    apart = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("needs network namespaces (unshare --net)")
    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.hands.offline", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["interfaces"] == ["lo"]
    assert seen["bites"] == {event: [True, event] for event in seen["bites"]}, "the witness notices"
    assert len(seen["bites"]) == 4
    assert seen["attempts"] == []
    assert seen["codes"] == {"doctor": 0, "turn": 0, "ask": 0, "vita": 0}
    for child in ("vita_tui.engines.llm.server", "vita_tui.engines.tts.pyttsx3_child"):
        assert any(child in words for words in seen["watched"]), f"{child} was watched too"
