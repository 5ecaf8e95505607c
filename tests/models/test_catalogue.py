"""The catalogue as data, names, and places on the hub."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.support import write_catalogue
from vita_tui.errors import ModelError
from vita_tui.models import catalogue


@pytest.mark.parametrize(
    ("name", "found", "kind"),
    [
        ("base", "whisper-base", "stt"),
        ("Whisper-Base", "whisper-base", "stt"),
        ("tiny.en", "whisper-tiny.en", "stt"),
        ("smollm2-135m-instruct", "smollm2-135m-instruct", "llm"),
        ("joe", "en_US-joe-medium", "tts"),
        ("small", "whisper-small", "stt"),
        ("turbo", "whisper-large-v3-turbo", "stt"),
        ("distil-small.en", "whisper-distil-small.en", "stt"),
        ("de_DE-thorsten-medium", "de_DE-thorsten-medium", "tts"),
        ("hf:maker/toy", "hf--maker--toy", "stt"),
        ("hf:maker/toy@v1/a/b.gguf", "hf--maker--toy--v1--a--b.gguf", "llm"),
        ("hf:maker/toy/a/b.onnx", "hf--maker--toy--a--b.onnx", "tts"),
    ],
)
def test_names(name: str, found: str, kind: str) -> None:
    model = catalogue.find(name)
    assert (model.name, model.kind) == (found, kind)
    assert catalogue.find(model.handle) == model


def test_a_piper_voice_lies_where_pipers_own_downloader_looks() -> None:
    model = catalogue.find("de_DE-thorsten-medium")
    assert (model.hub.repo, model.hub.folder, model.entry) == (
        "rhasspy/piper-voices",
        "de/de_DE/thorsten/medium",
        "de_DE-thorsten-medium.onnx",
    )


def test_whisper_sizes_come_from_where_faster_whisper_takes_them() -> None:
    utils = pytest.importorskip("faster_whisper.utils")
    for size in (
        "tiny",
        "base",
        "small",
        "small.en",
        "medium",
        "large-v3",
        "turbo",
        "distil-large-v3",
        "distil-medium.en",
    ):
        assert catalogue.find(size).hub.repo == utils._MODELS[size]


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(ModelError, match="Did you mean base"):
        catalogue.find("bse")


@pytest.mark.parametrize(
    "place",
    [
        "hf:",
        "hf:a",
        "hf:../x",
        "hf:a/..",
        "hf:a/b/../../c.gguf",
        "hf:a/b/c.txt",
        "hf:a/b/c",
        "hf:a/b//x y\n.gguf",
    ],
)
def test_places_on_the_hub_that_are_none(place: str) -> None:
    with pytest.raises(ModelError):
        catalogue.find(place)


@given(st.text(alphabet=st.sampled_from("ab./\\:@- \0gufonx"), max_size=30))
def test_no_place_leads_out_of_the_models_folder(text: str) -> None:
    try:
        model = catalogue.find(f"hf:{text}")
    except ModelError:
        return
    assert re.fullmatch(r"hf--[\w.+ -]+", model.name)
    assert ".." not in Path(model.entry).parts
    assert ".." not in Path(model.hub.folder).parts


def test_everything_in_the_default_set_can_come_from_packages() -> None:
    kinds = [model.kind for model in catalogue.models() if model.default]
    assert sorted(kinds) == ["llm", "stt", "tts", "turn"]
    assert all(model.wheels and model.licence and model.hub.revision for model in catalogue.models())


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"stt"', '"recognizer"', "no kind"),
        ('name = "toy"', 'name = "../toy"', "no name for a folder"),
        ('name = "config.json"', 'name = "../config.json"', "not inside"),
        ('name = "config.json"', 'name = "model.bin"', "twice"),
        ("size = 9", "size = 0", "config.json has no size"),
        ('sha256 = "', 'sha256 = "x', "no digest"),
        ('title = "Toy"', "", "'title' is missing"),
        ('part2" = "model.bin"', 'part2" = "other.bin"', "members"),
        ("[[model]]", "[[model", "damaged"),
    ],
)
def test_a_damaged_catalogue_says_what_is_wrong(tmp_path: Path, old: str, new: str, why: str) -> None:
    file = write_catalogue(tmp_path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=why):
        catalogue.load(file)
