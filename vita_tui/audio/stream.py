"""What a microphone and a speaker have in common: one stream, on the device that was asked for or on its fallback."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from vita_tui.audio.devices import Device, DeviceKind
from vita_tui.audio.fallback import WayBack, open_wanted
from vita_tui.audio.portaudio import fresh, portaudio, refresh, renew
from vita_tui.errors import DeviceError
from vita_tui.health.registry import Entry, registry

__all__ = ["DeviceStream"]

Running = TypeVar("Running")


class DeviceStream(ABC, Generic[Running]):
    """A `Switchable` and `Substitutable` that PortAudio's list of devices can be rebuilt around (`Reopenable`).

    `Running` is one stream's life: between opening and closing, `use` and `suspend` may end it and begin another.
    """

    def __init__(self, name: str, kind: DeviceKind) -> None:
        """
        Args:
            name: of the device, or a part of it; empty for the system's default.
        """
        self._word = "microphone" if kind == "input" else "speaker"
        self._wanted = name
        self._kind: DeviceKind = kind
        self.name = name or f"default {self._word}"
        self.missing = ""
        self._running: Running | None = None
        """Changed under `portaudio()` only."""
        self._open = False
        self._way_back = WayBack(kind, self.use)
        self._tell_change: Callable[[], None] = lambda: None
        self._entry: Entry | None = None

    def open(self) -> None:
        """See `Microphone.open` and `Speaker.open`. When nothing opens, the list of devices may be too old."""
        with portaudio():
            if self._open:
                return
            if not fresh():
                refresh()  # a device that was plugged in since then; does nothing while another stream is open
            self._begin()
            opened = self._starts()
        if not opened:
            renew()
        with portaudio():
            if self._open:
                return
            if not opened:
                self._start(stand_in=True)
            self._open = True
            self._entry = registry.register(
                self, kind="stream", name=f"{self._word} {self.name}", owner="audio.stream", close=self.close
            )
            self._opened()

    def close(self) -> None:
        self._open = False
        self._way_back.stop()
        self.missing = ""
        if self._running is not None:
            with portaudio():
                self._stop()
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.leave()

    def use(self, name: str) -> None:
        """Go on with the device of that name from now on. From any thread, may block."""
        with portaudio():
            self._way_back.stop()
            self._wanted, self.missing = name, ""
            if self._open:
                self.suspend()
                self.resume()

    def on_change(self, tell: Callable[[], None]) -> None:
        self._tell_change = tell

    # ---- under `portaudio()`

    @abstractmethod
    def suspend(self) -> None:
        """Close the stream while the list of devices is rebuilt."""

    @abstractmethod
    def resume(self) -> None:
        """Open it again; keep the error when that does not work."""

    @abstractmethod
    def _begin(self) -> None:
        """Forget what is left from the time before `open`."""

    @abstractmethod
    def _start_on(self, device: Device) -> Running:
        """Open and start a stream on `device`.

        Raises:
            DeviceError: that does not work.
        """

    @abstractmethod
    def _opened(self) -> None:
        """It is open for the first time since `open`."""

    @abstractmethod
    def _stop(self) -> None:
        """End what runs; may be called when nothing does."""

    def _starts(self) -> bool:
        """Whether the device that was asked for could be opened."""
        try:
            self._start(stand_in=False)
        except DeviceError:
            return False
        return True

    def _start(self, *, stand_in: bool) -> None:
        before, name = self.missing, self.name
        self._running, self.missing = open_wanted(self._wanted, self._kind, self._start_on, stand_in=stand_in)
        if self.missing and not before:  # otherwise it is being looked out for
            self._way_back.look_for(self._wanted)
        elif not self.missing:
            self._way_back.stop()
        if self._open and (before, name) != (self.missing, self.name):
            self._tell_change()
