"""`vita mcp`: the Model Context Protocol. Without a subcommand, VITA is a server of it: see `mcp_serve`; the subcommands are about servers
whose tools its language model may call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vita_tui.cli.output import complain, echo, plain, print_json, run_async, say
from vita_tui.text.clean import clean_line

__all__ = ["app"]

app = typer.Typer(
    name="mcp",
    help="The Model Context Protocol: give coding agents a voice, and the language model tools.",
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, - and _.")]


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
    from vita_tui.cli.output import quiet_libraries

    made = server()
    with quiet_libraries():
        run_async(made.run_stdio_async())


@app.command(context_settings={"ignore_unknown_options": True})
def add(
    name: Name,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND [ARGS]...]", help="The program, after --.")
    ] = None,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Address of a server instead of a program.")
    ] = "",
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VALUE", help="Environment variable; may be repeated."),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="HTTP header; may be repeated.")
    ] = None,
    untested: Annotated[
        bool, typer.Option("--untested", help="Do not start it to see what it offers.")
    ] = False,
) -> None:
    """Write a server into the settings file, and start it once to see what it offers.

    Example: vita mcp add time -- uvx mcp-server-time
    """
    from vita_tui.tools.mcp import known, servers_file

    words = command or []
    if bool(words) == bool(url):
        raise typer.BadParameter("give a command after --, or --url", param_hint="COMMAND")
    server: dict[str, Any] = {"url": url, "headers": _pairs(header, "--header")}
    if words:
        server = {"command": words[0], "args": words[1:], "env": _pairs(env, "--env")}
    known.forget(name)
    say(f"Written to {servers_file.add(name, server)}")
    if not untested:
        run_async(_test(name, json=False))


@app.command("list")
def list_servers(
    json: Annotated[bool, typer.Option("--json", help="As JSON: [{name, command, url, …}].")] = False,
) -> None:
    """List the servers of the settings file, and what they offered last. None is started."""
    from vita_tui import settings
    from vita_tui.text.urls import without_secrets
    from vita_tui.tools.mcp import known

    servers = settings.load().mcp.servers
    rows: list[dict[str, Any]] = []
    for name, server in servers.items():
        offers = known.recall(name, server)
        tools = None if offers is None else [offer.name for offer in offers]
        rows.append(
            {
                "name": name,
                "command": [server.command, *server.args] if server.command else None,
                "url": without_secrets(server.url) if server.url else None,
                "disabled": server.disabled,
                "tools": tools,
            }
        )
    if json:
        print_json(rows)
        return
    if not rows:
        say("There are none. For example: vita mcp add time -- uvx mcp-server-time")
    for row in rows:
        where = row["url"] or " ".join(row["command"] or ())
        tools = row["tools"]
        offers_words = "not asked yet" if tools is None else f"{len(tools)} tools"
        echo(plain(f"{row['name']}\t{'disabled' if row['disabled'] else offers_words}\t{where}"))


@app.command("test")
def try_server(
    name: Name,
    json: Annotated[
        bool, typer.Option("--json", help="As JSON: name, seconds, tools, resources, prompts.")
    ] = False,
) -> None:
    """Start a server, list what it offers, and end it."""
    run_async(_test(name, json=json))


@app.command()
def remove(name: Name) -> None:
    """Take a server out of the settings file."""
    from vita_tui.tools.mcp import known, servers_file

    where = servers_file.remove(name)
    known.forget(name)
    say(f"Removed from {where}")


@app.command("import")
def import_servers(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSON with mcpServers or servers.")],
) -> None:
    """Take over the servers of another program's JSON file. Those that VITA has already are kept as they are."""
    from vita_tui import settings
    from vita_tui.tools.mcp import servers_file

    found = servers_file.of_other_program(source)
    there = settings.load().mcp.servers
    for name, server in found.items():
        if name in there:
            complain(f"{name} is there already, and was kept.")
            continue
        servers_file.add(name, server)
        echo(plain(name))


async def _test(name: str, *, json: bool) -> None:
    import time

    from vita_tui import settings
    from vita_tui.errors import SettingsError
    from vita_tui.tools.mcp.server import RunningServer

    current = settings.load()
    if name not in current.mcp.servers:
        raise SettingsError(f"There is no MCP server {name} in the settings.", remedy="vita mcp list")
    server = RunningServer(name, current.mcp.servers[name], current.health)
    began = time.monotonic()
    try:
        offers = await server.listed()
        seconds = time.monotonic() - began
        resources, prompts = await server.resources(), await server.prompts()
    finally:
        await server.close()
    if json:
        print_json(
            {
                "name": name,
                "seconds": round(seconds, 3),
                "tools": [
                    {"name": one.name, "description": one.description, "read_only": one.read_only}
                    for one in offers
                ],
                "resources": [str(one.uri) for one in resources],
                "prompts": [one.name for one in prompts],
            }
        )
        return
    say(f"{name} answered after {seconds:.1f} s.")
    for offer in offers:
        about = offer.description.strip().partition("\n")[0][:100]
        echo(plain(f"{offer.name}\t{'looks only' if offer.read_only else 'may change things'}\t{about}"))
    for resource in resources:
        echo(plain(f"@{name}:{resource.uri}\tresource\t{resource.name}"))
    for prompt in prompts:
        echo(
            plain(f"/{name}:{prompt.name}\tprompt\t{(prompt.description or '').partition(chr(10))[0][:100]}")
        )


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"write NAME=VALUE, not {clean_line(one)}", param_hint=option)
        pairs[name] = value
    return pairs
