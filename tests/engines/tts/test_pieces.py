"""Long text in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.engines.tts.pieces import pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", ["short"]),
        ("One two. Three four five", ["One two.", "Three four five"]),
        ("one two, three four five", ["one two,", "three four five"]),
        ("one two three four five", ["one two three", "four five"]),
        ("... ?! ", []),
        ("", []),
        ("abcdefghijklmnopqrstuvwxyz ok", ["abcdefghijklmnop", "ok"]),
    ],
)
def test_pieces(text: str, expected: list[str]) -> None:
    assert list(pieces(text, 16)) == expected


@given(st.lists(st.from_regex(r"[a-z]{1,12}[,.]?", fullmatch=True)).map(" ".join), st.integers(13, 60))
def test_nothing_is_lost(text: str, longest: int) -> None:
    found = list(pieces(text, longest))
    assert " ".join(found) == text
    assert all(len(piece) <= longest for piece in found)
