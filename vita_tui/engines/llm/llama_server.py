"""llama.cpp's own server, as a child of ours: it keeps the prompt that it has read, goes on with a reply, and tells what it expects."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Literal

from vita_tui.engines.llm import message_end
from vita_tui.engines.llm.base import Message
from vita_tui.engines.llm.openai_server import OpenAIResponder
from vita_tui.errors import VitaError

__all__ = ["LlamaResponder"]

log = logging.getLogger(__name__)


class LlamaResponder(OpenAIResponder):
    """Lives on one asyncio loop, and no longer than its child."""

    # llama.cpp drops the connection of a stream that was closed: one that is kept may be dead when it is used again.
    own: ClassVar[bool] = True

    def __init__(
        self, base_url: str, model: str, *, repeat_penalty: float | None = None, **options: Any
    ) -> None:
        """
        Args:
            repeat_penalty: None for what llama.cpp does by itself.
            options: as for any server.
        """
        super().__init__(base_url, model, **options)
        self.continues = True
        self._extra = {"cache_prompt": True}
        if repeat_penalty is not None:
            self._extra["repeat_penalty"] = repeat_penalty

    async def template_takes_tools(self) -> bool:
        """Whether llama.cpp says that the model's chat template knows tools. Never raises."""
        if self._client is None or self._server is None:
            return False
        import httpx2

        try:
            answer = await self._client.get(f"{self._server.root}/props", timeout=self._timeout)
            template = answer.json().get("chat_template")
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, AttributeError) as error:
            log.info("props: %s", type(error).__name__)
            return False
        return isinstance(template, str) and re.search(r"\btools\b", template) is not None

    async def prefill(self, messages: Sequence[Message]) -> None:
        await self.read(messages)

    async def read(self, messages: Sequence[Message]) -> bool:
        """Have the prompt read into its cache, and say whether it was. Never raises."""
        if self._client is None or not messages:
            return False
        if messages[-1]["role"] != "user":
            messages = [*messages, {"role": "user", "content": ""}]
        try:
            async with aclosing(self._answer(messages, max_tokens=1)) as answer:
                async for _ in answer:
                    pass
        except VitaError as error:
            log.info("prefill failed: %s", error)
            return False
        return True

    async def end_probability(self, messages: Sequence[Message]) -> float | None:
        if self._client is None or self._server is None:
            return None
        import httpx2

        try:
            async with asyncio.timeout(self._timeout):
                return await message_end.probability(self._client, self._server.root, messages)
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError, LookupError, TypeError) as error:
            log.info("probability of an end: %r", error)
            return None

    async def slot(self, action: Literal["save", "restore"], file: str) -> bool:
        """Have llama.cpp write what it has read into a file of its folder, or take it from there; whether it did. Never raises."""
        if self._client is None or self._server is None:
            return False
        import httpx2

        try:
            answer = await self._client.post(
                f"{self._server.root}/slots/0?action={action}", json={"filename": file}, timeout=self._timeout
            )
            done = answer.json()
        except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
            log.info("slot %s: %s", action, error)
            return False
        return isinstance(done, dict) and "filename" in done
