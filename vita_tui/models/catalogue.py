"""The catalogue of weights: which models there are, what they consist of, and where they come from.

The data is in `catalogue.toml` beside this file. A name that is not in it may still be one of a family (`small` is a Whisper, any
Piper voice has a name such as `de_DE-thorsten-medium`) or a place on the hub (`hf:owner/repo/file`): such a model has no files here,
because the hub says what they are when it is fetched.
"""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from vita_tui.errors import ModelError

__all__ = [
    "KINDS",
    "Catalogue",
    "File",
    "Hub",
    "Kind",
    "Model",
    "ModelOffer",
    "Wheel",
    "default",
    "find",
    "is_inside",
    "load",
    "models",
]

Kind = Literal["stt", "llm", "tts", "turn"]

KINDS: Mapping[Kind, str] = {
    "stt": "speech recognition",
    "llm": "replies",
    "tts": "speech",
    "turn": "the end of a turn",
}
"""What each kind is for, as said in sentences."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_DIGESTS = {"sha256": re.compile(r"[0-9a-f]{64}"), "git-sha1": re.compile(r"[0-9a-f]{40}")}
_HF = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.-]+))?(?:/(?P<path>[\w.+/ -]+))?")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model."""

    name: str
    """Its path inside the model's folder, with forward slashes."""
    size: int
    """Bytes."""
    digest: str
    """Lower-case hexadecimal."""
    algorithm: Literal["sha256", "git-sha1"] = "sha256"
    """`git-sha1` is what the hub has for small files of models that are not in the catalogue: SHA-1 of "blob SIZE\\0" and the bytes."""

    def __post_init__(self) -> None:
        """Refuse what cannot be right, whoever said it: names and digests become paths.

        Raises:
            ValueError: the name leads out of the folder, or size or digest are none.
        """
        _require(is_inside(self.name), f"{self.name!r} is not inside the model's folder")
        _require(isinstance(self.size, int) and self.size > 0, f"{self.name} has no size")
        pattern = _DIGESTS.get(self.algorithm)
        _require(pattern is not None and bool(pattern.fullmatch(self.digest)), f"{self.name} has no digest")


@dataclass(frozen=True, slots=True)
class Hub:
    """Where a model is on the hub."""

    repo: str
    """Such as "Systran/faster-whisper-base"."""
    revision: str
    """Commit, tag or branch."""
    folder: str = ""
    """The folder of the repository that the files' names are relative to."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package that carries files of a model."""

    package: str
    version: str
    size: int
    """Bytes of the wheel itself."""
    members: tuple[tuple[str, str], ...]
    """(member of the archive, file of the model); members of one file, over all wheels, are joined in this order."""


@dataclass(frozen=True, slots=True)
class Model:
    """Weights for one job."""

    name: str
    """Also the name of its folder."""
    kind: Kind
    title: str
    hub: Hub
    about: str = ""
    licence: str = ""
    aliases: tuple[str, ...] = ()
    default: bool = False
    """It is fetched on a first run."""
    entry: str = ""
    """The file that an engine is pointed at; empty when that is the folder itself."""
    files: tuple[File, ...] = ()
    """Empty for a model that only the hub knows."""
    wheels: tuple[Wheel, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    """(question, answer): what a small language model is shown before a conversation, so that it answers alike."""
    repeat_penalty: float | None = None
    """What keeps a small language model from saying the same again, as llama.cpp counts it; None for the server's own."""
    short_keys: bool = False
    """Whether a language model's heads are a multiple of 32 wide, so that keys can be kept in 8 bits."""

    @property
    def handle(self) -> str:
        """What a user writes to mean this model."""
        return self.aliases[0] if self.name.startswith("hf--") else self.name

    @property
    def pinned(self) -> bool:
        """Whether sizes and digests are known before anything is fetched."""
        return bool(self.files)

    @property
    def size(self) -> int:
        """Bytes of all files; 0 when they are not known yet."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class _ModelFamily:
    kind: Kind
    title: str
    name: str
    match: re.Pattern[str]
    source: str


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A name of a family that is worth naming."""

    name: str
    kind: Kind
    size: int
    """Bytes, about."""
    about: str
    title: str = ""
    """Empty where the name says it."""
    work: float = 0.0
    """Of a recognizer's encoder, over that of Whisper base; 0 for what is no recognizer."""


class Catalogue:
    """Models by name."""

    def __init__(
        self,
        models: Iterable[Model],
        families: Iterable[_ModelFamily] = (),
        offers: Iterable[ModelOffer] = (),
    ) -> None:
        self.models = tuple(models)
        self.offers = tuple(offers)
        self._families = tuple(families)
        self._by_name = {
            name.casefold(): model for model in self.models for name in (model.name, *model.aliases)
        }

    def find(self, name: str) -> Model:
        """The model called `name`: a name or short name of the catalogue or of a family, or `hf:owner/repo[@revision][/file]`.

        Raises:
            ModelError: there is no such model; says which name is near.
        """
        if name.startswith("hf:"):
            return _from_hub(name)
        if model := self._by_name.get(name.casefold()):
            return model
        for family in self._families:
            if match := family.match.fullmatch(name):
                words = match.groupdict()
                on_hub = _from_hub(family.source.format(**words))
                return replace(
                    on_hub,
                    name=family.name.format(**words),
                    kind=family.kind,
                    title=family.title.format(**words),
                )
        near = difflib.get_close_matches(name.casefold(), self._by_name, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise ModelError(f"There is no model called {name}.{meant}", remedy="See: vita models list")


@functools.lru_cache(maxsize=1)
def default() -> Catalogue:
    """The catalogue that comes with VITA."""
    return load(Path(__file__).with_name("catalogue.toml"))


def models() -> tuple[Model, ...]:
    """All models of the catalogue, the default set first within each kind."""
    return default().models


def find(name: str) -> Model:
    """`Catalogue.find` on the catalogue that comes with VITA."""
    return default().find(name)


def load(file: Path) -> Catalogue:
    """Read a catalogue.

    Raises:
        ModelError: the file cannot be read, or something in it cannot be right.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        found = [_model(entry) for entry in content.get("model", [])]
        families = [
            _ModelFamily(
                _kind(entry), entry["title"], entry["name"], re.compile(entry["match"]), entry["source"]
            )
            for entry in content.get("family", [])
        ]
        offers = [
            ModelOffer(
                entry["name"],
                _kind(entry),
                entry["bytes"],
                entry["about"],
                entry.get("title", ""),
                entry.get("work", 0.0),
            )
            for entry in content.get("offer", [])
        ]
        names = [name.casefold() for model in found for name in (model.name, *model.aliases)]
        _require(len(names) == len(set(names)), "two models have one name")
    except (OSError, ValueError, TypeError, AttributeError, re.error) as error:
        raise ModelError(f"The catalogue {file} is damaged: {error}.", remedy="Install VITA again.") from None
    except KeyError as error:
        raise ModelError(
            f"The catalogue {file} is damaged: {error} is missing.", remedy="Install VITA again."
        ) from None
    return Catalogue(found, families, offers)


def _model(entry: Mapping[str, Any]) -> Model:
    name = entry["name"]
    files = tuple(File(file["name"], file["size"], file["sha256"]) for file in entry["file"])
    wheels = tuple(
        Wheel(wheel["package"], wheel["version"], wheel["size"], tuple(wheel["members"].items()))
        for wheel in entry.get("wheel", [])
    )
    known = {file.name for file in files}
    carried = {target for wheel in wheels for _, target in wheel.members}
    _require(bool(_NAME.fullmatch(name)), f"{name!r} is no name for a folder")
    _require(bool(files), f"{name} has no files")
    _require(len(known) == len(files), f"{name} lists a file twice")
    _require(not wheels or carried == known, f"{name}: the wheels' members are not its files")
    entry_file = entry.get("entry", "")
    _require(not entry_file or entry_file in known, f"{name}: {entry_file!r} is not one of its files")
    return Model(
        name=name,
        kind=_kind(entry),
        title=entry["title"],
        about=entry.get("about", ""),
        licence=entry.get("licence", ""),
        aliases=tuple(entry.get("aliases", ())),
        default=entry.get("default", False),
        entry=entry_file,
        hub=Hub(entry["repo"], entry["revision"], entry.get("folder", "")),
        files=files,
        wheels=wheels,
        examples=tuple((example["question"], example["answer"]) for example in entry.get("example", ())),
        repeat_penalty=entry.get("repeat_penalty"),
        short_keys=entry.get("short_keys", False),
    )


def _kind(entry: Mapping[str, Any]) -> Kind:
    kind: Kind = entry["kind"]
    _require(kind in get_args(Kind), f"{kind!r} is no kind of model")
    return kind


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def is_inside(name: str) -> bool:
    """Whether `name` is a plain relative path that stays inside the folder it is joined to, on every platform."""
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not set(name) & set("\\:\0")
    )


def _from_hub(spec: str) -> Model:
    """The model at `hf:owner/repo[@revision][/file]`; its kind follows from the file's ending, a whole repository is a Whisper."""
    match = _HF.fullmatch(spec)
    path = (match["path"] or "").strip("/") if match else ""
    if (
        match is None
        or (path and not is_inside(path))
        or any(part in {".", ".."} for part in match["repo"].split("/"))
    ):
        raise ModelError(
            f"{spec} is not a place on the hub.",
            remedy="Write hf:owner/repo for a Whisper, or hf:owner/repo/file.",
        )
    suffix = PurePosixPath(path).suffix
    kinds: dict[str, Kind] = {"": "stt", ".gguf": "llm", ".onnx": "tts"}
    kind = kinds.get(suffix if path else "")
    if kind is None or (path and not suffix):
        raise ModelError(
            f"{spec} is neither a .gguf file, an .onnx voice, nor a whole repository.",
            remedy="Name the file: hf:owner/repo/file.gguf",
        )
    folder, _, name = path.rpartition("/")
    place = spec.removeprefix("hf:").rstrip("/").replace("/", "--").replace("@", "--")
    return Model(
        name=f"hf--{place}",
        kind=kind,
        title=spec,
        hub=Hub(match["repo"], match["revision"] or "main", folder),
        aliases=(spec,),
        entry=name,
    )
