"""`vita calibrate`: what the microphone hears of the speaker, and the settings that follow from it."""

from __future__ import annotations

from typing import Annotated

import typer

from vita_tui.cli.output import echo, exit_with, print_json, quiet_libraries, say
from vita_tui.text.clean import clean_line, clean_name

__all__ = ["calibrate"]


def calibrate(
    json: Annotated[bool, typer.Option("--json", help="As JSON: what was measured and chosen.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure and report, but change no setting.")
    ] = False,
) -> None:
    """Measure the room: plays three short sweeps and listens, for about six seconds.

    Finds how late and how loud the microphone hears the speaker and how loud the room is; decides whether you can talk into the
    reply (full_duplex), whether the microphone must be off while it sounds (half_duplex), or whether only the key should open it
    (push_to_talk); and writes that into the settings. Be quiet meanwhile, and use the loudness that you always use.
    """
    with quiet_libraries():
        exit_with(lambda: _calibrate(json, dry_run))


def _calibrate(json: bool, dry_run: bool) -> int:
    from dataclasses import asdict

    from vita_tui import settings as all_settings
    from vita_tui.audio.calibration import choose, measure, record
    from vita_tui.audio.canceller import can_cancel
    from vita_tui.audio.capture import DeviceMicrophone
    from vita_tui.audio.device_speaker import DeviceSpeaker
    from vita_tui.audio.portaudio import portaudio
    from vita_tui.settings import file as settings_file

    settings = all_settings.load()
    microphone = DeviceMicrophone(settings.audio.input)
    speaker = DeviceSpeaker(settings.audio.output, volume=settings.tts.volume)
    with portaudio():  # before anything is promised
        pass
    say("Three sweeps will be played. Please be quiet for six seconds …")
    measured = measure(record(microphone, speaker), name=microphone.name)
    choice = choose(measured, canceller=can_cancel())
    wanted: dict[str, object] = {
        "audio.duplex": choice.mode,
        "audio.echo_level": round(min(30.0, max(-90.0, measured.echo_db)), 1),
        "audio.noise_floor": round(min(0.0, measured.noise_dbfs), 1),
        "talk.threshold": choice.threshold,
        "audio.echo_delay": round(max(-0.5, measured.delay or 0.0), 4),
    }
    written = None
    if not dry_run:
        for key, value in wanted.items():
            written = settings_file.change(key, value)
    if json:
        print_json(
            {
                "microphone": microphone.name,
                "speaker": speaker.name,
                "measured": asdict(measured),
                "settings": wanted,
                "why": choice.why,
                "written": clean_name(written) if written else None,
            }
        )
        return 0
    late = "not heard" if measured.delay is None else f"{measured.delay * 1000:.0f} ms late"
    level = f"{measured.echo_db:.0f} dB" if measured.echo_heard else f"below {measured.echo_db:.0f} dB"
    echo("Microphone   ", clean_line(microphone.name))
    echo("Speaker      ", clean_line(speaker.name))
    echo(f"Echo         {level}, {late}")
    echo(f"Room         {measured.noise_dbfs:.0f} dBFS")
    echo(f"Loudest      {measured.peak:.2f} of full scale, {measured.clipped:.1%} clipped")
    echo(f"Mode         {choice.mode}: {choice.why}")
    say(f"Written to {clean_name(written)}." if written else "Nothing was written (--dry-run).")
    return 0
