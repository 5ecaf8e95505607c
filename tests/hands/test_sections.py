"""Long replies are cut into sections, each Markdown by itself, and nothing is lost or changed by that."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from vita_tui.tui.sections import SECTION, SectionCutter

ROWS = tomllib.loads(Path(__file__).with_suffix(".toml").with_stem("sections").read_text())["reply"]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
@pytest.mark.parametrize("pace", [7, 4096, 10**9], ids=["words", "pages", "whole"])
def test_every_section_is_whole_by_itself(row: dict[str, Any], pace: int) -> None:
    source = row.get("head", "") + row["unit"] * row["times"]
    sections = _cut(source, pace)
    assert "".join(text for _, text in sections) == source
    assert len(sections) >= row["least"]
    assert all(len(text) <= 6 * SECTION for _, text in sections)
    repeated, text = sections[1]
    assert (repeated + text).startswith(row["first"])


def test_where_pieces_end_makes_no_difference() -> None:
    source = "# Gulls\n\nOne.\n\n```c\nint x;\n\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" * 300
    assert _cut(source, 3) == _cut(source, 1000)


def test_a_short_reply_is_one_section() -> None:
    assert _cut("Gulls are clever.\n\n- one\n- two\n", 5) == [("", "Gulls are clever.\n\n- one\n- two\n")]


def test_what_is_rendered_is_what_the_whole_would_be() -> None:
    parser = MarkdownIt("commonmark").enable("table")
    source = "## A heading\n\nSome *words*.\n\n- one\n- two\n\n```py\nx = 1\n\ny = 2\n```\n\n" * 200
    apart = "".join(parser.render(repeated + text) for repeated, text in _cut(source, 11))
    assert apart == parser.render(source)


def _cut(source: str, pace: int) -> list[tuple[str, str]]:
    cutter = SectionCutter()
    sections = [("", "")]
    for start in range(0, len(source), pace):
        (_, more), *others = cutter.feed(source[start : start + pace])
        repeated, text = sections[-1]
        sections[-1] = (repeated, text + more)
        sections += others
    return sections
