"""`vita turn`: one whole voice turn with files in place of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vita_tui.cli.audio_input import NoFallback, Target, TrackOption, audio_source, audio_target
from vita_tui.cli.output import echo, plain, print_json, quiet_libraries, run_async, say
from vita_tui.cli.streams import need_output

if TYPE_CHECKING:
    from vita_tui.audio.media_source import MediaSource
    from vita_tui.settings import Settings

__all__ = ["turn"]


def turn(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION", help="A spoken question, in any audio format; '-' is standard input."
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the spoken reply: .wav, .flac, .ogg, .opus or .mp3; '-' is WAV on standard output.",
        ),
    ] = None,
    track: TrackOption = None,
    no_fallback: NoFallback = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="As JSON: transcript, reply, engines, instead_of, because, reply_seconds, timings_ms.",
        ),
    ] = False,
) -> None:
    """Run one voice turn with files in place of microphone and speaker.

    It goes through the same conversation as the screen. The question is heard in real time, as a microphone would hear it, and its end is the moment at which the talk key
    would end it: timings count from there to the first sample of speech that is ready to play.
    """
    need_output()
    target = audio_target(out)
    if json and target is not None and target.is_stdout:
        raise typer.BadParameter("standard output holds either JSON or sound", param_hint="--out")
    source = audio_source(question)
    from vita_tui import settings as all_settings
    from vita_tui.cli.fallbacks import first_only
    from vita_tui.cli.weights import need_weights

    settings = all_settings.load(
        overrides={"sessions": {"store": "memory"}, "audio": {"earcons": False, "speak": True}}
    )
    if no_fallback:
        settings = first_only(settings)
    need_weights(settings, "stt", "llm", "tts")
    with quiet_libraries():
        result = run_async(run(source, target, settings, track=track))
    if json:
        print_json(result)
        return
    say(f"You: {result['transcript']}")
    if target is not None and target.is_stdout:
        say(result["reply"])
    else:
        echo(result["reply"])
    say(f"Voice to voice: {result['timings_ms']['voice_to_voice']} ms")


async def run(
    question: MediaSource, target: Target | None, settings: Settings, *, track: int | None = None
) -> dict[str, Any]:
    """The turn as data.

    Raises:
        VitaError: no words were understood, or no engine could answer.
    """
    from vita_tui.audio.files import FileMicrophone, FileSpeaker, read_audio
    from vita_tui.bench.one_turn import spoken_turn
    from vita_tui.cli.fallbacks import Fallbacks
    from vita_tui.conversation.build import build

    # Nobody listens while it plays, so a long reply need not take its length.
    speaker = FileSpeaker(pace=False)
    sound = read_audio(question, max_seconds=settings.talk.max_seconds, track=track, on_cut=say, on_note=say)
    microphone = FileMicrophone(sound)
    microphone.hold()
    assistant = build(settings, microphone=microphone, speaker=speaker)
    fallbacks = Fallbacks(settings, assistant.bus, assistant.chains.values())
    try:
        await assistant.start()
        result = await spoken_turn(assistant, microphone)
        who = {job: fallbacks.answered(job, name) for job, name in result["engines"].items() if name}
    finally:
        await assistant.aclose()
    for job in who:
        fallbacks.tell(job, result["engines"][job])
    result["instead_of"] = {job: found["instead_of"] for job, found in who.items()}
    result["because"] = {job: found["because"] for job, found in who.items()}
    if target is not None:
        target.write(speaker.samples(), speaker.sample_rate)
    result["reply"] = plain(result["reply"])
    return result
