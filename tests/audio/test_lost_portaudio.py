"""PortAudio that does not answer any more when devices are looked for: an error of ours, which the speaker's thread waits over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from vita_tui.audio import portaudio
from vita_tui.errors import DeviceError


class PortAudioError(Exception):
    pass


def test_a_list_that_cannot_be_had_is_a_device_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def query_devices() -> list[dict[str, Any]]:
        raise PortAudioError("PortAudio not initialized")

    @contextlib.contextmanager
    def opened() -> Iterator[Any]:
        yield SimpleNamespace(PortAudioError=PortAudioError, query_devices=query_devices)

    monkeypatch.setattr(portaudio, "portaudio", opened)
    with pytest.raises(DeviceError, match="PortAudio does not work: PortAudio not initialized"):
        portaudio.changed()
