"""How a setting is declared: sections, lists, and what may change while the program runs."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode

__all__ = ["AtOnce", "Live", "SettingsSection", "Several"]


T = TypeVar("T")


def _listed(value: Any) -> Any:
    """A list that is given as text, as in `VITA_TTS__ENGINES=piper,pyttsx3`; JSON is understood as well."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return tuple(json.loads(value))
        except ValueError:
            raise ValueError("it is neither JSON nor words with commas between them") from None
    return tuple(word.strip() for word in value.split(",") if word.strip())


Several = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_listed)]


class AtOnce:
    """Marks a setting that may change while the program runs: the assistant, or the screen, applies it."""


Live = Annotated[T, AtOnce()]


class SettingsSection(BaseModel):
    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, validate_default=True, validate_assignment=True
    )
