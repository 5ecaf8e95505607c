"""Which device a name means, which one takes its place, and the way back: lists of devices in, no sound."""

from __future__ import annotations

import threading

import pytest

from vita_tui.audio import devices as devices_module
from vita_tui.audio import fallback
from vita_tui.audio.devices import Device, DeviceKind, find
from vita_tui.audio.fallback import WayBack, open_wanted
from vita_tui.errors import DeviceError

LISTED = ("input:Built-in", "input:*USB Headset", "input:USB Headset Pro", "output:*Built-in", "output:HDMI")
"""The direction, a star for the default one, and the name."""


def listed(names: tuple[str, ...]) -> list[Device]:
    found = []
    for index, written in enumerate(names):
        direction, _, name = written.partition(":")
        kind: DeviceKind = "input" if direction == "input" else "output"
        found.append(Device(kind, name.lstrip("*"), "ALSA", 2, 48_000.0, name.startswith("*"), index))
    return found


def lend(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(devices_module, "devices", lambda: listed(names))


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("", "input", "USB Headset"),  # the default one
        ("", "output", "Built-in"),
        ("Built-in", "input", "Built-in"),
        ("built", "input", "Built-in"),
        ("USB Headset Pro", "input", "USB Headset Pro"),
        ("headset", "input", "USB Headset"),  # of two that fit, the default one
        ("pro", "input", "USB Headset Pro"),
        ("hdmi", "output", "HDMI"),
    ],
)
def test_a_name_means_a_device(
    name: str, kind: DeviceKind, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend(monkeypatch, *LISTED)
    assert (find(name, kind).name, find(name, kind).kind) == (found, kind)


@pytest.mark.parametrize(
    ("names", "name", "kind", "said"),
    [
        (
            LISTED,
            "webcam",
            "input",
            "no microphone named “webcam”; there are: Built-in, USB Headset, USB Headset Pro",
        ),
        (LISTED, "headset", "output", "no speaker named “headset”; there are: Built-in, HDMI"),
        (("output:HDMI",), "", "input", "There is no microphone"),
        ((), "HDMI", "output", "There is no speaker"),
    ],
)
def test_a_device_that_is_not_there_is_told_with_those_that_are(
    names: tuple[str, ...], name: str, kind: DeviceKind, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend(monkeypatch, *names)
    with pytest.raises(DeviceError, match=said) as caught:
        find(name, kind)
    assert caught.value.remedy


def test_without_a_default_the_first_device_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    lend(monkeypatch, "input:One", "input:Two")
    assert find("", "input").name == "One"


OPENED: dict[str, tuple[str, set[str], bool, str, str]] = {
    # the name asked for, which devices are busy, whether another will do → what is opened ("" for none), what is said
    "as asked for": ("Built-in", set(), True, "Built-in", ""),
    "the default one": ("", set(), True, "USB Headset", ""),
    "busy": ("Built-in", {"Built-in"}, True, "USB Headset", "It is busy: microphone “Built-in”."),
    "busy, and no other will do": ("Built-in", {"Built-in"}, False, "", "It is busy: microphone “Built-in”."),
    "not there": ("webcam", set(), True, "USB Headset", "There is no microphone named “webcam”"),
    "the default one is busy": ("", {"USB Headset"}, True, "", "It is busy: microphone “USB Headset”."),
    "the named one is the default": (
        "USB",
        {"USB Headset"},
        True,
        "",
        "It is busy: microphone “USB Headset”.",
    ),
    "both busy": ("Built-in", {"Built-in", "USB Headset"}, True, "", "It is busy: microphone “Built-in”."),
}


@pytest.mark.parametrize("case", OPENED)
def test_the_default_device_takes_the_place_of_one_that_does_not_open(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, busy, another, opened, said = OPENED[case]
    lend(monkeypatch, *LISTED)

    def open_on(device: Device) -> str:
        if device.name in busy:
            raise DeviceError("It is busy.")
        return device.name

    if opened:
        got, why = open_wanted(name, "input", open_on, stand_in=another)
        assert (got, why.startswith(said), bool(why)) == (opened, True, bool(said))
    else:
        with pytest.raises(DeviceError, match=said) as caught:
            open_wanted(name, "input", open_on, stand_in=another)
        assert "Close the program that uses it" in caught.value.remedy


def test_a_device_is_used_again_when_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    asked: list[str] = []
    used: list[str] = []
    back = threading.Event()

    def opens(name: str, kind: DeviceKind) -> bool:
        asked.append(f"{kind}:{name}")
        return next(answers)

    def use(name: str) -> None:
        used.append(name)
        way.stop()  # as a stream does that has been opened
        back.set()

    monkeypatch.setattr(fallback, "opens", opens)
    monkeypatch.setattr(fallback, "refresh", lambda **_: False)
    way = WayBack("input", use, every=0.001)
    way.look_for("USB Headset")
    assert back.wait(60)
    assert (used, asked) == (["USB Headset"], ["input:USB Headset"] * 3)


def test_who_chose_another_device_is_not_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    threads: list[threading.Thread] = []
    asked = threading.Event()

    def opens(name: str, kind: DeviceKind) -> bool:
        threads.append(threading.current_thread())
        way.stop()  # meanwhile
        asked.set()
        return True

    monkeypatch.setattr(fallback, "opens", opens)
    monkeypatch.setattr(fallback, "refresh", lambda **_: False)
    way = WayBack("output", used.append, every=0.001)
    way.look_for("HDMI")
    assert asked.wait(60)
    threads[0].join(60)
    assert not threads[0].is_alive()
    assert used == []
