"""What is on the machine: finding, checking and deleting it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.models.conftest import Toy
from tests.models.support import FILES, Answer, repo_info
from vita_tui.errors import ModelError
from vita_tui.models import catalogue, fetch, installed, resolve
from vita_tui.models.catalogue import Kind
from vita_tui.models.progress import Cancelled


@pytest.fixture
def there(toy: Toy) -> Toy:
    """`toy`, fetched."""
    fetch.pull(["toy"], within=toy.catalogue)
    return toy


def test_resolve_finds_what_is_there(there: Toy) -> None:
    assert resolve("t", "stt", within=there.catalogue) == there.folder


def test_resolve_says_what_is_missing(toy: Toy) -> None:
    with pytest.raises(ModelError, match="not on this machine") as caught:
        resolve("toy", "stt", within=toy.catalogue)
    assert caught.value.remedy == "vita models pull toy"


def test_resolve_sees_a_truncated_file(there: Toy) -> None:
    os.truncate(there.folder / "model.bin", 1000)
    with pytest.raises(ModelError, match=r"damaged: model\.bin has 1,000 bytes instead of 1,048,576"):
        resolve("toy", "stt", within=there.catalogue)


def test_resolve_sees_a_file_that_went(there: Toy) -> None:
    (there.folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"incomplete: config\.json is missing"):
        resolve("toy", "stt", within=there.catalogue)


def test_resolve_refuses_a_model_of_another_kind(there: Toy) -> None:
    with pytest.raises(ModelError, match="toy is for speech recognition, not for replies"):
        resolve("toy", "llm", within=there.catalogue)


def test_verify_sees_what_sizes_do_not_tell(there: Toy) -> None:
    model = there.folder / "model.bin"
    model.write_bytes(FILES["model.bin"][:-1] + b"!")
    assert installed.standing(there.model) == "ready"
    assert [(r.file, r.state) for r in installed.verify(there.model)] == [
        ("model.bin", "digest"),
        ("config.json", "ok"),
    ]
    with pytest.raises(ModelError, match=r"model\.bin is not the published file"):
        fetch.verify(there.model)


def test_verify_ends_when_cancelled(there: Toy) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        installed.verify(there.model, cancelled=cancelled)


def test_remove_takes_everything(there: Toy) -> None:
    assert installed.remove(there.model) == there.model.size
    assert not there.folder.exists()
    assert installed.standing(there.model) == "missing"


@pytest.mark.parametrize(
    ("kind", "files", "given", "target"),
    [
        ("stt", {"model.bin": b""}, ".", "."),
        ("stt", {"model.bin": b""}, "model.bin", "."),
        ("llm", {"a.gguf": b"GGUF..."}, "a.gguf", "a.gguf"),
        ("llm", {"a.gguf": b"GGUF..."}, ".", "a.gguf"),
        ("tts", {"a.onnx": b"", "a.onnx.json": b"{}"}, "a.onnx", "a.onnx"),
    ],
)
def test_local_paths(tmp_path: Path, kind: Kind, files: dict[str, bytes], given: str, target: str) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert resolve(str(tmp_path / given), kind) == tmp_path / target


@pytest.mark.parametrize(
    ("kind", "files", "given", "why"),
    [
        ("stt", {}, ".", "no model.bin"),
        ("stt", {}, "absent", "no file or folder"),
        ("llm", {"a.gguf": b"<html>"}, "a.gguf", "not a GGUF file"),
        ("llm", {"a.gguf": b"GGUF", "b.gguf": b"GGUF"}, ".", "more than one .gguf"),
        ("llm", {}, ".", "no .gguf"),
        ("tts", {"a.onnx": b""}, "a.onnx", "not a Piper voice"),
    ],
)
def test_local_paths_that_cannot_be_right(
    tmp_path: Path, kind: Kind, files: dict[str, bytes], given: str, why: str
) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=why):
        resolve(str(tmp_path / given), kind)


def test_a_whisper_from_the_hub_is_pinned_when_it_is_fetched(toy: Toy) -> None:
    files = {
        "README.md": b"#",
        "model.bin": b"MMMM" * 1000,
        "config.json": b"{}",
        "vocabulary.txt": b"a\nb\n",
    }
    toy.hub.put(
        "/api/models/other/whisper/revision/main", repo_info("other/whisper", files, lfs=("model.bin",))
    )
    for name, data in files.items():
        toy.hub.put(f"/other/whisper/resolve/{'1' * 40}/{name}", Answer(data))
    fetch.pull(["hf:other/whisper"])
    place = resolve("hf:other/whisper", "stt")
    assert {p.name for p in place.iterdir()} == {"model.bin", "config.json", "vocabulary.txt", "source.json"}
    assert [model.handle for model in installed.installed()] == ["hf:other/whisper"]
    model = catalogue.find("hf:other/whisper")
    assert {report.state for report in installed.verify(model)} == {"ok"}
    (place / "config.json").write_bytes(b"[]")
    assert [r.file for r in installed.verify(model) if r.state == "digest"] == ["config.json"]


def test_one_file_of_a_repository(toy: Toy) -> None:
    files = {"q4/model.gguf": b"GGUF" + bytes(5000), "q8/model.gguf": b"GGUF" + bytes(9000)}
    toy.hub.put("/api/models/other/models/revision/main", repo_info("other/models", files, lfs=tuple(files)))
    for name, data in files.items():
        toy.hub.put(f"/other/models/resolve/{'1' * 40}/{name}", Answer(data))
    fetch.pull(["hf:other/models/q4/model.gguf"])
    path = resolve("hf:other/models/q4/model.gguf", "llm")
    assert path.read_bytes() == files["q4/model.gguf"]
    with pytest.raises(ModelError, match="not on this machine"):
        resolve("hf:other/models/q8/model.gguf", "llm")
    with pytest.raises(ModelError, match=r"has no file q5/model\.gguf on the hub") as caught:
        fetch.pull(["hf:other/models/q5/model.gguf"])
    assert "hf:other/models/q4/model.gguf" in caught.value.remedy
    with pytest.raises(ModelError, match=r"no model\.bin") as caught:
        fetch.pull(["hf:other/models"])
    assert "hf:other/models/q4/model.gguf" in caught.value.remedy


@pytest.mark.parametrize(
    "sibling",
    [
        {"rfilename": "model.bin", "size": 4, "blobId": "../../../out"},
        {"rfilename": "model.bin", "lfs": {"size": 4, "sha256": "x" * 64}},
        {"rfilename": "model.bin", "size": 0, "blobId": "0" * 40},
        {"rfilename": "model.bin"},
    ],
)
def test_a_hub_that_describes_files_that_cannot_be(toy: Toy, sibling: dict[str, object]) -> None:
    body = json.dumps({"sha": "1" * 40, "siblings": [sibling]}).encode()
    toy.hub.put("/api/models/other/whisper/revision/main", Answer(body))
    with pytest.raises(ModelError, match="cannot be read"):
        fetch.pull(["hf:other/whisper"])


def test_a_small_file_with_wrong_bytes_is_caught_by_gits_digest(toy: Toy) -> None:
    files = {"model.bin": b"MMMM", "config.json": b"{}"}
    toy.hub.put("/api/models/other/whisper/revision/main", repo_info("other/whisper", files))
    toy.hub.put(f"/other/whisper/resolve/{'1' * 40}/model.bin", Answer(b"MMMM"))
    toy.hub.put(f"/other/whisper/resolve/{'1' * 40}/config.json", Answer(b"[]"))
    with pytest.raises(ModelError, match=r"config\.json is not the published file"):
        fetch.pull(["hf:other/whisper"])


def test_a_repository_that_is_not_there(toy: Toy) -> None:
    with pytest.raises(ModelError, match="no repository no/where on the hub, or it is private"):
        fetch.pull(["hf:no/where"])


@pytest.mark.parametrize("answer", [b'{"siblings": [3]}', b"<html>"])
def test_a_hub_that_describes_rubbish(toy: Toy, answer: bytes) -> None:
    toy.hub.put("/api/models/other/whisper/revision/main", Answer(answer))
    with pytest.raises(
        ModelError, match=r"comes from the hub only, and the hub's description .* cannot be read"
    ):
        fetch.pull(["hf:other/whisper"])


def test_a_source_file_that_leads_out_of_its_folder_is_not_followed(toy: Toy, home: Path) -> None:
    place = installed.folder(catalogue.find("hf:other/whisper"))
    place.mkdir(parents=True)
    entry = {"name": "../../secret", "size": 1, "digest": "0" * 64, "algorithm": "sha256"}
    hub = {"repo": "other/whisper", "revision": "main", "folder": ""}
    content = {
        "handle": "hf:other/whisper",
        "kind": "stt",
        "title": "",
        "entry": "",
        "hub": hub,
        "files": [entry],
    }
    (place / "source.json").write_text(json.dumps(content))
    assert installed.installed() == []
    assert not installed.known(catalogue.find("hf:other/whisper")).pinned


@pytest.mark.models
@pytest.mark.parametrize(
    "model", [m for m in catalogue.models() if m.default], ids=lambda model: str(model.name)
)
def test_the_real_weights_are_the_published_ones(model: catalogue.Model) -> None:
    fetch.verify(model)
    target = resolve(model.name, model.kind)
    assert target.is_dir() if model.kind == "stt" else target.suffix in {".gguf", ".onnx"}


@pytest.mark.models
@pytest.mark.parametrize("change", ["truncate", "tamper"])
def test_real_weights_that_were_changed(
    change: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a copy of the voice."""
    model = catalogue.find("joe")
    copies = {file.name: (installed.folder(model) / file.name).read_bytes() for file in model.files}
    monkeypatch.setenv("VITA_HOME", str(tmp_path / "other"))
    place = installed.folder(model)
    place.mkdir(parents=True)
    for name, data in copies.items():
        (place / name).write_bytes(data)
    with (place / model.entry).open("r+b") as stream:
        if change == "truncate":
            stream.truncate(1_000_000)
        else:
            stream.seek(30_000_000)
            stream.write(b"tampered")
    states = {report.file: report.state for report in installed.verify(model)}
    assert states == {model.entry: "size" if change == "truncate" else "digest", f"{model.entry}.json": "ok"}
    if change == "truncate":
        with pytest.raises(ModelError, match="1,000,000 bytes"):
            resolve("joe", "tts")
