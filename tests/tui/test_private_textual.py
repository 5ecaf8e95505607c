"""A Textual whose private parts are others than today: the screen opens, and what it can do without them it does."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
import textwrap

import pytest

from tests.conftest import ROOT
from tests.tui.test_terminal import Terminal
from vita_tui.tui import private_textual

PARTS = sorted(private_textual.PARTS)


def test_this_textual_has_all_parts() -> None:
    assert [name for name, find in private_textual.PARTS.items() if find() is None] == []


@pytest.mark.parametrize(
    "parts",
    [
        *(pytest.param(part, id=part, marks=pytest.mark.long) for part in PARTS),
        pytest.param(",".join(PARTS), id="all"),
    ],
)
def test_the_screen_opens_and_answers_without(parts: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tui.without", parts, "headless"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Gulls are clever birds." in done.stdout
    assert set(done.stdout.splitlines()[-1].partition(":")[2].split()) == set(parts.split(","))


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("parts", ["key_parser", "terminal_driver", ",".join(PARTS)])
def test_the_program_opens_answers_and_leaves_without(parts: str) -> None:
    terminal = Terminal(parts, program="tests.tui.without")
    try:
        terminal.read_until(b"idle")
        terminal.press(b"hello\r")
        terminal.read_until(b"Gulls.")
        terminal.press(b"\x00")  # ctrl+space
        terminal.read_until(b"listening")
        terminal.press(b"\x11")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_nobody_else_imports_what_is_private() -> None:
    allowed = {"private_textual.py"}
    found = set()
    for file in (ROOT / "vita_tui").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        typed = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for part in node.body
            for inner in ast.walk(part)
        }
        for node in ast.walk(tree):
            if id(node) in typed or not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            path = node.module.split(".")
            if path[0] == "textual" and any(name.startswith("_") for name in path):
                found.add(file.name)
    assert found <= allowed


OTHERS: dict[str, set[str]] = {
    "VitaApp": {"_driver", "_handle_exception"},  # looked for with a default; only overridden
    "BaseApp": {"_notifications", "_unnotify"},
    "Paragraph": {"_content"},
    "Prompt": {"_on_key", "_replace_via_keyboard"},  # a handler by name; looked for with a default
    "Attaching": {"_on_paste"},
    "Line": {"_on_key"},
}
"""Names of Textual's that begin with an underscore and are used by a class of the screen; the rest is guarded by `private_textual`."""


@pytest.mark.long
def test_no_class_uses_a_private_name_that_nobody_guards() -> None:
    import importlib
    import pkgutil

    from vita_tui import tui

    found: dict[str, set[str]] = {}
    for module in pkgutil.walk_packages(tui.__path__, "vita_tui.tui."):
        if os.name != "posix" and module.name.endswith(("guard", "native_output")):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(kind) and kind.__module__ == module.name:
                theirs = {
                    name
                    for base in kind.__mro__
                    if base.__module__.startswith("textual")
                    for name in _private(base)
                }
                if used := theirs & _private(kind):
                    found[kind.__name__] = used
    for name, used in found.items():
        assert used <= OTHERS.get(name, set()), name


def _private(kind: type) -> set[str]:
    """Names with one underscore that a class defines or uses of itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name | ast.Call)
            and ast.unparse(node.value) in ("self", "super()")
        ):
            names.add(node.attr)
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def test_the_table_names_every_part() -> None:
    document = private_textual.__doc__ or ""
    assert all(f"`{name}`" in document for name in private_textual.PARTS)
