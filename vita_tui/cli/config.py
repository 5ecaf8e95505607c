"""`vita config`: where the settings are, what they are, and a file to start from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vita_tui.cli.output import echo, print_json, say
from vita_tui.text.clean import clean_name

__all__ = ["app"]

app = typer.Typer(
    help="Settings: where they are, what they are, and a file to start from.\n\n"
    "A flag wins over an environment variable (VITA_TTS__RATE=1.2), which wins over the settings file, which wins over the default.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def path() -> None:
    """Print the path of the settings file, whether it exists or not."""
    from vita_tui import paths

    echo(clean_name(paths.config_file()))


@app.command()
def show(
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: {section: {name: value}}; keys are left out.")
    ] = False,
) -> None:
    """Print every setting with its value and what it is for.

    Where a value is not the default, it is said where it comes from. The output is a valid settings file.
    """
    from vita_tui import settings

    current = settings.load()
    if json:
        print_json({name: _plain(getattr(current, name)) for name in settings.Settings.model_fields})
        return
    from vita_tui.settings.file import as_toml, read, source_of

    content = read()
    said = {"file": "from the settings file", "environment": "from the environment"}
    echo(as_toml(current, source=lambda key: said.get(source_of(key, {}, content), "")))


@app.command()
def init(
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a settings file in which every setting is explained.

    Every setting stands in it as a comment with its default, ready to be changed. A file that exists is kept.
    """
    from vita_tui import atomic_files, paths, settings
    from vita_tui.errors import SettingsError
    from vita_tui.settings.file import as_toml

    file = paths.config_file()
    if file.exists() and not force:
        say(f"{file} exists already; --force replaces it.")
        raise typer.Exit(1)
    text = as_toml(settings.Settings.model_construct(), commented=True)
    try:
        # A folder that is there already is the user's: its mode is not ours to change.
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        atomic_files.write_whole(file, text)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror or error}.") from None
    echo(clean_name(file))


def _plain(section: Any) -> dict[str, Any]:
    from pydantic import SecretStr

    from vita_tui.text.urls import without_secrets

    return {
        name: without_secrets(value)
        if name.endswith("_url")
        else list(value)
        if isinstance(value, dict)
        else value
        for name in type(section).model_fields
        if not isinstance(value := getattr(section, name), SecretStr)
    }
