"""`vita turn`: one whole voice turn with files in place of devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vita_tui.cli.output import echo, plain, print_json, quiet_libraries, run_async, say

__all__ = ["turn"]


def turn(
    question: Annotated[
        Path, typer.Argument(metavar="QUESTION.wav", help="A spoken question, in any audio format.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the spoken reply to this WAV file."),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="As JSON: transcript, reply, engines, reply_seconds, timings_ms."),
    ] = False,
) -> None:
    """Run one voice turn with files in place of microphone and speaker.

    It goes through the same conversation as the screen. The question is heard in real time, as a microphone would hear it, and its end is the moment at which the talk key
    would end it: timings count from there to the first sample of speech that is ready to play.
    """
    with quiet_libraries():
        result = run_async(run(question, out))
    if json:
        print_json(result)
        return
    say(f"You: {result['transcript']}")
    echo(result["reply"])
    say(f"Voice to voice: {result['timings_ms']['voice_to_voice']} ms")


async def run(question: Path, out: Path | None) -> dict[str, Any]:
    """The turn as data.

    Raises:
        VitaError: no words were understood, or no engine could answer.
    """
    from vita_tui import settings as all_settings
    from vita_tui.audio.files import FileMicrophone, FileSpeaker, read_audio, write_wav
    from vita_tui.conversation.build import build
    from vita_tui.conversation.once import spoken_turn

    settings = all_settings.load(
        overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False, "speak": True}}
    )
    # Nobody listens while it plays, so a long reply need not take its length.
    speaker = FileSpeaker(pace=False)
    microphone = FileMicrophone(read_audio(question, max_seconds=settings.talk.max_seconds, on_cut=say))
    microphone.hold()
    assistant = build(settings, microphone=microphone, speaker=speaker)
    try:
        await assistant.start()
        result = await spoken_turn(assistant, microphone)
    finally:
        await assistant.aclose()
    if out is not None:
        write_wav(out, speaker.samples(), speaker.sample_rate)
    result["reply"] = plain(result["reply"])
    return result
