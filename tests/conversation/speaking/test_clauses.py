"""Replies cut into clauses: which clause comes after which token, and what holds for every reply."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.conversation.speaking.clauses import EXTRA_WORDS, POLICIES, Clause, ClauseCutter
from vita_tui.text.spoken import spoken


def cut(reply: str) -> list[Clause]:
    cutter = ClauseCutter()
    return [*cutter.feed(reply), *cutter.finish()]


def texts(reply: str) -> list[str]:
    return [clause.text for clause in cut(reply)]


def tokens(reply: str) -> list[str]:
    """As a language model gives them: words with the space before them, marks by themselves."""
    return re.findall(r"\s*\w+|\s*[^\w\s]|\s+", reply)


def arrivals(reply: str) -> list[tuple[int, str]]:
    """How many tokens had come when each clause was complete; 0 stands for the end of the reply."""
    cutter = ClauseCutter()
    found = []
    for number, token in enumerate(tokens(reply), 1):
        found += [(number, clause.text) for clause in cutter.feed(token)]
    return found + [(0, clause.text) for clause in cutter.finish()]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Yes. It is open.", [(3, "Yes. "), (0, "It is open.")]),
        ("Of course, I can help.", [(4, "Of course, "), (0, "I can help.")]),
        ("Well, it is so.", [(0, "Well, it is so.")]),
        (
            "Paris is the capital of France, a country in Europe.",
            [(8, "Paris is the capital of France, "), (0, "a country in Europe.")],
        ),
        (
            "I think it will rain because the clouds are dark.",
            [(7, "I think it will rain "), (0, "because the clouds are dark.")],
        ),
        ("Here is one: two.", [(5, "Here is one: "), (0, "two.")]),
        (
            "The capital of France is the city of Paris.",
            [(6, "The capital of France "), (0, "is the city of Paris.")],
        ),
        ("She is at home today.", [(0, "She is at home today.")]),
        ("Good idea — let us go.", [(4, "Good idea — "), (0, "let us go.")]),
    ],
)
def test_first_clause_comes_early(reply: str, expected: list[tuple[int, str]]) -> None:
    assert arrivals(reply) == expected


def test_run_on_text_is_cut_between_words() -> None:
    reply = " ".join(["word"] * 100)
    lengths = [len(clause.text.split()) for clause in cut(reply)]
    assert lengths[:3] == [POLICIES[0].longest, POLICIES[1].longest, POLICIES[2].longest]
    assert max(lengths) == POLICIES[2].longest


def test_run_on_text_is_not_cut_after_a_word_that_clings() -> None:
    first = cut("We then slowly walked all the old way up there")[0]
    assert first.text == "We then slowly walked all the old "
    assert len(first.text.split()) <= POLICIES[0].longest + EXTRA_WORDS


def test_later_clauses_are_longer() -> None:
    clauses = texts(
        "Sure, yes. Apples, pears, plums, cherries, grapes, melons, peaches, lemons, limes, oranges, figs, dates, nuts, kiwis, mangoes, "
        "and quinces are fruit."
    )
    assert clauses[0] == "Sure, yes. "
    assert len(clauses[1]) < len(clauses[2])
    assert len(clauses[2]) > 60


@pytest.mark.parametrize(
    "whole",
    [
        "Dr. Smith",
        "Mr. and Mrs. Lee",
        "about 3.5 liters",
        "exactly 1,000 people",
        "at 10:30 today",
        "e.g. apples",
        "i.e. now",
        "the U.S. Army",
        "J. R. Tolkien",
        "No. 5",
        "May 6, 2024",
        "at https://example.com/a,b.c?d=1;e now",
        "`git add a.txt, b.txt; git commit`",
        "[the docs, which are long. Really](https://example.com/a,b)",
        "version v1.2.3 is",
        "costs $3.50 each",
        "5 - 3",
        "main.py is",
    ],
)
def test_stays_whole(whole: str) -> None:
    assert any(whole in text for text in texts(f"Yes! Then {whole}."))
    assert any(whole in text for text in texts(f"Then, {whole}."))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("No. I do not think so.", ["No. ", "I do not think so."]),
        ("He said no. Then he left.", ["He said no. ", "Then he left."]),
        ("It opens at 9 a.m. Come early.", ["It opens at 9 a.m. ", "Come early."]),
        ("It opens at 9 a.m. on Monday.", ["It opens at 9 a.m. ", "on Monday."]),
        ('"Go!" he said.', ['"Go!" ', "he said."]),
        ("I like it. 3 is odd.", ["I like it. ", "3 is odd."]),
        ("Wait... what is it?", ["Wait... ", "what is it?"]),
        ("**Bold.** Then plain.", ["**Bold.** ", "Then plain."]),
    ],
)
def test_sentences_end(reply: str, expected: list[str]) -> None:
    assert texts(reply) == expected


def test_lines_that_are_blocks_end_a_clause() -> None:
    reply = "# Plan\n\nDo this:\n- buy milk, eggs\n- go home\n\n1. one\n2. two\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone."
    said = [clause.spoken for clause in cut(reply)]
    assert said == [
        "Plan.",
        "Do this:",
        "buy milk, eggs.",
        "go home.",
        "one, one.",
        "two, two.",
        "quoted",
        "a, b.",
        "one, two.",
        "Done.",
    ]


def test_lines_of_a_paragraph_go_together() -> None:
    assert texts("It is a\nlong line of text")[0] == "It is a\nlong line of text"


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_code_fence_is_one_clause(fence: str) -> None:
    block = f"{fence}python\nprint('a, b.')\n\n# Comment. More\n- item\nfor x in y: pass\n{fence}\n"
    clauses = cut(f"Look here:\n{block}Nice. Bye.")
    assert [clause.text for clause in clauses] == ["Look here:\n", block, "Nice. ", "Bye."]
    assert clauses[1].spoken == "There's code on the screen."


def test_code_fence_that_never_ends() -> None:
    clauses = cut("See:\n```\n" + "x = 1. y\n" * 50)
    assert [clause.spoken for clause in clauses] == ["See:", "There's code on the screen."]


def test_fence_is_announced_only_when_it_is_complete() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("```py\nprint(1)\n") == []
    assert [clause.text for clause in cutter.feed("```\n")] == ["```py\nprint(1)\n```\n"]


def test_what_cannot_be_said_belongs_to_the_next_clause() -> None:
    clauses = cut("😀\n---\nHello there. 🎉 Bye.")
    assert [(clause.text, clause.spoken) for clause in clauses] == [
        ("😀\n---\nHello there. ", "Hello there."),
        ("🎉 Bye.", "Bye."),
    ]


@pytest.mark.parametrize("reply", ["", "   \n", "😀", "...", "---\n", "**"])
def test_reply_without_words_gives_nothing(reply: str) -> None:
    cutter = ClauseCutter()
    assert cutter.feed(reply) + cutter.finish() == []
    assert cutter.rest == reply


def test_stray_backquote_does_not_hold_up_the_rest() -> None:
    assert len(texts("It's a ` mark. " + "This goes on. " * 60)) > 20


def test_ideographs_are_cut_at_their_own_marks() -> None:
    cutter = ClauseCutter("ja")
    assert [clause.text for clause in cutter.feed("今日は、いい天気です。散歩に行き")] == [
        "今日は、",
        "いい天気です。",
    ]


def test_words_point_into_the_text() -> None:
    (clause,) = cut("It costs $3.50 now")
    heard = {word.text: clause.text[: word.end] for word in clause.words}
    assert heard["costs"] == "It costs"
    assert heard["dollars"] == "It costs "
    assert heard["cents"] == "It costs $3.50"
    assert heard["now"] == "It costs $3.50 now"


def test_huge_reply_without_spaces() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("a" * 100_000) + cutter.finish() == []


PIECES = st.sampled_from(
    [
        "Dr. Smith", "3.5", "1,000", "10:30", "e.g.", "`a, b. c`", "[a, b](http://x.y/z)", "https://a.bc/d,e", "word", "and", "the", ",", ".",
        "!", "...", " ", "  ", "\n", "\n\n", "\n- ", "\n1. ", "\n# ", "```", "\n```\n", "`", "[", "](", "**", "_", "|", "—", "😀", "。", "日本語",
        "é", "\x1b[31m", "\0", '"', "No.", "5",
    ]
)  # fmt: skip
REPLIES = st.one_of(
    st.lists(PIECES, max_size=40).map(" ".join),
    st.lists(PIECES, max_size=40).map("".join),
    st.text(max_size=200),
)


@given(REPLIES)
def test_slices_make_up_the_reply(reply: str) -> None:
    cutter = ClauseCutter()
    clauses = cutter.feed(reply) + cutter.finish()
    assert "".join(clause.text for clause in clauses) + cutter.rest == reply
    assert all(reply[clause.start : clause.end] == clause.text for clause in clauses)
    assert [clause.index for clause in clauses] == list(range(len(clauses)))
    assert spoken(cutter.rest) == ""


@given(REPLIES, st.data())
def test_clauses_do_not_depend_on_the_deltas(reply: str, data: st.DataObject) -> None:
    cutter = ClauseCutter()
    clauses = []
    rest = reply
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        clauses += cutter.feed(rest[:size])
        rest = rest[size:]
    assert clauses + cutter.finish() == cut(reply)


@given(REPLIES)
def test_every_clause_is_spoken_and_none_splits_a_word(reply: str) -> None:
    clauses = cut(reply)
    for clause in clauses:
        assert re.search(r"\w", clause.spoken)
        assert " ".join(word.text for word in clause.words) == clause.spoken
        ends = [word.end for word in clause.words]
        assert ends == sorted(ends)
        assert ends[-1] <= len(clause.text)
    for clause in clauses[1:]:
        around = reply[clause.start - 1 : clause.start + 1]
        assert not re.fullmatch(r"[^\W\u3000-\u9fff]{2}", around), around


@given(st.lists(st.sampled_from(["tree", "house", "of", "the", "and", "runs", "42"]), max_size=120))
def test_no_clause_is_too_long(words: list[str]) -> None:
    for clause in cut(" ".join(words)):
        policy = POLICIES[min(clause.index, len(POLICIES) - 1)]
        said = clause.text.split()
        # After a number the word that it counts is waited for.
        times = 3 if "42" in said[policy.longest - 1 :] else 1
        assert len(said) <= policy.longest + times * EXTRA_WORDS
