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


def name(pair: Pair) -> str:
    return f"{pair.language}: {pair.written}"


def test_there_are_enough_pairs_of_each_language() -> None:
    counts = Counter(pair.language for pair in PAIRS)
    assert sum(counts.values()) >= 400
    assert min(counts[language] for language in ("en", "de", "fr", "es")) >= 100


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_it_is_said_right(pair: Pair) -> None:
    said = spoken(pair.written, pair.language)
    wrong, right = wrong_letters(pair, said)
    assert wrong == 0, f"said {said!r}, nearest {right!r}"


@pytest.mark.parametrize("pair", PAIRS, ids=name)
@pytest.mark.parametrize("lead", [False, True], ids=["first", "later"])
def test_no_clause_ends_inside(pair: Pair, lead: bool) -> None:
    """Clauses say together what the whole says."""
    before = LEADS[pair.language] if lead else ""
    cutter = ClauseCutter(pair.language)
    clauses = [clause for letter in before + pair.written for clause in cutter.feed(letter)] + cutter.finish()
    said = " ".join(clause.spoken for clause in clauses).removeprefix(spoken(before, pair.language))
    wrong, right = wrong_letters(pair, said)
    assert wrong == 0, f"{[clause.text for clause in clauses]} said {said!r}, nearest {right!r}"


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_every_word_knows_where_it_stands(pair: Pair) -> None:
    ends = [word.end for word in say(pair.written, pair.language)]
    assert ends == sorted(ends)
    assert ends[-1] == len(pair.written)
