"""`vita devices`: the microphones and speakers there are."""

from __future__ import annotations

from typing import Annotated

import typer

from vita_tui.cli.output import echo, print_json, quiet_libraries, say
from vita_tui.text.clean import clean_line

__all__ = ["devices"]


def devices(
    json: Annotated[bool, typer.Option("--json", help="As JSON: a list of devices.")] = False,
) -> None:
    """List microphones and speakers; → marks the ones that VITA would use.

    Choose others by name, or a part of it: audio.input and audio.output in the settings.
    """
    from dataclasses import asdict

    from vita_tui import settings as all_settings
    from vita_tui.audio import devices as audio_devices
    from vita_tui.errors import DeviceError

    settings = all_settings.load().audio
    with quiet_libraries():
        found = audio_devices.devices()
        chosen = set()
        wanted: list[tuple[audio_devices.DeviceKind, str]] = [
            ("input", settings.input),
            ("output", settings.output),
        ]
        for kind, name in wanted:
            try:
                chosen.add((kind, audio_devices.find(name, kind).name))
            except DeviceError as error:
                say(f"{error.message} {error.remedy}".rstrip())
    if json:
        print_json([asdict(device) | {"chosen": (device.kind, device.name) in chosen} for device in found])
        return
    for title in ("Microphones", "Speakers"):
        echo(title)
        rows = [
            device for device in found if device.kind == ("input" if title == "Microphones" else "output")
        ]
        for device in rows:
            arrow = "→" if (device.kind, device.name) in chosen else " "
            about = f"{device.name}  ({device.host_api}, {device.channels} ch, {device.rate:.0f} Hz)"
            echo(f" {arrow} ", clean_line(about))
        if not rows:
            echo("   none")
    if not found:
        raise typer.Exit(3)
