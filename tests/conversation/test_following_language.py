"""With `stt.language = "auto"` replies follow the language of who speaks; each row is what was heard, one after the other."""

from __future__ import annotations

import pytest

from vita_tui.conversation.following_language import FollowingLanguage
from vita_tui.settings import Settings

GERMAN = ("Wie spät ist es?", "de", 0.9)
ENGLISH = ("What time is it?", "en", 0.9)


@pytest.mark.parametrize(
    ("set_to", "heard", "spoken", "told"),
    [
        ("auto", [], "en", 0),
        ("auto", [ENGLISH], "en", 0),
        ("auto", [GERMAN], "de", 1),
        ("auto", [GERMAN, GERMAN], "de", 1),
        ("auto", [GERMAN, ENGLISH], "en", 2),
        ("auto", [GERMAN, ("OK.", "en", 0.9)], "de", 1),
        ("auto", [GERMAN, ("No.", "no", 0.9)], "de", 1),
        ("auto", [("何時ですか", "ja", 0.9)], "ja", 1),
        ("auto", [("Wie spät ist es?", "de", 0.2)], "en", 0),
        ("auto", [("Quota hora est?", "xx", 0.9)], "en", 0),
        ("auto", [("", "de", 0.0)], "en", 0),
        ("fr", [GERMAN], "fr", 0),
    ],
)
def test_which_language_is_spoken(
    set_to: str, heard: list[tuple[str, str, float]], spoken: str, told: int
) -> None:
    settings = Settings()
    settings.stt.language = set_to
    calls: list[str] = []
    following = FollowingLanguage(settings, lambda settings: calls.append(settings.spoken_language))
    for text, language, confidence in heard:
        following.take(text, language, confidence)
    assert settings.spoken_language == spoken
    assert len(calls) == told
