"""`vita config`: where the settings are, what they are, and a file to start from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vita_tui.cli.output import print_json, say

__all__ = ["app"]

app = typer.Typer(
    help="Settings: where they are, what they are, and a file to start from.", no_args_is_help=True
)


@app.command()
def path() -> None:
    """Print the path of the settings file, whether it exists or not."""
    from vita_tui import paths

    typer.echo(paths.config_file())


@app.command()
def show(
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: {section: {name: value}}; keys are left out.")
    ] = False,
) -> None:
    """Print every setting with its value, what it is for, and where the value comes from.

    The output is a valid settings file.
    """
    from vita_tui import settings

    current = settings.load()
    if json:
        print_json({name: _plain(getattr(current, name)) for name in settings.Settings.model_fields})
        return
    typer.echo(settings.as_toml(current))


@app.command()
def init(
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a settings file in which every setting stands with its explanation, ready to be changed."""
    from vita_tui import paths, settings

    file = paths.config_file()
    if file.exists() and not force:
        say(f"{file} exists already; --force replaces it.")
        raise typer.Exit(1)
    paths.ensure_private_dir(file.parent)
    file.write_text(settings.as_toml(settings.Settings.model_construct(), commented=True), encoding="utf-8")
    file.chmod(0o600)
    typer.echo(file)


def _plain(section: Any) -> dict[str, Any]:
    from pydantic import SecretStr

    return {
        name: value
        for name in type(section).model_fields
        if not isinstance(value := getattr(section, name), SecretStr)
    }
