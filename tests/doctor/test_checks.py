"""The checks of `vita doctor` that a healthy machine does not show."""

from __future__ import annotations

import pytest

from vita_tui.doctor import checks
from vita_tui.doctor.checks import Check
from vita_tui.errors import VitaError
from vita_tui.models import catalogue, installed


def test_weights_that_are_cut_off_are_not_called_missing() -> None:
    voice = catalogue.find("joe")
    for file in voice.files:
        place = installed.folder(voice) / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"short")
    found = {check.name: check for check in checks._weights()}
    cut, absent = found["Weights en_US-joe-medium"], found["Weights whisper-base"]
    assert (cut.status, absent.status) == ("failed", "failed")
    assert "has 5 bytes instead of 63,201,294" in cut.found
    assert cut.remedy == "vita models pull en_US-joe-medium"
    assert (absent.found, absent.remedy) == ("not there", "vita models pull whisper-base")


class Engine:
    """One that works, works in another way than was asked for, or fails."""

    def __init__(self, name: str, *, fails: bool = False, notes: str = "") -> None:
        self.name = name
        self.notes = notes
        self.fails = fails

    def cleanup(self) -> None: ...


def work(engine: Engine) -> str:
    if engine.fails:
        raise VitaError("It does not answer.", remedy="Start it.")
    return "said hello"


GOOD, BAD = Engine("good"), Engine("bad", fails=True)


@pytest.mark.parametrize(
    ("engines", "statuses", "usable"),
    [
        ([GOOD], ["ok"], True),
        ([BAD, GOOD], ["failed", "ok"], True),  # a server that is down, and a fallback that answers
        ([GOOD, BAD], ["ok", "warning"], True),
        ([BAD], ["failed"], False),
        ([BAD, BAD], ["failed", "warning"], False),
        ([], ["failed"], False),
    ],
)
def test_it_is_usable_when_typed_questions_are_answered(
    engines: list[Engine], statuses: list[str], usable: bool
) -> None:
    found = list(checks._engines("Language model", engines, work))
    assert [check.status for check in found] == statuses
    assert {check.about for check in found} == {"language_model"}
    assert checks.usable([Check("Settings", "ok", ""), *found]) is usable
    assert not checks.usable([Check("Settings", "failed", ""), *found])


def test_what_works_in_another_way_than_was_asked_for_is_not_called_right() -> None:
    (check,) = checks._engines(
        "Speech recognition", [Engine("base", notes="tiny.en because base did not load")], work
    )
    assert (check.status, check.found, check.about) == (
        "warning",
        "tiny.en because base did not load",
        "speech_recognition",
    )
