"""Words of one's own instead of what sounds like them, where the sound speaks for them as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vita_tui.engines.stt.decoding.custom_words import candidates, spelled
from vita_tui.engines.stt.runtime.onnx_whisper import EncodedWindow, OnnxWhisper

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

__all__ = ["preferred"]

MOST_PREFERRED = 4
"""Words of one's own that are put into one piece of speech."""
LEAST_GAIN = 3.0
"""Log-probability by which a word of one's own must be likelier than what was written, when the decoder is told of it: names that
were said reach 4 to 27, what was not said stays under -12 (`vita bench stt --words`)."""
MOST_LOSS = 7.5
"""Log-probability by which it may be less likely without being told."""


def preferred(
    text: OnnxWhisper, sound: EncodedWindow, tokenizer: Tokenizer, space: str, said: str, words: Sequence[str]
) -> str:
    """`said`, which was written for `sound`, with those of `words` that are likelier.

    Args:
        space: what stands between two words of the language.
    """
    said = spelled(said, words)
    most = text.longest // 3
    asked = [*tokenizer.sot_sequence, tokenizer.no_timestamps]

    def likelihood(start: list[int], one: str) -> float:
        return text.likelihood(sound, start, tokenizer.encode(space + one)[: most - len(asked)])

    for _ in range(MOST_PREFERRED):
        others = list(candidates(said, words))
        if not others:
            break
        hint = tokenizer.encode(f"{space}{', '.join(dict.fromkeys(word for _, word in others))}.")[:most]
        told = [tokenizer.sot_prev, *hint, *asked]
        gain, meant = max((likelihood(told, meant), meant) for meant, _ in others)
        if gain - likelihood(told, said) < LEAST_GAIN:
            break
        if likelihood(asked, meant) - likelihood(asked, said) < -MOST_LOSS:
            break
        said = meant
    return said
