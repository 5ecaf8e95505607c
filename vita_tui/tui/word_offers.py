"""Words of one's own on the screen: shown and added by `/words`, and offered when one has been set right in the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vita_tui.tui.formatting import clean

if TYPE_CHECKING:
    from vita_tui.tui.app import VitaApp

__all__ = ["offer_words", "own_words"]


def own_words(app: VitaApp, text: str) -> None:
    """Show the words, or add those that `text` names, with a comma between two."""
    words = [word for word in text.split(",") if word.strip()]
    if words:
        app.spawn(_add(app, words), "words")
    elif app.core is not None:
        known = ", ".join(app.core.settings.stt.words)
        app.notify(
            clean(known) or "There are none yet. Add one with: /words NAME",
            title="Words that recognition prefers",
            markup=False,
        )


async def _add(app: VitaApp, words: Sequence[str]) -> None:
    from vita_tui.settings.own_words import added

    if app.core is None:
        return
    await app.set_values({"stt.words": added(app.core.settings.stt.words, words)})
    app.notify(
        "Recognition prefers it where you may have said it, from now on.",
        title=clean(", ".join(word.strip() for word in words)),
        timeout=4,
        markup=False,
    )


def offer_words(app: VitaApp, heard: str, sent: str) -> None:
    """Offer the names that were understood as something else and set right by hand."""
    if app.core is None or not heard:
        return
    from vita_tui.engines.stt.decoding.corrections import corrections

    known = {word.casefold() for word in app.core.settings.stt.words}
    found = [word for word in corrections(heard, sent) if word.casefold() not in known]
    if found:
        names = clean(", ".join(found))
        app.notify(
            f"To have it recognised from now on: /words {names}",
            title=f"Not understood: {names}",
            timeout=10,
            markup=False,
        )
