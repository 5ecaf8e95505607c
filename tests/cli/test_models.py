"""`vita models` as a user sees it: what is printed where, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.models.support import FILES, Answer, Site, hub_path, repo_info, serving, write_catalogue
from vita_tui.cli.models import app
from vita_tui.cli.progress import amount, time_left
from vita_tui.errors import ModelError
from vita_tui.models import catalogue, installed

ROOT = Path(__file__).parents[2]
run = CliRunner().invoke


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The catalogue holds the model `toy` only, and this hub serves it."""
    shelf = catalogue.load(write_catalogue(tmp_path, wheels=False))
    monkeypatch.setattr(catalogue, "default", lambda: shelf)
    with serving() as site:
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        for name, data in FILES.items():
            site.put(hub_path(name), Answer(data))
        yield site


def test_pull_says_nothing_on_stdout(hub: Site) -> None:
    result = run(app, ["pull"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "toy: downloading model.bin (hub)" in result.stderr
    assert "Ready: toy (1 MB)." in result.stderr
    assert installed.standing(catalogue.find("toy")) == "ready"


def test_a_quiet_pull_says_nothing_at_all(hub: Site) -> None:
    result = run(app, ["pull", "toy", "--quiet"])
    assert (result.exit_code, result.output) == (0, "")


def test_pull_wants_names_or_all(hub: Site) -> None:
    assert run(app, ["pull", "toy", "--all"]).exit_code == 2
    assert hub.requests == []


def test_list_as_json(hub: Site) -> None:
    def states() -> list[tuple[str, str]]:
        return [(entry["name"], entry["state"]) for entry in json.loads(run(app, ["list", "--json"]).stdout)]

    assert states() == [("toy", "missing")]
    run(app, ["pull", "-q"])
    assert states() == [("toy", "ready")]
    (installed.folder(catalogue.find("toy")) / "config.json").unlink()
    assert states() == [("toy", "incomplete")]


def test_list_shows_what_is_here_and_what_to_do() -> None:
    result = run(app, ["list"])
    assert result.exit_code == 0
    for model in catalogue.models():
        assert model.name in result.stdout
    assert "vita models pull" in result.stderr
    only_voices = run(app, ["list", "--kind", "tts"]).stdout
    assert "en_US-joe-medium" in only_voices
    assert "whisper-base" not in only_voices
    assert "turbo" not in only_voices


def test_list_offers_what_can_be_fetched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")  # a name in one line
    shown = {kind: run(app, ["list", "--kind", kind]).stdout for kind in ("stt", "llm", "tts")}
    for offer in catalogue.default().offers:
        assert offer.name in shown[offer.kind]
        assert catalogue.find(offer.name).kind == offer.kind
        assert not catalogue.find(offer.name).pinned


def test_verify_names_the_damaged_file_and_the_remedy(hub: Site) -> None:
    run(app, ["pull", "-q"])
    assert run(app, ["verify"]).stdout.splitlines() == ["✓ toy/model.bin", "✓ toy/config.json"]
    (installed.folder(catalogue.find("toy")) / "model.bin").write_bytes(bytes(len(FILES["model.bin"])))
    result = run(app, ["verify", "--json"])
    assert [(r["file"], r["state"]) for r in json.loads(result.stdout)] == [
        ("model.bin", "digest"),
        ("config.json", "ok"),
    ]
    assert isinstance(result.exception, ModelError)
    assert "toy/model.bin" in result.exception.message
    assert result.exception.remedy == "vita models pull toy"


def test_path(hub: Site) -> None:
    run(app, ["pull", "-q"])
    assert Path(run(app, ["path", "t"]).stdout.strip()) == installed.folder(catalogue.find("toy"))


@pytest.mark.parametrize(("answer", "stays"), [("n\n", True), ("y\n", False)])
def test_remove_asks(hub: Site, answer: str, stays: bool) -> None:
    run(app, ["pull", "-q"])
    result = run(app, ["remove", "toy"], input=answer)
    assert result.exit_code == int(stays)
    assert installed.folder(catalogue.find("toy")).exists() is stays


def test_remove_of_what_is_not_here(hub: Site) -> None:
    result = run(app, ["remove", "toy", "--yes"])
    assert result.exit_code == 1
    assert "not on this machine" in result.stderr


def vita(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vita_tui", "models", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_error_is_a_sentence_a_remedy_and_exit_code_3() -> None:
    process = vita("path", "small")
    out, error = process.communicate()
    assert (process.returncode, out) == (3, "")
    assert error.splitlines() == [
        "vita: The weights of whisper-small are not on this machine.",
        "  → vita models pull whisper-small",
    ]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_a_pull_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as site:
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        files = {"model.bin": b"M" * 1_000_000, "config.json": b"{}"}
        site.put("/api/models/other/whisper/revision/main", repo_info("other/whisper", files))
        site.put(
            f"/other/whisper/resolve/{'1' * 40}/model.bin",
            Answer(files["model.bin"], limit=1000, then="stall"),
        )
        with vita("pull", "hf:other/whisper") as process:
            assert site.stalled.wait(60)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_figures_for_people() -> None:
    assert [amount(0), amount(512_000), amount(98_362_432)] == ["0 kB", "512 kB", "98.4 MB"]
    assert [time_left(None), time_left(5), time_left(65)] == ["", "0:05", "1:05"]
