"""Reading takes time in proportion to the text: shown by counting, for every pattern and for what is read again."""

from __future__ import annotations

from re import _constants as ops  # type: ignore[attr-defined]  # what a pattern is made of, without types
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from vita_tui.text import spoken as reader
from vita_tui.text.markup import MARKUP, PUNCTUATION
from vita_tui.text.patterns import pieces
from vita_tui.text.spoken import MAX_TEXT, OTHERS, grammar, spoken

LANGUAGES = ("en", "de", "fr", "es")
FARTHEST = 3000
"""Characters that a pattern may look at, at one place of the text."""
WHOLE_RUNS = frozenset(
    # Their run is taken, and not looked at again: nothing after it can fail.
    {"control", "newline", "ellipsis", "dash", "bracket", "word"}
    # They begin at the start of a line, or with an escape character that the run does not hold.
    | {"terminal", "fence", "rule", "line", "citation", "item"}
)
"""Patterns with a repetition that has no bound, and why that is linear all the same."""
PATTERNS = [
    *((f"all {name}", name, pattern) for name, pattern in (*MARKUP, *PUNCTUATION, *OTHERS)),
    *(
        (f"{code} {name}", name, pattern)
        for code in LANGUAGES
        if (language := grammar(code))
        for name, pattern in pieces(language)
    ),
]


def farthest(part: Any) -> float:
    """Characters that a parsed pattern looks at, at most; what looks ahead counts too."""
    total = 0.0
    for op, value in part:
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            most = float("inf") if value[1] == ops.MAXREPEAT else value[1]
            total += most * farthest(value[2])
        elif op is ops.BRANCH:
            total += max(farthest(branch) for branch in value[1])
        elif op is ops.SUBPATTERN:
            total += farthest(value[3])
        elif op in (ops.ASSERT, ops.ASSERT_NOT):
            total += farthest(value[1])
        elif op is ops.GROUPREF_EXISTS:
            total += max(farthest(one) for one in value[1:] if one)
        elif op is ops.ATOMIC_GROUP:
            total += farthest(value)
        elif op is ops.GROUPREF:
            total += 20
        elif op is not ops.AT:
            total += 1
    return total


@pytest.mark.parametrize(("name", "pattern"), [one[1:] for one in PATTERNS], ids=[one[0] for one in PATTERNS])
def test_a_pattern_looks_at_a_bounded_part_of_the_text(name: str, pattern: str) -> None:
    seen = farthest(parser.parse(pattern))
    assert (seen == float("inf")) == (name in WHOLE_RUNS) or seen <= FARTHEST, (
        f"{name} looks at {seen:g} characters"
    )


def test_an_endless_pattern_is_found() -> None:
    assert farthest(parser.parse(r"\d+x")) == float("inf")
    assert farthest(parser.parse(r"(?=a{0,7})[bc]{2}(?:de|f){3}")) == 15


UNITS = (
    "`", "[", "<a", "1,", "- ", "a@", "1-", "a.", "/a", "$", "\x1b", "*", "#", "9", " ", "\n", "(", "a_", "<!--", "&a", "![a](", "$x", "\\(", "$$",
    "\\frac{", "<b>", "List<", "1e", "x^", "[a](b) ", "`a` ", "<Enter> ", "$x^2$ ", "am 3. ", "https://a.b/c ", "&lt;", "{", "^{",
)  # fmt: skip


@pytest.mark.parametrize("language", [*LANGUAGES, "it"])
def test_text_is_read_at_most_a_few_times(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as much text is twice as much reading, whatever is read again."""
    read = 0
    whole = reader._Reader.read

    def counted(self: Any, text: str) -> None:
        nonlocal read
        read += len(text)
        whole(self, text)

    monkeypatch.setattr(reader._Reader, "read", counted)
    for unit in UNITS:
        counts = []
        for size in (500, 1000):
            read = 0
            said = spoken(unit * (size // len(unit)), language)
            counts.append(read)
            assert len(said) <= 10 * size, unit
        assert counts[1] <= 2.2 * counts[0] + 200, unit
        assert counts[1] <= 12 * 1000, unit


def test_what_is_too_long_is_left_out() -> None:
    assert len(spoken("a " * MAX_TEXT).split()) == MAX_TEXT // 2
