"""Whole turns: how long an answer takes, what each technique is worth, how right the answers are, and how the cost grows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from vita_tui.bench import techniques
from vita_tui.cli.bench.tables import TURN, Beside, Json, ms, table, three
from vita_tui.cli.output import print_json, quiet_libraries, run_async, say
from vita_tui.errors import VitaError

__all__ = ["abilities", "ablations_", "answers", "ask", "growth", "turn"]


Pause = Annotated[bool, typer.Option("--pause", help="A pause ends each question, instead of the key.")]


def turn(
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Turns; questions come again.")] = 8,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade/--no-cascade", help="Also the same engines one after the other.")
    ] = True,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            help=f"Leave a technique out: {', '.join(techniques.TECHNIQUES)}.",
        ),
    ] = None,
    pause: Pause = False,
    busy: Beside = 0,
    json: Json = False,
) -> None:
    """Time from the end of a question to the first sound of its answer, against the same engines one after the other.

    Every question is heard in real time, through the microphone's own code.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.beside import beside
    from vita_tui.bench.turn import measure

    settings = all_settings.load(overrides={**TURN, **techniques.without(without or ())})
    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    with quiet_libraries(), beside(busy):
        result = run_async(measure(settings, questions, rounds, cascade=cascade, pause=pause, progress=say))
    result["beside"] = busy
    if json:
        print_json(result)
        return
    rows = [("voice to voice", *three(result["voice_to_voice_ms"]))]
    rows += [
        (f"  until {name}", *three(one))
        for name, one in result["stages_ms"].items()
        if name != "voice_to_voice"
    ]
    if result["cascade_ms"]:
        rows.append(("one after the other", *three(result["cascade_ms"])))
        rows += [(f"  {name}", *three(one)) for name, one in result["cascade_stages_ms"].items()]
    table(f"{result['rounds']} turns", ("", "p50", "p95", "max"), rows)
    if result["ratio"] is not None:
        say(f"A turn is {result['ratio']} times as fast as its engines one after the other.")
    say(f"Most memory, with children: {result['memory_mb']} MB.")


def ask(
    rounds: Annotated[
        int, typer.Option("--rounds", "-n", min=1, help="Questions, each by a program of its own.")
    ] = 8,
    busy: Beside = 0,
    json: Json = False,
) -> None:
    """Time from the start of vita ask to the first word of its answer, and to its end."""
    from vita_tui.bench.ask import measure
    from vita_tui.bench.beside import beside

    with beside(busy):
        result = measure(rounds, say)
    result["beside"] = busy
    if json:
        print_json(result)
        return
    rows = [("first word", *three(result["first_word_ms"])), ("whole answer", *three(result["whole_ms"]))]
    table(f"{rounds} questions", ("", "p50", "p95", "max"), rows)


def ablations_(
    passes: Annotated[
        int, typer.Option("--passes", "-n", min=1, help="How often all questions are asked with each.")
    ] = 2,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="TECHNIQUE", help=f"Of {', '.join(techniques.TECHNIQUES)}."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    pause: Pause = False,
    json: Json = False,
) -> None:
    """What each technique is worth: voice to voice with all of them and with each of them left out, in turns, in one run."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import ablations, recordings

    def settings(names: Iterable[str]) -> all_settings.Settings:
        return all_settings.load(overrides={**TURN, **techniques.without(names)})

    settings(only or ())  # an unknown technique is told before anything is measured
    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    names = list(dict.fromkeys(only or techniques.TECHNIQUES))
    with quiet_libraries():
        result = run_async(
            ablations.measure_each(settings, names, questions, passes, pause=pause, progress=say)
        )
    if json:
        print_json(result)
        return
    rows = [
        (
            name if name == ablations.ALL else f"without {name}",
            *three(one["voice_to_voice_ms"]),
            *_difference(result["differences"].get(name)),
        )
        for name, one in result["results"].items()
    ]
    table(
        f"Voice to voice, {result['turns']} turns each",
        ("", "p50", "p95", "max", "change", "95 % interval", ""),
        rows,
    )


def _difference(one: dict[str, Any] | None) -> tuple[str, str, str]:
    """What leaving a technique out changes: of the median, its interval, and whether that is noise."""
    if one is None or one["interval"] is None:
        return "", "", one["verdict"] if one else ""
    low, high = one["interval"]
    return f"{one['change']:+.0%}", f"{low:+.0%} to {high:+.0%}", one["verdict"]


def answers(
    rounds: Annotated[
        int, typer.Option("--rounds", "-n", min=1, help="How often each question is asked.")
    ] = 1,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Ask only this many questions.")] = 1000,
    json: Json = False,
) -> None:
    """How many of sixty simple questions the language model answers rightly, and what the examples that it is shown are worth.

    A right answer has one of the words that belong to its question. The server of llm.base_url is asked where one is set.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench.answers import measure

    with quiet_libraries():
        result = run_async(measure(all_settings.load(), rounds, limit, say))
    if json:
        print_json(result)
        return
    rows = [
        (
            words,
            f"{one['right']} of {one['asked']}",
            one["cut"],
            f"{one['words']['p50']:.0f}",
            ms(one["first_ms"]["p50"]),
            ms(one["ms"]["p50"]),
        )
        for name, words in (("shown", "as in a turn"), ("unshown", "without the examples"))
        if (one := result.get(name))
    ]
    table(result["model"], ("", "right", "cut off", "words", "first word", "whole answer"), rows)


def abilities(
    spoken: Annotated[
        str,
        typer.Option(
            "--spoken",
            metavar="XX",
            help="Have the requests in this language (en, de, fr, es) spoken by several voices and recognized first.",
        ),
    ] = "",
    voice: Annotated[
        list[str] | None,
        typer.Option("--voice", metavar="NAME", help="With --spoken: this voice only; may be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """How many requests that need no model are understood as meant, in four languages, and how many questions are mistaken for one."""
    if spoken:
        _spoken_abilities(spoken, voice or [], json)
        return
    from vita_tui.bench.abilities import measure

    result = measure(say)
    if json:
        print_json(result)
        return
    rows = [
        (
            language,
            f"{one['right']} of {one['requests']}",
            one["wrong"],
            one["missed"],
            f"{one['false']} of {one['questions']}",
            ms(one["ms"]["p50"]),
            ms(one["ms"]["p95"]),
            ms(one["load_ms"]),
        )
        for language, one in result["languages"].items()
    ]
    table("Without the model", ("", "right", "wrong", "missed", "false", "p50", "p95", "loading"), rows)


def _spoken_abilities(language: str, voices: list[str], json: bool) -> None:
    from vita_tui import settings as all_settings
    from vita_tui.bench import spoken_abilities
    from vita_tui.cli.weights import need_weights

    if language not in spoken_abilities.VOICES:
        raise typer.BadParameter(f"choose from {', '.join(spoken_abilities.VOICES)}", param_hint="--spoken")
    known = spoken_abilities.VOICES[language]
    if not set(voices) <= set(known):
        raise typer.BadParameter(f"choose from {', '.join(known)}", param_hint="--voice")
    settings = all_settings.load()
    need_weights(settings, "stt", "tts")
    with quiet_libraries():
        result = spoken_abilities.measure(settings, language, say, voices=voices or known)
    if json:
        print_json(result)
        return
    rows = [
        (
            voice,
            f"{one['right']} of {one['requests']}",
            f"{one['right'] / one['requests']:.0%}",
            one["wrong"],
            one["missed"],
            f"{one['about_time']['right']} of {one['about_time']['requests']}",
            f"{one['false']} of {one['questions']}",
        )
        for voice, one in result["voices"].items()
    ]
    columns = ("", "right", "", "wrong", "missed", "time, timers, sums", "questions taken")
    table("Spoken, without the model", columns, rows)


def growth(
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw it, as .svg or .png; needs the extra plot."),
    ] = None,
    json: Json = False,
) -> None:
    """How the cost grows with history, speech, reply and conversations, each doubled four times; two minutes."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import growth as growing

    settings = all_settings.load(overrides=TURN)
    with quiet_libraries():
        result = run_async(growing.measure(settings, say))
    if plot is not None:
        try:
            growing.plot(result, plot)
        except ImportError:
            raise VitaError(
                "matplotlib, which draws the plot, is not installed.", remedy="pip install 'vita-tui[plot]'"
            ) from None
    if json:
        print_json(result)
        return
    for name in growing.SIZES:
        lines = [key for key in result[name][0] if key != "size"]
        rows = [(row["size"], *(f"{row[line]:,.1f} ms" for line in lines)) for row in result[name]]
        table(name.capitalize(), ("", *lines), rows)
