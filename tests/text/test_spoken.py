"""Written text as a person says it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vita_tui.text.spoken import say, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        # whole numbers, decimals, signs
        ("I have 2 cats.", "I have two cats."),
        ("1,234,567 stars", "one million two hundred and thirty-four thousand five hundred and sixty-seven stars"),
        ("It is 3.14159", "It is three point one four one five nine"),
        ("-7 and −0.5", "minus seven and minus zero point five"),
        ("agent 007", "agent zero zero seven"),
        ("COVID-19", "COVID nineteen"),
        ("12345678901234567", "one two three four five six seven eight nine zero one two three four five six seven"),
        # years, decades, ordinals
        ("in 1969", "in nineteen sixty-nine"),
        ("in 1905, 1900, 2000, 2005, 2024", "in nineteen oh five, nineteen hundred, two thousand, two thousand five, twenty twenty-four"),
        ("the 1990s and '80s", "the nineteen nineties and eighties"),
        ("21st, 2nd and 103rd", "twenty-first, second and one hundred and third"),
        # ranges, fractions, ratios
        ("3-5 days, 10–20", "three to five days, ten to twenty"),
        ("2020–2024", "twenty twenty to twenty twenty-four"),
        ("1/2, 3/4, 2/3, 1½", "one half, three quarters, two thirds, one and a half"),
        ("a 4:3 ratio", "a four to three ratio"),
        # percent, money, units
        ("50%, 3.5 %", "fifty percent, three point five percent"),
        ("$3.50", "three dollars and fifty cents"),
        ("$1, €20, £5, 20 €", "one dollar, twenty euros, five pounds, twenty euros"),
        ("£0.99 or $1.5 million", "ninety-nine pence or one point five million dollars"),
        ("-$5", "minus five dollars"),
        ("10 km/h, 5GB, 1 kg", "ten kilometers per hour, five gigabytes, one kilogram"),
        ("20°C, -5 °F, 90°", "twenty degrees Celsius, minus five degrees Fahrenheit, ninety degrees"),
        ("a 5-km run", "a five kilometer run"),
        # times and dates
        ("10:30 am, 14:05, 10:00", "ten thirty AM, fourteen oh five, ten o'clock"),
        ("at 9 p.m. Then", "at nine PM. Then"),
        ("2024-05-06", "May sixth, twenty twenty-four"),
        ("2024-05-06T14:05:00Z", "May sixth, twenty twenty-four, fourteen oh five"),
        ("May 6, 2024 or 6 May or Dec. 25", "May sixth, twenty twenty-four or May sixth or December twenty-fifth"),
        ("You may 5 times", "You may five times"),
        # telephone, versions, addresses of machines
        ("Call 555-1234.", "Call five five five, one two three four."),
        ("+1 (415) 555-2671", "plus one, four one five, five five five, two six seven one"),
        ("v1.2.3", "version one point two point three"),
        # abbreviations
        ("Dr. Smith vs. Mr. Jones", "Doctor Smith versus Mister Jones"),
        ("Main St. in St. Louis", "Main Street in Saint Louis"),
        ("e.g. tea, i.e. No. 5, etc.", "for example tea, that is number five, et cetera."),
        ("I said no. Go.", "I said no. Go."),
        ("the U.S. Army at 5 a.m.", "the US Army at five AM."),
        ("NASA and HTTP", "NASA and HTTP"),
        ("MP3, H2O, GPT-4", "MP three, H two O, GPT four"),
        ("World War II", "World War two"),
        # internet addresses, paths, code
        ("See https://www.example.com/docs?x=1.", "See example dot com slash docs."),
        ("ann.lee@example.com", "ann dot lee at example dot com"),
        ("Go to example.org!", "Go to example dot org!"),
        ("~/notes/to_do.md and main.py", "tilde slash notes slash to do dot md and main dot py"),
        ("`git commit --amend`, `list_of_files()`", "git commit dash dash amend, list of files"),
        ("```py\nx = 1\n```", "There's code on the screen."),
        # markup
        ("# Title\n\nText **bold**, *it*, __b__, ~~s~~.", "Title. Text bold, it, b, s."),
        ("[the docs](http://x.y/z) ![a cat](c.png)", "the docs a cat"),
        ("- one\n- two", "one. two"),
        ("1. eggs\n2. milk", "one, eggs. two, milk"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b. one, two,"),
        ("<b>hi</b> &amp; bye<br>now", "hi and bye. now"),
        ("> quoted [^1]", "quoted"),
        # signs
        ("2 + 2 = 4", "two plus two equals four"),
        ("3 × 4 ≈ 12, 5 - 3 = 2, 7*6", "three times four is about twelve, five minus three equals two, seven times six"),
        ("x^2, a <= b, 10 > 3", "x squared, a is at most b, ten is greater than three"),
        ("R&D @home #5 #tag", "R and D at home number five hashtag tag"),
        ("and/or", "and or"),
        ("C++ and C#", "C plus plus and C sharp"),
        # punctuation, emoji, control characters
        ("Wait... what?!!", "Wait, what?"),
        ("Well… Fine", "Well. Fine"),
        ("it — (about five) — “so”", "it, about five, so"),
        ("don’t 'quote' dogs'", "don't quote dogs"),
        ("Nice 😀👍🏽 :-) day", "Nice day"),
        ("\x1b[31mred\x1b[0m \x07bell\u200b \x1b]0;t\x07end", "red bell end"),
        ("", ""),
        ("... ?! 😀 ---", ""),
    ],
)  # fmt: skip
def test_said(written: str, said: str) -> None:
    assert spoken(written) == said


def test_other_languages_keep_their_signs_for_the_voice() -> None:
    assert spoken("**3** euro, 3,5 % di [questo](http://x.y)", "it") == "tre euro, 3,5 % di questo"
    assert spoken("-5 °C, x < 3, y>2, ±1", "it") == "meno cinque °C, x < tre, y>due, ±uno"


def test_language_without_number_words_keeps_digits() -> None:
    assert spoken("abc 42", "xx") == "abc 42"


def test_each_word_knows_where_it_comes_from() -> None:
    text = "Pay $3.50, **Bob**!"
    assert [(word.text, text[: word.end]) for word in say(text)] == [
        ("Pay", "Pay"),
        ("three", "Pay "),
        ("dollars", "Pay "),
        ("and", "Pay "),
        ("fifty", "Pay "),
        ("cents,", "Pay $3.50,"),
        ("Bob!", text),
    ]


FRAGMENTS = st.sampled_from(
    [
        "word", "Dr.", "3.5", "-1", "$5", "10:30", "1/2", "°C", "km", "%", "`", "```", "[", "](", ")", "**", "_", "#", "|", "\n", " ", "&lt;",
        "<b>", "http://", "a@b.c", "...", "—", "'", '"', "\x1b[", "😀", "é", "٣", "½", "²", "Ⅷ", "㎏", "٪", "2024-13-45", "99:99", "0", "9" * 30,
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=100),
    st.lists(FRAGMENTS, max_size=25).map("".join),
    st.lists(FRAGMENTS, max_size=25).map(" ".join),
)


@given(TEXTS)
def test_any_text_becomes_words_without_digits_or_markup(text: str) -> None:
    said = spoken(text)
    assert not re.search(r"[0-9*`_|<>\[\]{}()#\x00-\x1f\x7f-\x9f]", said)
    assert not re.search(r"  |[.,;:!?]{2}|^ | $", said)
    assert all(any(letter.isalnum() for letter in word) for word in said.split())


@given(TEXTS)
def test_words_come_in_order_and_cover_the_text(text: str) -> None:
    words = say(text)
    ends = [word.end for word in words]
    assert ends == sorted(ends)
    if words:
        assert ends[-1] == len(text)


@given(
    st.lists(
        st.sampled_from(["well", "It's", "is,", "so.", "twenty-one", "OK?", "Zoë", "NASA", "point"]),
        max_size=20,
    ).map(" ".join)
)
def test_what_is_spoken_is_spoken_the_same(text: str) -> None:
    assert spoken(text) == text
