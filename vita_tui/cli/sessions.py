"""`vita sessions`: earlier conversations, to list, read, search, go on with, export and delete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vita_tui.cli.output import echo, mark, plain, print_json, say, write
from vita_tui.cli.session_store import (
    ID_DIGITS,
    load_session,
    one_line,
    resolve_id,
    session_settings,
    with_store,
)

if TYPE_CHECKING:
    from vita_tui.sessions.session import Hit
    from vita_tui.sessions.store import Store

__all__ = ["app"]

app = typer.Typer(
    help="Conversations: list, read, search, continue, export and delete them. "
    "Wherever an ID is asked for, its first digits are enough, and 'latest' is the one used last.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its first digits, or 'latest'.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Skip this many of the newest.")] = 0,
    json: Json = False,
) -> None:
    """List conversations, the last used first.

    JSON: a list of {id, title, created, last_active, turns, tokens}; times in seconds since 1970.
    """
    from vita_tui.sessions.export import moment, summary_data

    found = with_store(lambda store: store.recent(limit, offset), reading=True)
    if json:
        print_json([summary_data(summary) for summary in found])
        return
    for summary in found:
        title = one_line(summary.title) or "(no title)"
        row = f"{summary.id[:ID_DIGITS]}  {moment(summary.last_active)}  {summary.turns:>4} turns  {title}"
        echo(row)
    if not found:
        say("No conversations yet." if offset == 0 else "No more conversations.")


@app.command()
def show(session_id: Id, json: Json = False) -> None:
    """Print a whole conversation; what was not heard is in brackets."""
    from vita_tui.sessions.export import session_data, to_text

    session = with_store(lambda store: load_session(store, session_id), reading=True)
    if json:
        print_json(session_data(session))
    else:
        write(to_text(session))


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="All must occur; the last may be unfinished.")
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many places.")] = 20,
    json: Json = False,
) -> None:
    """Find what was said, the newest first.

    JSON: a list of {session_id, title, turn_id, role, started, snippet, marks}; marks are [start, end] in snippet. Exit
    code 1 when nothing was found.
    """
    from dataclasses import asdict

    from vita_tui.sessions.export import moment

    hits = with_store(lambda store: store.search(" ".join(words), limit), reading=True)
    if json:
        print_json([asdict(hit) for hit in hits])
    else:
        for hit in hits:
            echo(f"{hit.session_id[:ID_DIGITS]}  {moment(hit.started):16}  {hit.role:9}  ", *_marked(hit))
    if not hits:
        say("Nothing was found.")
        raise typer.Exit(1)


@app.command()
def resume(
    session_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="Its first digits, or 'latest'.")
    ] = "latest",
) -> None:
    """Open the assistant with an earlier conversation and go on; line by line where there is no screen."""
    from vita_tui.cli.chat_or_screen import converse

    found = with_store(lambda store: resolve_id(store, session_id), reading=True)
    raise typer.Exit(converse(found))


@app.command()
def rename(
    session_id: Id,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Empty brings back the first question.")],
) -> None:
    """Give a conversation another title."""

    async def work(store: Store) -> tuple[str, str]:
        from vita_tui.clock import SystemClock
        from vita_tui.sessions.commit import commit
        from vita_tui.sessions.session import SessionChange, clean_title, title_from

        session = await load_session(store, session_id)
        new = clean_title(title) or title_from(session.turns)
        change = SessionChange(title=new)
        now = SystemClock().time()
        await commit(store, session.id, change, image=session, now=now, on_conflict=lambda: None)
        return session.id, new

    found, new = with_store(work)
    say(f"{found[:ID_DIGITS]} is now called: {one_line(new)}")


@app.command()
def export(
    session_id: Id,
    form: Annotated[
        Literal["md", "json", "txt"], typer.Option("--format", "-f", help="Markdown, JSON or plain text.")
    ] = "md",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write here; an existing file is kept.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a conversation as a document, to stdout or to a file that only you can read."""
    import json

    from vita_tui import atomic_files
    from vita_tui.errors import StoreError
    from vita_tui.sessions.export import session_data, to_markdown, to_text

    session = with_store(lambda store: load_session(store, session_id), reading=True)
    if out is None and form == "json":
        print_json(session_data(session))
        return
    if form == "json":
        text = json.dumps(session_data(session), ensure_ascii=False, indent=2) + "\n"
    else:
        text = plain(to_markdown(session) if form == "md" else to_text(session))
    if out is None:
        write(text)
        return
    try:
        atomic_files.write_whole(out, text, replace=force)
    except FileExistsError:
        raise StoreError(f"{out} exists already.", remedy="Replace it with --force.") from None
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error.strerror or error}.") from None
    say(f"{len(session.turns)} turns written to {out}.")


@app.command()
def delete(
    session_id: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a conversation for good."""
    session = with_store(lambda store: load_session(store, session_id))
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("there is nobody to ask; confirm with --yes", param_hint="--yes")
        if not typer.confirm(f"Delete “{one_line(session.title)}” ({len(session.turns)} turns)?", err=True):
            raise typer.Exit(1)
    with_store(lambda store: store.delete(session.id))
    say(f"{session.id[:ID_DIGITS]} is deleted.")


@app.command()
def sweep(json: Json = False) -> None:
    """Do now what is done every hour: let go of conversations in which nothing was said, and of what has expired.

    JSON: {store, removed, kept}.
    """
    settings = session_settings()

    async def work(store: Store) -> tuple[int, int]:
        return await store.sweep(settings.idle_hours * 3600), await store.count()

    removed, kept = with_store(work)
    if json:
        print_json({"store": settings.store, "removed": removed, "kept": kept})
    else:
        say(f"{removed} removed, {kept} kept.")


@app.command()
def stats(json: Json = False) -> None:
    """Say where conversations are kept, how many there are, and try the store by writing, reading and deleting one.

    JSON: {store, place, sessions, bytes, total_created, total_updated, total_deleted, access_errors, unreadable, rebuilt,
    probe {ok, ms, step, reason}, max_live, idle_hours, sweep_seconds}. The totals are of all programs that ever used the store, access_errors of
    this one. Exit code 1 when the store does not work.
    """
    settings = session_settings()

    async def work(store: Store) -> dict[str, Any]:
        from dataclasses import asdict

        from vita_tui.sessions.store import probe

        tried = await probe(store)
        return {
            "store": store.name,
            "place": store.place,
            "sessions": await store.count(),
            "bytes": await store.size(),
            **asdict(await store.totals()),
            "probe": asdict(tried),
            "max_live": settings.max_live,
            "idle_hours": settings.idle_hours,
            "sweep_seconds": settings.sweep_seconds,
        }

    figures = with_store(work, reading=True)
    tried = figures["probe"]
    if json:
        print_json(figures)
    else:
        size = f", {figures['bytes'] / 1e6:.1f} MB" if figures["bytes"] is not None else ""
        verdict = (
            f"works ({tried['ms']:.0f} ms)" if tried["ok"] else f"fails at {tried['step']}: {tried['reason']}"
        )
        echo(f"store          {figures['store']} {plain(figures['place'])}")
        echo(f"conversations  {figures['sessions']}{size}")
        echo(
            f"ever           {figures['total_created']} created, {figures['total_updated']} updates,"
            f" {figures['total_deleted']} deleted"
        )
        echo(
            f"limits         {settings.max_live} in memory, {settings.idle_hours:g} h idle,"
            f" swept every {settings.sweep_seconds:g} s"
        )
        echo(f"probe          {verdict}")
    if not tried["ok"]:
        raise typer.Exit(1)


@app.command()
def recover(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A database of conversations, damaged or not; the one that was set aside last when left out.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Bring back conversations from a damaged file, or from that of another VITA.

    Every row that can be read is looked at; what the store lacks is put in, and what was deleted there stays deleted. FILE itself is
    only read.

    JSON: {file, sessions, turns, lost, added, completed, added_turns, known, deleted}.
    """
    import sqlite3
    from contextlib import closing

    from vita_tui.errors import StoreError
    from vita_tui.sessions.recovery import Saved, TakenOver, recover, take_over

    file = file or _set_aside_last()

    async def work(store: Store) -> tuple[Saved, TakenOver]:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
            saved = recover(file, memory)
            return saved, await take_over(store, memory)

    try:
        saved, taken = with_store(work)
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}.") from None
    if json:
        print_json(
            {
                "file": str(file),
                "sessions": saved.sessions,
                "turns": saved.turns,
                "lost": saved.lost,
                "added": taken.added,
                "completed": taken.completed,
                "added_turns": taken.turns,
                "known": taken.known,
                "deleted": taken.deleted,
            }
        )
        return
    if not saved.turns:
        say(f"No conversation could be read from {file}.")
        raise typer.Exit(1)
    say(f"Read from {file}: {saved}.")
    say(
        f"{taken.added} brought back, {taken.completed} completed, {taken.known} were here already,"
        f" {taken.deleted} had been deleted."
    )


def _set_aside_last() -> Path:
    from vita_tui.errors import StoreError
    from vita_tui.sessions.sqlite import default_path

    path = default_path()
    endings = ("-wal", "-shm")
    found = [file for file in path.parent.glob(f"{path.name}.damaged-*") if not file.name.endswith(endings)]
    if not found:
        raise StoreError("No damaged file was set aside.", remedy="Name one: vita sessions recover FILE")
    return max(found, key=lambda file: file.stat().st_mtime)


def _marked(hit: Hit) -> Iterator[str]:
    """The snippet on one line, in parts for `echo`: the matches are bold where the terminal may show that."""
    end = 0
    text = hit.snippet.replace("\n", " ").replace("\t", " ")
    for start, stop in hit.marks:
        yield text[end:start]
        yield mark(text[start:stop], "bold")
        end = stop
    yield text[end:]
