"""What is generated from the program is as the program is now, and what documents point to is there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from scripts import docs
from vita_tui import settings
from vita_tui.cli.app import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
CHECKOUT = re.compile(r"`((?:vita_tui|tests|scripts|docs|completions|assets)/[\w./-]*\w)`")
MODULE = re.compile(r"python -m ((?:tests|scripts|vita_tui)[\w.]*\w)")
SETTING = re.compile(r"VITA_([A-Z]+)__([A-Z_]+)")


@pytest.mark.parametrize("name", docs.pages())
def test_a_generated_page_is_current(name: str) -> None:
    if name.startswith("docs/settings") or name.endswith(".1"):
        assert (ROOT / name).read_text(encoding="utf-8") == docs.pages()[name], "run scripts/docs"
    else:  # the wording of completions is the library's, of whichever version
        assert "_VITA_COMPLETE" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not (document.parent / link).exists()]
    missing += [path for path in CHECKOUT.findall(text) if not (ROOT / path).exists()]
    known = {name for name, _ in settings.fields()}
    missing += [
        found.group()
        for found in SETTING.finditer(text)
        if f"{found[1].lower()}.{found[2].lower()}" not in known
    ]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_commands_of_a_document_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = [f"python -m {name}" for name in MODULE.findall(text) if not _module(name).exists()]
    root = typer.main.get_command(app)
    for line in (
        *re.findall(r"`((?:[A-Z_]+=\S+ )*vita [^`]+)`", text),
        *re.findall(r"^vita .*", text, re.MULTILINE),
    ):
        words = line.partition("#")[0].split()
        words = words[words.index("vita") + 1 :]
        command: Any = root
        while words and not words[0].startswith("-") and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        unknown = [
            word for word in words if re.fullmatch(r"--[a-z][\w-]*", word) and word not in known | {"--help"}
        ]
        wrong = (
            bool(words)
            and hasattr(command, "commands")
            and re.fullmatch(r"[a-z][\w-]*", words[0]) is not None
        )
        missing += [f"{line}: {' '.join(unknown) or words[0]}"] if unknown or wrong else []
    assert not missing


def _module(name: str) -> Path:
    return ROOT / (name.replace(".", "/") + ".py")


def test_the_rooms_of_the_document_are_those_of_the_package_and_of_its_layers() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text[text.index("## The rooms") :].partition("\n## ")[0]
    parts = {
        file.name
        for file in (ROOT / "vita_tui").iterdir()
        if (file.suffix == ".py" and file.name != "__init__.py") or (file / "__init__.py").exists()
    }
    assert {part for part in parts if not re.search(rf"(?<!\w){re.escape(part)}", tree)} == set()
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = [
        {room.strip().removeprefix("vita_tui.") for room in floor.split("|")}
        for floor in layers["contracts"][0]["layers"]
    ]
    drawn = re.search(r"`(cli → [^`]*)`", tree)
    assert drawn is not None
    assert [set(floor.split(", ")) for floor in drawn[1].split(" → ")] == floors[1:]


def test_every_thread_is_in_the_table_of_who_runs_where() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Who runs where") :].partition("\n## ")[0]
    assert {name for name in _threads() if name not in table} == set()


def _threads() -> set[str]:
    """The names of threads, as they are written where one is started; of a name that is put together, what is written of it."""
    found: set[str] = set()
    for file in (ROOT / "vita_tui").rglob("*.py"):
        if file.is_relative_to(ROOT / "vita_tui" / "bench"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            names = [word.value for word in node.keywords if word.arg == "name"]
            if called.endswith("._thread"):
                names = node.args[:1]
            elif not (called.endswith("Thread") or any(word.arg == "daemon" for word in node.keywords)):
                continue
            for name in names:
                parts = name.values if isinstance(name, ast.JoinedStr) else [name]
                found |= {str(part.value).strip() for part in parts if isinstance(part, ast.Constant)}
    return found
