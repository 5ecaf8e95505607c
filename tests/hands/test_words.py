"""One word for one thing, the field's own: private words stay out of what people read, and no two types share a name."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS: list[dict[str, str]] = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))["word"]
SAME = {"Json", "Floats", "RegexMatch", "Work", "T", "E"}
"""Aliases of the same thing, and type variables."""


def sources() -> Iterator[Path]:
    yield from sorted((ROOT / "vita_tui").rglob("*.py"))


def pages() -> Iterator[Path]:
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted(ROOT.glob("*.md"))


def prose() -> Iterator[tuple[str, str]]:
    """A place, and what is read there: strings with words between blanks, and comments, joined over their lines."""
    for path in sources():
        name = str(path.relative_to(ROOT))
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
                yield f"{name}:{node.lineno}", node.value
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield f"{name}:{token.start[0]}", token.string
    for path in pages():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.fixture(scope="module")
def read() -> list[tuple[str, str]]:
    return [(where, " ".join(text.split())) for where, text in prose()]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word["instead"])
def test_people_read_the_words_of_the_field(read: list[tuple[str, str]], word: dict[str, str]) -> None:
    allowed = re.compile(word.get("except", r"(?!)"))
    found = [
        f"{where}: {match[0]!r}"
        for where, text in read
        for match in re.finditer(word["never"], allowed.sub("", text))
        if "never mind" not in text  # what a person says
    ]
    assert not found, f"write {word['instead']}"


def test_no_two_types_have_one_name() -> None:
    places = defaultdict(list)
    for path in sources():
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [one.id for one in node.targets if isinstance(one, ast.Name)]
            for name in names:
                if re.fullmatch(r"_?[A-Z][A-Za-z]*[a-z][A-Za-z]*", name) and name not in SAME:
                    places[name].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


NAMED_FOR_A_ROOM = ("vita_tui/events/", "vita_tui/settings/sections/")
"""Folders with one file for each room: its events, its settings."""
SAME_THING = (
    "app ask base devices fake fetch history metrics progress speech spoken turn turns weights".split()
)
"""Files of one name that are about one thing: in the room that does it, the command for it, the screen or the bench of it."""
TOLD_APART = "commands files live server".split()
"""Files of one name that their rooms tell apart: `tools/files.py` has the tools that read files, `audio/files.py` plays them."""


def test_no_two_files_have_one_name_for_different_things() -> None:
    places = defaultdict(list)
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        if not path.stem.startswith("__") and not place.startswith(NAMED_FOR_A_ROOM):
            places[path.stem].append(place)
    double = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in double.items() if name not in (*SAME_THING, *TOLD_APART)} == {}
