"""The pairs of `spoken.tsv`: read whole, and read as a reply that is cut into clauses while it comes.

A report from the field is a line in that file: language, text, and what is said for it; ` | ` stands between wordings that are right.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from vita_tui.bench.spoken import Pair, default_file, pairs, wrong_letters
from vita_tui.conversation.speaking.clauses import ClauseCutter
from vita_tui.text.spoken import say, spoken

PAIRS = pairs(default_file() or Path())
LEADS = {
    "en": "Well, yes, I think that is so. ",
    "de": "Ja, das stimmt. ",
    "fr": "Oui, bien sûr. ",
    "es": "Sí, claro. ",
}


def test_there_are_enough_pairs_of_each_language() -> None:
    counts = Counter(pair.language for pair in PAIRS)
    assert sum(counts.values()) >= 400
    assert set(counts) == set(LEADS)
    assert min(counts.values()) >= 100


LANGUAGES = sorted(LEADS)


def of(language: str) -> list[Pair]:
    return [pair for pair in PAIRS if pair.language == language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_right(language: str) -> None:
    failed = []
    for pair in of(language):
        said = spoken(pair.written, language)
        wrong, right = wrong_letters(pair, said)
        if wrong:
            failed.append(f"{pair.written!r}: said {said!r}, nearest {right!r}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("lead", [False, True], ids=["first", "later"])
def test_no_clause_ends_inside(language: str, lead: bool) -> None:
    """Clauses say together what the whole says."""
    before = LEADS[language] if lead else ""
    failed = []
    for pair in of(language):
        cutter = ClauseCutter(language)
        fed = [clause for letter in before + pair.written for clause in cutter.feed(letter)]
        clauses = fed + cutter.finish()
        said = " ".join(clause.spoken for clause in clauses).removeprefix(spoken(before, language))
        wrong, right = wrong_letters(pair, said)
        if wrong:
            failed.append(f"{[clause.text for clause in clauses]} said {said!r}, nearest {right!r}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_knows_where_it_stands(language: str) -> None:
    for pair in of(language):
        ends = [word.end for word in say(pair.written, language)]
        assert ends == sorted(ends), pair.written
        assert ends[-1] == len(pair.written), pair.written
