"""The language model."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from vita_tui.settings.section import Live, ServedSection, Several

__all__ = ["EMBEDDED_REPLY", "EMBEDDED_WINDOW", "LlmSettings"]


EMBEDDED_REPLY, EMBEDDED_WINDOW = 220, 2048
"""Tokens of a reply by the embedded model, and of all that it is given, where the settings say nothing."""


class LlmSettings(ServedSection):
    """Language model: any OpenAI-compatible server; the built-in model by default."""

    own: ClassVar[tuple[str, ...]] = ("remote", "local")

    engines: Live[Several[str]] = ("remote", "local")
    """Who answers, in order: names of endpoints, remote for the server of base_url, local for the built-in model."""
    base_url: Live[str] = ""
    """Server to ask, such as http://127.0.0.1:11434/v1 for Ollama; empty for the embedded model."""
    model: Live[str] = Field(default="smollm2-135m-instruct", min_length=1)
    """Model name on that server; for the embedded one a catalogue name, a .gguf path, or hf:owner/repo/file."""
    api_key: Live[SecretStr] = SecretStr("")
    """Key for the server; better given as VITA_LLM__API_KEY than in the file."""
    system_prompt: Live[str] = (
        "You are VITA, a friendly voice assistant. Your words are spoken aloud. "
        "Answer in one to three short, plain sentences, without lists, markup or emoji."
    )
    """What the model is told before a conversation whose replies are spoken."""
    text_prompt: Live[str] = (
        "You are VITA, a helpful assistant in a terminal. Your words are read, not heard. Answer as briefly or as fully as the "
        "question needs. Markdown is welcome: lists, tables, and code in blocks that name its language."
    )
    """What the model is told where replies are shown only; empty for the same as where they are spoken."""
    examples: Live[bool] = True
    """Show the embedded model, which is small, a few questions with their answers before the conversation."""
    fallback: Live[bool] = True
    """Have the built-in model answer when the server of base_url cannot; off: the question fails."""
    context_window: Live[int] = Field(default=0, ge=0)
    """Tokens of history, question and reply together; 0 is what the server tells, 8192 if it does not, and 2048 for the embedded model."""
    max_tokens: Live[int] = Field(default=0, ge=0)
    """Longest reply, in tokens, reasoning included; 0: as long as there is room, or 220 where the embedded model speaks and 2048 where a server does."""
    temperature: Live[float] = Field(default=0.1, ge=0.0, le=2.0)
    """Sampling temperature: 0 is deterministic, higher is more varied."""
    timeout: Live[float] = Field(default=30.0, gt=0)
    """Seconds without a sign of life after which the server has failed."""
    threads: Live[int] = Field(default=0, ge=0, le=64)
    """CPU threads of the embedded model; 0: half of the cores. Threads that share a core with another busy program wait for each other."""
    read_ahead: Live[bool] = True
    """Prefill the embedded model: it reads the history, and a question while it is still spoken."""

    @property
    def order(self) -> tuple[str, ...]:
        """`engines` without those that are not set up: "remote" without an address, "local" as a fallback that is not wanted."""
        names = [name for name in self.engines if name != "remote" or self.base_url]
        return tuple(name for name in names if name != "local" or name == names[0] or self.fallback)

    @property
    def on_server(self) -> bool:
        """A server is asked first."""
        return self.order[:1] not in ((), ("local",))

    def prompt(self, *, aloud: bool) -> str:
        """What the model is told before the conversation, for replies that are spoken or shown only."""
        shown = self.text_prompt.strip()
        return self.system_prompt.strip() if aloud or not shown else shown

    def longest_reply(self, *, aloud: bool = True) -> int:
        """Tokens; 0 for no limit. A model on a server may reason before it says a word."""
        if self.max_tokens or not aloud:
            return self.max_tokens
        return 2048 if self.on_server else EMBEDDED_REPLY

    def reply_room(self, context_window: int, *, aloud: bool = True) -> int:
        """Tokens of a window that are kept for the reply."""
        most = context_window // (2 if self.max_tokens or not self.on_server else 4)
        return min(self.longest_reply(aloud=aloud) or most, most)

    def reply_limit(self, context_window: int, *, aloud: bool = True) -> int:
        """Tokens after which a reply is cut; 0 to leave that to the server, which knows what its model can."""
        if self.on_server and not self.longest_reply(aloud=aloud):
            return 0
        return self.reply_room(context_window, aloud=aloud)
