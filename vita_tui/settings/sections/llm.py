"""The language model."""

from __future__ import annotations

from pydantic import Field, SecretStr

from vita_tui.settings.section import SettingsSection

__all__ = ["EMBEDDED_REPLY", "EMBEDDED_WINDOW", "LlmSettings"]


EMBEDDED_REPLY, EMBEDDED_WINDOW = 220, 2048
"""Tokens of a reply by the embedded model, and of all that it is given, where the settings say nothing."""


class LlmSettings(SettingsSection):
    """Language model: any OpenAI-compatible server; the built-in model by default."""

    base_url: str = ""
    """Server to ask, such as http://127.0.0.1:11434/v1 for Ollama; empty for the embedded model."""
    model: str = Field(default="smollm2-135m-instruct", min_length=1)
    """Model name on that server; for the embedded one a catalogue name, a .gguf path, or hf:owner/repo/file."""
    api_key: SecretStr = SecretStr("")
    """Key for the server; better given as VITA_LLM__API_KEY than in the file."""
    system_prompt: str = (
        "You are VITA, a friendly voice assistant. Your words are spoken aloud. "
        "Answer in one to three short, plain sentences, without lists, markup or emoji."
    )
    """What the model is told before the conversation."""
    examples: bool = True
    """Show the embedded model, which is small, a few questions with their answers before the conversation."""
    fallback: bool = True
    """Have the built-in model answer when the server of base_url cannot; off: the question fails."""
    context_window: int = Field(default=0, ge=0)
    """Tokens of history, question and reply together; 0 is what the server tells, 8192 if it does not, and 2048 for the embedded model."""
    max_tokens: int = Field(default=0, ge=0)
    """Longest reply, in tokens, reasoning included; 0 is 220 for the embedded model and 2048 for a server."""
    temperature: float = Field(default=0.1, ge=0.0, le=2.0)
    """Sampling temperature: 0 is deterministic, higher is more varied."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds without a sign of life after which the server has failed."""
    threads: int = Field(default=0, ge=0, le=64)
    """CPU threads of the embedded model; 0: half of the cores. Threads that share a core with another busy program wait for each other."""
    read_ahead: bool = True
    """Prefill the embedded model: it reads the history, and a question while it is still spoken."""

    @property
    def longest_reply(self) -> int:
        """`max_tokens`, or what stands for it. A model on a server may reason before it says a word."""
        return self.max_tokens or (2048 if self.base_url else EMBEDDED_REPLY)

    def reply_room(self, context_window: int) -> int:
        """Tokens of a window that are kept for the reply."""
        return min(self.longest_reply, context_window // (2 if self.max_tokens or not self.base_url else 4))
