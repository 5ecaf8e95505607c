"""The checks of `vita doctor` that a healthy machine does not show."""

from __future__ import annotations

from vita_tui.doctor import checks
from vita_tui.models import catalogue, store


def test_weights_that_are_cut_off_are_not_called_missing() -> None:
    voice = catalogue.find("joe")
    for file in voice.files:
        place = store.folder(voice) / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"short")
    found = {check.name: check for check in checks._weights()}
    cut, absent = found["Weights en_US-joe-medium"], found["Weights whisper-base"]
    assert (cut.status, absent.status) == ("failed", "failed")
    assert "has 5 bytes instead of 63,201,294" in cut.found
    assert cut.remedy == "vita models pull en_US-joe-medium"
    assert (absent.found, absent.remedy) == ("not there", "vita models pull whisper-base")
