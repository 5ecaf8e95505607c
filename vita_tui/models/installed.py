"""What of the catalogue is on this machine.

Each model has its own folder under `paths.models_dir()`. A model that came from the hub by its place there has a `source.json`
beside its files with their sizes and digests; it is written last, so where it is, the model was whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from vita_tui import atomic_files, paths
from vita_tui.errors import ModelError
from vita_tui.models import catalogue
from vita_tui.models.catalogue import KINDS, Catalogue, File, Hub, Kind, Model
from vita_tui.models.progress import Cancelled

__all__ = [
    "FileReport",
    "Standing",
    "check_file",
    "folder",
    "hasher",
    "incoming",
    "installed",
    "known",
    "missing",
    "remove",
    "resolve",
    "standing",
    "verify",
    "write_source",
]

Standing = Literal["ready", "missing", "incomplete", "damaged", "unknown"]
"""`incomplete`: some files are not there. `damaged`: a size is wrong. `unknown`: files are there that VITA did not fetch."""

_SOURCE = "source.json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a full check of one file found."""

    model: str
    file: str
    state: Literal["ok", "missing", "size", "digest", "unreadable"]
    size: int
    """Bytes that it should have."""
    detail: str = ""


def folder(model: Model) -> Path:
    """The folder of `model`, whether it exists or not."""
    return paths.models_dir() / model.name


def incoming(model: Model) -> Path:
    """Where `model` is put together before its files take their place: on the same disk, so that a rename is enough."""
    return paths.models_dir() / ".incoming" / model.name


def known(model: Model) -> Model:
    """`model` with the files that were fetched for it, when only the hub knew them."""
    if model.pinned:
        return model
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads((folder(model) / _SOURCE).read_text(encoding="utf-8"))
        return _from_source(model, content)
    return model


def _from_source(model: Model, content: dict[str, Any]) -> Model:
    listed = tuple(File(**file) for file in content["files"])
    return replace(model, files=listed, entry=content["entry"], hub=Hub(**content["hub"]))


def write_source(model: Model) -> None:
    """Keep what the hub said about `model` beside its files.

    Raises:
        OSError: it cannot be written.
    """
    content = {
        "name": model.name,
        "handle": model.handle,
        "kind": model.kind,
        "title": model.title,
        "entry": model.entry,
        "hub": asdict(model.hub),
        "files": [asdict(file) for file in model.files],
    }
    target = folder(model) / _SOURCE
    atomic_files.write_whole(target, json.dumps(content, indent=2) + "\n", mode=0o666)


def standing(model: Model) -> Standing:
    """How `model` stands on this machine, by names and sizes alone."""
    model = known(model)
    place = folder(model)
    if not model.pinned:
        return "unknown" if place.is_dir() and any(place.iterdir()) else "missing"
    there = 0
    for file in model.files:
        try:
            size = (place / file.name).stat().st_size
        except OSError:
            continue
        if size != file.size:
            return "damaged"
        there += 1
    if there == len(model.files):
        return "ready"
    return "incomplete" if there else "missing"


def missing(names: Iterable[str] | None = None, *, within: Catalogue | None = None) -> list[Model]:
    """The models among `names`, or of the default set, that are not ready; looks at sizes only and takes a millisecond.

    Raises:
        ModelError: a name is not known.
    """
    shelf = within or catalogue.default()
    wanted = (
        [model for model in shelf.models if model.default]
        if names is None
        else [shelf.find(n) for n in names]
    )
    return [model for model in wanted if standing(model) not in {"ready", "unknown"}]


def installed() -> list[Model]:
    """Models on this machine that are not in the catalogue but came from the hub, by name."""
    in_catalogue = {model.name for model in catalogue.models()}
    found = []
    for source in sorted(paths.models_dir().glob(f"[!.]*/{_SOURCE}")):
        if source.parent.name in in_catalogue:
            continue
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(source.read_text(encoding="utf-8"))
            bare = Model(
                name=source.parent.name,
                kind=content["kind"],
                title=content["title"],
                hub=Hub(**content["hub"]),
                aliases=(content["handle"],),
            )
            found.append(_from_source(bare, content))
    return found


def resolve(name: str, kind: Kind, *, within: Catalogue | None = None) -> Path:
    """Where the weights called `name` are: a folder for `stt`, a .gguf file for `llm`, an .onnx file for `tts` and `turn`.

    Args:
        name: a name of the catalogue or of a family, `hf:owner/repo[/file]` that has been pulled, or a path.

    Raises:
        ModelError: not known, not here, incomplete, of a wrong size, or of another kind. Digests are not checked: see `verify`.
    """
    local = paths.expand(name, "The model")
    if not name.startswith("hf:") and _is_path(name):
        return _check_local(local, kind)
    try:
        model = (within or catalogue.default()).find(name)
    except ModelError:
        if paths.there(local):
            return _check_local(local, kind)
        raise
    if model.kind != kind:
        raise ModelError(
            f"{model.handle} is for {KINDS[model.kind]}, not for {KINDS[kind]}.",
            remedy=f"See: vita models list --kind {kind}",
        )
    model = known(model)
    place = folder(model)
    state = standing(model)
    remedy = f"vita models pull {model.handle}"
    if state == "missing":
        raise ModelError(f"The weights of {model.handle} are not on this machine.", remedy=remedy)
    if state in {"incomplete", "damaged"}:
        problems = "; ".join(
            _problem(place / file.name, file) for file in model.files if _problem(place / file.name, file)
        )
        raise ModelError(f"The weights of {model.handle} are {state}: {problems}.", remedy=remedy)
    target = place / model.entry if model.entry else place
    return _check_local(target, kind) if state == "unknown" else target


def _is_path(name: str) -> bool:
    return name.startswith(("~", ".")) or "/" in name or "\\" in name or name.endswith((".gguf", ".onnx"))


def _problem(path: Path, file: File) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return f"{file.name} is missing"
    return "" if size == file.size else f"{file.name} has {size:,} bytes instead of {file.size:,}"


def _check_local(path: Path, kind: Kind) -> Path:
    """`path`, when it looks like weights for `kind`; a folder that holds exactly one fitting file stands for that file.

    Raises:
        ModelError: it does not.
    """
    if not path.exists():
        raise ModelError(
            f"There is no file or folder {path}.", remedy="Give a path, or a name: vita models list"
        )
    if kind == "stt":
        place = path.parent if path.name == "model.bin" else path
        if not (place / "model.bin").is_file():
            raise ModelError(
                f"{path} is not a CTranslate2 Whisper model: it has no model.bin.",
                remedy="Give the folder in which model.bin and config.json lie.",
            )
        return place
    suffix = ".gguf" if kind == "llm" else ".onnx"
    if path.is_dir():
        fitting = sorted(path.glob(f"*{suffix}"))
        if len(fitting) != 1:
            many = "more than one" if fitting else "no"
            raise ModelError(
                f"{path} holds {many} {suffix} file.", remedy=f"Give the path of a {suffix} file."
            )
        path = fitting[0]
    if kind == "llm":
        _check_gguf(path)
    elif kind == "tts" and (path.suffix != ".onnx" or not Path(f"{path}.json").is_file()):
        raise ModelError(
            f"{path} is not a Piper voice: an .onnx file with its .onnx.json beside it is needed.",
            remedy="Put both files into one folder.",
        )
    return path


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from None
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF file.", remedy="Give a model in llama.cpp's GGUF format.")


def hasher(file: File) -> hashlib._Hash:
    """A hash object for the digest that `file` is known by."""
    if file.algorithm == "sha256":
        return hashlib.sha256()
    # Git's own object id, which the hub publishes; TLS and the size guard the rest.
    return hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)


def check_file(
    path: Path,
    file: File,
    *,
    on_bytes: Callable[[int], None] | None = None,
    cancelled: threading.Event | None = None,
) -> Literal["ok", "missing", "size", "digest"]:
    """Read all of `path` and compare it with what `file` must be.

    Raises:
        OSError: it cannot be read.
        Cancelled: `cancelled` was set.
    """
    try:
        if path.stat().st_size != file.size:
            return "size"
        digest = hasher(file)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                if cancelled is not None and cancelled.is_set():
                    raise Cancelled
                digest.update(chunk)
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except FileNotFoundError:
        return "missing"
    return "ok" if digest.hexdigest() == file.digest else "digest"


def verify(
    model: Model,
    *,
    on_bytes: Callable[[int], None] | None = None,
    cancelled: threading.Event | None = None,
) -> list[FileReport]:
    """Check every byte of `model`.

    Args:
        on_bytes: called with the size of each piece that has been read.
        cancelled: ends it with `Cancelled` when set.

    Raises:
        ModelError: nothing is known that it could be compared with.
    """
    model = known(model)
    if not model.pinned:
        raise ModelError(
            f"{model.handle} was not fetched by VITA, so there is nothing to compare it with.",
            remedy=f"vita models pull {model.handle}",
        )
    place = folder(model)
    reports = []
    for file in model.files:
        detail = ""
        state: Literal["ok", "missing", "size", "digest", "unreadable"]
        try:
            state = check_file(place / file.name, file, on_bytes=on_bytes, cancelled=cancelled)
        except OSError as error:
            state, detail = "unreadable", error.strerror or str(error)
        if state == "size":
            detail = _problem(place / file.name, file)
        elif state == "digest":
            detail = f"{file.name} is not the published file"
        reports.append(FileReport(model.name, file.name, state, file.size, detail))
    return reports


def remove(model: Model) -> int:
    """Delete the weights of `model` and what is left of fetching it; returns the bytes that were freed.

    Raises:
        ModelError: it cannot be deleted, or another VITA is fetching it now.
    """
    from vita_tui.models.lock import model_lock

    freed = 0
    with model_lock(model):
        for place in (folder(model), incoming(model)):
            try:
                if place.is_symlink():
                    place.unlink()
                elif place.is_dir():
                    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
                    shutil.rmtree(place)
                    freed += size
            except OSError as error:
                raise ModelError(f"{place} cannot be deleted: {error.strerror or error}.") from None
    return freed
