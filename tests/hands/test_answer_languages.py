"""The rows of `answer_languages.toml`: the language that is spoken stands behind the system prompt, whosever that is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vita_tui.conversation.following_language import FollowingLanguage
from vita_tui.conversation.thinking.prompt_builder import PromptBuilder, in_language
from vita_tui.settings import Settings

ROWS = tomllib.loads((Path(__file__).parent / "answer_languages.toml").read_text(encoding="utf-8"))["row"]


async def count(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("where", ["conversation", "settings"])
@pytest.mark.parametrize("row", ROWS, ids=[f"{number}-{row['language']}" for number, row in enumerate(ROWS)])
async def test_the_model_is_told_in_which_language_to_answer(row: dict[str, Any], where: str) -> None:
    settings = Settings()
    settings.stt.language = row["language"]
    own = row.get("own", "")
    if where == "settings" and own:
        settings.llm.system_prompt = own
    builder = PromptBuilder(
        settings.llm,
        own=lambda: own if where == "conversation" else "",
        language=lambda: settings.spoken_language,
    )
    following = FollowingLanguage(settings, lambda settings: None)
    for text, language in row.get("heard", ()):
        following.take(text, language, 0.9)
    first, question = await builder.build((), "Hello.", count, 2048)
    prompt = own or settings.llm.prompt(aloud=True)
    assert first == {
        "role": "system",
        "content": f"{prompt}\n\n{row['told']}" if row["told"] else prompt,
    }
    assert question == {"role": "user", "content": "Hello."}


@pytest.mark.parametrize(
    ("prompt", "code", "told"),
    [
        ("", "de", ""),
        ("Be brief.", "en-GB", "Be brief."),
        ("Be brief.", "xx", "Be brief."),
        ("Be brief.", "", "Be brief."),
        ("Be brief.", "pt_BR", "Be brief.\n\nAnswer in Portuguese, unless another language is asked for."),
    ],
)
def test_codes_and_prompts_that_say_nothing(prompt: str, code: str, told: str) -> None:
    assert in_language(prompt, code) == told
