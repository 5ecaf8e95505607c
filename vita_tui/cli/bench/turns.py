"""Whole turns: how long an answer takes, what each technique is worth, how right the answers are, and how the cost grows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vita_tui.bench import ablations
from vita_tui.cli.bench.tables import TURN, Json, ms, table, three
from vita_tui.cli.output import print_json, quiet_libraries, run_async, say
from vita_tui.errors import VitaError

__all__ = ["abilities", "ablations_", "answers", "growth", "turn"]


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
            help=f"Leave a technique out: {', '.join(ablations.TECHNIQUES)}.",
        ),
    ] = None,
    pause: Pause = False,
    json: Json = False,
) -> None:
    """Time from the end of a question to the first sound of its answer, against the same engines one after the other.

    Every question is heard in real time, through the microphone's own code.
    """
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.turn import measure

    settings = all_settings.load(overrides={**TURN, **ablations.without(without or ())})
    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    with quiet_libraries():
        result = run_async(measure(settings, questions, rounds, cascade=cascade, pause=pause, progress=say))
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


def ablations_(
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Turns for each technique.")] = 8,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Spoken questions; otherwise espeak-ng asks.")
    ] = None,
    pause: Pause = False,
    json: Json = False,
) -> None:
    """What each technique is worth: voice to voice with all of them, and with each of them left out, in one run."""
    from vita_tui import settings as all_settings
    from vita_tui.bench import recordings
    from vita_tui.bench.turn import measure

    questions = recordings.folder(folder) if folder is not None else recordings.synthesised()
    results: dict[str, dict[str, Any]] = {}
    for name in ("", *ablations.TECHNIQUES):
        say(f"without {name}" if name else "with all techniques")
        settings = all_settings.load(overrides={**TURN, **ablations.without([name] if name else ())})
        with quiet_libraries():
            measured = measure(settings, questions, rounds, cascade=False, pause=pause)
            results[name or "all"] = run_async(measured)
    if json:
        print_json(results)
        return
    best = results["all"]["voice_to_voice_ms"]["p50"]
    rows = [
        (
            "all" if name == "all" else f"without {name}",
            *three(one["voice_to_voice_ms"]),
            "" if name == "all" else f"{one['voice_to_voice_ms']['p50'] / best:.2f}",
        )
        for name, one in results.items()
    ]
    table(f"Voice to voice, {rounds} turns each", ("", "p50", "p95", "max", "of all"), rows)


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


def abilities(json: Json = False) -> None:
    """How many requests that need no model are understood as meant, in four languages, and how many questions are mistaken for one."""
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
