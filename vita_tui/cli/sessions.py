"""`vita sessions`: earlier conversations, to list, read, search, go on with, export and delete."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from vita_tui.cli.output import echo, mark, plain, print_json, run_async, say, write

if TYPE_CHECKING:
    from vita_tui.sessions.session import Hit, Session
    from vita_tui.sessions.store import Store
    from vita_tui.settings import SessionSettings

__all__ = ["app"]

T = TypeVar("T")

app = typer.Typer(
    help="Conversations: list, read, search, go on with, export and delete them. "
    "Wherever an ID is asked for, its first digits are enough, and 'latest' is the one used last.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its first digits, or 'latest'.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
SHORT = 8
"""Digits of an id that are shown."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Leave out so many of the newest.")] = 0,
    json: Json = False,
) -> None:
    """List conversations, the last used first.

    JSON: a list of {id, title, created, last_active, turns, tokens}; times in seconds since 1970.
    """
    from vita_tui.sessions.export import moment, summary_data

    found = _with_store(lambda store: store.recent(limit, offset))
    if json:
        print_json([summary_data(summary) for summary in found])
        return
    for summary in found:
        title = _line(summary.title) or "(no title)"
        row = f"{summary.id[:SHORT]}  {moment(summary.last_active)}  {summary.turns:>4} turns  {title}"
        echo(row)
    if not found:
        say("No conversations yet." if offset == 0 else "No more conversations.")


@app.command()
def show(session_id: Id, json: Json = False) -> None:
    """Print a whole conversation; what was not heard is in brackets."""
    from vita_tui.sessions.export import session_data, to_text

    session = _with_store(lambda store: _load(store, session_id))
    if json:
        print_json(session_data(session))
    else:
        write(to_text(session))


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="All must occur; the last may be unfinished.")
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many places.")] = 20,
    json: Json = False,
) -> None:
    """Find what was said, the newest first.

    JSON: a list of {session_id, title, turn_id, role, started, snippet, marks}; marks are [start, end] in snippet. Exit
    code 1 when nothing was found.
    """
    from dataclasses import asdict

    from vita_tui.sessions.export import moment

    hits = _with_store(lambda store: store.search(" ".join(words), limit))
    if json:
        print_json([asdict(hit) for hit in hits])
    else:
        for hit in hits:
            echo(f"{hit.session_id[:SHORT]}  {moment(hit.started):16}  {hit.role:9}  ", *_marked(hit))
    if not hits:
        say("Nothing was found.")
        raise typer.Exit(1)


@app.command()
def resume(
    session_id: Annotated[
        str, typer.Argument(metavar="[ID]", help="Its first digits, or 'latest'.")
    ] = "latest",
) -> None:
    """Open the assistant with an earlier conversation and go on."""
    from vita_tui.cli.output import complain

    found = _with_store(lambda store: _resolve(store, session_id))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        complain("VITA's screen needs a terminal.", f"To read it instead: vita sessions show {found[:SHORT]}")
        raise typer.Exit(2)
    from vita_tui.tui.app import run

    raise typer.Exit(run(resume=found))


@app.command()
def rename(
    session_id: Id,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="Empty brings back the first question.")],
) -> None:
    """Give a conversation another title."""

    async def work(store: Store) -> tuple[str, str]:
        from vita_tui.clock import SystemClock
        from vita_tui.sessions.commit import commit
        from vita_tui.sessions.session import Change, clean_title, title_from

        session = await _load(store, session_id)
        new = clean_title(title) or title_from(session.turns)
        change = Change(title=new)
        now = SystemClock().time()
        await commit(store, session.id, change, image=session, now=now, on_conflict=lambda: None)
        return session.id, new

    found, new = _with_store(work)
    say(f"{found[:SHORT]} is now called: {_line(new)}")


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

    from vita_tui import files
    from vita_tui.errors import StoreError
    from vita_tui.sessions.export import session_data, to_markdown, to_text

    session = _with_store(lambda store: _load(store, session_id))
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
        files.write_whole(out, text, replace=force)
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
    session = _with_store(lambda store: _load(store, session_id))
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("there is nobody to ask; confirm with --yes", param_hint="--yes")
        if not typer.confirm(f"Delete “{_line(session.title)}” ({len(session.turns)} turns)?", err=True):
            raise typer.Exit(1)
    _with_store(lambda store: store.delete(session.id))
    say(f"{session.id[:SHORT]} is deleted.")


@app.command()
def sweep(json: Json = False) -> None:
    """Do now what is done every hour: let go of conversations in which nothing was said, and of what has expired.

    JSON: {store, removed, kept}.
    """
    settings = _settings()

    async def work(store: Store) -> tuple[int, int]:
        return await store.sweep(settings.idle_hours * 3600), await store.count()

    removed, kept = _with_store(work)
    if json:
        print_json({"store": settings.store, "removed": removed, "kept": kept})
    else:
        say(f"{removed} removed, {kept} kept.")


@app.command()
def stats(json: Json = False) -> None:
    """Say where conversations are kept, how many there are, and try the store by writing, reading and deleting one.

    JSON: {store, place, sessions, bytes, total_created, total_updated, total_deleted, access_errors, probe {ok, ms, step,
    reason}, max_live, idle_hours, sweep_seconds}. The totals are of all programs that ever used the store, access_errors of
    this one. Exit code 1 when the store does not work.
    """
    settings = _settings()

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

    figures = _with_store(work)
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


# ---- shared


def _settings() -> SessionSettings:
    from vita_tui import settings

    return settings.load().sessions


def _with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    """Run `work` on the store that the settings ask for.

    Raises:
        StoreError: it cannot be opened, or it is the one that keeps nothing.
    """

    async def run() -> T:
        async with _opened() as store:
            return await work(store)

    return run_async(run())


@contextlib.asynccontextmanager
async def _opened() -> AsyncIterator[Store]:
    from vita_tui.errors import StoreError
    from vita_tui.sessions.stores import make_store

    settings = _settings()
    if settings.store == "memory":
        raise StoreError(
            "Conversations are not kept: the memory store forgets them when the program ends.",
            remedy="Set sessions.store to sqlite, or VITA_SESSIONS__STORE=sqlite.",
        )
    store = make_store(settings)
    try:
        for notice in await store.open():
            say(f"{notice.title}: {notice.message} {notice.remedy}".rstrip())
        yield store
    finally:
        await store.cleanup()


async def _resolve(store: Store, session_id: str) -> str:
    """The whole id that is meant.

    Raises:
        StoreError: none or several are.
    """
    from vita_tui.errors import StoreError

    if session_id == "latest":
        newest = await store.recent(1, 0)
        if not newest:
            raise StoreError("There are no conversations yet.", remedy="Begin one: vita")
        return newest[0].id
    found = await store.find(session_id, 6) if session_id else []
    if session_id in found or len(found) == 1:
        return session_id if session_id in found else found[0]
    if not found:
        raise StoreError(f"There is no conversation {_line(session_id)}.", remedy="See: vita sessions list")
    some = ", ".join(id_[: max(SHORT, len(session_id) + 4)] for id_ in found[:5])
    raise StoreError(
        f"Several conversations begin with {_line(session_id)}: {some}.", remedy="Give more digits."
    )


async def _load(store: Store, session_id: str) -> Session:
    from vita_tui.errors import StoreError

    session = await store.read(await _resolve(store, session_id))
    if session is None:
        raise StoreError(f"Conversation {_line(session_id)} was deleted a moment ago.")
    return session


def _line(text: str) -> str:
    """`text` on one line, without control characters."""
    return " ".join(plain(text).split())


def _marked(hit: Hit) -> Iterator[str]:
    """The snippet on one line, in parts for `echo`: the matches are bold where the terminal may show that."""
    end = 0
    text = hit.snippet.replace("\n", " ").replace("\t", " ")
    for start, stop in hit.marks:
        yield text[end:start]
        yield mark(text[start:stop], "bold")
        end = stop
    yield text[end:]
