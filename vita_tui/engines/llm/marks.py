"""The marks that models put around their reasoning, and the special tokens of their templates that servers let through: as data.

A new one from the field is a word or a line here, and a row in tests/hands/replies.toml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FORMS", "NAMES", "ROLES", "SPECIAL", "STARTS", "Form", "begins_special", "reasons_first"]

NAMES = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reason",
    "reasoning",
    "reflection",
    "reasoning_process",
    "chain_of_thought",
    "inner_monologue",
    "internal_monologue",
    "inner_thoughts",
    "thinking_process",
    "thought_process",
    "scratchpad",
    "seed:think",
    "mm:think",
    "longcat_think",
    "antml:thinking",
    "think_fast",
    "think_faster",
)
"""What tags are called, in any case."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write marks. All in small letters."""

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    attributes: bool = False
    """The opening one may hold some: `<think a=1>`."""
    plain: bool = True
    """People write it in an answer, as a tag of some language, so where it stands decides whether it is a mark."""


FORMS = (
    Form(
        tuple(f"<{name}>" for name in NAMES),
        tuple(f"</{name}>" for name in NAMES),
        attributes=True,
    ),
    Form(tuple(f"[{name}]" for name in NAMES), tuple(f"[/{name}]" for name in NAMES)),
    Form(tuple(f"◁{name}▷" for name in NAMES), tuple(f"◁/{name}▷" for name in NAMES), plain=False),
    Form(
        tuple(f"<|{before}{name}|>" for name in NAMES for before in ("", "start_", "begin_of_", "begin_")),
        tuple(f"<|{before}{name}|>" for name in NAMES for before in ("/", "end_", "end_of_")),
        plain=False,
    ),
    Form(("<|inner_prefix|>",), ("<|inner_suffix|>",), plain=False),
    Form(("<unused94>thought", "<unused94>"), ("<unused95>",), plain=False),
    Form(("<|channel>thought",), ("<channel|>",), plain=False),
)

SPECIAL = re.compile(
    r"(?i)<[|｜][^\s<>|｜]{1,40}[|｜]>"
    r"|</?s>|<(?:eos|bos|pad|eot|eod|turn\||end_of_turn|start_of_turn|end_of_utterance|end_of_text|endoftext)>"
    r"|\[/?(?:inst|eos|bos)\]|</(?:answer|response|final_answer|final)>"
)
"""Tokens of templates; they are no text where they begin or end a reply."""
STARTS = re.compile(
    r"(?i)(?:<[|｜](?:im_start|start_header_id|end_header_id|start|start_of_turn|assistant|start_response|"
    r"begin_of_solution|begin_solution|chatbot_token|start_of_turn_token|begin[_▁]of[_▁](?:text|sentence)|startoftext)[|｜]>"
    r"|<(?:s|bos|start_of_turn)>)|<(?:answer|response|final_answer|final)>"
)
"""Those that begin a reply or a turn."""
ROLES = ("assistant", "model")
_LONGEST_SPECIAL = 44
_BARE = tuple(
    "<s> </s> <eos> <bos> <pad> <eot> <eod> <turn|> <end_of_turn> <start_of_turn> <end_of_utterance> <end_of_text> <endoftext> "
    "[inst] [/inst] [eos] [/eos] [bos] [/bos] <answer> </answer> <response> </response> <final_answer> </final_answer> <final> "
    "</final>".split()
)
_REASONS_FIRST = re.compile(r"(?i)(?<![a-z0-9])(?:r1|qwq|thinking|reasoner|think|deepthink)(?![a-z0-9])")


def begins_special(text: str) -> bool:
    """Whether `text` may be the beginning of a special token, in small letters."""
    if re.fullmatch(r"<(?:[|｜][^\s<>|｜]*[|｜]?)?", text) is not None:
        return len(text) < _LONGEST_SPECIAL
    return any(token.startswith(text) for token in _BARE)


def reasons_first(model: str) -> bool:
    """Whether a model's name says that it begins in the middle of its reasoning, because its template has opened it already."""
    return _REASONS_FIRST.search(model) is not None
