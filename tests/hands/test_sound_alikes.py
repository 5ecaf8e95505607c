"""Requests that were misheard, by rows: `sound_alikes.toml`. What is tried is only which requests sound alike; the sound decides."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from vita_tui.abilities.base import Context
from vita_tui.abilities.service import ONLY_AS_HEARD, Abilities, standard
from vita_tui.bench.abilities import NOON, cases
from vita_tui.clock import FakeClock

ROWS = tomllib.loads(Path(__file__).with_name("sound_alikes.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def abilities(tmp_path_factory: pytest.TempPathFactory) -> Abilities:
    return standard()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITA_HOME", str(tmp_path))


@pytest.mark.parametrize("kind", ROWS)
def test_what_was_said_is_among_what_sounds_like_it(kind: str, abilities: Abilities) -> None:
    context = Context(FakeClock(NOON))
    wrong = []
    for language, written, said in ROWS[kind]["rows"]:
        meant = [one.text for one in abilities.sounding_like(written, context, language)]
        if (said not in meant) if said else meant:
            wrong.append((written, said, meant))
    assert not wrong


def test_what_is_a_request_already_is_left_as_it_is(abilities: Abilities) -> None:
    context = Context(FakeClock(NOON))
    requests = [case for case in cases() if case.intent and case.language == "en"][::4]
    understood = [case for case in requests if abilities.understand_now(case.text, context, ["en"])]
    assert understood
    assert {case.text for case in understood if abilities.sounding_like(case.text, context, "en")} == set()


def test_nothing_is_taken_away_on_a_guess(abilities: Abilities) -> None:
    meant = abilities.sounding_like("Consult the timer.", Context(FakeClock(NOON)), "en")
    assert "Cancel the timer." in [one.text for one in meant]
    assert not [one for one in meant if one.usable and one.meaning.startswith("cancel")]
    assert "CancelTimer" in ONLY_AS_HEARD


def test_a_language_without_sentences_has_none(abilities: Abilities) -> None:
    assert abilities.sounding_like("Hvad er klokken?", Context(FakeClock(NOON)), "da") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is 19 squared?", "what is nineteen square", True),
        ("What is 19 squared?", "What is 18 squared?", False),
        ("How many minutes are in a day?", "How many minutes are in the day?", True),
        ("Wake me up at 7.", "Wake me up at seven.", True),
        ("Wake me up at 7.", "Wake me up at 8.", False),
        ("Cancel the timer.", "Cancel all timers.", False),
    ],
)
def test_what_asks_for_the_same_means_the_same(
    one: str, other: str, same: bool, abilities: Abilities
) -> None:
    context = Context(FakeClock(NOON))
    meant = [abilities.meant(text, context, "en") for text in (one, other)]
    meanings = [found.meaning for found in meant if found is not None]
    assert len(meanings) == 2
    assert (meanings[0] == meanings[1]) is same
