"""Words of a reply's Markdown are found again in what is shown of it."""

from __future__ import annotations

import pytest

from vita_tui.tui.reading_place import locate, locate_end

SHOWN = ["Two ways", "First, **wait** is bold: wait here.", "x = 1", "Wait here, or see the docs."]


@pytest.mark.parametrize(
    ("before", "words", "found"),
    [
        ("", "## Two ways\n\n", "Two ways"),
        ("## Two ways\n\n", "First, **wait** is", "First, **wait** is"),
        ("", "wait here.", "wait here"),
        ("First, wait is bold: ", "wait here", "wait here"),
        ("wait here. ", "Wait here, or", "Wait here, or"),
        ("", "see the [docs](http://example.org/a).", "see the docs"),
        ("", "nowhere", ""),
        ("", "her", ""),
        ("", "**", ""),
        ("", "", ""),
    ],
)
def test_where_a_sentence_is(before: str, words: str, found: str) -> None:
    place = locate(SHOWN, before, words)
    assert ("" if place is None else SHOWN[place.text][place.start : place.end]) == found


def test_the_same_words_are_told_apart_by_what_was_said_before() -> None:
    texts = ["Go left. Then go left.", "Go left."]
    places = [locate(texts, "Go left. " * number, "Go left.") for number in range(3)]
    assert [place and (place.text, place.start) for place in places] == [(0, 0), (1, 0), None]
    assert locate(["one two", "one two"], "one two ", "one two") is not None


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ("## Two ways\n\nFirst, **wa", ""),
        ("## Two ways\n\nFirst, **wait** is bold: wait", "First, **wait** is bold: wait"),
        ("## Two ways\n\nFirst, ", "First"),
        ("", ""),
    ],
)
def test_where_the_voice_stopped(said: str, end: str) -> None:
    place = locate_end(SHOWN, said)
    assert ("" if place is None else SHOWN[place.text][: place.end]) == end
