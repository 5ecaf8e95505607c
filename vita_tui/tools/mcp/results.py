"""What an MCP server returns, as text for the language model; pictures are kept apart."""

from __future__ import annotations

import json
from typing import Any

from vita_tui.text.clean import clean_line
from vita_tui.tools.base import Image, ToolResult

__all__ = ["blocks_text", "result_of"]


def result_of(answer: Any) -> ToolResult:
    """Of a `CallToolResult`."""
    text, images = blocks_text(answer.content)
    if not text.strip() and answer.structured_content is not None:
        text = json.dumps(answer.structured_content, ensure_ascii=False)
    return ToolResult(text or "It returned nothing.", bool(answer.is_error), images)


def blocks_text(blocks: Any) -> tuple[str, tuple[Image, ...]]:
    """Content blocks as text, one below the other, and the pictures among them."""
    parts: list[str] = []
    images: list[Image] = []
    for block in blocks:
        match block.type:
            case "text":
                parts.append(block.text)
            case "image":
                images.append(Image(block.mime_type, block.data))
                parts.append(f"[a picture: {clean_line(block.mime_type)}, {_bytes(block.data):,} bytes]")
            case "audio":
                parts.append(f"[sound: {clean_line(block.mime_type)}, {_bytes(block.data):,} bytes]")
            case "resource_link":
                about = f": {block.description}" if block.description else ""
                parts.append(f"[resource {block.uri} ({block.name}){about}]")
            case "resource":
                parts.append(_resource(block.resource))
            case _:
                parts.append(f"[{clean_line(str(block.type))}]")
    return "\n".join(parts), tuple(images)


def _resource(resource: Any) -> str:
    text = getattr(resource, "text", None)
    if text is not None:
        return f"[resource {resource.uri}]\n{text}"
    kind = clean_line(resource.mime_type or "data")
    return f"[resource {resource.uri}: {kind}, {_bytes(resource.blob):,} bytes]"


def _bytes(base64: str) -> int:
    return len(base64) * 3 // 4
