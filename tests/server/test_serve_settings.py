"""The limits of `vita serve` are the user's own, where they say so."""

from __future__ import annotations

import dataclasses

import pytest

from vita_tui.server.limits import Limits
from vita_tui.settings import ServeSettings, Settings


def test_what_is_not_set_is_as_it_was() -> None:
    assert Limits.by_settings(ServeSettings()) == Limits()


@pytest.mark.parametrize("name", [name for name in ServeSettings.model_fields if name != "upload_mb"])
def test_each_setting_is_a_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"VITA_SERVE__{name.upper()}", "7")
    assert dataclasses.asdict(Limits.by_settings(Settings().serve))[name] == 7


def test_megabytes_are_decimal_as_everywhere() -> None:
    assert Limits.by_settings(ServeSettings(upload_mb=3)).upload_bytes == 3_000_000
