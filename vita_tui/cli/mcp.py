"""`vita mcp`: the Model Context Protocol. Without a subcommand, VITA is a server of it: see `mcp_serve`."""

from __future__ import annotations

import typer

__all__ = ["app"]

app = typer.Typer(
    name="mcp",
    help="Give coding agents a voice, by the Model Context Protocol.",
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Without a subcommand: serve the Model Context Protocol on standard input and output.

    Its tools are speak, listen, converse and transcribe. A VITA that runs lends its engines, microphone and loudspeaker, and has several
    agents take turns. Agents start it themselves; they are told of it like this:

    {"mcpServers": {"vita": {"command": "vita", "args": ["mcp"]}}}
    """
    if context.invoked_subcommand is not None:
        return
    from vita_tui.cli.mcp_serve import server
    from vita_tui.cli.output import quiet_libraries, run_async

    made = server()
    with quiet_libraries():
        run_async(made.run_stdio_async())
