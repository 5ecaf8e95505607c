"""How a setting is declared: sections, lists, and what may change while the program runs."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from vita_tui.settings.endpoints import Endpoint, EndpointName, check_addresses, check_names

__all__ = ["AtOnce", "Live", "ServedSection", "SettingsSection", "Several"]


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


class ServedSection(SettingsSection):
    """A job that servers may do as well; `engines` names in which order they and VITA's own are asked."""

    own: ClassVar[tuple[str, ...]] = ("local",)
    """Engines that need no endpoint."""
    schemes: ClassVar[tuple[str, ...]] = ("http", "https")
    """Of addresses that can do the job."""

    endpoints: Live[dict[EndpointName, Endpoint]] = {}
    """Servers by name, each a table with url, model, key, timeout, weight and ca; engines says which are used."""

    @field_validator("endpoints")
    @classmethod
    def _addresses(cls, value: dict[str, Endpoint]) -> dict[str, Endpoint]:
        return check_addresses(value, cls.own, cls.schemes)

    @field_validator("engines", check_fields=False)
    @classmethod
    def _names(cls, value: tuple[str, ...], known: ValidationInfo) -> tuple[str, ...]:
        return check_names(value, known.data.get("endpoints", {}), cls.own)
