"""How long a silence must last, from what is known about it."""

from __future__ import annotations

import pytest

from vita_tui.conversation.hearing.end_wait import MAX_WAIT, MIN_WAIT, EndWait, Evidence, of_sound


def waited(text: str = "", setting: float = 0.8, **known: object) -> float:
    return EndWait().seconds(setting, Evidence(text, **known))  # type: ignore[arg-type]


def test_a_finished_sentence_waits_less_than_an_open_one_and_that_less_than_an_unfinished_one() -> None:
    assert waited("What time is it?") < waited("Green tea") < waited("Green tea and")


def test_the_habit_is_forgotten() -> None:
    wait = EndWait()
    for _ in range(6):
        wait.went_on(1.5)
    assert wait.seconds(0.8, Evidence("Green tea")) > 1.5
    for _ in range(40):
        wait.went_on(0.3)
    assert wait.seconds(0.8, Evidence("Green tea")) == pytest.approx(0.8)


@pytest.mark.parametrize("setting", [0.2, 0.8, 10.0])
def test_the_wait_has_bounds(setting: float) -> None:
    for text in ("Yes.", "Green tea", "and"):
        assert MIN_WAIT <= waited(text, setting) <= MAX_WAIT


@pytest.mark.parametrize(
    ("text", "sound", "model", "least", "most"),
    [
        ("What time is it?", 0.99, None, 0.2, 0.3),
        ("What time is it?", 0.99, 0.97, 0.2, 0.2),
        ("What time is it?", 0.9, None, 0.6, 0.7),
        ("Green tea", 0.97, None, 0.5, 0.7),
        ("Green tea", 0.5, None, 1.9, 2.1),
        ("Green tea", 0.97, 0.01, 1.5, 2.5),
        ("I would like to", 0.97, None, 1.0, 1.3),
        ("I would like to", 0.97, 0.001, 4.0, 4.0),
        ("I would like to", 0.1, None, 4.0, 4.0),
        ("Green tea", None, 0.9, 0.35, 0.4),
        ("", 0.97, None, 0.5, 0.7),
    ],
)
def test_sound_words_and_model_together_tell_how_long_to_wait(
    text: str, sound: float | None, model: float | None, least: float, most: float
) -> None:
    assert least <= waited(text, sound=sound, model=model) <= most


def test_a_short_answer_to_a_question_is_not_held_for_what_a_model_expects() -> None:
    asked = "What is your favourite colour?"
    assert waited("Blue", sound=0.97, model=1e-9, asked=asked) < 1.0
    assert waited("Blue", sound=0.97, model=1e-9) > 2.0
    assert waited("I think that the", sound=0.97, model=1e-9, asked=asked) > 2.0


def test_where_a_number_ends_nobody_knows() -> None:
    for sound, model in ((None, None), (0.99, 0.99), (0.01, 0.001)):
        assert waited("My number is 0 4 1.", sound=sound, model=model) == pytest.approx(1.8)


@pytest.mark.parametrize("judge", ["sound", "model"])
def test_a_likelier_end_never_waits_longer(judge: str) -> None:
    for text in ("Yes.", "Green tea", "and"):
        waits = [waited(text, **{judge: score / 100}) for score in range(101)]
        assert waits == sorted(waits, reverse=True)


def test_scores_of_one_pause_are_one() -> None:
    assert of_sound([]) is None
    assert of_sound([0.3]) == pytest.approx(0.3)
    assert of_sound([0.2, 0.8]) == pytest.approx(0.5)
    assert of_sound([0.0, 1.0]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("longer", "shorter"),
    [
        (Evidence("Blue", asked="Which colour do you like?"), Evidence("Blue")),
        (Evidence("My number is 0 4 1"), Evidence("Number forty one")),
        (Evidence("Let me think"), Evidence("Let me go")),
        (Evidence("Hold on"), Evidence("Let me think")),
        (Evidence("Yes"), Evidence("Yes", asked="Shall I?")),
    ],
)
def test_the_situation_tells_how_long_to_wait(longer: Evidence, shorter: Evidence) -> None:
    wait = EndWait()
    for setting in (0.5, 0.8, 1.5):
        assert wait.seconds(setting, longer) >= wait.seconds(setting, shorter)
    assert wait.seconds(0.8, longer) > wait.seconds(0.8, shorter)


HABITS: dict[str, tuple[list[float], str, float | None, float]] = {
    # the user's pauses so far, the words, how likely the sound makes the end → seconds, where the setting is 0.8
    "none yet": ([], "Green tea", None, 0.8),
    "three tell nothing": ([2.0] * 3, "Green tea", None, 0.8),
    "four tell something": ([2.0] * 4, "Green tea", None, 2.3),
    "one in ten is no habit": ([0.3] * 9 + [3.0], "Green tea", None, 0.8),
    "gaps between words are no pauses": ([2.0] * 4 + [0.1] * 40, "Green tea", None, 2.3),
    "a finished sentence is not waited after": ([2.0] * 4, "What time is it?", None, 0.48),
    "nor a voice that sounds finished": ([2.0] * 4, "Green tea", 0.99, 0.41),
    "but one that may be": ([2.0] * 4, "Green tea", 0.8, 2.3),
    "and a number": ([2.0] * 4, "My number is 0 4 1.", None, 2.3),
}


@pytest.mark.parametrize("name", HABITS)
def test_who_pauses_for_long_is_waited_for_where_the_end_is_not_likely(name: str) -> None:
    pauses, text, sound, seconds = HABITS[name]
    wait = EndWait()
    for pause in pauses:
        wait.went_on(pause)
    assert wait.seconds(0.8, Evidence(text, sound=sound)) == pytest.approx(seconds, abs=0.01)


def test_nobody_is_ever_quite_certain() -> None:
    for sound, model in ((1.0, 0.05), (0.9, 0.0)):
        bounded = {"sound": min(sound, 0.995), "model": max(model, 0.005)}
        assert waited("Green tea", sound=sound, model=model) == pytest.approx(waited("Green tea", **bounded))
