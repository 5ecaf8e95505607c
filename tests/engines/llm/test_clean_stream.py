"""What a model may put on the screen and into the voice: text, whatever it sends and however it is cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.engines.llm.clean_stream import Cleaner

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def clean(deltas: Iterable[str]) -> str:
    cleaner = Cleaner()
    return "".join([cleaner.feed(delta) for delta in deltas]) + cleaner.finish()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("red \x1b[1;31malert\x1b[0m!", "red alert!"),
        ("a\x1b]0;a new title\x07b", "ab"),
        ("a\x1b]52;c;cm0gLXJm\x1b\\b", "ab"),
        ("a\x1bP1$tx\x1b\\b", "ab"),
        ("a\x1b(Bb\x1bcd", "abd"),
        ("a\x9b2Jb", "ab"),
        ("tab\tand\r\nline\nstay", "tab\tand\nline\nstay"),
        ("family: 👩\u200d👩\u200d👧", "family: 👩\u200d👩\u200d👧"),
    ],
)
def test_wherever_it_is_cut_the_same_text_comes_out(raw: str, text: str) -> None:
    assert clean([raw]) == text
    assert clean(raw) == text
    for cut in range(len(raw)):
        assert clean([raw[:cut], raw[cut:]]) == text


def test_an_escape_sequence_that_breaks_off_leaves_nothing() -> None:
    assert clean(["well\x1b[3"]) == "well"
    assert clean(["well\x1b"]) == "well"


def test_an_escape_that_never_ends_does_not_swallow_the_reply() -> None:
    told = clean(["\x1b]", *(["a word "] * 1000)])
    assert told.count("a word") == 1000


@pytest.mark.parametrize("control", BIDI)
def test_directions_cannot_be_overridden(control: str) -> None:
    assert clean([f"pay {control}100{control} now"]) == "pay 100 now"


_piece = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["\x1b", "\x1b[", "\x1b]0;", "31m", "\x07", "\x9b", "<", "\r", *BIDI]),
)


@given(st.lists(_piece, max_size=12))
def test_no_control_character_ever_comes_out(deltas: list[str]) -> None:
    out = clean(deltas)
    assert [c for c in out if unicodedata.category(c) == "Cc" and c not in "\t\n"] == []
    assert not set(out) & set(BIDI)


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=12), max_size=12))
def test_plain_text_comes_out_whole(deltas: list[str]) -> None:
    text = "".join(deltas)
    assert clean(deltas) == text
