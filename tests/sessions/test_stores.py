"""What every store promises, on each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from vita_tui.clock import FakeClock
from vita_tui.sessions.session import ARCHIVED, Session, SessionChange, Turn, new_session, title_from
from vita_tui.sessions.store import PROBE_PREFIX, ConflictError, MissingError, Store, probe

FULL = Turn(
    "assistant",
    "Über 3 Wörter — “quoted” \U0001f600\nand a second line.",
    heard="Über 3",
    started=1.25,
    finished=2.5,
    engines={"llm": "smollm2", "tts": "piper"},
    spoken=True,
    interrupted=True,
    tokens=9,
    timings={"stt": 12.5, "endpoint": None, "causes": ["both cores busy"]},
)


def question(text: str, tokens: int = 1) -> Turn:
    return Turn("user", text, tokens=tokens)


async def stored(store: Store, *turns: Turn, now: float = 100.0) -> Session:
    session = replace(new_session({"llm": {"model": "x"}}, now), turns=turns, title=title_from(turns))
    await store.create(session)
    found = await store.read(session.id)
    assert found is not None
    return found


async def test_what_is_written_is_read_again_whole(store: Store) -> None:
    session = await stored(store)
    version = await store.write(
        session.id, SessionChange((question("Why?", 3), FULL), last_active=200.0), expected=1
    )
    assert await store.read(session.id) == replace(
        session,
        turns=((await _turns(store, session.id))[0], FULL),
        title="Why?",
        last_active=200.0,
        version=version,
    )
    assert version == await store.version(session.id) == 2


async def test_settings_of_a_conversation_are_put_in_the_place_of_the_old_ones(store: Store) -> None:
    session = await stored(store)
    await store.write(session.id, SessionChange(settings={"profile": "pirate"}), expected=1)
    await store.write(session.id, SessionChange((question("Why?"),)), expected=2)
    found = await store.read(session.id)
    assert found is not None
    assert (found.settings, found.title) == ({"profile": "pirate"}, "Why?")


async def _turns(store: Store, session_id: str) -> tuple[Turn, ...]:
    session = await store.read(session_id)
    assert session is not None
    return session.turns


async def test_a_turn_written_twice_is_there_once_as_it_was_last(store: Store) -> None:
    first, second = question("one", 5), question("two", 7)
    session = await stored(store, first, second)
    heard = replace(first, heard="on", tokens=6)
    await store.write(session.id, SessionChange((heard,)), expected=1)
    assert await _turns(store, session.id) == (heard, second)
    (summary,) = await store.recent(10, 0)
    assert (summary.turns, summary.tokens) == (2, 13)


async def test_a_write_from_an_old_version_changes_nothing(store: Store) -> None:
    session = await stored(store, question("first"))
    await store.write(session.id, SessionChange((question("second"),)), expected=1)
    with pytest.raises(ConflictError):
        await store.write(session.id, SessionChange((question("third"),), title="stolen"), expected=1)
    after = await store.read(session.id)
    assert after is not None
    assert ([turn.text for turn in after.turns], after.title, after.version) == (
        ["first", "second"],
        "first",
        2,
    )


async def test_a_session_cannot_be_created_twice(store: Store) -> None:
    session = await stored(store, question("mine"))
    with pytest.raises(ConflictError):
        await store.create(replace(session, turns=(question("other"),)))
    assert [turn.text for turn in await _turns(store, session.id)] == ["mine"]


async def test_last_active_never_goes_backwards(store: Store) -> None:
    session = await stored(store, now=500.0)
    await store.write(session.id, SessionChange((question("x"),), last_active=100.0), expected=1)
    found = await store.read(session.id)
    assert found is not None
    assert found.last_active == 500.0


async def test_the_list_goes_by_use_and_not_by_a_clock_that_jumps(store: Store) -> None:
    early = await stored(store, question("a"), now=1000.0)
    late = await stored(store, question("b"), now=10.0)  # the calendar was set back
    assert [summary.id for summary in await store.recent(10, 0)] == [late.id, early.id]
    await store.write(early.id, SessionChange(title="again"), expected=1)
    assert [summary.id for summary in await store.recent(10, 0)] == [early.id, late.id]
    assert [summary.id for summary in await store.recent(1, 1)] == [late.id]


async def test_sessions_without_a_word_are_not_listed_but_counted(store: Store) -> None:
    await stored(store)
    assert await store.recent(10, 0) == []
    assert await store.count() == 1


async def test_deleting_says_so_to_whoever_writes_later(store: Store) -> None:
    session = await stored(store, question("secret plan"))
    assert await store.delete(session.id)
    assert not await store.delete(session.id)
    assert await store.read(session.id) is None
    assert await store.search("secret", 10) == []
    with pytest.raises(MissingError) as caught:
        await store.write(session.id, SessionChange(), expected=1)
    assert caught.value.deleted


async def test_a_session_that_never_was_is_not_called_deleted(store: Store) -> None:
    with pytest.raises(MissingError) as caught:
        await store.write("no-such-id", SessionChange(), expected=1)
    assert not caught.value.deleted


async def test_search_finds_all_words_without_case_or_accent(store: Store) -> None:
    session = await stored(store, question("Where is Malmö?"), replace(FULL, text="Malmö lies in Sweden."))
    await stored(store, question("Where is Sweden's king?"))
    hits = await store.search("SWEDEN malmo", 10)
    assert [(hit.session_id, hit.role) for hit in hits] == [(session.id, "assistant")]
    (hit,) = hits
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["Malmö", "Sweden"]


async def test_the_last_word_of_a_search_may_be_unfinished(store: Store) -> None:
    await stored(store, question("photosynthesis explained"))
    assert len(await store.search("photosyn", 10)) == 1
    assert len(await store.search("explained photo", 10)) == 1
    assert await store.search("expl photosynthesis", 10) == []


@pytest.mark.parametrize(
    "words", ["", "  ", '"', "*", "a OR", "NEAR(", "text:x", "-", "'; DROP TABLE turn; --", "\x00"]
)
async def test_nothing_in_a_search_is_syntax(store: Store, words: str) -> None:
    await stored(store, question("plain words"))
    assert await store.search(words, 10) == []


async def test_a_changed_turn_is_found_by_its_new_words_only(store: Store) -> None:
    turn = replace(question("elephant"), role="assistant")
    session = await stored(store, turn)
    await store.write(session.id, SessionChange((replace(turn, text="giraffe"),)), expected=1)
    assert await store.search("elephant", 10) == []
    assert len(await store.search("giraffe", 10)) == 1


async def test_a_title_is_found_too_unless_a_turn_already_is(store: Store) -> None:
    session = await stored(store, question("How tall is Everest?"))
    await store.write(session.id, SessionChange(title="Everest and mountains"), expected=1)
    assert [hit.role for hit in await store.search("mountains", 10)] == ["title"]
    assert [hit.role for hit in await store.search("everest", 10)] == ["user"]


async def test_ids_are_found_by_their_beginning(store: Store) -> None:
    session = await stored(store, question("x"))
    assert await store.find(session.id[:5], 2) == [session.id]
    assert await store.find("%", 2) == []
    assert await store.find("zzz", 2) == []


async def test_counters_are_exact_and_leave_probes_out(store: Store) -> None:
    session = await stored(store)
    await store.write(session.id, SessionChange((question("x"),)), expected=1)
    for _ in range(2):
        with pytest.raises(ConflictError):
            await store.write(session.id, SessionChange(), expected=1)
    assert (await probe(store)).ok
    await store.delete(session.id)
    counted = store.counters.now()
    assert (counted.total_created, counted.total_updated, counted.total_deleted) == (1, 1, 1)
    assert counted.access_errors == 0
    assert await store.totals() == counted


async def test_a_probe_leaves_nothing(store: Store) -> None:
    assert (await probe(store)).ok
    assert await store.count() == 0
    assert await store.recent(10, 0) == []
    assert await store.find(PROBE_PREFIX, 10) == []


async def test_what_one_client_stores_another_reads(store: Store, make_store: Callable[[], Store]) -> None:
    session = await stored(store, FULL)
    other = make_store()
    await other.open()
    assert await other.read(session.id) == session
    if other is not store:
        await other.cleanup()


async def test_cleanup_may_come_twice_and_open_again(store: Store) -> None:
    session = await stored(store, FULL)
    await store.cleanup()
    await store.cleanup()
    await store.open()
    assert await store.read(session.id) == session


async def test_text_that_utf8_cannot_hold_does_no_harm(store: Store) -> None:
    session = await stored(store)
    await store.write(session.id, SessionChange((question("lone \ud800 surrogate"),)), expected=1)
    assert len(await _turns(store, session.id)) == 1


async def test_the_sweep_keeps_what_was_said(store: Store, clock: FakeClock) -> None:
    if store.name == "memory":
        pytest.skip("the memory store forgets what is idle")
    kept = await stored(store, question("keep me"), now=clock.time())
    await stored(store, now=clock.time())
    clock.advance(90_000)
    await store.sweep(86_400)
    assert [summary.id for summary in await store.recent(10, 0)] == [kept.id]


async def test_what_is_archived_is_listed_apart(store: Store) -> None:
    kept, away = new_session({}, 1.0), new_session({"llm.model": "small"}, 2.0)
    quoting = new_session({"system_prompt": 'Say "archived": true.'}, 3.0)
    for session in (kept, away, quoting):
        version = await store.create(session)
        await store.write(session.id, SessionChange((Turn("user", "Hello"),)), expected=version)
    await store.write(away.id, SessionChange(settings={"llm.model": "small", ARCHIVED: True}), expected=2)
    assert {one.id for one in await store.recent(10, 0)} == {kept.id, quoting.id}
    assert [one.id for one in await store.recent(10, 0, archived=True)] == [away.id]
    await store.write(away.id, SessionChange(settings={ARCHIVED: False}), expected=3)
    assert len(await store.recent(10, 0)) == 3
    assert await store.recent(10, 0, archived=True) == []
