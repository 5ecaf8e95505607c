"""Every language can do and say what English can."""

from __future__ import annotations

import string
from typing import Any

import pytest

from vita_tui.abilities.conversion import registry
from vita_tui.abilities.phrases import languages
from vita_tui.abilities.phrases import own_data as data
from vita_tui.abilities.service import standard
from vita_tui.abilities.times import zone_of

OTHERS = [language for language in languages() if language != "en"]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("language", languages())
def test_every_intent_has_an_ability_and_a_topic(language: str) -> None:
    own: dict[str, Any] = data(language)
    assert set(own["intents"]) == set(data("en")["intents"])
    assert set(own["intents"]) <= set(standard().intents)
    assert set(own["intents"]) <= set(own["topics"])


@pytest.mark.parametrize("language", OTHERS)
def test_every_answer_is_there_and_says_the_same(language: str) -> None:
    own, english = data(language)["answers"], data("en")["answers"]
    assert set(own) == set(english)
    assert {key for key in own if not fields(own[key]) <= fields(english[key])} == set()


@pytest.mark.parametrize("language", languages())
def test_every_measure_is_a_unit(language: str) -> None:
    for unit, names in data(language)["measures"].items():
        assert registry().Unit(unit) is not None
        assert len(names) >= 2


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokyo", "Asia/Tokyo"),
        ("new york", "America/New_York"),
        ("San Francisco", "America/Los_Angeles"),
        ("München", "Europe/Berlin"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("India", "Asia/Kolkata"),
        ("the moon", None),
    ],
)
def test_a_place_has_a_zone(place: str, zone: str | None) -> None:
    assert zone_of(place, "en") == zone
